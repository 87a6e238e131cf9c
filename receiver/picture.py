"""A picture of a recording: spectrum and waterfall."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .bands import Band
from .errors import SinkError
from .record import iso_time
from .sink.terminal import printable
from .survey import Waterfall


def require_matplotlib() -> None:
    """Raise SinkError if there is nothing to draw with."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise SinkError("a picture needs matplotlib; install it with: pip install matplotlib") from None


def draw(waterfall: Waterfall, path: Path, marks: Sequence[tuple[Band, str]] = ()) -> None:
    """Draw spectrum above waterfall into a PNG, SVG or PDF file.

    Parameters
    ----------
    marks : bands to be framed, and what to write beside them

    Raises SinkError when matplotlib is missing or the file cannot be written.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    recording = waterfall.recording
    rows = 10 * np.log10(np.maximum(waterfall.power, 1e-20))
    spectrum = 10 * np.log10(np.maximum(waterfall.power.mean(axis=0), 1e-20))
    unit, name = (1e6, "MHz") if recording.rate >= 1e6 else (1e3, "kHz")
    x = waterfall.frequencies / unit
    low, high = np.percentile(rows, [5, 99.8])

    figure = Figure(figsize=(10, 10), layout="constrained")
    FigureCanvasAgg(figure)
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 2.5])
    title = printable(Path(recording.name).name).encode(errors="replace").decode()
    if recording.frequency is not None:
        title += f"   {recording.frequency / 1e6:.6f} MHz"
    if (start := iso_time(recording.clock.time_ns(0))) is not None:
        title += f"   {start[:19].replace('T', ' ')} UTC"
    figure.suptitle(title, parse_math=False)

    top.plot(x, spectrum, linewidth=0.8)
    top.set_ylabel("dB of full scale, per bin")
    top.set_ylim(min(np.percentile(spectrum, 1) - 3, low), spectrum.max() + 3)
    top.grid(alpha=0.3)
    image = below.imshow(
        rows,
        aspect="auto",
        interpolation="nearest",
        extent=(x[0], x[-1], waterfall.seconds, 0.0),
        vmin=low,
        vmax=max(high, low + 1),
        cmap="viridis",
    )
    for i, (band, text) in enumerate(marks):
        size = (band.high - band.low) / unit, band.stop - band.start
        below.add_patch(Rectangle((band.low / unit, band.start), *size, fill=False, edgecolor="white", linewidth=1))
        # outwards, where there is room
        at = (band.middle / unit - x[0]) / (x[-1] - x[0])
        left = 0.2 < at < 0.5 or at > 0.8
        below.annotate(
            text,
            ((band.low if left else band.high) / unit, band.start),
            xytext=(-4 if left else 4, -4 - 14 * (i % 4)),  # neighbours' names not on one another
            textcoords="offset points",
            ha="right" if left else "left",
            va="top",
            color="white",
        )
    below.set_ylabel("seconds of signal")
    below.set_xlabel(f"{name} from the centre" if recording.kind == "iq" else name)
    figure.colorbar(image, ax=below, label="dB of full scale", location="right")
    try:
        figure.savefig(path, dpi=100)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SinkError(f"{path}: cannot be written: {reason}") from None
