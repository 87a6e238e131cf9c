from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp_ext.reedsolomon import FROM_DUAL, TO_DUAL, ReedSolomon
from tests import reference

CODES = {
    "CCSDS E=16": ((32, 0x187, 112, 11), 255),
    "CCSDS E=8": ((16, 0x187, 120, 11), 255),
    "shortened": ((32, 0x187, 112, 11), 49),
    "DVB": ((16, 0x11D, 0, 1), 204),
    "FX.25 64": ((64, 0x11D, 1, 1), 255),
    "odd": ((7, 0x187, 1, 1), 40),
}


def word_of(name: str, seed: int) -> tuple[ReedSolomon, np.ndarray]:
    parameters, n = CODES[name]
    data = np.random.default_rng(seed).integers(0, 256, n - parameters[0], np.uint8)
    parity = reference.rs_parity(data, parameters[0], parameters[2], parameters[3], parameters[1])
    return ReedSolomon(*parameters), np.concatenate([data, parity])


@pytest.mark.parametrize("name", CODES)
def test_encodes_as_long_division_does(name: str) -> None:
    code, word = word_of(name, 1)
    assert (code.encode(word[: -code.parity]) == word[-code.parity :]).all()
    assert (code.encode(b"") == 0).all()


@pytest.mark.parametrize("name", CODES)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1 << 30), data=st.data())
def test_corrects_errors_and_erasures_up_to_the_bound(name: str, seed: int, data: st.DataObject) -> None:
    code, word = word_of(name, seed)
    erasures = data.draw(st.integers(0, code.parity))
    errors = data.draw(st.integers(0, (code.parity - erasures) // 2))
    rng = np.random.default_rng(seed)
    places = rng.choice(len(word), erasures + errors, replace=False)
    received = word.copy()
    # an erased byte may be right by chance
    received[places[:erasures]] ^= rng.integers(0, 256, erasures).astype(np.uint8)
    received[places[erasures:]] ^= rng.integers(1, 256, errors).astype(np.uint8)
    changed = int((received != word).sum())
    assert code.decode(received, places[:erasures].tolist()) == changed
    assert (received == word).all()


def test_beyond_the_bound_it_fails_and_leaves_the_word() -> None:
    code, word = word_of("CCSDS E=16", 5)
    rng = np.random.default_rng(5)
    for errors, erasures in [(17, 0), (20, 0), (100, 0), (13, 8), (0, 33)]:
        received = word.copy()
        places = rng.choice(255, errors + erasures, replace=False)
        received[places] ^= rng.integers(1, 256, len(places)).astype(np.uint8)
        before = received.copy()
        assert code.decode(received, places[errors:].tolist()) == -1
        assert (received == before).all()


def test_a_miscorrection_is_a_code_word() -> None:
    # two parity bytes correct one error, so many random words are near one; each result must be a code word
    code = ReedSolomon(2)
    rng = np.random.default_rng(6)
    corrected = 0
    for _ in range(300):
        word = rng.integers(0, 256, 200, np.uint8)
        if code.decode(word) >= 0:
            corrected += 1
            assert (code.encode(word[:-2]) == word[-2:]).all()
    assert 150 < corrected < 300


def test_dual_basis_of_the_standard() -> None:
    every = np.arange(256, dtype=np.uint8)
    assert (reference.to_dual(every) == TO_DUAL).all()
    assert (FROM_DUAL[TO_DUAL] == every).all()


def test_refuses_what_is_no_code_or_word() -> None:
    for arguments, message in [
        ((1,), "2 to 64"),
        ((32, 0x101), "not primitive"),
        ((32, 0x87), "degree 8"),
        ((32, 0x187, 112, 15), "prime to 255"),
    ]:
        with pytest.raises(ValueError, match=message):
            ReedSolomon(*arguments)
    code = ReedSolomon(32)
    for n in (0, 32, 256):
        with pytest.raises(ValueError, match=f"33 to 255 bytes, got {n}"):
            code.decode(np.zeros(n, np.uint8))
    with pytest.raises(ValueError, match="outside"):
        code.decode(np.zeros(40, np.uint8), [40])
    with pytest.raises(ValueError, match="twice"):
        code.decode(np.zeros(40, np.uint8), [1, 1])
    with pytest.raises(ValueError, match="up to 223"):
        code.encode(bytes(224))
