#!/usr/bin/env python3
"""Write docs/framings.md: how to declare a framing, and all that there are, with their structure, from their own files.

python3 tools/make_framings.py
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Framings

The table at the end and what stands below it were written by `tools/make_framings.py`.

## Declare a framing

Most framings are a short file in `flowgraphs/framings/` that reads like the format's specification:

```toml
{example}```

- `sync` is the sync word, in hexadecimal digits, or in bits behind `0b`; 8 to 64 bits. Both polarities are searched.
- `size` is what lies behind it, in bytes, as it is sent. Several sizes are tried in turn. Where a length is sent in
  front, it is the most.
- `preamble` is what is sent over and over before the sync word. It is evidence for a frame with a short sync word,
  unless the frame goes on as the preamble does, as where there is only a carrier.
- `line` lists what is undone before the sync word is searched for: `nrz-i`, `nrz-m`, `nrz-s`, `g3ruh`, or another
  multiplicative scrambler by the distances back of the bits that it adds: `line = [[3, 20], "nrz-m"]`.
- `steps` are what a receiver undoes behind the sync word, in its order. Each is a module of `receiver/coding/`, with
  its parameters, which [parameters.md](parameters.md) lists: checksums (`crc`), codes (`rs`, `convolutional`, `ra`,
  `bch`, `hamming`, `golay`, `repetition`), what stands over them (`deinterleave`, `whitening`, `descramble`,
  `manchester`, `differential` …), and where data begin and end (`length`, `until`, `stuffed`, `strip` …).

Reed-Solomon codes (`rs`) are over GF(2^m), m = 3 to 16: the degree of `polynomial` says how many bits a symbol has.
Without parameters it is CCSDS's code; another field needs `parity`, `first` and `step`, too. P25's RS(24,12) is

```toml
size = 18       # 24 symbols of 6 bits
steps = [{{ use = "rs", polynomial = 0x43, parity = 12, first = 1, step = 1 }}]
```

Symbols are packed most significant bit first, without gaps; where no length is sent, `size` must hold a whole number of
them (78.75 B for 63 symbols of 10 bits). Bits of the data that fill no byte are not handed on.

Checksums (`crc`) are named as in the [catalogue of parametrised CRC
algorithms](https://reveng.sourceforge.io/crc-catalogue/all.htm), or told by `width`, up to 64 bits, `polynomial`,
`initial`, `reflected` and `final`. A checksum takes whole bytes: one of 12 bits two of them, the 4 highest bits zero.
With `packed = true` it stands in as many bits as it has, highest power first, behind bits that need not fill bytes;
they go in as they are sent, so that `crc` comes before `reflect`. A token of USB, 11 bits and 5 of checksum, is

```toml
size = 2
steps = [{{ use = "crc", name = "CRC-5/USB", packed = true }}]
```

Where filling follows, `strip` takes it off first: `{{ use = "strip", tail = 0.5 }}` is 4 bits.

A checksum covers all but itself, or what lies from `start` to `stop`: that of a header of 3 bytes is
`{{ use = "crc", name = "CRC-8/SMBUS", stop = 3, at = 3 }}`. A header may also have a code of its own: `golay`, `bch`
and `hamming` decode only so many `words` at the beginning. GomSpace's radios send a length, the lower 8 of the 12 bits
of a Golay word, before a Reed-Solomon word:

```toml
steps = [
    {{ use = "golay", words = 1 }},
    {{ use = "length", bytes = 2, mask = 0x0FF0, add = 1.5, least = 33 }},
    {{ use = "strip", head = 1.5 }},
    {{ use = "whitening", sequence = "CCSDS" }},
    {{ use = "rs", basis = "conventional" }},
]
```

Places and lengths are in bytes, of which many may have a fraction, for bits: 1.5 B are 12.

A satellite names the file: `framing = {{ use = "geoscan" }}`; what stands beside `use` replaces what the file says,
such as `size = 66`. A framing of your own may stand in the satellite's definition itself, without a file:

```toml
framing = {{ use = "declared", name = "mine", sync = "1ACFFC1D", size = 66, steps = [
    {{ use = "whitening", sequence = "CCSDS" }}, {{ use = "crc", name = "CRC-16/IBM-3740" }} ] }}
```

`radome satellites NAME --check` sends made-up frames through it and says whether they come back.

**What is a frame.** Nothing is a matter of thresholds that a user would tune. The probability that noise would have
made a frame is the product of what its sync word, preamble, constants, length and codes say, and it must be under 1e-12
for each symbol, which is about one in three years at 9600 Bd. It is the field `false_alarm` of the record. Frames
without a checksum must reach it by their sync word and code; what is as regular a little earlier or later, such as
short words, copies and Manchester symbols, counts for 2^-16 at most. A checksum that fails is tried again with one or
two of the eight least sure bits the other way round, where the rest of the evidence affords that; `corrected` says so.

**What stays.** IDEASSat's frames are handed on as they are sent, 40 bytes each, not put together. Of ESEO's framing
there is no recording here that anybody has decoded.
"""


def documented(text: str) -> str:
    """The comment at the head of a declaration, without its marks."""
    lines = [line[1:].removeprefix(" ") for line in text.split("\n") if line.startswith("#")]
    return "\n".join(lines).strip()


def section(text: str) -> str:
    """Its structure drawn as code, the rest as text."""
    out, drawn = [], False
    for line in documented(text).split("\n"):
        code = line.startswith("    ")
        if code != drawn:
            out.append("```text" if code else "```")
            drawn = code
        out.append(line[4:] if code else line)
    if drawn:
        out.append("```")
    return "\n".join(out)


def document() -> str:
    """The whole text of docs/framings.md."""
    import importlib

    from receiver.flowgraph import declared_framing, folder, framing_names, stage_names
    from receiver.satellite import all_satellites

    used = Counter(t.framing["use"] for satellite in all_satellites() for t in satellite.transmitters)
    example = (folder() / "framings" / "reaktor-hello-world.toml").read_text(encoding="utf-8")
    rows = ["## All framings", "", "| `use` | framing | transmitters |", "|---|---|---|"]
    sections = []
    for use in (name.removeprefix("framing.") for name in stage_names("framing")):
        if use != "declared":
            module = importlib.import_module(f"receiver.framing.{use}")
            title = (module.__doc__ or "").split("\n")[0].rstrip(".")
            rows.append(f"| `{use}` | {title} | {used[use]} |")
    for use in framing_names():
        name = (declared_framing(use) or {})["name"]
        rows.append(
            f"| [`{use}`](#{re.sub('[^a-z0-9 -]', '', name.lower()).replace(' ', '-')}) | {name} | {used[use]} |"
        )
        text = (folder() / "framings" / f"{use}.toml").read_text(encoding="utf-8")
        sections += [f"### {name}", "", section(text), ""]
    return "\n".join([HEAD.format(example=example), *rows, "", "## Declared framings", "", *sections])


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    (ROOT / "docs" / "framings.md").write_text(document(), encoding="utf-8")
