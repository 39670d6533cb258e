"""The base class of pipelines, with all that tom_education's had."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from tom_dataproducts.models import DataProduct

from tom_education.models.async_process import AsyncProcess
from tom_pipeline_core import models as core
from tom_pipeline_core import registry
from tom_pipeline_core.exceptions import InvalidPipelineError, PipelineNotFound
from tom_pipeline_core.models import AsyncError, InputFile, PipelineOutput
from tom_pipeline_core.parameters import clean_parameters, parameters_form, to_json

__all__ = ["InvalidPipelineError", "PipelineOutput", "PipelineProcess"]


class PipelineProcess(AsyncProcess):
    """
    A pipeline and its runs.

    Authors write ``do_pipeline(self, tmpdir)``, with ``**flags`` if the class has ``flags``.
    """

    class Meta:
        app_label = "tom_education"
        proxy = True

    # -- which pipelines there are ------------------------------------------------------------

    @classmethod
    def get_available(cls) -> dict[str, str]:
        """Return the setting ``TOM_EDUCATION_PIPELINES``: dotted paths of classes by name."""
        return dict(getattr(settings, "TOM_EDUCATION_PIPELINES", None) or {})

    @classmethod
    def get_subclass(cls, name: str) -> type[core.PipelineProcess]:
        """
        Return the class of a pipeline, from the settings or from an installed plugin.

        Raises
        ------
        KeyError
            If there is no such name.
        InvalidPipelineError
            If it cannot be imported, is no pipeline, or has flags that are not in order.
        """
        try:
            return registry.load(name)
        except PipelineNotFound as error:
            if name not in cls.get_available():
                raise KeyError(name) from error
            raise InvalidPipelineError(str(error)) from error

    @classmethod
    def validate_flags(cls, flags: Any) -> None:
        """
        Check a class's ``flags``.

        Raises
        ------
        AssertionError
            If they are no mapping of words to ``{'default': bool, 'long_name': str}``.
        """
        if flags is None:
            return
        holder = type("Flags", (), {"flags": flags, "__qualname__": cls.__qualname__})
        try:
            if flags:
                parameters_form(holder)
            elif not isinstance(flags, Mapping):
                raise InvalidPipelineError(f"flags must be a mapping, not {flags!r}")
        except InvalidPipelineError as error:
            raise AssertionError(str(error)) from error

    # -- making one -----------------------------------------------------------------------------

    @classmethod
    def create_timestamped(
        cls, target: Any, products: Iterable[DataProduct], flags: Mapping[str, Any] | None = None
    ) -> PipelineProcess:
        """
        Make a process of this pipeline; nothing starts it.

        Parameters
        ----------
        target : Target
            The target.
        products : iterable of DataProduct
            The input files.
        flags : mapping, optional
            By name; what is absent takes its default.

        Returns
        -------
        PipelineProcess
            Saved, with its input files. ``run()`` runs it here;
            ``tom_education.tasks.send_task(run_pipeline, process, name)`` hands it to a worker.

        Raises
        ------
        AsyncError
            If the class has no such flag.
        """
        if flags:
            cleaned, errors = clean_parameters(cls, flags)
            if errors:
                raise AsyncError(" ".join(text for texts in errors.values() for text in texts))
            flags = to_json(cleaned)
        process = cls.objects.create(target=target, parameters=dict(flags or {}))
        InputFile.objects.bulk_create(
            InputFile(process=process, product=product, name=Path(product.data.name or "").name)
            for product in products
        )
        return process

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save what old code may change; a new process gets the name of its pipeline."""
        if self._state.adding and not self.pipeline_name and type(self) is not PipelineProcess:
            target = f"{type(self).__module__}:{type(self).__qualname__}"
            entry = next((e for e in registry.entries().values() if e.target == target), None)
            self.pipeline_name = entry.name if entry else type(self).__name__
            self.pipeline_id = entry.qualified_id if entry else ""
        super().save(*args, **kwargs)

    # -- running it -----------------------------------------------------------------------------

    def run(self) -> None:
        """
        Run the process here and now, to its end.

        Raises
        ------
        AsyncError
            If it has no target, no input files, or files with other endings than the pipeline
            takes (nothing is changed then), or if the pipeline or saving fails.
        Exception
            Whatever else ``do_pipeline`` raises. The process is ``failed`` by then.
        """
        from tom_education.direct import run_here

        run_here(self)

    # -- what it says ---------------------------------------------------------------------------

    def _report_line(self, text: str, level: int) -> None:
        if self._reporter is not None:
            # The supervisor writes lines in batches; the pipeline reads its own at once.
            self.__dict__.setdefault("_own_lines", []).append(text)
        super()._report_line(text, level)

    @property
    def logs(self) -> str | None:
        """All that was logged, as text; None when nothing was."""
        if self._reporter is None:
            return super().logs
        text = "".join(f"{line}\n" for line in self.__dict__.get("_own_lines", ()))
        return text + self._pending_text or None

    @property
    def flags_json(self) -> str | None:
        """The flags as JSON; None when there are none."""
        return super().flags_json

    @flags_json.setter
    def flags_json(self, text: str | None) -> None:
        self.parameters = json.loads(text) if text else {}

    # -- names of fields that the table of old had ------------------------------------------------

    @property
    def asyncprocess_ptr(self) -> AsyncProcess:
        """The same process as an ``AsyncProcess``."""
        return self

    @property
    def asyncprocess_ptr_id(self) -> Any:
        """The primary key."""
        return self.pk
