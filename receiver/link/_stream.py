"""Packets that are cut out of a stream of bytes, which frames carry piece by piece."""

from __future__ import annotations

from itertools import pairwise

from ..stage import Frame

LONGEST = 1 << 16
"""Bytes of a packet."""
APART = 0.5
"""Of a frame's length that may lie between two frames, for nothing to have been lost."""


class Packet:
    """A packet that is being put together."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._frames: list[Frame] = []
        self._start = self._stop = 0

    def add(self, frame: Frame, start: int, stop: int, data: bytes) -> None:
        """Append bytes that stand from `start` to `stop` in a frame's payload."""
        if not self._frames:
            self._start = start
        if not self._frames or self._frames[-1] is not frame:
            self._frames.append(frame)
        self._stop = stop
        self.data += data

    def frame(self, payload: bytes, framing: str) -> Frame:
        """The packet as a frame of its own: where its bytes are, and no surer than the least sure of its frames."""
        frames = self._frames
        first, last = frames[0], frames[-1]
        position = first.position + first.length * self._start / len(first.payload)
        end = last.position + last.length * self._stop / len(last.payload)
        joined = all(b.position - a.end <= APART * a.length for a, b in pairwise(frames))
        corrected = [frame.corrected for frame in frames if frame.corrected is not None]
        alarms = [frame.false_alarm for frame in frames if frame.false_alarm is not None]
        return first.but(
            payload=payload,
            position=position,
            length=end - position,
            framing=framing,
            corrected=sum(corrected) if corrected else None,
            integrity=next((frame.integrity for frame in frames if frame.integrity == "none"), first.integrity),
            crc_ok=all(frame.crc_ok for frame in frames) if first.crc_ok is not None else None,
            false_alarm=max(alarms) if alarms else None,
            continuity=joined and all(frame.continuity for frame in frames),
        )


def channel_of(frame: Frame) -> tuple[int, bool]:
    """The virtual channel of a frame, 0 where there is none, and whether frames of it are missing before this one."""
    return int(frame.link.get("virtual_channel", 0)), bool(frame.link.get("frames_missing"))
