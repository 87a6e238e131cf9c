cdef enum:
    LANES = 8             # transforms side by side


cdef class _Transform:
    # LANES Fourier transforms side by side, by decimation in time, of a size that is a power of two, or 3 or 5 times
    # one: then of every third or fifth value first
    cdef float* re        # (size, LANES), written in another order: value k stands at place[k]
    cdef float* im
    cdef float* turns
    cdef float* last      # of the step of 3 or 5, and its circle behind them
    cdef int* place
    cdef Py_ssize_t size, odd, part
    cdef void clear(self) noexcept nogil
    cdef void run(self) noexcept nogil
