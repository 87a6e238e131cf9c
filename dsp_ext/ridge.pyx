# isa: avx2
"""The best path through rows of scores, by dynamic programming with a fixed lag: a carrier's ridge in a spectrogram, or
the phase of a clock through a stream.

    V[t, p, f] = score[t, f] + max( V[t-1, q, g] - move*|f - g - drift(p)| - (0 if q == p, turn if |q - p| == 1),
                                    max V[t-1] - jump )          |f - g - drift(p)| <= reach

Moving a little is cheap, so a drifting carrier is followed through fades; jumping costs as much as a burst elsewhere
must earn. With drifts, the path has a speed p, too, and costs nothing while it keeps it (A. J. Viterbi, IEEE Trans.
Inf. Theory 13-2, 1967, for the recursion).
"""
import numpy as np

from libc.string cimport memcpy, memset
from cpython.mem cimport PyMem_Calloc, PyMem_Free

cdef extern from *:
    const Py_ssize_t PY_SSIZE_T_MAX


cdef Py_ssize_t _best_of(const float* value, Py_ssize_t n) noexcept nogil:
    # the first of the largest
    cdef float best[8]
    cdef float high = value[0]
    cdef Py_ssize_t f, k, d, whole = n - n % 8
    for k in range(8):
        best[k] = high
    for f in range(0, whole, 8):
        for k in range(8):
            best[k] = value[f + k] if value[f + k] > best[k] else best[k]
    for k in range(8):
        high = best[k] if best[k] > high else high
    for f in range(whole, n):
        high = value[f] if value[f] > high else high
    f = 0
    while f < whole:
        k = 0
        for d in range(8):
            k += value[f + d] == high
        if k:
            break
        f += 8
    while f < n - 1 and value[f] != high:
        f += 1
    return f


cdef inline Py_ssize_t _floor_divide(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return a // b if a >= 0 else -((b - 1 - a) // b)


cdef void _rise(
    float* high, int* source, const float* value, const int* origin, float cost, Py_ssize_t n
) noexcept nogil:
    # where another way is better, take it
    cdef Py_ssize_t f
    cdef float v
    for f in range(n):
        v = value[f] - cost
        source[f] = origin[f] if v > high[f] else source[f]
        high[f] = v if v > high[f] else high[f]


cdef class Ridge:
    """Follow the best path through rows of scores.

    Parameters
    ----------
    bins : scores in a row
    lag : rows that are looked ahead before a row is decided
    move, jump : costs of moving by one bin, and to anywhere
    reach : bins that a path moves without jumping
    circular : the last bin is the first one's neighbour
    drifts : (P,) int32, the speeds that cost nothing, rising, in `parts` of a bin a row; default 0 only
    turn : cost of changing to the speed below or above
    parts : a path of speed d is moved by whole bins, so that row n has it at the greatest integer up to n d / parts
    """
    cdef float* _value
    cdef float* _next
    cdef int* _from
    cdef int* _drift
    cdef float* _wide
    cdef float* _from_speed
    cdef int* _origin
    cdef int* _from_origin
    cdef Py_ssize_t _pad, _bins, _speeds, _lag, _reach, _parts
    cdef Py_ssize_t _top         # the best state, and the shift that _origin is for
    cdef Py_ssize_t _shift
    cdef long long _row
    cdef float _move, _jump, _turn
    cdef bint _circular

    def __cinit__(self, Py_ssize_t bins, Py_ssize_t lag, float move, float jump, Py_ssize_t reach=2,
                  bint circular=False, const int[::1] drifts=None, float turn=0, Py_ssize_t parts=1):
        cdef Py_ssize_t p, furthest = 0
        if bins < 1 or lag < 1:
            raise ValueError(f"bins and lag of 1 or more expected, got {bins} and {lag}")
        if parts < 1:
            raise ValueError(f"1 or more parts of a bin expected, got {parts}")
        self._parts = parts
        self._speeds = 1 if drifts is None else drifts.shape[0]
        if reach < 0 or self._speeds < 1:
            raise ValueError(f"a reach of 0 or more and a drift expected, got {reach} and {self._speeds} drifts")
        self._drift = <int*>PyMem_Calloc(self._speeds, sizeof(int))
        if not self._drift:
            raise MemoryError
        if drifts is not None:
            for p in range(self._speeds):
                self._drift[p] = drifts[p]
                furthest = max(furthest, (abs(drifts[p]) + parts - 1) // parts)
        if circular and reach + furthest >= bins:
            raise ValueError(f"moves of less than a circle of {bins} bins expected, got {reach + furthest}")
        self._bins, self._lag, self._move, self._jump = bins, lag, move, jump
        self._reach, self._circular, self._turn = reach, circular, turn
        self._value = <float*>PyMem_Calloc(bins * self._speeds, sizeof(float))
        self._next = <float*>PyMem_Calloc(bins * self._speeds, sizeof(float))
        self._from = <int*>PyMem_Calloc((lag + 1) * bins * self._speeds, sizeof(int))
        self._pad = reach + furthest
        self._wide = <float*>PyMem_Calloc((bins + 2 * self._pad) * self._speeds, sizeof(float))
        self._origin = <int*>PyMem_Calloc((bins + 2 * self._pad) * self._speeds, sizeof(int))
        self._from_speed = <float*>PyMem_Calloc(bins + 2 * self._pad, sizeof(float))
        self._from_origin = <int*>PyMem_Calloc(bins + 2 * self._pad, sizeof(int))
        if not (self._value and self._next and self._from and self._wide and self._origin and self._from_speed
                and self._from_origin):
            raise MemoryError
        self._shift = PY_SSIZE_T_MAX
        self.reset()

    def __dealloc__(self):
        PyMem_Free(self._value)
        PyMem_Free(self._next)
        PyMem_Free(self._from)
        PyMem_Free(self._drift)
        PyMem_Free(self._wide)
        PyMem_Free(self._origin)
        PyMem_Free(self._from_speed)
        PyMem_Free(self._from_origin)

    cpdef reset(self):
        """Forget all rows."""
        memset(self._value, 0, self._bins * self._speeds * sizeof(float))
        self._row = self._top = 0

    cdef void _push(self, const float* score, Py_ssize_t shift) noexcept nogil:
        cdef Py_ssize_t bins = self._bins, n = bins * self._speeds, pad = self._pad, wide = bins + 2 * pad
        cdef Py_ssize_t p, q, f, g, d, first, stop, turns = self._row % self._parts
        cdef float ceiling, floor, points
        cdef float* value = self._value
        cdef float* high
        cdef int* back
        cdef int top = <int>self._top
        ceiling = value[top]
        floor = ceiling - self._jump
        # every speed's values with what is beyond the ends, so that all moves are offsets
        if shift != self._shift:
            self._shift = shift
            for p in range(self._speeds):
                for f in range(-pad, bins + pad):
                    g = f + shift
                    if self._circular:
                        g = g + bins if g < 0 else (g - bins if g >= bins else g)
                    self._origin[p * wide + pad + f] = <int>(p * bins + g)
        for p in range(self._speeds):
            high = self._wide + p * wide
            if self._circular:
                memcpy(high, value + (p + 1) * bins - pad, pad * sizeof(float))
                memcpy(high + pad, value + p * bins, bins * sizeof(float))
                memcpy(high + pad + bins, value + p * bins, pad * sizeof(float))
                continue
            for f in range(wide):
                high[f] = <float>-1e30
            # where bins from `first` up to `stop` are that many to the left
            first, stop = max(0, shift - pad), min(bins, bins + pad + shift)
            if first < stop:
                memcpy(high + pad - shift + first, value + p * bins + first, (stop - first) * sizeof(float))
        for p in range(self._speeds):
            memcpy(self._from_speed, self._wide + p * wide, wide * sizeof(float))
            memcpy(self._from_origin, self._origin + p * wide, wide * sizeof(int))
            for q in range(p - 1, p + 2, 2):
                if 0 <= q < self._speeds:
                    _rise(
                        self._from_speed, self._from_origin, self._wide + q * wide, self._origin + q * wide,
                        self._turn, wide
                    )
            high = self._next + p * bins
            back = self._from + (self._row % (self._lag + 1)) * n + p * bins
            d = self._drift[p]
            g = pad - (_floor_divide((turns + 1) * d, self._parts) - _floor_divide(turns * d, self._parts))
            # staying first: it wins when all are equal
            memcpy(high, self._from_speed + g, bins * sizeof(float))
            memcpy(back, self._from_origin + g, bins * sizeof(int))
            for d in range(1, self._reach + 1):
                _rise(high, back, self._from_speed + g - d, self._from_origin + g - d, self._move * d, bins)
                _rise(high, back, self._from_speed + g + d, self._from_origin + g + d, self._move * d, bins)
            for f in range(bins):
                back[f] = top if floor > high[f] else back[f]
                # no number says nothing; so that a row of them cannot end all paths, nothing is ruled out for good
                points = score[f] if score[f] < <float>1e15 else 0
                points = points if points > -<float>1e15 else -<float>1e15
                # the best is kept at 0, so nothing grows without bound
                high[f] = (floor if floor > high[f] else high[f]) + points - ceiling
        memcpy(value, self._next, n * sizeof(float))
        self._top = _best_of(value, n)
        self._row += 1

    cdef Py_ssize_t _trace(self, Py_ssize_t rows) noexcept nogil:
        # bin of the best path so many rows before the newest
        cdef Py_ssize_t n = self._bins * self._speeds, state = self._top, row
        row = <Py_ssize_t>((self._row - 1) % (self._lag + 1))
        for _ in range(rows):
            state = self._from[row * n + state]
            row = row - 1 if row > 0 else self._lag
        return state % self._bins

    def process(self, const float[:, ::1] scores not None, const int[::1] shifts=None):
        """Take rows of scores.

        Parameters
        ----------
        scores : (rows, bins) float32
        shifts : (rows,) int32: bin f of a row is bin f + shift of the row before it; default 0; not when circular

        Returns
        -------
        (decided,) int64: the path's bin in the rows that are now `lag` rows back
        """
        cdef Py_ssize_t i, made = 0, n = scores.shape[0]
        cdef long long[::1] out
        if scores.shape[1] != self._bins:
            raise ValueError(f"rows of {self._bins} scores expected, got {scores.shape[1]}")
        if shifts is not None and (shifts.shape[0] != n or self._circular):
            raise ValueError(f"{n} shifts expected, and no circle, got {shifts.shape[0]}")
        path = np.empty(n, np.int64)
        out = path
        with nogil:
            for i in range(n):
                self._push(&scores[i, 0], shifts[i] if shifts is not None else 0)
                if self._row > self._lag:
                    out[made] = self._trace(self._lag)
                    made += 1
        return path[:made]

    def flush(self):
        """The path in the rows that are not decided yet. The state is reset.

        Returns
        -------
        (m,) int64, m <= lag
        """
        cdef Py_ssize_t left = <Py_ssize_t>(self._row if self._row < self._lag else self._lag), k
        path = np.array([self._trace(k) for k in range(left - 1, -1, -1)], np.int64)
        self.reset()
        return path
