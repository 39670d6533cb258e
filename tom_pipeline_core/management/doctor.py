"""
Everything that can be wrong with an installation, looked at once.

Each finding says what it is, where, and the command that mends it. Unlike the system checks these
look at the running site: database, queues, workers, storage.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now
from tom_dataproducts.models import DataProduct

from tom_pipeline_core import __version__, conf, registry, sqlite
from tom_pipeline_core.faults import CHECK_PREFIX, Fault, check_id
from tom_pipeline_core.models import PipelineProcess, Worker
from tom_pipeline_core.queues import get_queue
from tom_pipeline_core.registry.examination import examine
from tom_pipeline_core.states import UNFINISHED, State

SEEN_LIMIT = timedelta(seconds=60)
WAITING_LIMIT = timedelta(minutes=10)

NETWORK_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p")


def diagnose() -> list[Fault]:
    """Return all findings; a probe that fails itself is one too."""
    findings: list[Fault] = []
    for name, probe in PROBES.items():
        try:
            findings += probe()
        except (DatabaseError, ImproperlyConfigured) as error:
            findings.append(
                Fault(
                    id=check_id("E060"),
                    what=f"Could not look at the {name}: {error}",
                    where=name,
                    hint="Mend what is named above first, then ask the doctor again.",
                )
            )
    return list(dict.fromkeys(findings))


def _system_checks() -> Iterator[Fault]:
    letters = {checks.ERROR: "E", checks.WARNING: "W", checks.INFO: "I"}
    for message in checks.run_checks(tags=[CHECK_PREFIX]):
        if not message.is_silenced():
            yield Fault(
                id=message.id or check_id(f"{letters.get(message.level, 'E')}000"),
                what=str(message.msg),
                where=str(message.obj or ""),
                hint=str(message.hint or ""),
            )


def _imports() -> Iterator[Fault]:
    yield from examine()


def _migrations() -> Iterator[Fault]:
    executor = MigrationExecutor(connection)
    targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] == CHECK_PREFIX]
    if plan := executor.migration_plan(targets):
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in plan)
        yield Fault(
            id=check_id("E040"),
            what=f"The database lacks migrations: {names}.",
            where=str(connection.settings_dict["NAME"]),
            hint="manage.py migrate",
        )


def _sqlite() -> Iterator[Fault]:
    if connection.vendor != "sqlite":
        return
    name = str(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        (mode,) = cursor.fetchone()
    if mode != "wal":
        yield Fault(
            id=check_id("W042"),
            what=f"SQLite's journal mode is {mode!r}: readers and writers keep each other waiting.",
            where=name,
            hint=sqlite.HINT,
        )
    yield from _on_network(Path(name), "The database")


def _on_network(path: Path, what: str) -> Iterator[Fault]:
    kind = _file_system(path)
    if kind in NETWORK_FILE_SYSTEMS:
        yield Fault(
            id=check_id("E043"),
            what=f"{what} is an SQLite file on {kind}, where its locks do not work: data gets lost.",
            where=str(path),
            hint="Move it to a local disk, or use PostgreSQL.",
        )


def _file_system(path: Path) -> str:
    """Return the type of the file system that holds a path, where the system tells."""
    best, kind = "", ""
    try:
        lines = Path("/proc/mounts").read_text("utf-8", "replace").splitlines()
        real = str(path.resolve())
    except OSError:
        return ""
    for line in lines:
        _, mount, found, *_ = line.split()
        inside = real == mount or real.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, found
    return kind


def _queues() -> Iterator[Fault]:
    for alias, options in conf.get().queues.items():
        where = f"TOM_PIPELINES['QUEUES'][{alias!r}]"
        try:
            get_queue(alias).waiting()
        except Exception as error:  # noqa: BLE001 - every broker has exceptions of its own
            yield Fault(
                id=check_id("E044"),
                what=(
                    f"The queue {alias!r} cannot be reached: {type(error).__name__}: {error}. "
                    "Submitting works; processes start some seconds late."
                ),
                where=where,
                hint="Start the broker, or correct its address or file name.",
            )
        if "filename" in options:
            yield from _on_network(Path(str(options["filename"])), f"The queue {alias!r}")


def _workers() -> Iterator[Fault]:
    for alias in conf.get().queues:
        seen = Worker.objects.filter(queue=alias, seen_at__gt=Now() - SEEN_LIMIT)
        waiting = PipelineProcess.objects.filter(queue_alias=alias, state=State.QUEUED.value)
        if not seen.exists():
            yield Fault(
                id=check_id("W045"),
                what=(
                    f"No worker has served the queue {alias!r} in the last minute; "
                    f"{waiting.count()} processes wait."
                ),
                where=f"queue {alias!r}",
                hint=f"manage.py run_pipelines --queue {alias}",
            )
        elif late := waiting.filter(queued_at__lt=Now() - WAITING_LIMIT).count():
            yield Fault(
                id=check_id("W047"),
                what=f"{late} processes have waited in the queue {alias!r} for over ten minutes.",
                where=f"queue {alias!r}",
                hint="More at the same time: manage.py run_pipelines --workers N",
            )
        for worker in seen:
            if worker.version.partition(" ")[0] not in ("", __version__):
                yield Fault(
                    id=check_id("W046"),
                    what=(
                        f"The worker {worker.name} runs version {worker.version}, and "
                        f"{__version__} is installed."
                    ),
                    where=worker.name,
                    hint="Restart the worker: stop it with SIGTERM, then manage.py run_pipelines",
                )


def _storage() -> Iterator[Fault]:
    storage = DataProduct._meta.get_field("data").storage
    name = f"tom-pipelines-doctor-{secrets.token_hex(8)}"
    try:
        kept = storage.save(name, ContentFile(b"x"))
        storage.delete(kept)
    except Exception as error:  # noqa: BLE001 - every storage has exceptions of its own
        yield Fault(
            id=check_id("E048"),
            what=f"Files cannot be saved to the storage: {type(error).__name__}: {error}",
            where=f"{type(storage).__module__}.{type(storage).__qualname__}",
            hint="Let the account of web server and worker write to MEDIA_ROOT, or mend STORAGES.",
        )
    try:
        with tempfile.TemporaryDirectory(prefix="tom-pipelines-doctor-"):
            pass
    except OSError as error:
        yield Fault(
            id=check_id("E049"),
            what=f"Runs have no place for their files: {error}",
            where=tempfile.gettempdir(),
            hint="Make room, or name another folder in the environment variable TMPDIR.",
        )


def _missing_plugins() -> Iterator[Fault]:
    known = {row.qualified_id for row in registry.listing() if row.usable}
    unfinished = [state.value for state in UNFINISHED]
    rows = (
        PipelineProcess.objects.exclude(pipeline_id__in=["", *known])
        .order_by("pipeline_id")
        .values_list("pipeline_id", "pipeline_version", "state")
    )
    versions: dict[str, str] = {}
    counts: dict[str, list[int]] = {}
    for pipeline, version, state in rows.iterator():
        versions[pipeline] = version
        count = counts.setdefault(pipeline, [0, 0])
        count[0] += 1
        count[1] += state in unfinished
    for pipeline, (total, waiting) in counts.items():
        distribution = pipeline.partition(":")[0]
        yield Fault(
            id=check_id("W017"),
            what=(
                f"{total} processes ran {pipeline!r} ({versions[pipeline] or 'no version'}), which "
                f"is not usable now; {waiting} of them have not ended and will fail."
            ),
            where=pipeline,
            hint=(
                "Put it back into TOM_EDUCATION_PIPELINES, if they are to run again."
                if distribution == "settings"
                else f"Install it, if they are to run again: pip install {distribution}"
            ),
            subject=pipeline,
        )


PROBES: dict[str, Callable[[], Iterator[Fault]]] = {
    "settings and metadata of plugins": _system_checks,
    "plugins, by importing them": _imports,
    "migrations": _migrations,
    "SQLite's settings": _sqlite,
    "queues": _queues,
    "workers": _workers,
    "storage of files": _storage,
    "processes of plugins that are gone": _missing_plugins,
}
