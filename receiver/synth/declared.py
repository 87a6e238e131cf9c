"""A declared framing to channel bits: what `flowgraphs/framings/` says, from the transmitter's side.

    payload -> steps, last first -> sync word before it -> line code

The tables are the receiver's; what the names in them mean is written down here once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..errors import FlowgraphError
from .bits import Bits, MultiplicativeScrambler, msb_first, nrz_m, nrzi
from .catalogue import CRCS
from .codes import (
    Convolutional,
    bch_generator,
    ccsds_reed_solomon,
    dual_basis,
    golay24,
    remainder,
    repeat_accumulate,
    symbol_reed_solomon,
)


def crc(data: bytes, width: int, polynomial: int, initial: int, reflected: bool, final: int) -> int:
    """Checksum bit by bit, in the Rocksoft model."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little" if reflected else "big")
    register = _register_behind(bits, width, polynomial, initial)
    return (_turned(register, width) if reflected else register) ^ final


def _register_behind(bits: Bits, width: int, polynomial: int, initial: int) -> int:
    register = initial
    for bit in bits.tolist():
        out = register >> (width - 1) ^ bit
        register = (register << 1 & (1 << width) - 1) ^ (polynomial if out else 0)
    return register


def _turned(value: int, width: int) -> int:
    return int(f"{value:0{width}b}"[::-1], 2)


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


def _order(step: dict[str, Any]) -> Literal["little", "big"]:
    return "little" if step.get("little_endian") else "big"


# -- The steps: what the receiver undoes, done. Each takes and gives bits. --------------------------------------------


def _whitening(bits: Bits, step: dict[str, Any]) -> Bits:
    named = {
        "PN9": ([9, 4], "1" * 9, True),
        "Si4463": ([9, 4], "100001111", False),
        "CCSDS": ([8, 5, 3, 1], "1" * 8, False),
        "CCSDS long": ([17, 3], "00011100011100011", False),
    }
    own = (step.get("taps", []), step.get("seed", ""), step.get("lsb_first", False))
    taps, first, lsb_first = named.get(step.get("sequence", ""), own)
    start = 8 * step.get("start", 0)
    if "hex" in step:
        sequence = msb_first(bytes.fromhex(step["hex"]))
        return np.concatenate([bits[:start], bits[start:] ^ sequence[: len(bits) - start]])
    sequence = _register(taps, first, -(-(len(bits) - start) // 8) * 8)
    if lsb_first:
        sequence = np.packbits(sequence, bitorder="little")
        sequence = np.unpackbits(sequence)
    return np.concatenate([bits[:start], bits[start:] ^ sequence[: len(bits) - start]])


def _scramble(bits: Bits, step: dict[str, Any]) -> Bits:
    """Self-synchronising scrambler over the first bits of each byte."""
    sent: Bits = bits.copy()
    register = [int(bit) for bit in step.get("seed", "0" * max(step["taps"]))]
    for i in range(8 * step.get("start", 0), len(bits)):
        if i % 8 < step.get("per_byte", 8):
            sent[i] ^= sum(register[-tap] for tap in step["taps"]) % 2
            register.append(int(sent[i]))
    return sent


def _reflect(bits: Bits, step: dict[str, Any]) -> Bits:
    start = 8 * step.get("start", 0)
    return np.concatenate([bits[:start], np.unpackbits(np.packbits(bits[start:]), bitorder="little")])


def _crc(bits: Bits, step: dict[str, Any]) -> Bits:
    own = (step.get("width", 0), step.get("polynomial", 0), step.get("initial", 0))
    rule = CRCS[step["name"]] if "name" in step else (*own, step.get("reflected", False), step.get("final", 0))
    if step.get("packed"):
        return _packed_crc(bits, step, rule)
    data = np.packbits(bits).tobytes()
    original = data
    at, start, stop, size = step.get("at"), step.get("start", 0), step.get("stop"), -(-rule[0] // 8)
    if step.get("keep"):
        data = data[:-size]
    if stop is not None:
        place = len(data) if at is None else at
        if not step.get("keep") or at is None:
            original = data[:place] + bytes(size) + data[place:]
        covered = original[start : min(place, stop)] + original[max(start, place + size) : stop]
        told = crc(covered, *rule).to_bytes(size, _order(step))
        return msb_first(original[:place] + told + original[place + size :])
    if at is not None:
        rest = original[at + size :] if step.get("keep") else data[at:]
        told = crc(data[start:at] + rest[max(0, start - at - size) :], *rule).to_bytes(size, _order(step))
        return msb_first(data[:at] + told + rest)
    told = crc(data[start:], *rule).to_bytes(size, _order(step))
    return msb_first(data + told + bytes.fromhex(step.get("until", "")))


def _packed_crc(bits: Bits, step: dict[str, Any], rule: tuple[int, int, int, bool, int]) -> Bits:
    """Checksum in bits, which go in as they are sent, whatever the rule says of bytes; zeros fill them up."""
    bits = np.concatenate([bits, np.zeros(step.get("spare", 0), np.uint8)])
    width, polynomial, initial, reflected, final = rule
    keep = width if step.get("keep") else 0
    at, start = round(8 * step.get("at", (len(bits) - keep) / 8)), round(8 * step.get("start", 0))
    sent = np.concatenate([bits[:at], np.zeros(width, np.uint8), bits[at + keep :]])
    stop = round(8 * step.get("stop", len(sent) / 8))
    covered = np.concatenate([sent[start : min(at, stop)], sent[max(start, at + width) : stop]])
    told = _register_behind(covered, width, polynomial, initial) ^ (_turned(final, width) if reflected else final)
    sent[at : at + width] = [int(bit) for bit in f"{told:0{width}b}"]
    return sent


def _grain(step: dict[str, Any]) -> int:
    """Bits of which a length says whole numbers."""
    return 8 if step.get("unit", 1) % 1 == step.get("add", 0) % 1 == 0 else 1


def _width(step: dict[str, Any]) -> int:
    """Bits of a Reed-Solomon code's symbols."""
    return int(step.get("polynomial", 0x187)).bit_length() - 1


def _rs(bits: Bits, step: dict[str, Any]) -> Bits:
    depth, parity, polynomial = step.get("interleaving", 1), step.get("parity", 32), step.get("polynomial", 0x187)
    dual = polynomial == 0x187 and step.get("basis", "dual") == "dual"
    # the whole CCSDS code goes fast
    if not {"parity", "parities", "polynomial", "first", "step"} & set(step):
        return msb_first(ccsds_reed_solomon(np.packbits(bits).tobytes(), depth, dual))
    width = _width(step)
    spare, unit = step.get("spare", 0), 8 if width == 8 else width * depth
    filling = np.zeros(spare + -(len(bits) + spare) % unit, np.uint8)
    if len(filling) >= 8:
        raise ValueError(f"{len(bits)} bits do not fill {depth} codewords of symbols of {width} bits")
    bits = np.concatenate([bits, filling])
    places = 1 << np.arange(width - 1, -1, -1)
    data = bits.reshape(-1, width) @ places
    for size, other in step.get("parities", {}).items():
        parity = other if len(data) // depth + other == int(size) else parity
    if step.get("parities", {}).get(str(len(data) // depth + parity), parity) != parity:
        raise ValueError(f"words of {len(data) // depth + parity} symbols have another parity")
    longest = (1 << width) - 1
    if len(data) % depth or not 1 <= len(data) // depth <= longest - parity:
        raise ValueError(f"{len(data)} symbols do not fill {depth} codewords of {longest - parity}")
    data = np.argsort(dual_basis())[data] if dual else data
    rule = (parity, polynomial, step.get("first", 112), step.get("step", 11))
    words = np.stack([symbol_reed_solomon(data[i::depth], *rule) for i in range(depth)], axis=1)
    words = dual_basis()[words].astype(np.int64) if dual else words
    return (words.reshape(-1, 1) // places % 2).astype(np.uint8).ravel()


def _convolutional(bits: Bits, step: dict[str, Any]) -> Bits:
    coded = _mother_code(bits, step)
    pattern = [digit == "1" for digit in step.get("punctured", "")]
    return coded[np.resize(pattern, len(coded))] if pattern else coded


def _mother_code(bits: Bits, step: dict[str, Any]) -> Bits:
    if "generators" in step:
        rules, inverted = step["generators"], step.get("inverted") or [False] * len(step["generators"])
        memory = max(rules).bit_length() - 1
        x = np.concatenate(
            [np.zeros(memory, np.uint8), bits, np.zeros(memory * bool(step.get("terminated")), np.uint8)]
        )
        n = len(x) - memory
        delayed = [x[memory - d : memory - d + n] for d in range(memory + 1)]
        sums = [
            np.bitwise_xor.reduce([delayed[d] for d in range(memory + 1) if rule >> memory - d & 1]) ^ np.uint8(turn)
            for rule, turn in zip(rules, inverted, strict=True)
        ]
        coded: Bits = np.stack(sums, axis=1).ravel().astype(np.uint8)
        return coded
    tail = np.zeros(6 if step.get("terminated") else 0, np.uint8)
    return Convolutional(step.get("code", "CCSDS"))(np.concatenate([bits, tail]))


def _interleave(bits: Bits, step: dict[str, Any]) -> Bits:
    if "order" in step:
        return _reordered(bits, step["order"], step.get("unit", 1), step.get("backwards", False))
    rows, unit = step.get("rows", 1), step.get("unit", 1)
    columns = len(bits) // (rows * unit) if step.get("whole") else step.get("columns", 1)
    size = rows * columns * unit
    if not columns or len(bits) < size:
        raise ValueError(f"{len(bits)} bits do not fill a matrix of {rows} by {columns}")
    whole = len(bits) // size * size
    sent: Bits = bits[:whole].reshape(-1, rows, columns, unit).swapaxes(1, 2)
    if step.get("backwards"):
        sent = sent[:, ::-1, ::-1]
    return np.concatenate([sent.ravel(), bits[whole:]])


def _reordered(bits: Bits, order: list[int], unit: int, backwards: bool) -> Bits:
    size, sent = len(order) * unit, []
    if len(bits) < size:
        raise ValueError(f"{len(bits)} bits do not fill {len(order)} places")
    for first in range(0, len(bits) - size + 1, size):
        units = [bits[first + unit * place : first + unit * (place + 1)] for place in order]
        sent += units[::-1] if backwards else units
    return np.concatenate([*sent, bits[len(bits) // size * size :]])


def _invert(bits: Bits, step: dict[str, Any]) -> Bits:
    return bits ^ np.resize(bits_of("0b" + step.get("pattern", "1")), len(bits))


def _strip(bits: Bits, step: dict[str, Any]) -> Bits:
    head, tail = (np.zeros(round(8 * step.get(end, 0)), np.uint8) for end in ("head", "tail"))
    known = msb_first(bytes.fromhex(step.get("sent", "")))
    head[: len(known)] = known
    return np.concatenate([head, bits, tail])


def _constant(bits: Bits, step: dict[str, Any]) -> Bits:
    at, value = 8 * step.get("at", 0), msb_first(bytes.fromhex(step["value"]))
    return np.concatenate([bits[:at], value, bits[at + len(value) :]])


def _uncut(bits: Bits, step: dict[str, Any]) -> Bits:
    at = 8 * step["at"]
    return np.concatenate([bits[:at], np.zeros(8 * step.get("bytes", 1), np.uint8), bits[at:]])


def _alone(bits: Bits, step: dict[str, Any]) -> Bits:
    """The only one of the frames behind a sync word."""
    if len(bits) != 8 * step["size"]:
        raise ValueError(f"{len(bits) / 8:g} bytes, but {step['size']} make a frame")
    return np.concatenate([np.zeros(8 * step.get("head", 0), np.uint8), bits])


def _ra(bits: Bits, step: dict[str, Any]) -> Bits:
    data = np.packbits(bits).tobytes()
    if len(data) % 2 or not 8 <= len(data) <= 512:
        raise ValueError(f"{len(data)} bytes cannot be repeated and accumulated")
    return msb_first(repeat_accumulate(data))


def _uart(bits: Bits, step: dict[str, Any]) -> Bits:
    if len(bits) % 8:
        raise ValueError(f"{len(bits)} bits are no characters")
    characters = bits.reshape(-1, 8)[:, :: -1 if step.get("lsb_first") else 1]
    start, stop = np.zeros((len(characters), 1), np.uint8), np.ones((len(characters), 1), np.uint8)
    return np.concatenate([start, characters, stop], axis=1).ravel()


def _stuff(bits: Bits, step: dict[str, Any]) -> Bits:
    text = "".join(map(str, bits.tolist())).replace("11111", "111110")
    return bits_of("0b" + text + ("01111110" * 2 if step.get("flags", True) else ""))


def _levels(bits: Bits, step: dict[str, Any]) -> Bits:
    return nrz_m(bits) if step.get("rule") == "nrz-m" else nrzi(bits)


def _in_words(bits: Bits, step: dict[str, Any], k: int, word: Callable[[list[int]], list[int]]) -> Bits:
    """Each k bits as their word, or only those of some words at the beginning; zeros fill the last up."""
    if count := step.get("words", 0):
        if len(bits) < count * k:
            raise ValueError(f"{len(bits)} bits do not fill {count} words")
        return np.concatenate([_in_words(bits[: count * k], {}, k, word), bits[count * k :]])
    data = np.concatenate([bits, np.zeros(-len(bits) % k, np.uint8)]).reshape(-1, k).tolist()
    return np.array([word(one) for one in data], np.uint8).ravel()


def _bch(bits: Bits, step: dict[str, Any]) -> Bits:
    n, generator = step["n"], step.get("polynomial") or bch_generator(step)
    parity = generator.bit_length() - 1
    mask = (1 << parity) - 1 if step.get("inverted_parity") else 0

    def word(data: list[int]) -> list[int]:
        told = [int(bit) for bit in f"{remainder(data, generator) ^ mask:0{parity}b}"]
        even = [(sum(data) + sum(told) + mask.bit_count()) % 2] if step.get("extended") else []
        made = [*told, *even, *data] if step.get("parity_first") else [*data, *told, *even]
        return made[::-1] if step.get("backwards") else made

    return _in_words(bits, step, n - parity, word)


def _hamming(bits: Bits, step: dict[str, Any]) -> Bits:
    n = step.get("n", 7)
    k = {7: 4, 8: 4, 12: 8, 15: 11}[n]

    def word(data: list[int]) -> list[int]:
        places = dict(zip((3, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15), data, strict=False))
        powers = [1, 2, 4, 8][: 3 if n < 12 else 4]
        parity = {power: sum(bit for place, bit in places.items() if place & power) % 2 for power in powers}
        if step.get("form") == "by place":
            made = [bit for _, bit in sorted({**places, **parity}.items())]
        else:
            told = [*parity.values()]
            made = told + data if step.get("parity_first") else data + told
        return [*made, sum(made) % 2] if n == 8 else made

    return _in_words(bits, step, k, word)


def _golay(bits: Bits, step: dict[str, Any]) -> Bits:
    def word(data: list[int]) -> list[int]:
        made = [int(bit) for bit in f"{golay24(int(''.join(map(str, data)), 2)):024b}"]
        return made if step.get("parity_first", True) else made[12:] + made[:12]

    return _in_words(bits, step, 12, word)


def _repeat(bits: Bits, step: dict[str, Any]) -> Bits:
    times = step.get("times", 3)
    return np.tile(bits, times) if step.get("whole") else np.repeat(bits, times)


def _manchester(bits: Bits, step: dict[str, Any]) -> Bits:
    return np.stack([bits, 1 - bits][:: 1 if step.get("one", "10") == "10" else -1], axis=1).ravel()


def _marked(bits: Bits, step: dict[str, Any]) -> Bits:
    bits = np.concatenate([bits, np.zeros(-len(bits) % 8, np.uint8)])
    return np.concatenate([bits, msb_first(bytes.fromhex(step["mark"]))])


def _tagged(bits: Bits, step: dict[str, Any]) -> Bits:
    for word, size in step["words"].items():
        if len(bits) == 8 * size:
            return np.concatenate([msb_first(bytes.fromhex(word)), bits])
    raise ValueError(f"{len(bits) / 8:g} bytes have no tag")


def _called(bits: Bits, step: dict[str, Any]) -> Bits:
    """A frame that begins with addresses already, as `payloads` makes them."""
    return bits


_STEPS: dict[str, Callable[[Bits, dict[str, Any]], Bits]] = {
    "whitening": _whitening,
    "descramble": _scramble,
    "reflect": _reflect,
    "crc": _crc,
    "rs": _rs,
    "convolutional": _convolutional,
    "deinterleave": _interleave,
    "invert": _invert,
    "strip": _strip,
    "constant": _constant,
    "cut": _uncut,
    "split": _alone,
    "addresses": _called,
    "uart": _uart,
    "stuffed": _stuff,
    "differential": _levels,
    "bch": _bch,
    "hamming": _hamming,
    "golay": _golay,
    "repetition": _repeat,
    "manchester": _manchester,
    "until": _marked,
    "tag": _tagged,
    "padding": lambda bits, step: bits,  # see `Coder`
    "ra": _ra,
    "length": lambda bits, step: np.concatenate([bits, np.zeros(-len(bits) % _grain(step), np.uint8)]),
}

_WHOLE = {"rs", "convolutional", "deinterleave"}
"""Steps through which a receiver sees nothing before all is there."""


@dataclass
class Coder:
    """From a payload to what lies behind the sync word."""

    steps: list[dict[str, Any]]
    sizes: list[float]
    """Bytes behind the sync word: exactly these, or where a length is sent first, at most."""
    _uses: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._uses = [str(step["use"]).removeprefix("coding.") for step in self.steps]
        for use in self._uses:
            if use not in _STEPS:
                raise FlowgraphError(f"step {use!r} cannot be synthesised; there are: {', '.join(_STEPS)}")

        self._place = self._uses.index("length") if "length" in self._uses else -1
        ends = [
            i for i, step in enumerate(self.steps) if "until" in step or self._uses[i] in ("length", "stuffed", "until")
        ]
        # a length that a code protects, or a mark at the end, says nothing of what is sent: the rest is filled up
        self._end = ends[0] if ends else -1
        self._filled = bool(_WHOLE & set(self._uses[: max(self._end, 0)]))
        # those whose symbols are no bytes
        self._codes = [
            step for step, use in zip(self.steps, self._uses, strict=True) if use == "rs" and _width(step) != 8
        ]

    def __call__(self, payload: bytes) -> tuple[bytes, Bits]:
        """Code a payload; gives it as it was sent, for a field of its own may say its length, and the bits."""
        if "padding" in self._uses:
            return self._padded(payload)
        # zeros fill the symbols of a Reed-Solomon code: bytes, where their number can be told, and bits, as before a
        # checksum that is packed in them
        most = max((_width(step) * step.get("interleaving", 1) for step in self._codes), default=0) // 8
        for extra in range(1 + (most if self._place >= 0 else 0)):
            for spare in range(8 if self._codes or any(step.get("packed") for step in self.steps) else 0):
                try:
                    return self._coded(payload + bytes(extra), spare)
                except ValueError:
                    continue
        return self._coded(payload, 0)

    def _coded(self, payload: bytes, spare: int) -> tuple[bytes, Bits]:
        """The same with so many zeros behind what a Reed-Solomon code or a checksum protects."""
        bits, sent, place = msb_first(payload), payload, self._place
        # the length is told before what checks it
        near = self._uses.index("split") if "split" in self._uses else len(self.steps)
        last = next((i for i in range(near - 1, place, -1) if self._uses[i] in ("crc", "rs")), place)
        if place >= 0 and "strip" in self._uses[place + 1 : last]:  # unless that covers only what is behind it
            last = place
        bits = self._run(bits, len(self.steps), last + 1, spare)
        if place >= 0:
            behind = len(self._run(bits, last + 1, place + 1, spare))
            if any(-behind % 8 >= _width(one) for one in self._codes):
                raise ValueError(f"{behind} bits cannot be told in bytes")
            grain = _grain(self.steps[place])
            bits = self._told(bits, -(-behind // grain) * grain, self.steps[place])
            if len(bits) == 8 * len(sent):
                at, field = self.steps[place].get("at", 0), self.steps[place].get("bytes", 1)
                sent = sent[:at] + np.packbits(bits).tobytes()[at : at + field] + sent[at + field :]
        stop = max(self._end, 0)
        for i in range(last, stop - 1, -1):
            bits = self._run(bits, i + 1, i, spare)
            if self.steps[i].get("keep"):
                sent = np.packbits(bits).tobytes()
        sizes = [round(8 * size) for size in self.sizes]
        if self._filled:
            bits = np.concatenate([bits, np.zeros(-len(bits) % 8, np.uint8)])
            filling = msb_first(bytes.fromhex(self.steps[self._end].get("until", "00")))
            for fill in range(max(sizes) // 8):
                filled = np.concatenate([bits, np.resize(filling, 8 * fill)])
                try:
                    coded = self._run(filled, stop, 0, spare)
                except ValueError:
                    continue
                if len(coded) in sizes:
                    return sent, coded
        else:
            bits = self._run(bits, stop, 0, spare)
            if len(bits) in sizes or (self._end >= 0 and len(bits) <= max(sizes)):
                return sent, bits
        sent_sizes = ", ".join(f"{size:g}" for size in self.sizes)
        raise ValueError(f"{len(payload)} bytes become {len(bits) / 8:g}, but {sent_sizes} are sent")

    def _padded(self, payload: bytes) -> tuple[bytes, Bits]:
        """With as much filling as makes it fit, told in the payload itself."""
        place = self._uses.index("padding")
        at, mask = self.steps[place].get("at", 0), self.steps[place].get("mask", 0xFF)
        for fill in range(mask + 1):
            sent = payload[:at] + bytes([payload[at] & ~mask | fill]) + payload[at + 1 :]
            bits = self._run(msb_first(sent), len(self.steps), place + 1)
            try:
                return sent, self._run(np.concatenate([bits, np.zeros(8 * fill, np.uint8)]), place, 0)
            except ValueError:
                continue
        raise ValueError(f"no filling makes {len(payload)} bytes fit")

    def _run(self, bits: Bits, start: int, stop: int, spare: int = 0) -> Bits:
        """Do the steps before `start` down to `stop`."""
        for i in range(start - 1, stop - 1, -1):
            step = {**self.steps[i], "spare": spare} if self._uses[i] in ("rs", "crc") else self.steps[i]
            bits = _STEPS[self._uses[i]](bits, step)
        return bits

    @staticmethod
    def _told(bits: Bits, behind: int, step: dict[str, Any]) -> Bits:
        """Put the length into its field."""
        at, width = step.get("at", 0), step.get("bytes", 1)
        mask = step.get("mask", (1 << 8 * width) - 1)
        value, over = divmod(behind - round(8 * step.get("add", 0)), round(8 * step.get("unit", 1)))
        order = _order(step)
        data = bytearray(np.packbits(bits).tobytes())
        shift = (mask & -mask).bit_length() - 1
        only = step.get("only")
        if "table" in step:
            only = [int(v) for v, size in step["table"].items() if 8 * size == behind]
            value, over = (only[0], 0) if only else (0, 1)
        if over or value < step.get("least", 0) or value << shift & ~mask or (only is not None and value not in only):
            raise ValueError(f"a frame of {behind / 8:g} bytes cannot be told")
        old = int.from_bytes(data[at : at + width], order) & ~mask
        data[at : at + width] = (old | value << shift).to_bytes(width, order)
        return msb_first(bytes(data))[: len(bits)]

    def most(self) -> int:
        """Bytes of a payload, up to 120, that fit, in steps of ten; less than ten as they are."""
        sizes: list[int] = [*range(120, 9, -10), *range(9, 0, -1)]
        for n in sizes:
            try:
                self(bytes(n))
            except ValueError:
                continue
            return n
        raise FlowgraphError("no payload fits into this framing")

    def payload_size(self) -> int | None:
        """Bytes of a payload where frames have one length, else None."""
        if "padding" in self._uses or (self._end >= 0 and "split" not in self._uses):
            return None
        fits = None
        for n in range(1, round(max(self.sizes)) + 1):
            try:
                self(bytes(n))
            except ValueError:
                if fits is not None:
                    break
                continue
            fits = n  # the most, of those that fill the last word of a code up
        if fits is None:
            raise FlowgraphError("no payload fits into this framing")
        return fits


def line_code(rules: list[Any]) -> Callable[[Bits], Bits]:
    """What a transmitter does to its bits last, given what a receiver undoes first."""
    makers: dict[str, Callable[[], Callable[[Bits], Bits]]] = {
        "g3ruh": MultiplicativeScrambler,
        "nrz-i": lambda: _Levels(nrzi),
        "nrz-s": lambda: _Levels(nrzi),
        "nrz-m": lambda: _Levels(nrz_m),
    }
    made = [MultiplicativeScrambler(*rule) if isinstance(rule, list) else makers[rule]() for rule in reversed(rules)]

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
