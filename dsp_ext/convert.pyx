# isa: avx2, avx512
"""Raw sample types to float32 at full scale 1, and samples that are not numbers.

An unsigned type's zero is the middle of its range, as SigMF and rtl_433 have it: u8 -> (x - 128) / 128. Complex types
are pairs of values, I before Q, so complex64 is a view of what comes out.
"""

from libc.math cimport fabsf
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

import numpy as np

cdef extern from "convert.h" nogil:
    void radome_from_bytes(const uint8_t *x, float *y, Py_ssize_t n, float zero)

ctypedef void (*Kernel)(const void *, float *, Py_ssize_t) noexcept nogil


cdef void from_u8(const void *data, float *y, Py_ssize_t n) noexcept nogil:
    radome_from_bytes(<const uint8_t *> data, y, n, <float> 128.0)


cdef void from_cu8(const void *data, float *y, Py_ssize_t n) noexcept nogil:
    # RTL-SDRs, which give such IQ, have their zero at 127.4; from 128 a line at zero frequency would stay, which can be
    # stronger than the signal
    radome_from_bytes(<const uint8_t *> data, y, n, <float> 127.4)


cdef void from_i8(const void *data, float *y, Py_ssize_t n) noexcept nogil:
    cdef const int8_t *x = <const int8_t *> data
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <float> x[i] * <float> (1.0 / 128.0)


cdef void from_u16(const void *data, float *y, Py_ssize_t n) noexcept nogil:
    cdef const uint16_t *x = <const uint16_t *> data
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = (<float> x[i] - <float> 32768.0) * <float> (1.0 / 32768.0)


cdef void from_i16(const void *data, float *y, Py_ssize_t n) noexcept nogil:
    cdef const int16_t *x = <const int16_t *> data
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <float> x[i] * <float> (1.0 / 32768.0)


cdef void from_i24(const void *data, float *y, Py_ssize_t n) noexcept nogil:
    cdef const uint8_t *x = <const uint8_t *> data
    cdef Py_ssize_t i
    cdef uint32_t word
    for i in range(n):
        word = (<uint32_t> x[3 * i] << 8) | (<uint32_t> x[3 * i + 1] << 16) | (<uint32_t> x[3 * i + 2] << 24)
        y[i] = <float> <int32_t> word * <float> (1.0 / 2147483648.0)


cdef void from_u32(const void *data, float *y, Py_ssize_t n) noexcept nogil:
    cdef const uint32_t *x = <const uint32_t *> data
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <float> <int32_t> (x[i] ^ <uint32_t> 0x80000000) * <float> (1.0 / 2147483648.0)


cdef void from_i32(const void *data, float *y, Py_ssize_t n) noexcept nogil:
    cdef const int32_t *x = <const int32_t *> data
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <float> x[i] * <float> (1.0 / 2147483648.0)


cdef void from_u64(const void *data, float *y, Py_ssize_t n) noexcept nogil:
    cdef const uint64_t *x = <const uint64_t *> data
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <float> <int64_t> (x[i] ^ (<uint64_t> 1 << 63)) * <float> (1.0 / 9223372036854775808.0)


cdef void from_i64(const void *data, float *y, Py_ssize_t n) noexcept nogil:
    cdef const int64_t *x = <const int64_t *> data
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <float> x[i] * <float> (1.0 / 9223372036854775808.0)


cdef void from_f32(const void *data, float *y, Py_ssize_t n) noexcept nogil:
    cdef const float *x = <const float *> data
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = x[i]


cdef void from_f64(const void *data, float *y, Py_ssize_t n) noexcept nogil:
    cdef const double *x = <const double *> data
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <float> x[i]


cdef Kernel kernel_of(str kind, Py_ssize_t *width):
    if kind == "u8":
        width[0] = 1
        return from_u8
    if kind == "cu8":
        width[0] = 1
        return from_cu8
    if kind == "i8":
        width[0] = 1
        return from_i8
    if kind == "u16":
        width[0] = 2
        return from_u16
    if kind == "i16":
        width[0] = 2
        return from_i16
    if kind == "i24":
        width[0] = 3
        return from_i24
    if kind == "u32":
        width[0] = 4
        return from_u32
    if kind == "i32":
        width[0] = 4
        return from_i32
    if kind == "u64":
        width[0] = 8
        return from_u64
    if kind == "i64":
        width[0] = 8
        return from_i64
    if kind == "f32":
        width[0] = 4
        return from_f32
    if kind == "f64":
        width[0] = 8
        return from_f64
    raise ValueError(f"kind must be one of u8 cu8 i8 u16 i16 i24 u32 i32 u64 i64 f32 f64, got {kind!r}")


def to_float(const unsigned char[::1] data not None, str kind not None, out=None):
    """Turn raw values into float32, full scale 1.

    Parameters
    ----------
    data : (n * width,) uint8, the values' bytes in the machine's own order (i24: least significant first)
    kind : "u8", "cu8" (as RTL-SDRs give it), "i8", "u16", "i16", "i24", "u32", "i32", "u64", "i64", "f32" or "f64"
    out : (n,) float32 to write into; a new array without it

    Returns
    -------
    (n,) float32; for complex types I and Q in turn

    Raises ValueError for an unknown kind, a length that is no whole number of values, or an `out` of another length.
    """
    cdef Py_ssize_t width = 0
    cdef Kernel kernel = kernel_of(kind, &width)
    cdef Py_ssize_t n = data.shape[0] // width
    cdef float[::1] y
    if n * width != data.shape[0]:
        raise ValueError(f"data must hold whole values of {width} bytes, got {data.shape[0]} bytes")
    if out is None:
        out = np.empty(n, np.float32)
    y = out
    if y.shape[0] != n:
        raise ValueError(f"out must have {n} items, got {y.shape[0]}")
    if n:
        if width != 3 and <size_t> &data[0] % <size_t> width:
            data = np.array(data)  # the loops read whole words
        with nogil:
            kernel(&data[0], &y[0], n)
    return out


cdef inline bint is_sample(float x) noexcept nogil:
    # false for NaN; the square of 1e15, summed over a chunk, still fits a float32
    return fabsf(x) <= <float> 1e15


cdef Py_ssize_t count_bad(const float *x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i, start, stop, bad = 0
    cdef int part
    for start in range(0, n, 65536):
        stop = start + 65536 if start + 65536 < n else n
        part = 0
        for i in range(start, stop):
            part += is_sample(x[i])
        bad += stop - start - part
    return bad


cdef Py_ssize_t put_zero(float *x, Py_ssize_t n, Py_ssize_t width, Py_ssize_t *first) noexcept nogil:
    cdef Py_ssize_t i, k, start, good, bad = 0
    for start in range(0, n, 4096):
        if count_bad(x + start * width, min(n - start, 4096) * width) == 0:
            continue
        for i in range(start, min(n, start + 4096)):
            good = 0
            for k in range(width):
                good += is_sample(x[i * width + k])
            if good < width:
                for k in range(width):
                    x[i * width + k] = 0
                if bad == 0:
                    first[0] = i
                bad += 1
    return bad


def all_samples(const float[::1] x not None):
    """Whether there is nothing to `clean`.

    Parameters
    ----------
    x : (n,) float32
    """
    cdef Py_ssize_t n = x.shape[0], bad = 0
    if n:
        with nogil:
            bad = count_bad(&x[0], n)
    return not bad


def clean(float[::1] x not None, Py_ssize_t width=1):
    """Put zero, in place, for samples that are NaN, infinite or absurdly large (beyond 1e15).

    Parameters
    ----------
    x : (n * width,) float32
    width : values a sample has: 1 for real samples, 2 for complex ones, which are replaced whole

    Returns
    -------
    (number of samples replaced, index of the first), (0, -1) if there are none

    Raises ValueError for a width below 1 or a length that is no whole number of samples.
    """
    cdef Py_ssize_t n = x.shape[0], bad = 0, first = -1
    if width < 1 or n % width:
        raise ValueError(f"x must hold whole samples of width >= 1, got {n} values and width {width}")
    if n:
        with nogil:
            bad = put_zero(&x[0], n // width, width, &first)
    return bad, first
