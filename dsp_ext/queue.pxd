"""Items that are added at one end and dropped at the other, of `queue.h`."""

cdef extern from "queue.h" nogil:
    ctypedef struct radome_queue:
        char* bytes
        Py_ssize_t first, stop
    void* radome_items(const radome_queue* q)
    void* radome_push(radome_queue* q, Py_ssize_t n)
    void radome_drop(radome_queue* q, Py_ssize_t n)
