from __future__ import annotations

import errno
import os
from typing import Any

from django.core.files.storage import FileSystemStorage


class FullStorage(FileSystemStorage):
    """Takes two files, as a disk that is nearly full does."""

    taken = 0

    def _save(self, name: str, content: Any) -> str:
        if self.taken >= 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
        self.taken += 1
        return super()._save(name, content)  # type: ignore[misc]
