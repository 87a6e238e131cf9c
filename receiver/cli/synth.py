"""`radome synth`: make a recording of any satellite that the receiver knows, and say what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._receive import check_unread
from ._values import Number, Time, numbers

if TYPE_CHECKING:
    from ..orbit import Station
    from ..satellite import Satellite, Transmitter
    from ..synth.channel import Curve

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, readable=False, path_type=Path)
DECIBELS, SECONDS = Number(-200, 200), Number(0, 1e6)


@click.command()
@click.option("-s", "--satellite", metavar="NAME|NORAD", help="Satellite whose definition says how frames are sent.")
@click.option("--definition", type=FILE, help="A definition of your own instead.")
@click.option("-t", "--transmitter", metavar="NAME", help="Which of its transmitters; else the first.")
@click.option("-o", "--output", required=True, type=NEW_FILE, help="NAME.sigmf-meta.")
@click.option("--jsonl", type=NEW_FILE, help="Write the frames here, as records.")
@click.option("--frame", "frames", multiple=True, metavar="HEX", help="A frame to send; may be given several times.")
@click.option("--frames", "frames_file", type=FILE, help="Frames to send: JSON lines with a payload, or lines of hex.")
@click.option("-n", "--count", type=click.IntRange(0), default=10, show_default=True, help="Or so many made-up ones.")
@click.option("--length", type=click.IntRange(1, 65536), help="Bytes in a made-up one; else 40 to 120.")
@click.option("--form", type=click.Choice(["iq", "fm", "ssb"]), default="iq", show_default=True)
@click.option(
    "-r",
    "--rate",
    type=Number(0, 1e9, open=True),
    default=48000.0,
    show_default=True,
    help="Samples per second.",
)
@click.option("--datatype", help="SigMF's name of the sample type; else cf32_le, or ri16_le for audio.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed makes the same file.")
@click.option(
    "--level", type=Number(0, 10, open=True), default=0.25, show_default=True, help="RMS of the samples, of full scale."
)
@click.option("--start", metavar="TIME", type=Time(), help="UTC of the first sample.")
@click.option(
    "--frequency", type=Number(0, 1e12), help="Radio frequency of zero in the IQ, Hz; else the transmitter's."
)
@click.option(
    "--ebn0",
    metavar="NUMBER|none",
    type=Number(-100, 200, none=True),
    default="12",
    show_default=True,
    help="Eb/N0 in dB, or none: no noise.",
)
@click.option("--offset", type=Number(-1e9, 1e9), default=0.0, help="Frequency error, Hz.")
@click.option("--tle", "--omm", "elements", type=FILE, help="Doppler of this orbit; needs --station and --start.")
@click.option("--station", metavar="LAT,LON,ALT", help="Where the receiver stands; degrees and metres.")
@click.option(
    "--doppler",
    metavar="HZ[,HZ/S…]",
    callback=numbers(Number(-1e9, 1e9), more=True),
    help="Doppler curve instead: Hz, Hz/s, Hz/s^2 …",
)
@click.option("--clock-ppm", type=Number(-1e5, 1e5), default=0.0, help="How much too fast the symbols come.")
@click.option(
    "--noise-tilt", type=Number(-100, 100), default=0.0, help="Noise at the upper edge of the band over the lower, dB."
)
@click.option(
    "--spur",
    "spurs",
    metavar="HZ,DB",
    callback=numbers(Number(-1e9, 1e9), DECIBELS),
    multiple=True,
    help="A carrier, dB over the signal.",
)
@click.option(
    "--gain-step",
    "gain_steps",
    metavar="SECONDS,DB",
    callback=numbers(SECONDS, DECIBELS),
    multiple=True,
    help="Gain from then on.",
)
@click.option(
    "--dc",
    metavar="I,Q",
    callback=numbers(Number(-10, 10), Number(-10, 10)),
    default="0,0",
    help="Added to the samples, of full scale.",
)
@click.option(
    "--iq-imbalance",
    metavar="DB,DEGREES",
    callback=numbers(Number(-60, 60), Number(-90, 90)),
    default="0,0",
    help="Between I and Q.",
)
@click.option(
    "--gap",
    "gaps",
    metavar="AT,LONG",
    callback=numbers(SECONDS, SECONDS),
    multiple=True,
    help="Samples lost, in seconds.",
)
@click.option(
    "--bt",
    metavar="NUMBER|none",
    type=Number(0.01, 100, none=True),
    default="0.5",
    show_default=True,
    help="FSK's Gaussian filter; none: no filter.",
)
@click.option(
    "--rolloff",
    metavar="NUMBER|none",
    type=Number(0.01, 1, none=True),
    default="0.5",
    show_default=True,
    help="PSK's; none: rectangular pulses.",
)
@click.option("--carrier", type=Number(0, 1e6), default=1500.0, show_default=True, help="Of single-sideband audio, Hz.")
@click.option(
    "--preamble", type=click.IntRange(0, 10**6), default=16, show_default=True, help="Bytes or flags, per burst."
)
@click.option(
    "--postamble", type=click.IntRange(0, 10**6), default=2, show_default=True, help="Bytes or flags, per burst."
)
@click.option("--burst", type=click.IntRange(1), help="Frames in a burst; else all in one.")
@click.option("--pause", type=SECONDS, default=0.05, show_default=True, help="Seconds of noise between bursts.")
@click.option("--lead", type=SECONDS, default=0.02, show_default=True, help="Seconds of noise before all.")
@click.option("--tail", type=SECONDS, default=0.02, show_default=True, help="Seconds of noise behind all.")
def command(output: Path, **options: Any) -> None:
    """Make a SigMF recording of a satellite's frames, with the true frames as annotations.

    IQ, or the audio that an FM (fm) or single-sideband (ssb) receiver would give.
    """
    from ..errors import SinkError, counted
    from ..synth import Channel, Synthesiser
    from ..synth.sigmf import paths, write_frames, write_sigmf

    made = paths(output)
    if options["jsonl"] and options["jsonl"].resolve() in (path.resolve() for path in made):
        raise SinkError(f"{options['jsonl']}: is a file of the recording; the frames must be written to another")
    read = [options[name] for name in ("frames_file", "definition", "elements")]
    for path in made:
        check_unread(path, "a recording", others=read)
    if options["jsonl"]:
        check_unread(options["jsonl"], "frames", others=read)
    satellite, transmitter = _find(options["satellite"], options["definition"], options["transmitter"])
    if options["definition"]:
        from ..reception import declared_stages

        declared_stages(transmitter, satellite.place(transmitter))
    start_ns = options["start"]
    station, doppler = _motion(options, satellite, transmitter, start_ns)
    channel = Channel(
        ebn0_db=options["ebn0"],
        offset=options["offset"],
        doppler=doppler,
        clock_ppm=options["clock_ppm"],
        noise_tilt_db=options["noise_tilt"],
        spurs=options["spurs"],
        gain_steps=options["gain_steps"],
        iq_gain_db=options["iq_imbalance"][0],
        iq_phase_deg=options["iq_imbalance"][1],
        dc=complex(*options["dc"]),
        gaps=options["gaps"],
    )
    same = (
        "form",
        "seed",
        "level",
        "bt",
        "rolloff",
        "carrier",
        "preamble",
        "postamble",
        "burst",
        "pause",
        "lead",
        "tail",
    )
    synthesiser = Synthesiser(
        transmitter,
        _frames(options, transmitter),
        options["rate"],
        channel,
        start_ns=start_ns,
        centre=options["frequency"],
        **{name: options[name] for name in same},
    )
    datatype = options["datatype"] or ("cf32_le" if options["form"] == "iq" else "ri16_le")
    description = f"{satellite.name}, {transmitter.name}: synthesised, not received"
    place = None if station is None else station.place
    write_sigmf(output, synthesiser, datatype, place, description)
    if options["jsonl"]:
        write_frames(options["jsonl"], synthesiser, satellite)
    seconds = synthesiser.samples / synthesiser.rate
    click.echo(f"{output}: {counted(len(synthesiser.truth), 'frame')} in {seconds:.1f} s", err=True)


def _find(query: str | None, definition: Path | None, name: str | None) -> tuple[Satellite, Transmitter]:
    from ..errors import FlowgraphError
    from ..satellite import find_satellite, load_satellite

    if (query is None) == (definition is None):
        raise FlowgraphError("give the satellite by --satellite or by --definition")
    satellite = find_satellite(query) if query is not None else load_satellite(definition or Path())
    for transmitter in satellite.transmitters:
        if name is None or transmitter.name.casefold() == name.casefold():
            return satellite, transmitter
    names = ", ".join(repr(transmitter.name) for transmitter in satellite.transmitters)
    raise FlowgraphError(f"{satellite.name} has no transmitter {name!r}; it has {names}")


def _motion(
    options: dict[str, Any], satellite: Satellite, transmitter: Transmitter, start_ns: int | None
) -> tuple[Station | None, Curve | tuple[float, ...] | None]:
    """The station, and the Doppler curve from orbit or polynomial."""
    from ..errors import OrbitError
    from ..orbit import load_orbit, parse_station

    station = parse_station(options["station"]) if options["station"] else None
    if options["elements"] is None:
        return station, options["doppler"]
    if station is None or start_ns is None:
        raise OrbitError("the Doppler of an orbit needs --station and --start")
    import numpy as np
    from numpy.typing import NDArray

    orbit, place, first = load_orbit(options["elements"], satellite.norad, satellite.names), station, start_ns

    for remark in filter(None, (*orbit.remarks, orbit.remark(first))):
        click.echo(f"radome: {remark}", err=True)

    def doppler(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        return orbit.doppler(transmitter.frequency, place, first + np.rint(seconds * 1e9).astype(np.int64))

    return station, doppler


def _frames(options: dict[str, Any], transmitter: Transmitter) -> Iterator[bytes]:
    from ..synth.payloads import payloads

    if options["frames"] or options["frames_file"]:
        for number, text in enumerate(options["frames"], 1):
            yield _hex(text, f"--frame {number}")
        if options["frames_file"]:
            yield from _read(options["frames_file"])
    else:
        yield from payloads(transmitter.framing, options["count"], options["seed"], options["length"], transmitter.link)


def _read(path: Path) -> Iterator[bytes]:
    import json

    from ..errors import SourceError

    with path.open(errors="replace") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}, line {number}"
            if line.lstrip().startswith("{"):
                try:
                    yield _hex(json.loads(line)["payload"], where)
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    raise SourceError(f"{where}: is no JSON with a payload of hex digits") from error
            elif line.strip():
                yield _hex(line, where)


def _hex(text: str, where: str) -> bytes:
    from ..errors import SourceError

    try:
        return bytes.fromhex(text)
    except ValueError:
        raise SourceError(f"{where}: {text.strip()[:40]!r} is not hex digits") from None
