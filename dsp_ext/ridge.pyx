# isa: avx2, avx512
"""The best path through rows of scores, by dynamic programming with a fixed lag: a carrier's ridge in a spectrogram, or
the phase of a clock through a stream.

    V[t, p, f] = score[t, f] + max( V[t-1, q, g] - move*|f - g - drift(p)| - (0 if q == p, turn if |q - p| == 1),
                                    max V[t-1] - jump )          |f - g - drift(p)| <= reach

Moving a little is cheap, so a drifting carrier is followed through fades; jumping costs as much as a burst elsewhere
must earn. With drifts, the path has a speed p, too, and costs nothing while it keeps it (A. J. Viterbi, IEEE Trans.
Inf. Theory 13-2, 1967, for the recursion).
"""
import numpy as np

from libc.string cimport memmove
from cpython.mem cimport PyMem_Calloc, PyMem_Free

cdef extern from "ridge.h" nogil:
    void radome_turns(const float* value, Py_ssize_t apart, float turn, float* origin, int* way, Py_ssize_t n)
    void radome_step(const float* origin, const int* way, Py_ssize_t reach, float move, float floor,
                     const float* points, float* next, int* back, float* most, Py_ssize_t n)
    void radome_points(const float* score, float down, float* points, Py_ssize_t n)
    float radome_highest(const float* most, Py_ssize_t rows)
    Py_ssize_t radome_find(const float* value, float wanted, Py_ssize_t n)

cdef float NOWHERE = <float>-1e30

cdef struct _State:
    int speed, bin


cdef inline Py_ssize_t _floor_divide(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return a // b if a >= 0 else -((b - 1 - a) // b)


cdef inline Py_ssize_t _whole(Py_ssize_t n) noexcept nogil:
    return (n + 7) // 8 * 8


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
    # every speed's values with what is beyond the ends, so that all moves are offsets, and a row before and behind all
    cdef float* _value
    cdef float* _next
    cdef float* _turned
    cdef int* _way               # to the values in _turned
    cdef float* _points
    cdef float* _most            # of each speed, in eights
    cdef int* _steps             # (parts, speeds): bins that a path is moved by
    # of the last lag + 1 rows
    cdef int* _ways
    cdef _State* _tops           # where a path that jumps there comes from
    cdef _State* _path           # the best one
    cdef Py_ssize_t* _shifts
    cdef Py_ssize_t _pad, _bins, _wide, _speeds, _lag, _reach, _parts
    cdef _State _top             # the best
    cdef long long _row
    cdef float _move, _jump, _turn
    cdef bint _circular

    def __cinit__(self, Py_ssize_t bins, Py_ssize_t lag, float move, float jump, Py_ssize_t reach=2,
                  bint circular=False, const int[::1] drifts=None, float turn=0, Py_ssize_t parts=1):
        cdef Py_ssize_t p, k, furthest = 0
        if bins < 1 or lag < 1:
            raise ValueError(f"bins and lag of 1 or more expected, got {bins} and {lag}")
        if parts < 1:
            raise ValueError(f"1 or more parts of a bin expected, got {parts}")
        self._parts = parts
        self._speeds = 1 if drifts is None else drifts.shape[0]
        if reach < 0 or self._speeds < 1:
            raise ValueError(f"a reach of 0 or more and a drift expected, got {reach} and {self._speeds} drifts")
        self._steps = <int*>PyMem_Calloc(parts * self._speeds, sizeof(int))
        if not self._steps:
            raise MemoryError
        if drifts is not None:
            for p in range(self._speeds):
                furthest = max(furthest, (abs(drifts[p]) + parts - 1) // parts)
                for k in range(parts):
                    self._steps[k * self._speeds + p] = <int>(
                        _floor_divide((k + 1) * drifts[p], parts) - _floor_divide(k * drifts[p], parts)
                    )
        if circular and reach + furthest >= bins:
            raise ValueError(f"moves of less than a circle of {bins} bins expected, got {reach + furthest}")
        self._bins, self._lag, self._move, self._jump = bins, lag, move, jump
        self._reach, self._circular, self._turn = reach, circular, turn
        self._pad = reach + furthest
        self._wide = _whole(2 * self._pad + _whole(bins))
        self._value = <float*>PyMem_Calloc(self._wide * (self._speeds + 2), sizeof(float))
        self._next = <float*>PyMem_Calloc(self._wide * (self._speeds + 2), sizeof(float))
        self._turned = <float*>PyMem_Calloc(self._wide * self._speeds, sizeof(float))
        self._way = <int*>PyMem_Calloc(self._wide * self._speeds, sizeof(int))
        self._points = <float*>PyMem_Calloc(_whole(bins), sizeof(float))
        self._ways = <int*>PyMem_Calloc((lag + 1) * self._speeds * _whole(bins), sizeof(int))
        self._most = <float*>PyMem_Calloc(8 * self._speeds, sizeof(float))
        self._tops = <_State*>PyMem_Calloc(lag + 1, sizeof(_State))
        self._path = <_State*>PyMem_Calloc(lag + 1, sizeof(_State))
        self._shifts = <Py_ssize_t*>PyMem_Calloc(lag + 1, sizeof(Py_ssize_t))
        if not (self._value and self._next and self._turned and self._way and self._points and self._ways
                and self._most and self._tops and self._path and self._shifts):
            raise MemoryError
        for k in range(self._wide * (self._speeds + 2)):
            self._value[k] = self._next[k] = NOWHERE
        self.reset()

    def __dealloc__(self):
        PyMem_Free(self._steps)
        PyMem_Free(self._value)
        PyMem_Free(self._next)
        PyMem_Free(self._turned)
        PyMem_Free(self._way)
        PyMem_Free(self._points)
        PyMem_Free(self._ways)
        PyMem_Free(self._most)
        PyMem_Free(self._tops)
        PyMem_Free(self._path)
        PyMem_Free(self._shifts)

    cpdef reset(self):
        """Forget all rows."""
        cdef Py_ssize_t p, f
        for p in range(self._speeds):
            for f in range(self._bins):
                self._value[(p + 1) * self._wide + self._pad + f] = 0
            self._close(self._value + (p + 1) * self._wide)
        self._row = self._top.speed = self._top.bin = 0

    cdef void _close(self, float* row) noexcept nogil:
        # what is beyond the ends
        cdef Py_ssize_t f, bins = self._bins, pad = self._pad
        if self._circular:
            for f in range(pad):
                row[pad - 1 - f] = row[pad + bins - 1 - f]
                row[pad + bins + f] = row[pad + f]
            return
        for f in range(pad):
            row[f] = NOWHERE
        for f in range(pad + bins, self._wide):
            row[f] = NOWHERE

    cdef void _move_over(self, float* row, Py_ssize_t shift) noexcept nogil:
        # bin f + shift becomes bin f; bins from `first` up to `stop` are still within the row then
        cdef Py_ssize_t bins = self._bins, pad = self._pad, f
        cdef Py_ssize_t first = max(0, shift - pad), stop = min(bins, bins + pad + shift), begin = pad - shift + first
        if first >= stop:
            begin, stop = 0, first
        memmove(row + begin, row + pad + first, (stop - first) * sizeof(float))
        for f in range(begin):
            row[f] = NOWHERE
        for f in range(begin + stop - first, self._wide):
            row[f] = NOWHERE

    cdef void _push(self, const float* score, Py_ssize_t shift) noexcept nogil:
        cdef Py_ssize_t bins = self._bins, wide = self._wide, pad = self._pad, whole = _whole(bins)
        cdef Py_ssize_t slot = <Py_ssize_t>(self._row % (self._lag + 1)), p, f
        cdef float* value = self._value + wide
        cdef float* next = self._next + wide
        cdef const float* origin = value
        cdef int* ways = self._ways + slot * self._speeds * whole
        cdef const int* steps = self._steps + self._row % self._parts * self._speeds
        cdef float high = value[self._top.speed * wide + pad + self._top.bin]
        self._tops[slot], self._shifts[slot] = self._top, shift
        # the best is kept at 0, so nothing grows without bound
        radome_points(score, high, self._points, bins)
        if shift:
            for p in range(self._speeds):
                self._move_over(value + p * wide, shift)
        if self._speeds > 1:
            radome_turns(value, wide, self._turn, self._turned, self._way, self._speeds * wide)
            origin = self._turned
        for p in range(self._speeds):
            f = p * wide + pad - steps[p]
            radome_step(
                origin + f, self._way + f, self._reach, self._move, high - self._jump, self._points,
                next + p * wide + pad, ways + p * whole, self._most + 8 * p, whole
            )
            self._close(next + p * wide)
        self._value, self._next = self._next, self._value
        high = radome_highest(self._most, self._speeds)
        p = radome_find(self._most, high, 8 * self._speeds) // 8
        self._top.speed, self._top.bin = <int>p, <int>radome_find(next + p * wide + pad, high, whole)
        self._row += 1

    cdef _State _before(self, Py_ssize_t slot, Py_ssize_t turns, _State state) noexcept nogil:
        # where a path that is in a state in a row was in the row before
        cdef Py_ssize_t f, bins = self._bins
        cdef int way = self._ways[(slot * self._speeds + state.speed) * _whole(bins) + state.bin]
        if way < 0:
            return self._tops[slot]
        f = state.bin + self._shifts[slot] - self._steps[turns * self._speeds + state.speed]
        f += (way // 3 + 1) // 2 * (1 if way // 3 % 2 == 0 else -1)
        if self._circular:
            f = f + bins if f < 0 else (f - bins if f >= bins else f)
        state.bin = <int>min(max(f, 0), bins - 1)
        if way % 3:
            state.speed += 1 if way % 3 == 2 else -1
        return state

    cdef void _trace(self) noexcept nogil:
        # the best path to the newest row, back to where it is known already
        cdef long long row = self._row - 1
        cdef Py_ssize_t slot = <Py_ssize_t>(row % (self._lag + 1)), turns = <Py_ssize_t>(row % self._parts)
        cdef Py_ssize_t rows = self._lag if row > self._lag else <Py_ssize_t>row
        cdef _State state = self._top
        self._path[slot] = state
        for _ in range(rows):
            state = self._before(slot, turns, state)
            slot = slot - 1 if slot > 0 else self._lag
            turns = turns - 1 if turns > 0 else self._parts - 1
            if self._path[slot].speed == state.speed and self._path[slot].bin == state.bin:
                break
            self._path[slot] = state

    cdef Py_ssize_t _decided(self, Py_ssize_t rows) noexcept nogil:
        # bin of the best path so many rows before the newest
        return self._path[(self._row - 1 - rows) % (self._lag + 1)].bin

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
                self._trace()
                if self._row > self._lag:
                    out[made] = self._decided(self._lag)
                    made += 1
        return path[:made]

    def flush(self):
        """The path in the rows that are not decided yet. The state is reset.

        Returns
        -------
        (m,) int64, m <= lag
        """
        cdef Py_ssize_t left = <Py_ssize_t>(self._row if self._row < self._lag else self._lag), k
        path = np.array([self._decided(k) for k in range(left - 1, -1, -1)], np.int64)
        self.reset()
        return path
