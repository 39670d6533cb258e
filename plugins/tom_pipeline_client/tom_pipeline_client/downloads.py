"""Where a download goes, and whether it arrived whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from tom_pipeline_client.errors import DownloadError

PART = ".part"


def destination(path: str | Path | None, name: str) -> Path:
    """
    Return the file to write.

    The name comes from the site: it never leads out of the folder that was meant.
    """
    safe = re.sub(r"[^\w.+-]", "_", Path(name.replace("\\", "/")).name).lstrip(".") or "output"
    if path is None:
        return Path(safe)
    path = Path(path)
    return path / safe if path.is_dir() else path


class PartialFile:
    """A file under a temporary name until it is whole; an earlier part of it is kept."""

    def __init__(self, to: Path, output: Mapping[str, Any]) -> None:
        self.to = to
        self.size: int | None = output.get("size")
        self.sha256 = str(output.get("sha256") or "")
        self.partial = to.with_name(f"{to.name}.{self.sha256[:12]}{PART}")

    def headers(self) -> dict[str, str]:
        """Return what asks for the rest of the file."""
        have = self.partial.stat().st_size if self.sha256 and self.partial.exists() else 0
        if not have:
            return {}
        return {"Range": f"bytes={have}-", "If-Range": f'"{self.sha256}"'}

    def open(self, status: int) -> BinaryIO:
        """Return the stream to write what comes; a rest is appended."""
        return self.partial.open("ab" if status == 206 else "wb")

    def finish(self) -> Path:
        """
        Give the file its name.

        Raises
        ------
        DownloadError
            If its content is not the one that the site recorded when it was saved.
        """
        if self.sha256:
            digest = hashlib.sha256()
            with self.partial.open("rb") as stream:
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
            if digest.hexdigest() != self.sha256:
                self.partial.unlink()
                raise DownloadError(
                    f"{self.to.name} is not the file that the process saved: its content differs. "
                    "Download it again; if that repeats, tell the site's staff."
                )
        self.partial.replace(self.to)
        return self.to
