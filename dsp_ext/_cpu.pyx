"""The instruction sets that this processor runs, of those that kernels are built for."""

cdef extern from *:
    """
    #if defined(__x86_64__)
    static int radome_has_avx2(void) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    }
    static int radome_has_avx512(void) {
        return radome_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    }
    #else
    static int radome_has_avx2(void) { return 0; }
    static int radome_has_avx512(void) { return 0; }
    #endif
    """
    bint radome_has_avx2() nogil
    bint radome_has_avx512() nogil


def supported():
    """Name the instruction sets that run here, best first; the last is always "baseline".

    Returns
    -------
    tuple of str
    """
    names = []
    if radome_has_avx512():
        names.append("avx512")
    if radome_has_avx2():
        names.append("avx2")
    names.append("baseline")
    return tuple(names)
