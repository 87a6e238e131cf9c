"""Order statistics."""


cdef inline float smallest(float* x, Py_ssize_t first, Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    # the k-th smallest, of which all before `first` are known not to be greater; x is rearranged, to what is no greater
    # before it and no smaller behind it (Hoare, Algorithm 65, Comm. ACM 4, 1961)
    cdef Py_ssize_t low = first, high = n - 1, i, j
    cdef float pivot
    while low < high:
        pivot = x[k]
        i, j = low, high
        while i <= j:
            while x[i] < pivot:
                i += 1
            while pivot < x[j]:
                j -= 1
            if i <= j:
                x[i], x[j] = x[j], x[i]
                i += 1
                j -= 1
        if j < k:
            low = i
        if k < i:
            high = j
    return x[k]
