# isa: avx2
"""Straight lines through a path, over some nodes on both sides of each but not across a jump.

    line_n(k) = a_n + b_n * (k - n)   by weighted least squares over the nodes k of the segment of n, |k - n| <= reach
    value_n   = a_n + arg( sum_k  taper(k - n) tone_k exp(-j 2 pi line_n(k)) ) / (2 pi)

The second term, the mean phase of tones against the line, only where there are tones; the path is in cycles then.
"""
import numpy as np

from libc.math cimport atan2, cos, fabs, floor, sin, sqrt
from libc.stdlib cimport free
from libc.string cimport memset

from dsp_ext.queue cimport radome_drop, radome_items, radome_push, radome_queue

cdef double TURN = 6.283185307179586

cdef struct _Node:
    double path, weight, re, im
    long long segment


cdef double _fit(const _Node* node, const double* taper, Py_ssize_t reach, bint tones) noexcept nogil:
    cdef Py_ssize_t k
    cdef const _Node* left
    cdef const _Node* right
    cdef double v, w, y, z, s, x_sum, y_sum, x_mean, y_mean, xx, xy, slope, value, re, im, c, d, c_step, d_step, c_next
    taper += reach
    s = node.weight * taper[0]
    x_sum = y_sum = xx = xy = 0
    for k in range(1, reach + 1):
        left, right = node - k, node + k
        v = left.weight * taper[-k] if left.segment == node.segment else 0
        w = right.weight * taper[k] if right.segment == node.segment else 0
        y, z = v * (left.path - node.path), w * (right.path - node.path)
        s += v + w
        x_sum += k * (w - v)
        y_sum += y + z
        xx += k * k * (v + w)
        xy += k * (z - y)
    if not s > 0:
        return node.path
    x_mean, y_mean = x_sum / s, y_sum / s
    slope = (xy / s - x_mean * y_mean) / (xx / s - x_mean * x_mean + 1e-9)
    value = node.path + y_mean - slope * x_mean
    if not tones:
        return value
    # turning back by the slope: one sine and cosine, then a rotation each
    c, d = 1, 0
    c_step, d_step = cos(TURN * slope), sin(TURN * slope)
    re, im = taper[0] * node.re, taper[0] * node.im
    for k in range(1, reach + 1):
        left, right = node - k, node + k
        v = taper[-k] if left.segment == node.segment else 0
        w = taper[k] if right.segment == node.segment else 0
        c_next = c * c_step - d * d_step
        d = c * d_step + d * c_step
        c = c_next
        re += c * (v * left.re + w * right.re) + d * (w * right.im - v * left.im)
        im += c * (v * left.im + w * right.im) + d * (v * left.re - w * right.re)
    y = atan2(im, re) / TURN - value
    return value + y - floor(y + 0.5)


cdef class Lines:
    """Lay lines through a path that comes bit by bit.

    Parameters
    ----------
    taper : (2 * reach + 1,) float64
    furthest : a move from node to node beyond which the path has jumped
    states : of a circle, on which the path is then given; the lines' values are in cycles. Default: no circle
    bend : a move over two nodes, beyond what the path moved before, that is a jump too: by way of a node that lies
        between, such as one with both of two bursts in it. Default: none is

    Raises
    ------
    ValueError : a taper of even length; a bend on a circle, or with a reach below 3
    """
    cdef radome_queue _nodes, _tones
    cdef const double[::1] _taper
    cdef Py_ssize_t _reach
    cdef double _furthest, _states, _bend, _last
    cdef long long _segment
    cdef bint _begun

    def __cinit__(self, const double[::1] taper not None, double furthest, Py_ssize_t states=0,
                  double bend=0):
        if taper.shape[0] % 2 == 0:
            raise ValueError(f"a taper of odd length expected, got {taper.shape[0]}")
        if bend > 0 and (states > 0 or taper.shape[0] < 7):
            raise ValueError(f"a bend goes with no circle and a taper of 7 or more, got {states}, {taper.shape[0]}")
        self._bend = bend
        self._taper, self._reach = np.array(taper), taper.shape[0] // 2
        self._furthest, self._states = furthest, states
        if not self._add(&self._nodes, self._reach * sizeof(_Node)):
            raise MemoryError

    def __dealloc__(self):
        free(self._nodes.bytes)
        free(self._tones.bytes)

    cdef void* _add(self, radome_queue* queue, Py_ssize_t size) noexcept nogil:
        cdef void* more = radome_push(queue, size)
        if more:
            memset(more, 0, size)
        return more

    cdef void _take(self, _Node* node, double value) noexcept nogil:
        cdef double move = value - self._last, drift
        if self._states > 0:
            move -= self._states * floor(move / self._states + 0.5)
            value = self._last + move
        if self._begun and fabs(move) > self._furthest:
            self._segment += 1
        elif self._bend > 0 and (node - 6).segment == (node - 1).segment == self._segment + 1:
            drift = ((node - 3).path - (node - 6).path) / 3
            if fabs(value - (node - 2).path - 2 * drift) > self._bend:
                self._segment += 1
                # the node between is the nearer side's
                if fabs(move) < fabs((node - 1).path - (node - 2).path):
                    (node - 1).segment = self._segment + 1
        self._begun = True
        self._last = value
        # the nodes of no weight before the first are a segment of their own
        node.segment = self._segment + 1
        node.path = value / self._states if self._states > 0 else value

    def process(self, path, const double[::1] weight=None, const float complex[::1] tone=None):
        """Take more nodes.

        Parameters
        ----------
        path : (n,)
        weight : (n,) float64, 0 or more; default: the tones' magnitude, or 1 without tones
        tone : (m,) complex64, of nodes in turn, which the path may reach later; without a weight only

        Returns
        -------
        value : (made,) float64, of the lines at the nodes that have `reach` nodes behind them by now, with a bend one
            more
        jumped : (made,) bool, from the node before to this one
        weight : (made,) float64

        Raises
        ------
        ValueError : weights or tones that do not go with the path
        """
        cdef const double[::1] nodes = np.ascontiguousarray(path, np.float64)
        cdef Py_ssize_t n = nodes.shape[0], i, made, reach = self._reach
        cdef _Node* node
        cdef float* tones = NULL
        cdef double[::1] out, out_weight
        cdef unsigned char[::1] out_jumped
        if weight is not None and (weight.shape[0] != n or tone is not None):
            raise ValueError(f"{n} weights and no tones expected, got {weight.shape[0]}")
        if tone is not None:
            tones = <float*>self._add(&self._tones, tone.shape[0] * 8)
            if not tones:
                raise MemoryError
            for i in range(tone.shape[0]):
                tones[2 * i], tones[2 * i + 1] = tone[i].real, tone[i].imag
            if self._tones.stop - self._tones.first < 8 * n:
                raise ValueError(f"tones of {n} nodes expected, got fewer")
            tones = <float*>radome_items(&self._tones)
        node = <_Node*>self._add(&self._nodes, n * sizeof(_Node))
        if not node:
            raise MemoryError
        for i in range(n):
            self._take(node + i, nodes[i])
            node[i].weight = weight[i] if weight is not None else 1
            if tones:
                node[i].re, node[i].im = tones[2 * i], tones[2 * i + 1]
                node[i].weight = sqrt(node[i].re * node[i].re + node[i].im * node[i].im)
                if not node[i].weight < 1e300:
                    # what is no number says nothing
                    node[i].re = node[i].im = node[i].weight = 0
        if tones:
            radome_drop(&self._tones, 8 * n)
        made = max(0, <Py_ssize_t>((self._nodes.stop - self._nodes.first) // sizeof(_Node)) - 2 * reach
                   - (self._bend > 0))
        value, jumped, kept = np.empty(made), np.empty(made, np.bool_), np.empty(made)
        if made:
            out, out_jumped, out_weight = value, jumped.view(np.uint8), kept
            node = <_Node*>radome_items(&self._nodes) + reach
            with nogil:
                for i in range(made):
                    out[i] = _fit(node + i, &self._taper[0], reach, tones != NULL)
                    # the first node of all has none before it
                    out_jumped[i] = node[i - 1].segment != node[i].segment if reach and node[i - 1].segment else 0
                    out_weight[i] = node[i].weight
                radome_drop(&self._nodes, made * sizeof(_Node))
        return value, jumped, kept
