"""Peaks, row ends, chips and soft values against plain numpy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dsp_ext.psk import Ends, Peaks, Pieces, SoftChips, around, between, chips, phase_scores


def test_peaks_are_refined_when_the_path_is_known(rng: np.random.Generator):
    true = rng.uniform(-3, 3, 30)
    amplitude = 10 - (np.arange(-5, 6) - true[:, None]) ** 2 / 10
    score, centre = (amplitude**2).astype(np.float32), np.arange(30.0) * 16
    path = np.rint(true).astype(np.int64) + 5
    peaks = Peaks(11)
    made = [
        peaks.process(score[a:b], centre[a:b], path[c:d])
        for a, b, c, d in [(0, 9, 0, 0), (9, 30, 0, 8), (30, 30, 8, 30)]
    ]
    place, power = (np.concatenate(parts) for parts in zip(*made, strict=True))
    assert np.allclose(place, centre + true, atol=1e-3)
    assert np.allclose(power, score[np.arange(30), path])
    place, power = Peaks(3).process(np.full((1, 3), np.nan, np.float32), np.zeros(1), np.array([2]))
    assert place == 0
    assert power == 0
    with pytest.raises(ValueError, match="no more rows"):
        peaks.process(score[:1], centre[:1], path[:2])
    with pytest.raises(ValueError, match="rows of 11"):
        peaks.process(score[:, 1:].copy(), centre, path[:0])
    with pytest.raises(ValueError, match="3 or more"):
        Peaks(2)


@pytest.mark.parametrize(("power", "low", "high"), [((1.0, 2.0), 9, 9), ((2.0, 1.0), 11, 11)])
def test_the_stronger_side_of_a_jump_has_two_rows(power, low, high):
    """Nodes 0 to 9 at 1 Hz, from 10 on at 5: rows of nodes 9 to 10 and of the one beside are of the stronger side."""
    before = np.arange(20) < 10
    line = np.where(before, 1.0, 5.0) + 0.01 * np.arange(20)
    weight = np.where(before, *power)
    jumped = (np.arange(20) == 10).astype(np.uint8)
    rows = Ends().process(line, jumped, weight)
    expected = np.stack([line[:-1], line[1:]], axis=1)[:17]
    if power[0] < power[1]:
        expected[8:10] = line[10]
    else:
        expected[9:11] = line[9]
    assert np.allclose(rows[: len(expected)], expected)
    parts = Ends()
    cut = [parts.process(line[i : i + 3], jumped[i : i + 3], weight[i : i + 3]) for i in range(0, 20, 3)]
    assert np.array_equal(np.concatenate(cut), rows)
    with pytest.raises(ValueError, match="20 jumps"):
        Ends().process(line, jumped[1:], weight)


def test_scores_around_a_centre():
    score = np.arange(12, dtype=np.float32).reshape(2, 6)
    assert around(score, np.array([0, 4]), 2, 2.0).tolist() == [[0, 0, 0, 2, 4], [16, 18, 20, 22, 22]]
    with pytest.raises(ValueError, match="3 rows"):
        around(score, np.zeros(3, np.int64), 1, 1.0)


def test_scores_between_cells(rng: np.random.Generator):
    cells = rng.normal(size=(3, 5)).astype(np.float32)
    score = rng.normal(size=(3, 9)).astype(np.float32)
    place = np.linspace(0.25, 4, 9)
    expected = [row + np.interp(place, np.arange(5), each) for row, each in zip(score, cells, strict=True)]
    assert np.allclose(between(cells, score, place), expected, atol=1e-6)
    with pytest.raises(ValueError, match="3 rows of 9"):
        between(cells, score[:, 1:].copy(), place)
    with pytest.raises(ValueError, match="rise from 0 to 4"):
        between(cells, score, place + 0.1)


def test_pieces(rng: np.random.Generator):
    hop, per_chip, n = 32.0, 4.7, 9
    ends = rng.uniform(-0.02, 0.02, n + 1)
    frequency = np.stack([ends[:-1], ends[1:]], axis=1)
    nodes = np.ceil(np.arange(n) * hop * per_chip).astype(int)
    given, start, edges, pieces = Pieces(hop, per_chip, 9).process(frequency)
    assert np.array_equal(given, frequency[:-1])
    assert start == -9
    assert (start + edges).tolist() == [-9, *nodes, nodes[-1] + 9]
    # the phase goes on from piece to piece
    k = np.diff(edges)
    after = pieces[0] + pieces[1] * k + pieces[2] * k**2 / 2
    assert np.allclose(np.cos(2 * np.pi * (after[:-1] - pieces[0, 1:])), 1, atol=1e-2)
    # a row is given when the next is known, and however they come, its piece is the same, as is the one before it
    cut = Pieces(hop, per_chip, 9)
    rows = 0
    for new, most in [(1, 9), (3, 9), (0, 9), (4, 2), (0, 9), (1, 0), (0, 9)]:
        row = rows
        given, begin, some, parts = cut.process(frequency[:new], most)
        frequency, rows = frequency[new:], row + len(given)
        if len(given):
            assert np.array_equal(begin + some[:-1], start + edges[row : rows + 2])
            assert some[-1] == some[-2] + 9
            assert np.array_equal(parts, pieces[:, row : rows + 2])
    assert rows == n - 1
    with pytest.raises(ValueError, match="two frequencies"):
        cut.process(np.zeros((2, 3)))


def test_chips(rng: np.random.Generator):
    node, hop, per_chip, n = 640.0, 32.0, 4.7, 6
    delay = np.cumsum(rng.uniform(-0.2, 0.2, n + 1)) + 0.3
    ends = rng.uniform(-0.02, 0.02, n + 1)
    frequency = np.stack([ends[:-1], ends[1:]], axis=1)
    first, instants, carriers = chips(frequency, delay, node, hop, per_chip)
    nodes = node + np.arange(n + 1) * hop
    number = np.arange(np.ceil(node - delay[0]), np.ceil(nodes[-1] - delay[-1]))
    assert first == number[0]
    assert np.allclose(instants, np.interp(number, nodes - delay, nodes) * per_chip)
    assert np.allclose(carriers, np.interp(instants / per_chip, nodes, ends))
    # the same chips of each row by itself
    rows = [chips(frequency[i : i + 1], delay[i : i + 2], nodes[i], hop, per_chip) for i in range(n)]
    assert np.array_equal(np.concatenate([row[1] for row in rows]), instants)
    with pytest.raises(ValueError, match="a delay more"):
        chips(frequency, delay[1:], node, hop, per_chip)


def test_soft_chips(rng: np.random.Generator):
    """Chips of level 3 on a turning axis come out as +-1, each with its instant."""
    n = 3000
    turns = 0.001 * np.arange(n) + 0.2
    sent = rng.choice([-1.0, 1.0], n)
    y = (3 * sent * np.exp(2j * np.pi * turns)).astype(np.complex64)
    instants, carriers = np.arange(n) * 5.0, rng.standard_normal(n)

    def run(cuts):
        soft, made = SoftChips(16, 16, np.hanning(19)[1:-1]), []
        for a, b in pairwise(cuts):
            square, power = soft.append(y[a:b], instants[a:b], carriers[a:b])
            assert np.allclose(np.abs(square), power, rtol=0.02)
            groups = (np.arange(len(square)) + a // 16) * 16 + 7.5
            made.append(soft.process(0.001 * groups + 0.2))
        return [np.concatenate(parts) for parts in zip(*made, strict=True)]

    soft, at, carrier = run([0, n])
    assert len(soft) > n - 200
    assert np.allclose(soft[150:], sent[150 : len(soft)], atol=1e-3)
    assert np.array_equal(at, instants[: len(at)])
    assert np.array_equal(carrier, carriers[: len(at)])
    for cuts in ([0, 1, 5, 5, 700, 1999, n], list(range(0, n + 1, 10))):
        for found, expected in zip(run(cuts), (soft, at, carrier), strict=True):
            assert np.allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_soft_chips_of_four_phases(rng: np.random.Generator):
    n, turn = 2000, 0.0005
    sent = rng.choice([-1.0, 1.0], (n, 2))
    y = ((sent[:, 0] + 1j * sent[:, 1]) * 3 * np.exp(2j * np.pi * turn * np.arange(n))).astype(np.complex64)
    soft = SoftChips(16, 16, np.hanning(19)[1:-1], order=4)
    line, power = soft.append(y, np.arange(n) * 5.0, np.zeros(n))
    groups = np.arange(len(line)) * 16 + 7.5
    assert np.allclose(power, 18 * 16)
    assert np.allclose(line, power * np.exp(8j * np.pi * turn * groups), rtol=0.01)
    found, at, _ = soft.process(turn * groups)
    assert len(found) == 2 * len(at)
    assert np.allclose(found[300:], sent.ravel()[300 : len(found)], atol=1e-3)
    with pytest.raises(ValueError, match="2 or 4 phases"):
        SoftChips(16, 16, np.ones(3), 8)


def test_soft_chips_that_do_not_fit():
    soft = SoftChips(16, 16, np.ones(3))
    with pytest.raises(ValueError, match="no more groups"):
        soft.process(np.zeros(1))
    with pytest.raises(ValueError, match="2 instants"):
        soft.append(np.zeros(2, np.complex64), np.zeros(1), np.zeros(2))
    with pytest.raises(ValueError, match="odd length"):
        SoftChips(16, 16, np.ones(2))


def test_phase_scores():
    tone = np.exp(2j * np.pi * np.array([0, 0.25, 0.7])).astype(np.complex64)
    gain = np.array([1, 2, 3], np.float32)
    expected = gain[:, None] * np.cos(2 * np.pi * (np.array([0, 0.25, 0.7])[:, None] - np.arange(16) / 16))
    assert np.allclose(phase_scores(tone, gain, 16), expected, atol=1e-5)
    with pytest.raises(ValueError, match="3 gains"):
        phase_scores(tone, gain[1:], 16)
