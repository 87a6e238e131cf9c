"""A declared framing to channel bits: what `flowgraphs/framings/` says, from the transmitter's side.

    payload -> steps, last first -> sync word before it -> line code

The tables are the receiver's; what the names in them mean is written down here once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import FlowgraphError
from .bits import Bits, MultiplicativeScrambler, msb_first, nrz_m, nrzi
from .codes import Convolutional, ccsds_reed_solomon

CRCS = {
    "CRC-8/SMBUS": (8, 0x07, 0, False, 0),
    "CRC-8/MAXIM-DOW": (8, 0x31, 0, True, 0),
    "CRC-16/ARC": (16, 0x8005, 0, True, 0),
    "CRC-16/CMS": (16, 0x8005, 0xFFFF, False, 0),
    "CRC-16/GENIBUS": (16, 0x1021, 0xFFFF, False, 0xFFFF),
    "CRC-16/IBM-3740": (16, 0x1021, 0xFFFF, False, 0),
    "CRC-16/IBM-SDLC": (16, 0x1021, 0xFFFF, True, 0xFFFF),
    "CRC-16/KERMIT": (16, 0x1021, 0, True, 0),
    "CRC-16/MODBUS": (16, 0x8005, 0xFFFF, True, 0),
    "CRC-16/SPI-FUJITSU": (16, 0x1021, 0x1D0F, False, 0),
    "CRC-16/USB": (16, 0x8005, 0xFFFF, True, 0xFFFF),
    "CRC-16/XMODEM": (16, 0x1021, 0, False, 0),
    "CRC-24/OPENPGP": (24, 0x864CFB, 0xB704CE, False, 0),
    "CRC-32/BZIP2": (32, 0x04C11DB7, 0xFFFFFFFF, False, 0xFFFFFFFF),
    "CRC-32/ISCSI": (32, 0x1EDC6F41, 0xFFFFFFFF, True, 0xFFFFFFFF),
    "CRC-32/ISO-HDLC": (32, 0x04C11DB7, 0xFFFFFFFF, True, 0xFFFFFFFF),
    "CRC-32/MPEG-2": (32, 0x04C11DB7, 0xFFFFFFFF, False, 0),
}
"""Width, polynomial, initial register, reflected, final sum (the catalogue at reveng.sourceforge.io)."""


def crc(data: bytes, width: int, polynomial: int, initial: int, reflected: bool, final: int) -> int:
    """Checksum bit by bit, in the Rocksoft model."""
    register = initial
    for byte in data:
        bits = range(8) if reflected else range(7, -1, -1)
        for i in bits:
            out = register >> (width - 1) & 1 ^ byte >> i & 1
            register = (register << 1 & (1 << width) - 1) ^ (polynomial if out else 0)
    if reflected:
        register = int(f"{register:0{width}b}"[::-1], 2)
    return register ^ final


def bits_of(text: str) -> Bits:
    """Bits that a sync word's text writes."""
    digits = text.replace(" ", "").replace("_", "")
    plain = digits[2:] if digits.startswith("0b") else "".join(f"{int(d, 16):04b}" for d in digits)
    return np.array([int(bit) for bit in plain], np.uint8)


def _register(taps: list[int], first: str, n: int) -> Bits:
    sequence = [int(bit) for bit in first]
    while len(sequence) < n:
        sequence.append(sum(sequence[len(sequence) - tap] for tap in taps) % 2)
    return np.array(sequence[:n], np.uint8)


# -- The steps: what the receiver undoes, done. Each takes and gives bits. --------------------------------------------


def _whitening(bits: Bits, step: dict[str, Any]) -> Bits:
    named = {
        "PN9": ([9, 4], "1" * 9, True),
        "Si4463": ([9, 4], "100001111", False),
        "CCSDS": ([8, 5, 3, 1], "1" * 8, False),
    }
    own = (step.get("taps", []), step.get("seed", ""), step.get("lsb_first", False))
    taps, first, lsb_first = named.get(step.get("sequence", ""), own)
    start = 8 * step.get("start", 0)
    sequence = _register(taps, first, -(-(len(bits) - start) // 8) * 8)
    if lsb_first:
        sequence = np.packbits(sequence, bitorder="little")
        sequence = np.unpackbits(sequence)
    return np.concatenate([bits[:start], bits[start:] ^ sequence[: len(bits) - start]])


def _reflect(bits: Bits, step: dict[str, Any]) -> Bits:
    return np.unpackbits(np.packbits(bits), bitorder="little")


def _crc(bits: Bits, step: dict[str, Any]) -> Bits:
    own = (step.get("width"), step.get("polynomial"), step.get("initial", 0))
    rule = CRCS[step["name"]] if "name" in step else (*own, step.get("reflected", False), step.get("final", 0))
    data = np.packbits(bits).tobytes()
    value = crc(data[step.get("start", 0) :], *rule)
    order = "little" if step.get("little_endian") else "big"
    return np.concatenate([bits, msb_first(value.to_bytes(rule[0] // 8, order))])


def _rs(bits: Bits, step: dict[str, Any]) -> Bits:
    if {"parity", "polynomial", "first", "step"} & set(step):
        raise FlowgraphError("Reed-Solomon codes other than that of CCSDS cannot be synthesised")
    data = np.packbits(bits).tobytes()
    return msb_first(ccsds_reed_solomon(data, step.get("interleaving", 1), step.get("basis", "dual") == "dual"))


def _convolutional(bits: Bits, step: dict[str, Any]) -> Bits:
    tail = np.zeros(6 if step.get("terminated") else 0, np.uint8)
    return Convolutional(step.get("code", "CCSDS"))(np.concatenate([bits, tail]))


def _interleave(bits: Bits, step: dict[str, Any]) -> Bits:
    rows, unit = step.get("rows", 1), step.get("unit", 1)
    columns = len(bits) // (rows * unit) if step.get("whole") else step.get("columns", 1)
    if len(bits) % (rows * columns * unit):
        raise ValueError(f"{len(bits)} bits do not fill matrices of {rows} by {columns}")
    return bits.reshape(-1, rows, columns, unit).swapaxes(1, 2).ravel()


def _invert(bits: Bits, step: dict[str, Any]) -> Bits:
    return bits ^ np.resize(bits_of("0b" + step.get("pattern", "1")), len(bits))


def _strip(bits: Bits, step: dict[str, Any]) -> Bits:
    head, tail = (np.zeros(8 * step.get(end, 0), np.uint8) for end in ("head", "tail"))
    return np.concatenate([head, bits, tail])


_STEPS: dict[str, Callable[[Bits, dict[str, Any]], Bits]] = {
    "whitening": _whitening,
    "reflect": _reflect,
    "crc": _crc,
    "rs": _rs,
    "convolutional": _convolutional,
    "deinterleave": _interleave,
    "invert": _invert,
    "strip": _strip,
    "length": lambda bits, step: bits,
}


@dataclass
class Coder:
    """From a payload to what lies behind the sync word."""

    steps: list[dict[str, Any]]
    size: int
    """Bytes behind the sync word, at most; exactly where no length is sent."""
    _uses: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._uses = [str(step["use"]).removeprefix("coding.") for step in self.steps]
        for use in self._uses:
            if use not in _STEPS:
                raise FlowgraphError(f"step {use!r} cannot be synthesised; there are: {', '.join(_STEPS)}")

    @property
    def sized(self) -> bool:
        """Whether a length is sent."""
        return "length" in self._uses

    def __call__(self, payload: bytes) -> tuple[bytes, Bits]:
        """Code a payload; gives it as it was sent, for a field of its own may say its length, and the bits."""
        bits, sent, told = msb_first(payload), payload, not self.sized
        place = self._uses.index("length") if self.sized else -1
        for i in range(len(self.steps) - 1, -1, -1):
            if not told and (self._uses[i] in ("crc", "rs") or i == place):
                rest = bits
                for j in range(i, place, -1):
                    rest = _STEPS[self._uses[j]](rest, self.steps[j])
                bits, told = self._told(bits, len(rest) // 8, self.steps[place]), True
                if len(bits) == 8 * len(sent):
                    sent = np.packbits(bits).tobytes()
            bits = _STEPS[self._uses[i]](bits, self.steps[i])
        if len(bits) > 8 * self.size or (not self.sized and len(bits) != 8 * self.size):
            raise ValueError(f"{len(payload)} bytes become {len(bits) / 8:g}, but {self.size} are sent")
        return sent, bits

    @staticmethod
    def _told(bits: Bits, whole: int, step: dict[str, Any]) -> Bits:
        """Put the length into its field."""
        at, width = step.get("at", 0), step.get("bytes", 1)
        mask = step.get("mask", (1 << 8 * width) - 1)
        value, over = divmod(whole - step.get("add", 0), step.get("unit", 1))
        order = "little" if step.get("little_endian") else "big"
        data = bytearray(np.packbits(bits).tobytes())
        shift = (mask & -mask).bit_length() - 1
        only = step.get("only")
        if over or value < step.get("least", 0) or value << shift & ~mask or (only is not None and value not in only):
            raise ValueError(f"a frame of {whole} bytes cannot be told")
        old = int.from_bytes(data[at : at + width], order) & ~mask
        data[at : at + width] = (old | value << shift).to_bytes(width, order)
        return msb_first(bytes(data))

    def payload_size(self) -> int | None:
        """Bytes of a payload where frames have one length, else None."""
        if self.sized:
            return None
        for n in range(1, self.size + 1):
            try:
                self(bytes(n))
            except ValueError:
                continue
            return n
        raise FlowgraphError("no payload fits into this framing")


def line_code(names: list[str]) -> Callable[[Bits], Bits]:
    """What a transmitter does to its bits last, given what a receiver undoes first."""
    makers: dict[str, Callable[[], Callable[[Bits], Bits]]] = {
        "g3ruh": MultiplicativeScrambler,
        "nrz-i": lambda: _Levels(nrzi),
        "nrz-s": lambda: _Levels(nrzi),
        "nrz-m": lambda: _Levels(nrz_m),
    }
    made = [makers[name]() for name in reversed(names)]

    def coded(bits: Bits) -> Bits:
        for step in made:
            bits = step(bits)
        return bits

    return coded


class _Levels:
    """A differential line code that remembers its level."""

    def __init__(self, code: Callable[[Bits, int], Bits]) -> None:
        self._code, self._level = code, 0

    def __call__(self, bits: Bits) -> Bits:
        levels = self._code(bits, self._level)
        if len(levels):
            self._level = int(levels[-1])
        return levels
