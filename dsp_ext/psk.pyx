# isa: avx2
"""Chips of phase shift keying with two or four phases: where they are in the stream, and from phases to soft values."""
import numpy as np

from libc.math cimport ceil, cos, fabs, floor, sin, sqrt
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from dsp_ext.queue cimport radome_drop, radome_items, radome_push, radome_queue

cdef extern from *:
    const Py_ssize_t PY_SSIZE_T_MAX

cdef double TURN = 6.283185307179586

cdef struct _Chip:
    float re, im         # of which the first, or both, are the soft value once the phase is known
    double instant, carrier

cdef struct _Node:
    double line, power
    bint jumped          # from the node before


cdef void* _add(radome_queue* queue, Py_ssize_t size) except NULL:
    cdef void* more = radome_push(queue, size)
    if not more:
        raise MemoryError
    return more


cdef class Peaks:
    """Where between a row's states its peak is, by the parabola through three amplitudes.

    Parameters
    ----------
    states : scores in a row, 3 or more
    """
    cdef radome_queue _scores, _centres
    cdef Py_ssize_t _states

    def __cinit__(self, Py_ssize_t states):
        if states < 3:
            raise ValueError(f"3 or more states expected, got {states}")
        self._states = states

    def __dealloc__(self):
        free(self._scores.bytes)
        free(self._centres.bytes)

    def process(self, const float[:, ::1] score not None, const double[::1] centre not None,
                const long long[::1] path not None):
        """Take rows, and which state is that of earlier rows.

        Parameters
        ----------
        score : (n, states) float32, power
        centre : (n,) float64, place of the middle state
        path : (m,) int64, states of the next rows that are not decided yet

        Returns
        -------
        place : (m,) float64, of the peaks
        power : (m,) float64, the score of the state

        Raises
        ------
        ValueError : rows of another length, a path of more rows than were given
        """
        cdef Py_ssize_t n = score.shape[0], m = path.shape[0], states = self._states, i, k
        cdef double left, peak, right, bend, step
        cdef const float* rows
        cdef const double* centres
        cdef double[::1] out, out_power
        if score.shape[1] != states or centre.shape[0] != n:
            raise ValueError(f"{n} rows of {states} expected, got {centre.shape[0]} of {score.shape[1]}")
        if n:
            memcpy(_add(&self._scores, n * states * sizeof(float)), &score[0, 0], n * states * sizeof(float))
            memcpy(_add(&self._centres, n * sizeof(double)), &centre[0], n * sizeof(double))
        if m * <Py_ssize_t>sizeof(double) > self._centres.stop - self._centres.first:
            raise ValueError(f"a path of no more rows than were given expected, got {m}")
        rows, centres = <const float*>radome_items(&self._scores), <const double*>radome_items(&self._centres)
        place, power = np.empty(m), np.empty(m)
        out, out_power = place, power
        for i in range(m):
            k = min(max(<Py_ssize_t>path[i], 1), states - 2)
            left, peak, right = sqrt(rows[k - 1]), sqrt(rows[k]), sqrt(rows[k + 1])
            bend = 2 * peak - left - right
            step = 0.5 * (right - left) / bend if bend > 0 else 0
            out[i] = centres[i] + (k - states // 2) + min(max(step, -0.5), 0.5)
            # what is no number weighs nothing
            out_power[i] = peak * peak if peak >= 0 else 0
            rows += states
        radome_drop(&self._scores, m * states * sizeof(float))
        radome_drop(&self._centres, m * sizeof(double))
        return place, power


cdef double FAR = 2      # times as strong


cdef class Ends:
    """Both ends of the rows between nodes; where a line jumps, the stronger side has that row.

    It has the next one, too, where it is far stronger: what is beside it is noise then, not another burst.
    """
    cdef radome_queue _nodes

    def __dealloc__(self):
        free(self._nodes.bytes)

    cdef bint _across(self, const _Node* v, bint beside, bint which, double* ends) noexcept nogil:
        # the line of the row behind v, across a jump; for a row beside it only if `which` side has it: 1 the left one
        cdef double before = (v - 1).power + v[0].power, behind = v[1].power + v[2].power
        cdef bint left = before >= behind
        if not v[1].jumped or (beside and (left != which or FAR * min(before, behind) > max(before, behind))):
            return False
        ends[0] = ends[1] = v[0].line if left else v[1].line
        return True

    def process(self, const double[::1] line not None, const unsigned char[::1] jumped not None,
                const double[::1] power not None):
        """Take nodes.

        Parameters
        ----------
        line, power : (n,) float64
        jumped : (n,) uint8, from the node before

        Returns
        -------
        (m, 2) float64, of the rows known by now: five nodes fewer than were given, three more before the first
        """
        cdef Py_ssize_t n = line.shape[0], i, r, m
        cdef _Node* node
        cdef double[:, ::1] out
        if jumped.shape[0] != n or power.shape[0] != n:
            raise ValueError(f"{n} jumps and powers expected, got {jumped.shape[0]} and {power.shape[0]}")
        if n and self._nodes.stop == 0:
            node = <_Node*>_add(&self._nodes, 2 * sizeof(_Node))
            for i in range(2):
                node[i].line, node[i].power, node[i].jumped = line[0], power[0], False
        node = <_Node*>_add(&self._nodes, n * sizeof(_Node))
        for i in range(n):
            node[i].line, node[i].power, node[i].jumped = line[i], power[i], jumped[i]
        node = <_Node*>radome_items(&self._nodes)
        m = max(0, <Py_ssize_t>((self._nodes.stop - self._nodes.first) // sizeof(_Node)) - 5)
        result = np.empty((m, 2))
        if m:
            out = result
            with nogil:
                for i in range(m):
                    r = i + 2
                    out[i, 0], out[i, 1] = node[r].line, node[r + 1].line
                    if not (self._across(node + r, False, False, &out[i, 0])
                            or self._across(node + r + 1, True, False, &out[i, 0])):
                        self._across(node + r - 1, True, True, &out[i, 0])
                radome_drop(&self._nodes, m * sizeof(_Node))
        return result


def around(const float[:, ::1] score not None, const long long[::1] centre not None, Py_ssize_t reach, float scale):
    """Scores about a centre in each row; beyond a row's end its last one.

    Parameters
    ----------
    score : (rows, cells) float32
    centre : (n,) int64, of the first n rows
    reach : cells on each side
    scale : of the scores given back

    Returns
    -------
    (n, 2 * reach + 1) float32

    Raises
    ------
    ValueError : fewer rows than centres
    """
    cdef Py_ssize_t n = centre.shape[0], cells = score.shape[1], i, k
    cdef float[:, ::1] out
    if score.shape[0] < n or cells < 1:
        raise ValueError(f"{n} rows expected, got {score.shape[0]}")
    result = np.empty((n, 2 * reach + 1), np.float32)
    if n:
        out = result
        with nogil:
            for i in range(n):
                for k in range(2 * reach + 1):
                    out[i, k] = scale * score[i, min(max(<Py_ssize_t>centre[i] - reach + k, 0), cells - 1)]
    return result


def between(const float[:, ::1] cells not None, const float[:, ::1] score not None, const double[::1] place not None):
    """Scores of states, and those of the cells that they are between.

    Parameters
    ----------
    cells : (rows, cells) float32
    score : (rows, states) float32
    place : (states,) float64, of the states among the cells, rising

    Returns
    -------
    (rows, states) float32, score and what the cells have there, straight from cell to cell

    Raises
    ------
    ValueError : rows or states of different number, places that do not rise within the cells
    """
    cdef Py_ssize_t rows = cells.shape[0], count = cells.shape[1], states = place.shape[0], r, k, i, cell
    cdef float low, step
    cdef float[:, ::1] out
    cdef const float[::1] part
    cdef const long long[::1] cut
    cdef const float* value
    cdef float* made
    if score.shape[0] != rows or score.shape[1] != states:
        raise ValueError(f"{rows} rows of {states} scores expected, got {score.shape[0]} of {score.shape[1]}")
    for k in range(states):
        if not (place[k - 1] if k else 0) <= place[k] <= count - 1:
            raise ValueError(f"places that rise from 0 to {count - 1} expected")
    result = np.empty((rows, states), np.float32)
    if rows and states:
        out, part = result, (np.asarray(place) % 1).astype(np.float32)
        # the states from cell to cell
        cut = np.searchsorted(place, np.arange(count + 1)).astype(np.int64)
        with nogil:
            for r in range(rows):
                value, made = &score[r, 0], &out[r, 0]
                for cell in range(count):
                    low = cells[r, cell]
                    step = cells[r, cell + 1] - low if cell + 1 < count else 0
                    for i in range(cut[cell], cut[cell + 1]):
                        made[i] = value[i] + (low + step * part[i])
    return result


cdef class Pieces:
    """The carrier of rows piece by piece: of some rows, of the one before them and of what a filter needs behind them.

    However the rows are cut, a row's piece is the same.

    Parameters
    ----------
    hop : chips in a row
    per_chip : samples
    margin : samples behind the rows, and before the first of all
    """
    cdef radome_queue _rows
    cdef double _hop, _per_chip, _phase, _phase_before
    cdef Py_ssize_t _margin
    cdef long long _row          # the first that was not given
    cdef bint _begun             # the one before it is in the queue

    def __cinit__(self, double hop, double per_chip, Py_ssize_t margin):
        self._hop, self._per_chip, self._margin = hop, per_chip, margin

    def __dealloc__(self):
        free(self._rows.bytes)

    def process(self, const double[:, ::1] frequency not None, Py_ssize_t most=PY_SSIZE_T_MAX):
        """Take rows, and give those that another follows.

        Parameters
        ----------
        frequency : (n, 2) float64, at each row's beginning and end, cycles per chip
        most : rows to give

        Returns
        -------
        frequency : (m, 2) float64, of the rows given
        start : sample where the pieces begin
        edges : (m + 3,) int64, of the pieces, samples from there
        pieces : (3, m + 2) float64: phase, frequency and slope at their first samples, in cycles and samples
        """
        cdef Py_ssize_t n = frequency.shape[0], m, i, k
        cdef double node, begin, slope, into, phase = self._phase_before
        cdef const double* rows
        cdef long long[::1] edge
        cdef double[:, ::1] out, given
        if frequency.shape[1] != 2:
            raise ValueError(f"two frequencies a row expected, got {frequency.shape[1]}")
        if n:
            memcpy(_add(&self._rows, 2 * n * sizeof(double)), &frequency[0, 0], 2 * n * sizeof(double))
        rows = <const double*>radome_items(&self._rows)
        m = (self._rows.stop - self._rows.first) // <Py_ssize_t>(2 * sizeof(double)) - 1 - self._begun
        m = max(0, min(m, most))
        carriers, edges, pieces = np.empty((m, 2)), np.zeros(m + 3, np.int64), np.empty((3, m + 2))
        if not m:
            return carriers, 0, edges[:1], pieces[:, :0]
        edge, out, given = edges, pieces, carriers
        for i in range(m + 2):
            # before the first row of all there is its beginning
            k = i - 1 + self._begun if i else 0
            node = (self._row + max(i - 1, 0 if not self._begun else -1)) * self._hop
            edge[i] = <long long>ceil(node * self._per_chip)
            begin, slope = rows[2 * k], (rows[2 * k + 1] - rows[2 * k]) / self._hop
            if i == 0 and not self._begun:
                edge[i] -= self._margin
                slope = 0
            into = edge[i] / self._per_chip - node
            out[0, i] = phase + into * (begin + slope * into / 2)
            out[1, i] = (begin + slope * into) / self._per_chip
            out[2, i] = slope / (self._per_chip * self._per_chip)
            if 0 < i <= m:
                given[i - 1, 0], given[i - 1, 1] = rows[2 * k], rows[2 * k + 1]
            if i == m:
                self._phase_before = phase
            if i or self._begun:
                phase += 0.5 * (rows[2 * k] + rows[2 * k + 1]) * self._hop
                phase -= floor(phase)
        edge[m + 2] = edge[m + 1] + self._margin
        radome_drop(&self._rows, 2 * (m - 1 + self._begun) * sizeof(double))
        self._begun = True
        self._row += m
        start = int(edge[0])
        edges -= start
        return carriers, start, edges, pieces


def chips(const double[:, ::1] frequency not None, const double[::1] delay not None, double node, double hop,
          double per_chip):
    """Instants of the chips of some rows.

    Parameters
    ----------
    frequency : (n, 2) float64, n of 1 or more, at each row's beginning and end, cycles per chip
    delay : (n + 1,) float64, of the chips behind the nodes, chips
    node : the first row begins there, chips
    hop : chips in a row
    per_chip : samples

    Returns
    -------
    first : number of the first chip
    instants : (m,) float64, samples
    carriers : (m,) float64, cycles per chip

    Raises
    ------
    ValueError : no rows, or delays of another number
    """
    cdef Py_ssize_t n = frequency.shape[0], i, j = 0, m
    cdef double begin, first, chip, place
    cdef double[::1] at, carrier
    if n < 1 or delay.shape[0] != n + 1:
        raise ValueError(f"rows and a delay more expected, got {n} and {delay.shape[0]}")
    first = ceil(node - delay[0])
    m = max(0, <Py_ssize_t>(ceil(node + n * hop - delay[n]) - first))
    instants, carriers = np.empty(m), np.empty(m)
    at, carrier = instants, carriers
    with nogil:
        for i in range(m):
            chip = first + i
            while j < n - 1 and node + (j + 1) * hop - delay[j + 1] <= chip:
                j += 1
            begin = node + j * hop
            place = (chip - (begin - delay[j])) / (hop + delay[j] - delay[j + 1])
            at[i] = (begin + place * hop) * per_chip
            carrier[i] = frequency[j, 0] + place * (frequency[j, 1] - frequency[j, 0])
    return int(first), instants, carriers


cdef class SoftChips:
    """From chips to soft values: turned to the real axis, or to the diagonals, and brought to a level of 1.

    Parameters
    ----------
    turn_group : chips whose phase is taken together; between the centres of groups it goes straight
    level_group : the same for the level
    taper : (2 * reach + 1,) float64, over groups, for the mean level
    order : phases, 2 or 4
    """
    cdef radome_queue _chips, _phases, _sums, _levels
    cdef Py_ssize_t _turn_group, _level_group, _reach
    cdef bint _four
    # of the chips waiting: in whole groups already, turned, measured
    cdef Py_ssize_t _grouped, _turned, _summed
    # chips turned and levelled since the beginning, and the group of the first waiting phase and level
    cdef long long _turn_chip, _level_chip, _turn_knot, _level_knot
    cdef const double[::1] _taper

    def __cinit__(self, Py_ssize_t turn_group, Py_ssize_t level_group, const double[::1] taper not None, int order=2):
        if order != 2 and order != 4:
            raise ValueError(f"2 or 4 phases expected, got {order}")
        if turn_group < 1 or level_group < 1 or taper.shape[0] % 2 == 0:
            raise ValueError(f"groups of chips and a taper of odd length expected, got {turn_group}, {level_group} and "
                             f"{taper.shape[0]}")
        self._four = order == 4
        self._turn_group, self._level_group = turn_group, level_group
        weights = np.array(taper)
        self._taper, self._reach = weights / weights.sum(), taper.shape[0] // 2
        memset(_add(&self._sums, self._reach * sizeof(double)), 0, self._reach * sizeof(double))

    def __dealloc__(self):
        free(self._chips.bytes)
        free(self._phases.bytes)
        free(self._sums.bytes)
        free(self._levels.bytes)

    def append(self, const float complex[::1] y not None, const double[::1] instants not None,
               const double[::1] carriers not None):
        """Take chips.

        Parameters
        ----------
        y : (n,) complex64
        instants, carriers : (n,) float64

        Returns
        -------
        line : (groups,) complex64, sums over the groups that are whole now: of the squares, or of -y^4 / |y|^2
        power : (groups,) float32
        """
        cdef Py_ssize_t n = y.shape[0], i, k, group = self._turn_group, groups
        cdef const float* v
        cdef _Chip* chip
        cdef float re, im, total, a, b, c
        cdef float complex[::1] out
        cdef float[::1] out_power
        if instants.shape[0] != n or carriers.shape[0] != n:
            raise ValueError(f"{n} instants and carriers expected, got {instants.shape[0]} and {carriers.shape[0]}")
        if n:
            chip = <_Chip*>_add(&self._chips, n * sizeof(_Chip))
            v = <const float*>&y[0]
            for i in range(n):
                chip[i].re, chip[i].im = v[2 * i], v[2 * i + 1]
                chip[i].instant, chip[i].carrier = instants[i], carriers[i]
        groups = (<Py_ssize_t>((self._chips.stop - self._chips.first) // sizeof(_Chip)) - self._grouped) // group
        line, power = np.empty(groups, np.complex64), np.empty(groups, np.float32)
        if groups:
            out, out_power = line, power
            chip = <_Chip*>radome_items(&self._chips) + self._grouped
            with nogil:
                for i in range(groups):
                    re = im = total = 0
                    for k in range(group):
                        a = chip[k].re * chip[k].re - chip[k].im * chip[k].im
                        b = 2 * chip[k].re * chip[k].im
                        c = chip[k].re * chip[k].re + chip[k].im * chip[k].im
                        total += c
                        if self._four:
                            c = 1 / (c + <float>1e-30)
                            a, b = b * (b * c) - a * (a * c), -2 * a * (b * c)
                        re += a
                        im += b
                    (<float*>&out[i])[0], (<float*>&out[i])[1] = re, im
                    out_power[i] = total
                    chip += group
            self._grouped += groups * group
        return line, power

    cdef void _turn(self, const double* phase, Py_ssize_t knots) noexcept nogil:
        # chips up to the last knot, straight from knot to knot; before the first knot there is its phase
        cdef _Chip* chip = <_Chip*>radome_items(&self._chips) + self._turned
        cdef Py_ssize_t group = self._turn_group, i
        cdef double half = 0.5 * (group - 1), c, s, c_step, s_step, c_next, slope
        cdef double place, re
        for i in range(-1 if self._turn_chip == 0 else 0, knots - 1):
            slope = (phase[i + 1] - phase[i]) / group if i >= 0 else 0
            # the first chip not before knot i, or the first of all
            place = self._turn_chip - ((self._turn_knot + i) * group + half)
            c = cos(TURN * (phase[max(i, 0)] + slope * place))
            s = sin(TURN * (phase[max(i, 0)] + slope * place))
            c_step, s_step = cos(TURN * slope), sin(TURN * slope)
            while self._turn_chip <= (self._turn_knot + i + 1) * group + half:
                re = chip.re
                chip.re = <float>(re * c + chip.im * s)
                chip.im = <float>(chip.im * c - re * s)
                c_next = c * c_step - s * s_step
                s = c * s_step + s * c_step
                c = c_next
                chip += 1
                self._turn_chip += 1
                self._turned += 1

    cdef void _level(self, const double* level, Py_ssize_t knots, float* soft, double* at, double* carrier,
                     Py_ssize_t n) noexcept nogil:
        cdef const _Chip* chip = <const _Chip*>radome_items(&self._chips)
        cdef Py_ssize_t group = self._level_group, i, k
        cdef double half = 0.5 * (group - 1), place, value
        for i in range(n):
            place = (self._level_chip + i - half) / group - self._level_knot
            k = min(max(<Py_ssize_t>place, 0), max(knots - 2, 0))
            place = max(place - k, 0)
            value = level[k] + (level[k + 1] - level[k]) * place if knots > 1 else level[0]
            value = 1 / max(value / group, 1e-20)
            if self._four:
                soft[2 * i], soft[2 * i + 1] = <float>(chip[i].re * value), <float>(chip[i].im * value)
            else:
                soft[i] = <float>(chip[i].re * value)
            at[i], carrier[i] = chip[i].instant, chip[i].carrier
        self._level_chip += n

    def process(self, const double[::1] phases not None):
        """Take phases of groups.

        Parameters
        ----------
        phases : (n,) float64, of the next groups, cycles

        Returns
        -------
        soft : (m,) float32; (2 m,) of four phases: real and imaginary parts in turn
        instants, carriers : (m,) float64, of the same chips

        Raises
        ------
        ValueError : phases of more groups than there are
        """
        cdef Py_ssize_t n = phases.shape[0], i, k, groups, knots, m, length = self._taper.shape[0]
        cdef double* values
        cdef const _Chip* chip
        cdef double total
        cdef float[::1] out
        cdef double[::1] out_instants, out_carriers
        if n:
            memcpy(_add(&self._phases, n * sizeof(double)), &phases[0], n * sizeof(double))
        knots = (self._phases.stop - self._phases.first) // <Py_ssize_t>sizeof(double)
        if (self._turn_knot + knots) * self._turn_group > self._turn_chip - self._turned + self._grouped:
            raise ValueError(f"phases of no more groups than there are expected, got {n}")
        if knots > 1 or (knots == 1 and self._turn_chip == 0):
            self._turn(<const double*>radome_items(&self._phases), knots)
            radome_drop(&self._phases, (knots - 1) * sizeof(double))
            self._turn_knot += knots - 1
        groups = (self._turned - self._summed) // self._level_group
        values = <double*>_add(&self._sums, groups * sizeof(double))
        chip = <const _Chip*>radome_items(&self._chips) + self._summed
        for i in range(groups):
            total = 0
            for k in range(self._level_group):
                total += 0.5 * (fabs(chip[k].re) + fabs(chip[k].im)) if self._four else fabs(chip[k].re)
            values[i] = total
            chip += self._level_group
        self._summed += groups * self._level_group
        values = <double*>radome_items(&self._sums)
        groups = max(0, (self._sums.stop - self._sums.first) // <Py_ssize_t>sizeof(double) - length + 1)
        for i in range(groups):
            total = 0
            for k in range(length):
                total += values[i + k] * self._taper[k]
            (<double*>_add(&self._levels, sizeof(double)))[0] = total
        radome_drop(&self._sums, groups * sizeof(double))
        knots = (self._levels.stop - self._levels.first) // <Py_ssize_t>sizeof(double)
        m = 0
        if knots:
            total = (self._level_knot + knots - 0.5) * self._level_group - 0.5
            m = <Py_ssize_t>(<long long>floor(total) + 1 - self._level_chip)
        m = max(m, 0)
        soft, instants, carriers = np.empty(m * (2 if self._four else 1), np.float32), np.empty(m), np.empty(m)
        if m > 0:
            out, out_instants, out_carriers = soft, instants, carriers
            with nogil:
                self._level(<const double*>radome_items(&self._levels), knots, &out[0], &out_instants[0],
                            &out_carriers[0], m)
                radome_drop(&self._levels, (knots - 1) * sizeof(double))
                radome_drop(&self._chips, m * sizeof(_Chip))
            self._level_knot += knots - 1
            self._turned -= m
            self._summed -= m
            self._grouped -= m
        return soft, instants, carriers


def phase_scores(const float complex[::1] tone not None, const float[::1] gain not None, Py_ssize_t states):
    """Logarithms of likelihood of the phases of tones.

    Parameters
    ----------
    tone : (n,) complex64
    gain : (n,) float32, by which to multiply it
    states : phases of a cycle

    Returns
    -------
    (n, states) float32, gain * Re(tone * exp(-j 2 pi k / states))
    """
    cdef Py_ssize_t n = tone.shape[0], i, k
    cdef float[:, ::1] out
    cdef float[::1] c, s
    cdef float re, im
    if gain.shape[0] != n or states < 1:
        raise ValueError(f"{n} gains and a state expected, got {gain.shape[0]} and {states}")
    result = np.empty((n, states), np.float32)
    if n:
        angle = TURN / states * np.arange(states)
        out, c, s = result, np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        with nogil:
            for i in range(n):
                re, im = (<const float*>&tone[i])[0] * gain[i], (<const float*>&tone[i])[1] * gain[i]
                for k in range(states):
                    out[i, k] = re * c[k] + im * s[k]
    return result
