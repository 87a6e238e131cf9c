"""SatYAML, the satellite definitions of gr-satellites, read as they are (its documentation, "SatYAML files").

    name, norad, alternative_names
    transmitters: NAME: frequency, modulation, baudrate, framing, and what else demodulator and framing have to know

    transports: what is in the frames, by the transmitters that name it

What becomes of decoded frames (data, telemetry_servers) is not Radome's concern and is passed over.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from .errors import FlowgraphError, short
from .flowgraph import declared_framing, framing_names
from .satellite import Satellite, Transmitter, checked, checked_name, checked_norad

_LARGEST = 1 << 20  # bytes
_BRACKETS = 1000  # time to read what is deep grows with the square of its depth

_FRAMINGS: dict[str, dict[str, Any]] = {
    "AIS": {"use": "ais"},
    "AMSAT Fox BPSK": {"use": "fox", "mode": "BPSK"},
    "AMSAT Fox DUV": {"use": "fox"},
    "AMSAT Fox LTM": {"use": "fox", "mode": "LTM"},
    "AMSAT Fox high speed": {"use": "fox", "mode": "high speed"},
    "AX.25": {"use": "ax25"},
    "AX.25 G3RUH": {"use": "ax25", "scrambler": "g3ruh"},
    "AX100 ASM+Golay": {"use": "ax100", "mode": "ASM+Golay"},
    "AX100 Reed Solomon": {"use": "ax100", "mode": "Reed Solomon"},
    "BEESAT-1": {"use": "mobitex", "nx": True, "header": "none"},
    "BEESAT-9": {"use": "mobitex", "nx": True, "callsign": "DP0BEM", "blocks": 32},
    "CCSDS Concatenated": {"use": "ccsds", "convolutional": "CCSDS"},
    "CCSDS Reed-Solomon": {"use": "ccsds"},
    "CCSDS Uncoded": {"use": "ccsds", "rs": False},
    "EQUiSat": {"use": "equisat"},
    "FORESAIL-1": {"use": "ax100", "mode": "ASM+Golay", "sync": "1ACFFC1D"},
    "FX.25": {"use": "fx25"},
    "FX.25 G3RUH": {"use": "fx25", "scrambler": "g3ruh"},
    "IDEASSat": {"use": "ideassat"},
    "IL2P": {"use": "il2p"},
    "LilacSat-1": {"use": "lilacsat_1"},
    "Mobitex": {"use": "mobitex", "header": "none"},
    "Mobitex-NX": {"use": "mobitex", "nx": True},
    "OPS-SAT": {"use": "ops_sat"},
    "ORBCOMM": {"use": "orbcomm"},
    "S-NET": {"use": "snet"},
    "SALSAT": {"use": "snet", "variant": "SALSAT"},
    "TUBIN": {"use": "mobitex", "nx": True, "callsign": "DP0TBN"},
    "U482C": {"use": "u482c"},
    "UA01": {"use": "ax25", "scrambler": "g3ruh", "precoding": "nrz-i"},
}
"""Those that are programmed; those that are declared have their name in their file."""
_TRANSPORTS: dict[str, list[dict[str, Any]]] = {
    "KISS": [{"use": "kiss"}],
    "KISS no control byte": [{"use": "kiss", "control": False}],
    "KISS KS-1Q": [{"use": "kiss", "control": False, "head": 3}],
    "NanoLink": [{"use": "nanolink"}],
    "TM KISS": [{"use": "tm"}, {"use": "kiss", "control": False}],
    "TM short KISS": [{"use": "tm", "short": True}, {"use": "kiss", "control": False}],
}
_KEYS = {
    "callsign": "callsign",
    "frame size": "frame_size",
    "precoding": "precoding",
    "RS basis": "rs_basis",
    "RS interleaving": "rs_interleaving",
    "convolutional": "convolutional",
    "scrambler": "scrambler",
}
_USUAL = {"RS basis": "dual", "RS interleaving": 1, "scrambler": "CCSDS"}
_DEMODULATORS = {"FSK": "fsk", "AFSK": "afsk", "APM": "apm", "BPSK": "psk", "DBPSK": "psk"}
_WORDS = {"Manchester": "manchester", "subaudio": "subaudio"}


@cache
def _declared_names() -> dict[str, str]:
    return {str((declared_framing(name) or {})["name"]): name for name in framing_names()}


def framing_table(name: str, keys: Mapping[str, Any]) -> dict[str, Any] | None:
    """The table of a framing, None where Radome has none of that name.

    Parameters
    ----------
    name : as SatYAML has it, such as "AX.25 G3RUH"
    keys : of the transmitter; those for a framing are looked at
    """
    use = _declared_names().get(name)
    if use is not None:
        declared = declared_framing(use) or {}
        size = keys.get("frame size")
        if size and any(step["use"] == "ra" for step in declared.get("steps", ())):
            size = 2 * (size // 2 + 3 * math.ceil(size / 6))  # the repeat-accumulate code's
        return {"use": use, **({"size": size} if size and size != declared["size"] else {})}
    if name not in _FRAMINGS:
        return None
    table = dict(_FRAMINGS[name])
    for key, parameter in _KEYS.items():
        if key in keys and keys[key] != _USUAL.get(key):
            table[parameter] = keys[key]
    return table


def demod_table(modulation: str, baudrate: float, keys: Mapping[str, Any]) -> dict[str, Any] | None:
    """The table of a demodulator, None where Radome has none for that modulation."""
    family, *words = modulation.split() or [""]
    if family not in _DEMODULATORS or not set(words) <= set(_WORDS):
        return None
    table: dict[str, Any] = {"use": _DEMODULATORS[family], "baudrate": baudrate}
    if family in ("AFSK", "APM"):
        table["carrier"] = keys.get("af_carrier")
    for key in ("deviation", "fm_deviation"):
        if keys.get(key) is not None:
            table[key] = keys[key]
    if family == "DBPSK":
        table["differential"] = True
    return {**table, **{_WORDS[word]: True for word in words}}


def link_tables(keys: Mapping[str, Any], transports: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Tables for the transport that a transmitter names; none where the frames themselves are wanted or it is unknown.

    Parameters
    ----------
    keys : of the transmitter
    transports : of the satellite, by their names
    """
    named = keys.get("transports")
    if not isinstance(named, list) or len(named) != 1 or keys.get("data"):
        return ()
    transport = transports.get(str(named[0]))
    if not isinstance(transport, dict):
        return ()
    tables = [dict(table) for table in _TRANSPORTS.get(str(transport.get("protocol")), ())]
    if tables and tables[0]["use"] == "tm" and transport.get("virtual_channels"):
        tables[0]["channels"] = transport["virtual_channels"]
    return tuple(tables)


def load_satyaml(path: Path) -> Satellite:
    """Read a SatYAML file; transmitters that Radome has no framing or demodulator for are left out.

    Raises FlowgraphError, naming the file and the transmitter.
    """
    where = str(path)
    table = _load_yaml(path)
    norad = checked_norad(table, where)
    names = checked(table, "alternative_names", list, where, [])
    transports = checked(table, "transports", dict, where, {})
    made, unknown = [], []
    for name, keys in checked(table, "transmitters", dict, where).items():
        place = f"{where}, transmitter {short(name)}"
        if not isinstance(keys, dict):
            raise FlowgraphError(f"{place}: is {short(keys)}; it must have frequency, modulation, baudrate and framing")
        checked_name({"name": name}, place)
        keys = {key: _number(value) for key, value in keys.items()}
        frequency, baudrate = (checked(keys, key, float, place) for key in ("frequency", "baudrate"))
        modulation, called = (checked(keys, key, str, place) for key in ("modulation", "framing"))
        if not 0 < frequency < 1e12:
            raise FlowgraphError(f"{place}: frequency is {frequency:g}; it must be the downlink in Hz, such as 437.3e6")
        if "frame size" in keys:
            checked(keys, "frame size", int, place)
        demod, framing = demod_table(modulation, baudrate, keys), framing_table(called, keys)
        if demod is None:
            unknown.append((name, "modulation", modulation, list(_DEMODULATORS)))
        elif framing is None:
            unknown.append((name, "framing", called, [*_FRAMINGS, *_declared_names()]))
        else:
            if "carrier" in demod:
                checked(keys, "af_carrier", float, place)
            made.append(Transmitter(name, frequency, demod, framing, modulation, link_tables(keys, transports)))
    if not made:
        raise FlowgraphError(f"{where}: has nothing to receive: {_why(unknown)}")
    return Satellite(checked(table, "name", str, where), norad, tuple(map(str, names)), tuple(made), path)


def _why(unknown: Sequence[tuple[str, str, str, Sequence[str]]]) -> str:
    """Why there is nothing to receive: of transmitters their names, key and value that is unknown, and known ones."""
    if not unknown:
        return "it lists no transmitters"
    faults = "; ".join(f"transmitter {short(name)} has {key} {short(value)}" for name, key, value, _ in unknown)
    _, _, value, known = unknown[0]
    near = difflib.get_close_matches(value, known, 1, 0.7)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return f"{faults}, which is unknown; {hint}"


def _number(value: Any) -> Any:
    """A number that YAML takes for a text, such as 437.3e6 without the sign that it wants, as a number."""
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE]\d+", value):
        return float(value)
    return value


def _load_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise FlowgraphError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise FlowgraphError(f"{path}: is larger than {_LARGEST >> 10} KiB, so it cannot be a definition in YAML")
    if data.count(b"[") + data.count(b"{") > _BRACKETS:
        raise FlowgraphError(f"{path}: has more than {_BRACKETS} brackets, so it cannot be a definition in YAML")
    try:
        text = data.decode("utf-8-sig")
        many = {e.anchor for e in yaml.parse(text, yaml.SafeLoader) if isinstance(e, yaml.CollectionStartEvent)}
        for event in yaml.parse(text, yaml.SafeLoader):
            # lists of lists of lists … grow without bound; SatYAML only names texts so
            if isinstance(event, yaml.AliasEvent) and event.anchor in many:
                raise FlowgraphError(f"{path}: *{event.anchor} stands for a list or a table; it may for a text")
        table = yaml.safe_load(text)
    except UnicodeDecodeError as error:
        raise FlowgraphError(f"{path}: is not text in UTF-8, so it cannot be a definition in YAML") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise FlowgraphError(f"{path}: is not YAML that can be read: {said}") from error
    if not isinstance(table, dict):
        raise FlowgraphError(f"{path}: is not SatYAML; it must have name, norad and transmitters")
    return table
