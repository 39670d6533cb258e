"""What ``do_pipeline`` may use: the side of a process that authors see."""

from __future__ import annotations

import inspect
import logging
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from django.utils import timezone

if TYPE_CHECKING:
    from django import forms
    from tom_dataproducts.models import DataProduct

    from tom_pipeline_core.issues import Issue

Item = TypeVar("Item")


class Reporter(Protocol):
    """Where a run's words go: a pipe to the supervisor, or straight to a sink."""

    def line(self, time: float, stream: str, level: int, text: str) -> None: ...

    def status(self, text: str) -> None: ...

    def progress(self, done: float, total: float | None) -> None: ...


class _Step(AbstractContextManager[None]):
    """Returned by ``update_status``, which may be used with and without ``with``."""

    def __exit__(self, *exc_info: object) -> None:
        return None


class Authoring:
    """
    The author's contract.

    Attributes
    ----------
    short_name : str
        Prefix of names: no white space.
    verbose_name, description : str
        Shown to users; ``description`` defaults to the class's docstring.
    version : str
        Defaults to the version of the distribution.
    citation, documentation_url : str
        Shown with the results.
    Parameters : type of django.forms.Form
        What the user sets. Cleaned values arrive as keyword arguments of ``do_pipeline`` and in
        ``self.parameters``. A field is shown under "Advanced" if it has a true attribute
        ``advanced`` or if ``Parameters.advanced`` names it; its unit is its attribute ``unit`` or
        what the mapping ``Parameters.units`` says.
    presets : mapping
        Values to start from, by a name that users read: ``{'Crowded field': {'radius': 3}}``.
    flags : mapping
        The old way to declare booleans: ``{'name': {'default': bool, 'long_name': str}}``.
    allowed_suffixes : sequence of str
        Endings of file names that are accepted; None accepts all.
    min_inputs, max_inputs : int
        Bounds on the number of input files.
    executor, queue : str
        Aliases of the settings, for pipelines that need a special place to run.
    """

    short_name: ClassVar[str] = "pipeline"
    verbose_name: ClassVar[str] = ""
    description: ClassVar[str] = ""
    version: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    documentation_url: ClassVar[str] = ""
    Parameters: ClassVar[type[forms.Form] | None] = None
    flags: ClassVar[dict[str, dict[str, Any]] | None] = None
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    allowed_suffixes: ClassVar[Sequence[str] | None] = None
    min_inputs: ClassVar[int] = 1
    max_inputs: ClassVar[int | None] = None
    executor: ClassVar[str] = ""
    queue: ClassVar[str] = ""

    _reporter: Reporter | None = None
    _pending_text: str = ""
    _work_folder: Path | None = None
    _skipped: dict[int, str]
    _measured: list[tuple[str, float, str, Any]]

    if TYPE_CHECKING:
        pk: Any
        attempt: int
        status: str
        progress_done: float | None
        progress_total: float | None
        target_id: Any
        input_files: Any
        log_lines: Any

        def save(self, *args: Any, **kwargs: Any) -> None: ...

    # -- to write -----------------------------------------------------------------------------

    if TYPE_CHECKING:
        # Authors name the parameters they take, which a method's signature would forbid.
        do_pipeline: Callable[..., Iterable[Any] | None]
    else:

        def do_pipeline(self, tmpdir: Path, **parameters: Any) -> Iterable[Any] | None:
            """
            Do the work; every pipeline writes this.

            Parameters
            ----------
            tmpdir : pathlib.Path
                An empty folder of this run, removed afterwards. Outputs must lie inside it.
            **parameters
                The cleaned values of ``Parameters`` or ``flags``.

            Returns
            -------
            iterable or None
                Outputs: paths, :mod:`tom_pipeline_core.outputs`, or old ``PipelineOutput``.
            """
            raise NotImplementedError("Must be implemented in child classes")

    @classmethod
    def get_description(cls) -> str:
        """Return the description, or else the class's own docstring."""
        if cls.description:
            return cls.description
        own = cls.__doc__ if "__doc__" in vars(cls) else None
        if own and not own.startswith(f"{cls.__name__}("):  # Django's automatic list of fields
            return inspect.cleandoc(own)
        return ""

    @classmethod
    def accepts(cls, product: DataProduct) -> str | None:
        """
        Return a reason to refuse a file, or None.

        Called for every chosen file whenever a page is shown, so it must be quick.
        """
        return None

    @classmethod
    def preflight(
        cls, target: Any, products: Sequence[DataProduct], parameters: dict[str, Any]
    ) -> Iterable[Issue]:
        """
        Return issues seen before the run: errors block, warnings are asked once.

        Called by pages whenever the choice changes, so it must be quick: look at names, and at
        headers through :func:`tom_pipeline_core.preflight.facts_of`, which opens no file.
        """
        return ()

    # -- to use -------------------------------------------------------------------------------

    def update_status(self, status: str) -> AbstractContextManager[None]:
        """Say in words what the run is doing now; use it with or without ``with``."""
        self.status = str(status)
        self.save()
        return _Step()

    def log(self, msg: object, end: str = "\n", *, level: int = logging.INFO) -> None:
        """Append to the process's log; with ``end=''`` the line goes on at the next call."""
        *lines, self._pending_text = f"{self._pending_text}{msg}{end}".split("\n")
        for line in lines:
            self._report_line(line, level)

    def progress(self, done: float, total: float | None = None) -> None:
        """Say how much is done, of how much; the page shows it as a bar."""
        self.progress_done, self.progress_total = done, total
        if self._reporter is not None:
            self._reporter.progress(done, total)
        else:
            self._update_row(progress_done=done, progress_total=total)

    def track(
        self, items: Iterable[Item], status: str = "", total: int | None = None
    ) -> Iterator[Item]:
        """Iterate and report the progress; ``status`` names the step."""
        if status:
            self.update_status(status)
        if total is None:
            if not isinstance(items, Sized):
                items = list(items)
            total = len(items)
        self.progress(0, total)
        for done, item in enumerate(items, start=1):
            yield item
            self.progress(done, total)

    def measure(
        self, name: str, value: float, *, unit: str = "", product: DataProduct | None = None
    ) -> None:
        """Keep a number that says how good the data or the result is."""
        self.__dict__.setdefault("_measured", []).append(
            (str(name), float(value), str(unit), product.pk if product is not None else None)
        )

    def skip(self, product: DataProduct, reason: str) -> None:
        """Leave an input file out and say why; the run goes on and ends with a warning."""
        self.__dict__.setdefault("_skipped", {})[product.pk] = str(reason)
        self.log(f"Skipped {Path(str(product.data.name)).name}: {reason}", level=logging.WARNING)

    def local_path(self, product: DataProduct) -> Path:
        """
        Return a path of the file on this machine, whatever the storage.

        Read only: with a local storage this is the user's own file.
        """
        try:
            return Path(product.data.path)
        except NotImplementedError:
            pass
        if self._work_folder is None:
            raise RuntimeError("local_path can be called inside do_pipeline only")
        copy = self._work_folder / "inputs" / str(product.pk) / Path(str(product.data.name)).name
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            with product.data.open("rb") as source, copy.open("wb") as destination:
                shutil.copyfileobj(source, destination)
        return copy

    # -- how it is reported -------------------------------------------------------------------

    def _report_line(self, text: str, level: int) -> None:
        if self._reporter is not None:
            self._reporter.line(time.time(), "log", level, text)
        else:
            self.log_lines.create(attempt=self.attempt, time=timezone.now(), level=level, text=text)

    def _report_status(self) -> None:
        assert self._reporter is not None
        self._reporter.status(self.status)

    def _update_row(self, **values: Any) -> None:
        from tom_pipeline_core.models.process import PipelineProcess

        PipelineProcess.objects.filter(pk=self.pk).update(**values)

    def finish_log(self) -> None:
        """Write what was logged without a line end."""
        if self._pending_text:
            self.log("")
