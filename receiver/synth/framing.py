"""Frames to channel bits, for each framing that the receiver knows, told by the same table.

    AX.25       7E | address … information, LSB first | FCS, LSB first | 7E     a 0 behind five 1s; NRZI; G3RUH
    AX100       preamble AA… | 93 0B 51 DE | Golay(24,12) of the length | randomised RS(255,223)      "ASM+Golay"
                preamble AA… | 93 0B 51 DE | length | RS(255,223)     all of it G3RUH-scrambled   "Reed Solomon"
    U482C       preamble 55… | C3 AA 66 55 | Golay(24,12) of flags and length | RS, randomised, convolutional
    CCSDS TM    1A CF FC 1D | randomised RS(255,223), interleaved               NRZ-M; convolutional, through everything
    declared    what a file in flowgraphs/framings says (`declared.py`)
    AIS         0101… 24 bits | 7E | message | FCS | 7E          HDLC as in AX.25, NRZI
    EQUiSat     F5… | 22 37 49 F2 5B 1B | blocks of 18 bytes and CRC, interleaved       four levels, two bits a symbol
    Mobitex     57 65 | header, parity | blocks of 18 bytes and CRC, each byte with parity, interleaved, scrambled
    Fox         K28.5 or 31 bits | bytes and RS(255,223), interleaved, each byte 8b10b
    ORBCOMM     type, data, two bytes that make both sums of all 0        filling, type 1E, around; LSB first
    FX.25       flags | tag | 7E | AX.25 frame, stuffed | 7E… | parity of RS(255, 239, 223 or 191)    NRZI; G3RUH
    IL2P        preamble AA… | F1 5E 48 | header, parity 2 | blocks, parity 16 each | checksum in Hamming words
    K2SAT       55… | 7E | packet | CRC | 7E 55 55 55    scrambled as IESS-308 has it; NRZ-M; convolutional
    raw         the bytes alone

Sources: AX.25 2.2, section 3, and ISO 13239; the G3RUH modem (James Miller, 1988); CCSDS 131.0-B, sections 3, 4, 9
and 10; GomSpace's formats as their satellites send them (D. Estevez, "Decoding GOMX-1 telemetry", 2016, and "Viterbi
decoding for NanoCom U482C", 2017); FX.25 (Stensat, 2006); IL2P 0.6 (N. Carrillo, 2024).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..errors import FlowgraphError
from ..flowgraph import declared_framing
from .bits import (
    Bits,
    MultiplicativeScrambler,
    ccsds_randomise,
    crc16_x25,
    lsb_first,
    msb_first,
    nrz_m,
    nrzi,
    word,
)
from .catalogue import CRCS
from .codes import Convolutional, ccsds_reed_solomon, eight_ten, general_reed_solomon, golay24, reed_solomon
from .declared import Coder, bits_of, crc, line_code


@dataclass
class Piece:
    """Some of what is sent: channel bits, and where the frame lies in them."""

    bits: Bits
    payload: bytes | None = None
    start: int = 0
    """Channel bit at which the frame begins: the first behind flag or sync word."""
    stop: int = 0
    """Channel bit behind the frame's last."""


class Encoder:
    """One transmission after another: `begin`, frames, `end`."""

    name: str
    """As the field calls the framing."""
    rate: float = 1.0
    """Information bits per channel bit that count for Eb/N0."""
    payload_size: int | None = None
    """Bytes of each payload, where the framing fixes that."""
    payload_most: int = 120
    """Bytes of a payload that surely fits."""
    filling: ClassVar[bytes] = b""
    """What is received of frames that are sent beside the payloads."""
    called: bool = False
    """Whether payloads begin with AX.25's addresses."""

    def begin(self, preamble: int) -> Piece:
        """Start transmitting, with so many bytes of preamble or flags."""
        raise NotImplementedError

    def frame(self, payload: bytes) -> Piece:
        """Send a frame. ValueError for one that the format cannot hold."""
        raise NotImplementedError

    def end(self, postamble: int) -> Piece:
        """Stop transmitting."""
        raise NotImplementedError


@dataclass
class Ax25(Encoder):
    """AX.25 unnumbered frames in HDLC; `payload` is from the addresses to the end of the information, without FCS."""

    scrambler: str = "none"
    precoding: str = "none"
    name: str = field(init=False, default="AX.25")
    rate: float = field(init=False, default=1.0)

    FLAG = np.array([0, 1, 1, 1, 1, 1, 1, 0], np.uint8)

    def __post_init__(self) -> None:
        _choice("scrambler", self.scrambler, ("none", "g3ruh"))
        if self.scrambler == "g3ruh":
            self.name = "AX.25 G3RUH"

    def begin(self, preamble: int) -> Piece:
        self._level = self._last = 0
        self._scramble: Callable[[Bits], Bits] = MultiplicativeScrambler() if self.scrambler == "g3ruh" else _as_is
        return Piece(self.line(np.tile(self.FLAG, max(preamble, 1))))

    def frame(self, payload: bytes) -> Piece:
        stuffed = self.stuff(lsb_first(payload + crc16_x25(payload).to_bytes(2, "little")))
        return Piece(self.line(np.concatenate([stuffed, self.FLAG])), payload, 0, len(stuffed))

    def end(self, postamble: int) -> Piece:
        return Piece(self.line(np.tile(self.FLAG, postamble)))

    @staticmethod
    def stuff(bits: Bits) -> Bits:
        """Put a 0 behind each five 1s in a row."""
        return np.frombuffer(bits.tobytes().replace(b"\1" * 5, b"\1" * 5 + b"\0"), np.uint8)

    def line(self, bits: Bits) -> Bits:
        """What goes on the line for some bits."""
        levels = nrzi(bits, self._level)
        if len(levels):
            self._level = int(levels[-1])
        line = self._scramble(levels)
        if self.precoding == "nrz-i":
            line = nrzi(line, self._last)
            if len(line):
                self._last = int(line[-1])
        return line


@dataclass
class Ais(Encoder):
    """AIS messages, each with its own training sequence (ITU-R M.1371-5, annex 2, section 3.2.2)."""

    name: str = field(init=False, default="AIS")
    rate: float = field(init=False, default=1.0)
    payload_size: int | None = field(init=False, default=21)
    payload_most: int = field(init=False, default=21)

    TRAINING = np.tile(np.array([0, 1], np.uint8), 12)

    def begin(self, preamble: int) -> Piece:
        self._level = 0
        return Piece(self._line(np.zeros(8, np.uint8)))

    def frame(self, payload: bytes) -> Piece:
        coded = lsb_first(payload + crc16_x25(payload).to_bytes(2, "little"))
        stuffed = Ax25.stuff(coded)
        head = np.concatenate([self.TRAINING, Ax25.FLAG])
        bits = self._line(np.concatenate([head, stuffed, Ax25.FLAG]))
        return Piece(bits, payload, len(head), len(head) + len(stuffed))

    def end(self, postamble: int) -> Piece:
        return Piece(self._line(np.zeros(8, np.uint8)))

    def _line(self, bits: Bits) -> Bits:
        levels = nrzi(bits, self._level)
        self._level = int(levels[-1])
        return levels


@dataclass
class Fx25(Encoder):
    """AX.25 frames in FX.25 words, the shortest that have 32 bytes of parity and hold them, or else others."""

    scrambler: str = "none"
    tag: int | None = None
    """Number of the tag, where it is told."""
    name: str = field(init=False, default="FX.25")
    rate: float = field(init=False, default=128 / 160)
    called: bool = field(init=False, default=True)

    TAGS = (
        ("3e2f538adfb74db7", 239, 16),
        ("de8fcc00a660ff26", 128, 16),
        ("9eb0d9f30805dcc7", 64, 16),
        ("ee609636b46e058f", 32, 16),
        ("ae5f83c51a0b266e", 223, 32),
        ("4eff1c4f63dc94ff", 128, 32),
        ("0ec009bccdb9b71e", 64, 32),
        ("7617bb2dbd69f8db", 32, 32),
        ("3628aede130cdb3a", 191, 64),
        ("d68831546adb69ab", 128, 64),
        ("96b724a7c4be4a4a", 64, 64),
    )
    """As they are sent, bytes of data and of parity; tag 01 is the first."""

    def __post_init__(self) -> None:
        self._frames = Ax25(self.scrambler)
        if self.scrambler == "g3ruh":
            self.name = "FX.25 G3RUH"

    def begin(self, preamble: int) -> Piece:
        return self._frames.begin(preamble)

    def frame(self, payload: bytes) -> Piece:
        stuffed = Ax25.stuff(lsb_first(payload + crc16_x25(payload).to_bytes(2, "little")))
        framed = np.concatenate([Ax25.FLAG, stuffed, Ax25.FLAG])
        order = [self.tag] if self.tag else [8, 7, 6, 5, 9, 1]
        which = next((i for i in order if len(framed) <= 8 * self.TAGS[i - 1][1]), None)
        if which is None:
            raise ValueError(f"FX.25 word with room for {len(framed)} bits was expected, got tag {self.tag}")
        tag, data, parity = self.TAGS[which - 1]
        filling = np.resize(Ax25.FLAG, 8 * data - len(framed))
        inner = np.packbits(np.concatenate([framed, filling]), bitorder="little").tobytes()
        whole = general_reed_solomon(inner + bytes(255 - parity - data), parity, 0x11D, 1, 1)
        sent = lsb_first(bytes.fromhex(tag) + inner + whole[-parity:])
        return Piece(self._frames.line(np.concatenate([sent, Ax25.FLAG])), payload, 64, len(sent))

    def end(self, postamble: int) -> Piece:
        return self._frames.end(postamble)


@dataclass
class Ax100(Encoder):
    """GomSpace NanoCom AX100: a CSP packet, Reed-Solomon coded."""

    mode: str = "ASM+Golay"
    scrambler: str = "CCSDS"
    """Of mode ASM+Golay: CCSDS or none."""
    sync: str = "930B51DE"
    name: str = field(init=False)
    rate: float = field(init=False, default=223 / 255)

    def __post_init__(self) -> None:
        _choice("mode", self.mode, ("ASM+Golay", "Reed Solomon"))
        _choice("scrambler", self.scrambler, ("CCSDS", "none"))
        self.name = f"AX100 {self.mode}"

    def begin(self, preamble: int) -> Piece:
        self._scramble: Callable[[Bits], Bits] = MultiplicativeScrambler() if self.mode == "Reed Solomon" else _as_is
        return Piece(self._scramble(msb_first(b"\xaa" * preamble)))

    def frame(self, payload: bytes) -> Piece:
        coded = reed_solomon(payload)
        if self.mode == "ASM+Golay":
            if self.scrambler == "CCSDS":
                coded = ccsds_randomise(coded)
            body = golay24(len(coded)).to_bytes(3, "big") + coded
        else:
            # the length counts itself; receivers take 256 bytes whatever it says
            if len(payload) > 222:
                raise ValueError(f"an AX100 Reed Solomon frame has 1 to 222 bytes, got {len(payload)}")
            body = bytes([len(coded) + 1]) + coded
        sync = bytes.fromhex(self.sync)
        bits = self._scramble(msb_first(sync + body))
        return Piece(bits, payload, 8 * len(sync), len(bits))

    def end(self, postamble: int) -> Piece:
        return Piece(self._scramble(msb_first(b"\xaa" * postamble)))


@dataclass
class U482c(Encoder):
    """GomSpace NanoCom U482C: like AX100 ASM+Golay, with flags beside the length."""

    viterbi: bool = True
    scrambler: bool = True
    rs: bool = True
    name: str = field(init=False, default="U482C")
    rate: float = field(init=False)

    SYNC = bytes.fromhex("C3AA6655")
    VITERBI, SCRAMBLER, RS = 0x100, 0x200, 0x400

    def __post_init__(self) -> None:
        self.rate = (223 / 255 if self.rs else 1.0) * (0.5 if self.viterbi else 1.0)

    def begin(self, preamble: int) -> Piece:
        return Piece(msb_first(b"\x55" * preamble))

    def frame(self, payload: bytes) -> Piece:
        data, flags = payload, 0
        if self.rs:
            data, flags = reed_solomon(data), flags | self.RS
        if self.scrambler:
            data, flags = ccsds_randomise(data), flags | self.SCRAMBLER
        bits = msb_first(data)
        if self.viterbi:
            # a byte of zeros at the end; G2 goes first and is not inverted, as AU02's signal shows
            bits = Convolutional("NASA-DSN uninverted")(np.append(bits, np.zeros(8, np.uint8)))
            flags |= self.VITERBI
        length = len(bits) // 8
        if length > 255:
            raise ValueError(f"a U482C frame has at most 255 coded bytes, got {length} from {len(payload)}")
        head = msb_first(self.SYNC)
        bits = np.concatenate([head, word(golay24(flags | length), 24), bits])
        return Piece(bits, payload, len(head), len(bits))

    def end(self, postamble: int) -> Piece:
        return Piece(msb_first(b"\x55" * postamble))


@dataclass
class Ccsds(Encoder):
    """CCSDS TM frames of one size: uncoded, Reed-Solomon, convolutional, or both (concatenated)."""

    frame_size: int
    """Bytes of a transfer frame."""
    rs: bool = True
    rs_basis: str = "dual"
    rs_interleaving: int = 1
    scrambler: str = "CCSDS"
    convolutional: str = "none"
    precoding: str = "none"
    name: str = field(init=False)
    rate: float = field(init=False)

    SYNC = bytes.fromhex("1ACFFC1D")

    def __post_init__(self) -> None:
        _choice("rs_basis", self.rs_basis, ("dual", "conventional"))
        _choice("scrambler", self.scrambler, ("CCSDS", "CCSDS long", "none"))
        _choice("convolutional", self.convolutional, ("none", *Convolutional.variants))
        _choice("precoding", self.precoding, ("none", "differential"))
        outer = "Reed-Solomon" if self.rs else "Uncoded"
        self.name = f"CCSDS {outer if self.convolutional == 'none' else 'Concatenated'}"
        coded = self.frame_size + 32 * self.rs_interleaving * self.rs
        self.rate = self.frame_size / coded * (1.0 if self.convolutional == "none" else 0.5)

    def begin(self, preamble: int) -> Piece:
        self._level = 0
        self._code: Callable[[Bits], Bits] = (
            _as_is if self.convolutional == "none" else Convolutional(self.convolutional)
        )
        return Piece(self._line(msb_first(b"\xaa" * preamble)))

    def frame(self, payload: bytes) -> Piece:
        if len(payload) != self.frame_size:
            raise ValueError(f"frames of this transmitter have {self.frame_size} bytes, got {len(payload)}")
        data = ccsds_reed_solomon(payload, self.rs_interleaving, self.rs_basis == "dual") if self.rs else payload
        if self.scrambler != "none":
            data = ccsds_randomise(data, long=self.scrambler == "CCSDS long")
        bits = self._line(msb_first(self.SYNC + data))
        start = len(bits) * len(self.SYNC) // (len(self.SYNC) + len(data))
        return Piece(bits, payload, start, len(bits))

    def end(self, postamble: int) -> Piece:
        return Piece(self._line(msb_first(b"\xaa" * postamble)))

    def _line(self, bits: Bits) -> Bits:
        if self.precoding == "differential":
            bits = nrz_m(bits, self._level)
            if len(bits):
                self._level = int(bits[-1])
        return self._code(bits)


@dataclass
class Declared(Encoder):
    """What a table declares: sync word, and steps behind it."""

    name: str
    sync: str
    size: float | list[float]
    preamble: str = ""
    line: list[Any] = field(default_factory=list)
    inverted: bool = True
    tolerance: int | None = None
    spacing: int = 1
    steps: list[dict[str, Any]] = field(default_factory=list)
    rate: float = field(init=False, default=1.0)
    payload_size: int | None = field(init=False, default=None)
    payload_most: int = field(init=False, default=120)
    called: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._coder = Coder(self.steps, self.size if isinstance(self.size, list) else [self.size])
        self.payload_size = self._coder.payload_size()
        self.payload_most = self.payload_size or self._coder.most()
        self.called = any(step["use"] == "addresses" for step in self.steps)
        for step in self.steps:
            use = step["use"]
            self.rate *= {"convolutional": 0.5, "rs": (255 - step.get("parity", 32)) / 255}.get(use, 1.0)

    def begin(self, preamble: int) -> Piece:
        self._line = line_code(self.line)
        return Piece(self._line(np.resize(self._idle, 8 * preamble)))

    def frame(self, payload: bytes) -> Piece:
        sent, coded = self._coder(payload)
        sync = bits_of(self.sync)
        if self.spacing > 1:  # spread over the frame
            coded[: len(sync) * self.spacing : self.spacing] = sync
            return Piece(self._line(coded), sent, 0, len(coded))
        bits = self._line(np.concatenate([sync, coded]))
        return Piece(bits, sent, len(sync), len(bits))

    def end(self, postamble: int) -> Piece:
        return Piece(self._line(np.resize(self._idle, 8 * postamble)))

    @property
    def _idle(self) -> Bits:
        return bits_of(self.preamble or "AA")


@dataclass
class Mobitex(Encoder):
    """Mobitex and Mobitex-NX; `payload` becomes as many blocks as it needs, and is told with header and trailer."""

    nx: bool = False
    callsign: str = ""
    header: str = "callsign"
    blocks: int | None = None
    name: str = field(init=False)
    rate: float = field(init=False, default=8 / 12)

    RULES = (0b11101100, 0b11010011, 0b10111010, 0b01110101)

    def __post_init__(self) -> None:
        self.name = "Mobitex-NX" if self.nx else "Mobitex"

    def begin(self, preamble: int) -> Piece:
        return Piece(msb_first(b"\xcc" * preamble))

    def frame(self, payload: bytes) -> Piece:
        blocks = self.blocks or max(1, -(-len(payload) // 18))
        if blocks > 32 or len(payload) > 18 * blocks:
            raise ValueError(f"a frame has up to {self.blocks or 32} blocks of 18 bytes, got {len(payload)} bytes")
        body = payload.ljust(18 * blocks, b"\xdb")
        control = bytes([blocks - 1, 0x02])
        parity = self._parity(control[0]) << 4 | self._parity(control[1])
        name = (self.callsign or "RADOME").encode("ascii")
        called = name + crc(name, *CRCS["CRC-16/XMODEM"]).to_bytes(2, "big") if self.header == "callsign" else b""
        sent = [msb_first((b"\x0e\xf0" if self.nx else b"\x57\x65") + control + bytes([parity]) + called)]
        start = 16
        coded = []
        for i in range(blocks):
            data = body[18 * i : 18 * i + 18]
            data += crc16_x25(data).to_bytes(2, "big")
            words = np.stack([word(byte << 4 | self._parity(byte), 12) for byte in data])
            coded.append(words.T.ravel())
        line = np.concatenate(coded)
        bits = np.concatenate([*sent, line ^ _shifted([9, 5], len(line))])
        told = control + called + body + b"\xaa\0\0\0\0\xbb"
        return Piece(bits, told, start, len(bits))

    def end(self, postamble: int) -> Piece:
        return Piece(msb_first(b"\xcc" * postamble))

    def _parity(self, byte: int) -> int:
        return sum((bin(byte & rule).count("1") & 1) << 3 - i for i, rule in enumerate(self.RULES))


def _shifted(taps: list[int], n: int) -> Bits:
    sequence = [1] * max(taps)
    while len(sequence) < n:
        sequence.append(sum(sequence[len(sequence) - tap] for tap in taps) % 2)
    return np.array(sequence[:n], np.uint8)


@dataclass
class LilacSat1(Encoder):
    """Five pieces of data and of voice, which is silence here, in a frame like CCSDS's."""

    name: str = field(init=False, default="LilacSat-1")
    rate: float = field(init=False, default=81 / 240)
    payload_size: int | None = field(init=False, default=81)

    def __post_init__(self) -> None:
        self._frames = Ccsds(frame_size=116, rs=False, convolutional="CCSDS", precoding="differential")

    def begin(self, preamble: int) -> Piece:
        return self._frames.begin(preamble)

    def frame(self, payload: bytes) -> Piece:
        if len(payload) != 81:
            raise ValueError(f"LilacSat-1's frames have 81 bytes, got {len(payload)}")
        pieces = [payload[:13], *(payload[i : i + 17] for i in range(13, 81, 17))]
        piece = self._frames.frame(b"".join(data + bytes(7) for data in pieces))
        return Piece(piece.bits, payload, piece.start, piece.stop)

    def end(self, postamble: int) -> Piece:
        return self._frames.end(postamble)


@dataclass
class Snet(Encoder):
    """TU Berlin's S-NET and SALSAT: header and payload in BCH words; the payload's have 7 bits of data."""

    variant: str = "S-NET"
    name: str = field(init=False)
    rate: float = field(init=False, default=7 / 15)

    SYNC = bytes.fromhex("04CF5FC8")

    def __post_init__(self) -> None:
        _choice("variant", self.variant, ("S-NET", "SALSAT"))
        self.name = self.variant

    def begin(self, preamble: int) -> Piece:
        return Piece(msb_first(b"\xaa" * preamble))

    def frame(self, payload: bytes) -> Piece:
        if not 1 <= len(payload) <= 500:
            raise ValueError(f"a frame has 1 to 500 bytes here, got {len(payload)}")
        buggy = self.variant == "S-NET"
        crc13 = self._checksum(msb_first(payload[::-1] if buggy else payload), 13, 0x1CF5, buggy)
        fields = [(5, 7), (9, 7), (1, 4), (1, 4), (0, 4), (2, 4), (2, 4), (0, 8), (len(payload), 10), (crc13, 13)]
        head = np.concatenate([word(value, width) for value, width in fields])
        rows = np.concatenate([head, word(0b1011011, 7)]).reshape(9, 8)
        if buggy:
            rows = rows[[8, 7, 6, 5, 5, 3, 2, 1, 0]]
        head = np.concatenate([head, word(self._checksum(rows.ravel(), 5, 0x15, False), 5)])
        header = np.stack([self._bch(data[::-1], 0b10100110111) for data in head.reshape(14, 5)])
        padded = payload + b"\xdb" * (-len(payload) % 14)
        bits = lsb_first(padded).reshape(-1, 16, 7)
        blocks = [np.stack([self._bch(data, 0b111010001) for data in block]).T.ravel() for block in bits]
        sync = msb_first(self.SYNC)
        line = np.concatenate([sync, header.T.ravel(), *blocks])
        return Piece(line, payload, len(sync), len(line))

    def end(self, postamble: int) -> Piece:
        return Piece(msb_first(b"\xaa" * postamble))

    @staticmethod
    def _bch(data: Bits, generator: int) -> Bits:
        """Parity, then data; the first bit is the coefficient of x^0."""
        degree = 15 - len(data)
        value = sum(int(bit) << degree + i for i, bit in enumerate(data))
        rest = value
        while rest.bit_length() > degree:
            rest ^= generator << rest.bit_length() - 1 - degree
        return word(value ^ rest, 15)[::-1]

    @staticmethod
    def _checksum(bits: Bits, width: int, polynomial: int, either: bool) -> int:
        register = (1 << width) - 1
        for bit in bits.tolist():
            out = register >> width - 1
            feeds = (out or bit) if either else out != bit
            register = (register << 1 & (1 << width) - 1) ^ (polynomial if feeds else 0)
        return register


@dataclass
class Fox(Encoder):
    """AMSAT's Fox telemetry, frame upon frame; the running disparity goes on from each to the next."""

    mode: str = "DUV"
    name: str = field(init=False)
    rate: float = field(init=False)
    payload_size: int | None = field(init=False)

    SIZES: ClassVar = {"DUV": (64, 1), "high speed": (4600, 21), "BPSK": (476, 3), "LTM": (669, 3)}
    """Bytes, and Reed-Solomon words."""

    def __post_init__(self) -> None:
        _choice("mode", self.mode, tuple(self.SIZES))
        self.name = f"AMSAT Fox {self.mode}"
        size, words = self.SIZES[self.mode]
        self.payload_size = size
        self.rate = 8 * size / (10 * (size + 32 * words))

    def begin(self, preamble: int) -> Piece:
        self._disparity = -1
        return Piece(self._idle(preamble))

    def frame(self, payload: bytes) -> Piece:
        size, words = self.SIZES[self.mode]
        if len(payload) != size:
            raise ValueError(f"a frame has {size} bytes, got {len(payload)}")
        parity = [reed_solomon(payload[i::words])[-32:] for i in range(words)]
        sent = payload + bytes(parity[i][k] for k in range(32) for i in range(words))
        sync = self._sync()
        coded = [sync, *map(self._word, sent)]
        bits = np.concatenate(coded)
        return Piece(bits, payload, len(sync), len(bits))

    def end(self, postamble: int) -> Piece:
        return Piece(np.concatenate([self._sync(), self._idle(postamble)]))

    def _idle(self, count: int) -> Bits:
        return np.concatenate([np.zeros(0, np.uint8), *(self._word(0xB5) for _ in range(count))])

    def _sync(self) -> Bits:
        if self.mode in ("BPSK", "LTM"):
            return word(0x47CD215D, 31)
        sync = word(0x0FA if self._disparity < 0 else 0x305, 10)
        self._disparity = -self._disparity
        return sync

    def _word(self, byte: int) -> Bits:
        bits, self._disparity = eight_ten(byte, self._disparity)
        return bits


@dataclass
class Equisat(Encoder):
    """Callsign and a Reed-Solomon word, in blocks of an XDL radio; `callsign` is what a receiver expects."""

    callsign: str = ""
    name: str = field(init=False, default="EQUiSat")
    rate: float = field(init=False, default=223 / 300)
    payload_size: int | None = field(init=False, default=223)

    SYNC = bytes.fromhex("223749F25B1B")

    def begin(self, preamble: int) -> Piece:
        return Piece(msb_first(b"\xf5" * preamble))

    def frame(self, payload: bytes) -> Piece:
        if len(payload) != 223:
            raise ValueError(f"EQUiSat's frames have 223 bytes, got {len(payload)}")
        data = b"\xff\x00\x02\x00\xff" + payload[:6] + general_reed_solomon(payload[6:], 32, 0x11D, 1, 1)
        data = data.ljust(15 * 18, b"\x66")
        pieces = [data[i : i + 18] for i in range(0, len(data), 18)]
        blocks = [piece + crc(piece, *CRCS["CRC-16/XMODEM"]).to_bytes(2, "big") for piece in pieces]
        bits = np.concatenate([msb_first(self.SYNC), *(msb_first(block).reshape(20, 8).T.ravel() for block in blocks)])
        return Piece(bits, payload, 48, len(bits))

    def end(self, postamble: int) -> Piece:
        return Piece(msb_first(b"\xf5" * postamble))


@dataclass
class Orbcomm(Encoder):
    """ORBCOMM's packets of 12 bytes, or 24 of type 1F; payloads without the check bytes, between packets of filling."""

    name: str = field(init=False, default="ORBCOMM")
    rate: float = field(init=False, default=10 / 12)
    payload_size: int | None = field(init=False, default=10)

    filling: ClassVar[bytes] = b"\x1e\x19\xf1\xd8\x52\x8e\x1e\xf9\x70\x1d"

    def begin(self, preamble: int) -> Piece:
        return Piece(np.tile(self._packet(self.filling), 4))

    def frame(self, payload: bytes) -> Piece:
        size = 22 if payload[:1] == b"\x1f" else 10
        if len(payload) != size or payload[0] == self.filling[0]:
            raise ValueError(f"ORBCOMM's packets have 10 bytes, or 22 of type 1F, and not type 1E; got {payload.hex()}")
        bits = self._packet(payload)
        return Piece(bits, payload, 0, len(bits))

    def end(self, postamble: int) -> Piece:
        return Piece(np.tile(self._packet(self.filling), 4))

    @staticmethod
    def _packet(data: bytes) -> Bits:
        plain = sum(data)
        weighted = sum((len(data) + 2 - i) * byte for i, byte in enumerate(data))
        return lsb_first(data + bytes([(plain - weighted) % 256, (weighted - 2 * plain) % 256]))


@dataclass
class OpsSat(Encoder):
    """A Reed-Solomon word in an AX.25 frame."""

    name: str = field(init=False, default="OPS-SAT")
    rate: float = field(init=False, default=1.0)

    def __post_init__(self) -> None:
        self._outer = Ax25(scrambler="g3ruh")

    def begin(self, preamble: int) -> Piece:
        return self._outer.begin(preamble)

    def frame(self, payload: bytes) -> Piece:
        piece = self._outer.frame(ax25_address("CQ", "RADOME") + ccsds_randomise(reed_solomon(payload)))
        return Piece(piece.bits, payload, piece.start, piece.stop)

    def end(self, postamble: int) -> Piece:
        return self._outer.end(postamble)


@dataclass
class Ideassat(Encoder):
    """Nine pieces; payloads of 200 bytes, the callsigns first."""

    name: str = field(init=False, default="IDEASSat")
    rate: float = field(init=False, default=1600 / 3600)
    payload_size: int | None = field(init=False, default=200)

    def __post_init__(self) -> None:
        self._pieces = encoder({"use": "ideassat-piece", "size": 450})

    def begin(self, preamble: int) -> Piece:
        return self._pieces.begin(preamble)

    def frame(self, payload: bytes) -> Piece:
        if len(payload) != 200:
            raise ValueError(f"IDEASSat's beacons have 200 bytes, got {len(payload)}")
        data = payload[15:].ljust(9 * 22, b"\0")
        sent = (payload[:15] + bytes([i]) + data[22 * i : 22 * i + 22] + b"\x7e\x7e" for i in range(9))
        piece = self._pieces.frame(b"".join(sent))
        # a UART at rest, lest the last flags be taken for the next beacon's
        rest = np.full(440, piece.bits[-1])
        return Piece(np.concatenate([piece.bits, rest]), payload, piece.start, piece.stop)

    def end(self, postamble: int) -> Piece:
        return self._pieces.end(postamble)


def ax25_address(to: str, sender: str) -> bytes:
    """Address, control and protocol fields of an unnumbered information frame (AX.25 2.2, section 3)."""

    def station(call: str, last: int) -> bytes:
        return bytes(ord(letter) << 1 for letter in f"{call:6}") + bytes([0x60 | last])

    return station(to, 0x80) + station(sender, 1) + b"\x03\xf0"


@dataclass
class Il2p(Encoder):
    """IL2P: header translated where it can be and the whole frame inside where not, then blocks and a checksum."""

    checksum: str = "optional"
    version: str = "0.6"
    """0.6; "0.4": its less parity; "0.4 strong": as much parity as now, and a bit that says so."""
    name: str = field(init=False, default="IL2P")
    rate: float = field(init=False, default=0.7)
    called: bool = field(init=False, default=True)

    PROTOCOLS = bytes([0, 0, 0x20, 1, 6, 7, 8, 0, 0, 0, 0, 0xCC, 0xCD, 0xCE, 0xCF, 0xF0])
    UNNUMBERED = bytes([0x2F, 0x43, 0x0F, 0x63, 0x87, 0x03, 0xAF, 0xE3])

    def __post_init__(self) -> None:
        _choice("checksum", self.checksum, ("optional", "always", "never"))
        _choice("version", self.version, ("0.6", "0.4", "0.4 strong"))

    def begin(self, preamble: int) -> Piece:
        return Piece(msb_first(b"\xaa" * preamble))

    def frame(self, payload: bytes) -> Piece:
        translated = self._translated(payload)
        fields, body = translated if translated is not None else (bytes(13), payload)
        if len(body) > 1023:
            raise ValueError(f"an IL2P frame has up to 1023 bytes, got {len(body)}")
        said = len(body) | (0x400 if translated is not None else 0) | (0x800 if self.version == "0.4 strong" else 0)
        header = bytes(byte | (said >> 11 - i & 1) << 7 for i, byte in enumerate(fields[:12])) + fields[12:]
        line = b"\xf1\x5e\x48" + general_reed_solomon(self._scrambled(header), 2, 0x11D, 0, 1)
        most = 247 if self.version == "0.4" else 239
        count = -(-len(body) // most)
        at = 0
        for i in range(count):
            size = len(body) // count + (i < len(body) % count)
            small = len(body) // count
            parity = 16 if self.version != "0.4" else 2 + 2 * sum(small > most for most in (61, 123, 185))
            line += general_reed_solomon(self._scrambled(body[at : at + size]), parity, 0x11D, 0, 1)
            at += size
        if self.checksum != "never":
            line += bytes(self._hamming(crc16_x25(payload) >> shift & 15) for shift in (12, 8, 4, 0))
        bits = msb_first(line)
        return Piece(bits, payload, 24, len(bits))

    def end(self, postamble: int) -> Piece:
        return Piece(msb_first(b"\xaa" * postamble))

    def _translated(self, frame: bytes) -> tuple[bytes, bytes] | None:
        """Header without the number of bytes, and what is behind it; None for a frame that it cannot say."""
        if len(frame) < 15 or frame[6] & 0x61 != 0x60 or frame[13] & 0x61 != 0x61 or (frame[6] ^ frame[13]) < 0x80:
            return None
        names = frame[:6] + frame[7:13]
        if any(byte & 1 or not 0x40 <= byte < 0xC0 for byte in names):
            return None
        command, control = frame[6] >> 7, frame[14]
        final = control >> 4 & 1
        if control & 3 == 3:
            if control & 0xEF not in self.UNNUMBERED:
                return None
            unnumbered, protocol = int(control & 0xEF == 3), 1
            low = self.UNNUMBERED.index(control & 0xEF) << 3 | command << 2
        elif control & 1:
            unnumbered, protocol, low = 0, 0, control >> 5 << 3 | command << 2 | control >> 2 & 3
        elif command:
            unnumbered, protocol, low = 0, 2, control >> 5 << 3 | control >> 1 & 7
        else:
            return None
        body = frame[15:]
        if unnumbered or protocol == 2:
            if not body or not body[0] or body[0] not in self.PROTOCOLS:
                return None
            protocol, body = self.PROTOCOLS.index(body[0]), body[1:]
        elif protocol == 0 and body:
            return None
        said = unnumbered << 11 | protocol << 7 | final << 6 | low
        packed = bytes((byte >> 1) - 0x20 | (said >> 11 - i & 1) << 6 for i, byte in enumerate(names))
        return packed + bytes([(frame[6] >> 1 & 15) << 4 | frame[13] >> 1 & 15]), body

    @staticmethod
    def _scrambled(data: bytes) -> bytes:
        line = [1] * 9
        for bit in msb_first(data).tolist():
            line.append(bit ^ line[-4] ^ line[-9])
        return np.packbits(np.array(line[9:], np.uint8)).tobytes()

    @staticmethod
    def _hamming(half: int) -> int:
        """Three bits of parity before four of data."""
        a, b, c, d = (half >> i & 1 for i in (3, 2, 1, 0))
        return (b ^ c ^ d) << 6 | (a ^ c ^ d) << 5 | (a ^ b ^ d) << 4 | half


@dataclass
class K2sat(Encoder):
    """K2SAT: packets between flags, scrambled as IESS-308 has it, NRZ-M, convolutionally coded."""

    name: str = field(init=False, default="K2SAT")
    rate: float = field(init=False, default=0.5)
    called: bool = field(init=False, default=True)

    def begin(self, preamble: int) -> Piece:
        self._line: list[int] = [0] * 20
        self._alike = self._level = 0
        self._code = Convolutional("CCSDS uninverted")
        return Piece(self._coded(b"\x55" * max(preamble, 8)))

    def frame(self, payload: bytes) -> Piece:
        packet = b"\x7e" + payload
        packet += crc(packet, 16, 0x1021, 0xFFFF, False, 0).to_bytes(2, "big")
        return Piece(self._coded(packet + b"\x7e\x55\x55\x55"), payload, 16, 16 * len(packet))

    def end(self, postamble: int) -> Piece:
        return Piece(self._coded(b"\x55" * (postamble + 4)))

    def _coded(self, data: bytes) -> Bits:
        sent = []
        for bit in msb_first(data).tolist():
            line = self._line
            sent.append(bit ^ line[-3] ^ line[-20] ^ 1 ^ (self._alike == 31))
            self._alike = 0 if line[-1] != line[-9] else (self._alike + 1) % 32
            self._line = [*line[1:], sent[-1]]
        bits = nrz_m(np.array(sent, np.uint8), self._level)
        self._level = int(bits[-1])
        return self._code(bits)


@dataclass
class Raw(Encoder):
    """Nothing around the bytes: modulation without frames, which a receiver must not make frames of."""

    name: str = field(init=False, default="raw")
    rate: float = field(init=False, default=1.0)

    def begin(self, preamble: int) -> Piece:
        return Piece(msb_first(b"\xaa" * preamble))

    def frame(self, payload: bytes) -> Piece:
        return Piece(msb_first(payload), payload, 0, 8 * len(payload))

    def end(self, postamble: int) -> Piece:
        return Piece(msb_first(b"\xaa" * postamble))


_ENCODERS: dict[str, Callable[..., Encoder]] = {
    "ais": Ais,
    "ax25": Ax25,
    "ax100": Ax100,
    "u482c": U482c,
    "ccsds": Ccsds,
    "declared": Declared,
    "equisat": Equisat,
    "fox": Fox,
    "fx25": Fx25,
    "ideassat": Ideassat,
    "il2p": Il2p,
    "k2sat": K2sat,
    "lilacsat_1": LilacSat1,
    "mobitex": Mobitex,
    "ops_sat": OpsSat,
    "orbcomm": Orbcomm,
    "snet": Snet,
    "raw": Raw,
}


def encoder(table: dict[str, Any]) -> Encoder:
    """Encoder for the table of a framing, as a transmitter's definition has it; FlowgraphError where there is none."""
    parameters = dict(table)
    use = str(parameters.pop("use", "")).removeprefix("framing.")
    declared = declared_framing(use)
    if declared is not None:
        return encoder({**declared, **parameters})
    if use not in _ENCODERS:
        raise FlowgraphError(f"framing {use!r} cannot be synthesised; there are: {', '.join(_ENCODERS)}")
    try:
        return _ENCODERS[use](**parameters)
    except TypeError as error:
        raise FlowgraphError(f"framing {use!r} with {parameters}: {str(error).split('__init__() ')[-1]}") from error


def _choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise FlowgraphError(f"{name} = {value!r}: one of {', '.join(map(repr, choices))} was expected")


def _as_is(bits: Bits) -> Bits:
    return bits
