"""FLAC, Ogg (Vorbis, Opus), MP3, AIFF, AU, CAF, Wave64, and WAV that is companded or big-endian.

One channel is audio, two are I and Q. Read by libsndfile.
"""

from __future__ import annotations

import tempfile
from typing import IO, Any

import numpy as np

from ..datatype import checked_rate
from ..errors import SourceError, counted
from ..stage import Chunk
from . import CHUNK, Options, Recording
from ._bytes import ByteReader, inner_name
from ._names import facts
from ._samples import PROBE, Bad, kind_of


class AudioSource:
    """Samples of a sound file."""

    def __init__(self, sound: Any, file: IO[bytes], recording: Recording, channel: int) -> None:
        self.recording = recording
        self._channel = channel
        self._sound = sound
        self._file = file
        self._position = 0
        self._bad = Bad(recording.name)
        self._over = False

    def read(self) -> Chunk | None:
        if self._over:
            return None
        fault = None
        try:
            frames = self._sound.read(CHUNK, dtype="float32", always_2d=True)
        except Exception as error:  # of libsndfile, which tells little
            frames = np.empty((0, 1), np.float32)
            fault = SourceError(f"{self.recording.name}: cannot be read beyond sample {self._position}: {error}")
        if not len(frames):
            self._over = True
            if fault is None and self._position < (self.recording.samples or 0):
                missing = (self.recording.samples or 0) - self._position
                self.recording.remarks.append(f"the file ends {counted(missing, 'sample')} earlier than it says")
            self._bad.raise_with(fault)
            return None
        if self.recording.kind == "iq":
            items = np.ascontiguousarray(frames).view(np.complex64).ravel()
        else:
            items = np.ascontiguousarray(frames[:, self._channel])
        items = self._bad.clean(items, self._position)
        chunk = Chunk(items, self.recording.rate, float(self._position), self.recording.clock)
        self._position += len(items)
        return chunk

    def close(self) -> None:
        self._sound.close()
        self._file.close()


def open_audio(path: str, reader: ByteReader, options: Options) -> AudioSource:
    """Open a file that libsndfile reads, which the reader stands at the start of.

    Raises SourceError.
    """
    name = reader.name
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise SourceError(f"{name}: is a sound file that needs the package soundfile: {error}") from None
    file: IO[bytes]
    if reader.plain:
        file = open(path, "rb")  # noqa: SIM115
    else:  # libsndfile must be able to go back
        file = tempfile.TemporaryFile()  # noqa: SIM115
        while data := reader.read(1 << 18):
            file.write(data)
        file.seek(0)
    reader.close()
    try:
        sound = soundfile.SoundFile(file.fileno(), closefd=False)  # a file object would complain of seeks beyond it
    except Exception as error:
        file.close()
        why = getattr(error, "error_string", error)  # without the name of a file that may be a temporary one
        raise reader.fault or SourceError(f"{name}: cannot be read as FLAC, Ogg, MP3 or other sound: {why}") from None
    try:
        return AudioSource(sound, file, *_recording(sound, path, name, options))
    except BaseException:
        sound.close()
        file.close()
        raise


def _recording(sound: Any, path: str, name: str, options: Options) -> tuple[Recording, int]:
    if sound.channels not in (1, 2):
        raise SourceError(f"{name}: has {sound.channels} channels; one (audio) or two (I and Q) can be read")
    if sound.channels == 1 and options.kind == "iq":
        raise SourceError(f"{name}: has one channel of audio; IQ needs two")

    def some() -> np.ndarray[Any, Any]:
        try:
            first = sound.read(PROBE, dtype="float32")
            sound.seek(0)
        except Exception as error:  # of libsndfile, which tells little
            raise SourceError(f"{name}: cannot be read: {error}") from None
        return np.asarray(first)

    told = facts(inner_name(path))
    rate = checked_rate(options.rate if options.rate is not None else sound.samplerate, f"{name}: the sample rate")
    remarks = told.remarks(options)
    kind, channel = kind_of(sound.channels, options.kind, some, remarks)
    if 0 <= sound.frames < 1:
        raise SourceError(f"{name}: holds no samples")
    recording = Recording(
        name,
        kind,
        rate,
        told.clock(rate, options),
        told.centre(rate, options),
        sound.frames if 0 < sound.frames < 1 << 62 else None,
        datatype="cf32_le" if kind == "iq" else "rf32_le",
        remarks=remarks,
    )
    return recording, channel
