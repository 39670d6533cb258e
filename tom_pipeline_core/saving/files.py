"""
Files of outputs: checked, then staged in the storage before any row exists.

They are stored under an unguessable folder of their own: names of targets cannot make them
impossible to store, and nobody finds the files of a private target by guessing.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from django.core.files import File as DjangoFile
from django.core.files.storage import Storage
from django.db import DatabaseError
from tom_dataproducts.models import DataProduct

from tom_pipeline_core.exceptions import OutputError

logger = logging.getLogger(__name__)

FOLDER = "pipelines"
NAME_MAX = 64  # the host's column takes 100 characters for folder and name
CHUNK = 1 << 20


@dataclass(frozen=True)
class StagedFile:
    """A file in the storage that no row names yet."""

    stored_name: str
    name: str
    size: int
    sha256: str


def check_path(path: Path, tmpdir: Path) -> Path:
    """
    Return the real path of an output.

    Raises
    ------
    OutputError
        If it does not exist, is no regular file, or lies outside ``tmpdir`` (also by a link).
    """
    full = path if path.is_absolute() else tmpdir / path
    root = tmpdir.resolve()
    try:
        facts = full.lstat()
    except (OSError, ValueError) as problem:
        raise OutputError(
            f"The output file {path.name!r} does not exist; was it written?"
        ) from problem
    if not full.resolve().is_relative_to(root):
        raise OutputError(
            f"The output {str(path)!r} lies outside tmpdir; write outputs inside the folder that "
            "do_pipeline is given"
        )
    if not stat.S_ISREG(facts.st_mode):
        raise OutputError(f"The output {path.name!r} is not a regular file")
    if facts.st_nlink > 1:
        raise OutputError(
            f"The output {path.name!r} is a hard link to another file; copy it instead"
        )
    return full


def safe_name(name: str) -> str:
    """Return a file name that every storage and every web server takes well."""
    name = re.sub(r"[^A-Za-z0-9._+-]", "_", name).lstrip(".-") or "output"
    if len(name) <= NAME_MAX:
        return name
    suffix = "".join(Path(name).suffixes[-2:])[:20]
    return name[: NAME_MAX - len(suffix)] + suffix


class Staging:
    """Puts files into a storage and takes them out again unless they are kept."""

    def __init__(self, storage: Storage, tmpdir: Path, prefix: str) -> None:
        self.storage = storage
        self.tmpdir = tmpdir
        self.prefix = prefix
        self.folder = f"{FOLDER}/{secrets.token_hex(8)}"
        self._stored: list[str] = []

    def put(self, path: Path | str) -> StagedFile:
        """Store a file; the name gets the process's prefix, and a number if it is taken."""
        source = check_path(Path(path), self.tmpdir)
        name = safe_name(f"{self.prefix}_{source.name}")
        digest = hashlib.sha256()
        # O_NOFOLLOW: between check and open nobody may put a link there.
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
            size = stream.tell()
            stream.seek(0)
            wanted = f"{self.folder}/{name}"
            self._stored.append(wanted)  # before saving: a full disk leaves part of a file
            stored = self.storage.save(wanted, DjangoFile(stream, name=name))
            if stored != wanted:
                self._stored[-1] = stored
        return StagedFile(stored, name, size, digest.hexdigest())

    def discard(self) -> None:
        """Remove what was stored, unless a row names it: an error may follow a commit that held."""
        for name in self._stored:
            try:
                if not DataProduct.objects.filter(data=name).exists():
                    self.storage.delete(name)
            except (OSError, DatabaseError):
                logger.exception("Left-over file %s could not be removed", name)
        self._stored.clear()
        try:
            Path(self.storage.path(self.folder)).rmdir()
        except (NotImplementedError, OSError):
            pass
