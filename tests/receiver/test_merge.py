from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.merge import Merger
from receiver.stage import Clock, Frame

CLOCK = Clock(48000.0)


def frame(payload: bytes, position: float, length: float = 100.0, **fields: object) -> Frame:
    return Frame(payload, position, length, CLOCK, "test", **fields)  # type: ignore[arg-type]


def test_waits_until_every_chain_has_passed() -> None:
    merger = Merger(2, tolerance=10)
    merger.add(0, frame(b"a", 0))
    assert merger.advance(0, 1000) == []
    assert merger.advance(1, 109) == []
    assert [f.payload for _, f in merger.advance(1, 110)] == [b"a"]
    assert merger.close() == []


def test_a_chain_that_begins_again_is_waited_for() -> None:
    merger = Merger(2)
    merger.begin(1, math.inf)
    merger.add(0, frame(b"a", 0))
    assert [f.payload for _, f in merger.advance(0, 100)] == [b"a"]
    merger.begin(1, 100)
    merger.add(0, frame(b"b", 100))
    assert merger.advance(0, 1000) == []
    merger.add(1, frame(b"c", 50))
    assert [f.payload for _, f in merger.advance(1, math.inf)] == [b"c", b"b"]


def test_keeps_the_better_copy() -> None:
    for better, worse in [
        ({"crc_ok": True}, {"crc_ok": None, "ebn0_db": 20.0}),
        ({"crc_ok": None}, {"crc_ok": False, "ebn0_db": 20.0}),
        ({"ebn0_db": 7.0}, {"ebn0_db": 6.0}),
        ({"ebn0_db": 7.0}, {}),
    ]:
        for order in (0, 1):
            merger = Merger(2, tolerance=10)
            merger.add(order, frame(b"a", 3, **better))
            merger.add(1 - order, frame(b"a", 0, **worse))
            assert merger.close() == [(order, frame(b"a", 3, **better))]
            assert merger.duplicates == 1


def test_equal_copies_keep_the_first_chain() -> None:
    merger = Merger(3, tolerance=10)
    for chain in (2, 0, 1):
        merger.add(chain, frame(b"a", 0))
    assert merger.close() == [(0, frame(b"a", 0))]


def test_a_slower_copy_that_ends_later_is_dropped() -> None:
    merger = Merger(2, tolerance=10)
    merger.add(0, frame(b"a", 0, 100))
    merger.advance(1, 500)
    assert len(merger.advance(0, 500)) == 1
    merger.add(1, frame(b"a", 20, 800))
    assert merger.close() == []
    assert merger.duplicates == 1


def test_repeated_beacon_is_kept() -> None:
    merger = Merger(2, tolerance=10)
    for start in (0, 99.5, 199.8):  # back to back, with some error of timing
        for chain in (0, 1):
            merger.add(chain, frame(b"a", start + chain))
    assert [f.position for _, f in merger.close()] == [0, 99.5, 199.8]


def test_other_payload_or_satellite_is_kept() -> None:
    merger = Merger(3, tolerance=10, satellites=[1, 1, 2])
    merger.add(0, frame(b"a", 0))
    merger.add(1, frame(b"b", 0))
    merger.add(2, frame(b"a", 0))
    assert [chain for chain, _ in merger.close()] == [0, 1, 2]


def test_memory_is_bounded() -> None:
    merger = Merger(1)
    for i in range(3000):
        merger.add(0, frame(b"%d" % i, 100.0 * i))
        assert len(merger.advance(0, 100.0 * (i + 1))) == 1
    assert len(merger._given) == 1000 == len(merger._given_of)
    assert not merger._copies


frames = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 400), st.integers(1, 120), st.sampled_from([b"a", b"b"]), st.booleans()
    ),
    max_size=30,
)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(frames, st.lists(st.tuples(st.integers(0, 2), st.integers(1, 60)), max_size=60))
def test_order_does_not_depend_on_the_pace_of_the_chains(
    made: list[tuple[int, int, int, bytes, bool]], steps: list[tuple[int, int]]
) -> None:
    chains: list[list[Frame]] = [[], [], []]
    for chain, position, length, payload, crc_ok in made:
        chains[chain].append(frame(payload, position, length, crc_ok=crc_ok))
    for chain in chains:
        chain.sort(key=lambda f: f.end)
    at_once = Merger(3, tolerance=15)
    for i, chain in enumerate(chains):
        for f in chain:
            at_once.add(i, f)
    expected = at_once.close()

    merger, out, passed, next_of = Merger(3, tolerance=15), [], [0, 0, 0], [0, 0, 0]
    for i, step in steps:
        passed[i] += step
        while next_of[i] < len(chains[i]) and chains[i][next_of[i]].end <= passed[i]:
            merger.add(i, chains[i][next_of[i]])
            next_of[i] += 1
        out += merger.advance(i, passed[i])
    for i, chain in enumerate(chains):
        for f in chain[next_of[i] :]:
            merger.add(i, f)
        out += merger.advance(i, float("inf"))
    assert out == expected == [*expected, *merger.close()]
    assert all(one.end <= other.end + 15 for (_, one), (_, other) in pairwise(out))
    assert len(out) + merger.duplicates == len(made)
