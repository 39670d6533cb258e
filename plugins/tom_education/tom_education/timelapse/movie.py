"""Frames of grey levels go to ffmpeg one by one."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from types import TracebackType

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

FORMATS = ("gif", "mp4", "webm")
CODECS = {
    "gif": ("gif", "gray", []),
    "mp4": ("libx264", "yuv420p", ["-crf", "23", "-preset", "veryfast", "-movflags", "+faststart"]),
    "webm": (
        "libvpx",
        "yuv420p",
        ["-crf", "10", "-b:v", "2M", "-deadline", "realtime", "-cpu-used", "4"],
    ),
}
"""By format: the encoder, how it stores pixels, and what it is told."""


class Movie:
    """
    A file that frames are written to; to be used with ``with``.

    Parameters
    ----------
    path : pathlib.Path
        Where it is written.
    fmt : str
        One of :data:`FORMATS`.
    fps : float
        Frames per second, more than zero.

    Raises
    ------
    ValueError
        If the format is unknown or the rate is not positive.
    """

    def __init__(self, path: Path, fmt: str, fps: float) -> None:
        if fmt not in FORMATS:
            raise ValueError(f"Unknown format '{fmt}'; known are {', '.join(FORMATS)}")
        if not fps > 0:
            raise ValueError(f"Invalid FPS {fps}")
        self.path = path
        self.fmt = fmt
        self.fps = fps
        self.shape: tuple[int, ...] | None = None
        self._ffmpeg: Generator[None, bytes | None, None] | None = None

    def __enter__(self) -> Movie:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._ffmpeg is not None:
            self._ffmpeg.close()

    def append(self, frame: NDArray[np.uint8]) -> None:
        """Write a frame, (ny, nx) grey levels; all have the shape of the first."""
        if self._ffmpeg is None:
            self.shape = frame.shape
            self._ffmpeg = self._start(frame)
        self._ffmpeg.send(self._even(frame).tobytes())

    def _even(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Repeat the last row or column where an encoder wants even sides."""
        if self.fmt == "gif":
            return frame
        height, width = frame.shape
        return np.pad(frame, ((0, height % 2), (0, width % 2)), mode="edge")

    def _start(self, frame: NDArray[np.uint8]) -> Generator[None, bytes | None, None]:
        codec, pixels, told = CODECS[self.fmt]
        height, width = self._even(frame).shape
        ffmpeg: Generator[None, bytes | None, None] = imageio_ffmpeg.write_frames(
            str(self.path),
            (width, height),
            fps=self.fps,
            pix_fmt_in="gray",
            pix_fmt_out=pixels,
            codec=codec,
            quality=None,
            macro_block_size=1,
            ffmpeg_log_level="error",
            output_params=told,
        )
        ffmpeg.send(None)
        return ffmpeg
