"""The pipeline whose work is a program's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from astropy.table import Table

from tom_pipeline_core.command import environment as environments
from tom_pipeline_core.command.arguments import Argument, fill, placeholders
from tom_pipeline_core.command.declaration import Environment, InputRole, OutputFile, Patterns
from tom_pipeline_core.command.program import run_program
from tom_pipeline_core.exceptions import AsyncError, InvalidPipelineError
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.outputs import File, Output, PhotometryTable, Plot
from tom_pipeline_core.parameters import parameters_form

ALWAYS = frozenset({"tmpdir", "python", "inputs", "target.name", "target.ra", "target.dec"})
PER_FILE = frozenset({"input", "stem"})


class CommandPipeline(PipelineProcess):
    """
    Runs a program on the input files.

    Attributes
    ----------
    command : sequence of str or When
        Program and arguments. ``{name}`` stands for a parameter, ``{inputs}`` or a role for
        paths, ``{tmpdir}`` for the folder the program runs in, ``{python}`` for the interpreter of
        its environment, and ``{target.name}``, ``{target.ra}``, ``{target.dec}`` (degrees) for
        the target; with ``per_file`` also ``{input}`` and ``{stem}``. ``{{`` is a brace.
    per_file : bool
        Run once for each input file, and skip the files it fails on; otherwise once for all.
    input_roles : sequence of InputRole
        Which files the program takes; ``allowed_suffixes`` follows from them.
    output_files : sequence of OutputFile
        What it writes, and what becomes of it.
    patterns : Patterns
        How its words are understood.
    environment : Environment
        Its interpreter, packages and variables.
    """

    command: ClassVar[Sequence[Argument]] = ()
    per_file: ClassVar[bool] = False
    input_roles: ClassVar[Sequence[InputRole]] = ()
    output_files: ClassVar[Sequence[OutputFile]] = (OutputFile("*"),)
    patterns: ClassVar[Patterns] = Patterns()
    environment: ClassVar[Environment] = Environment()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if isinstance(cls.command, str) or not cls.command:
            raise InvalidPipelineError(
                f"{cls.__qualname__}.command must be a list, the program first; no shell reads it"
            )
        known = {*parameters_form(cls).base_fields, *ALWAYS, *(r.role for r in cls.input_roles)}
        if cls.per_file:
            known |= PER_FILE
        if unknown := placeholders(cls.command) - known:
            raise InvalidPipelineError(
                f"{cls.__qualname__}.command uses {', '.join(sorted(unknown))}, which is neither a "
                f"parameter nor one of {', '.join(sorted(known))}"
            )
        if cls.input_roles:
            suffixes = [suffix for role in cls.input_roles for suffix in role.suffixes]
            cls.allowed_suffixes = tuple(dict.fromkeys(suffixes))
            cls.min_inputs = max(sum(role.least for role in cls.input_roles), 1)

    def do_pipeline(self, tmpdir: Path, **parameters: Any) -> Iterator[Output]:
        name = self.short_name
        python = environments.interpreter(self.environment, name, self.update_status)
        variables = environments.variables(
            self.environment, python.parent if python is not None else None, tmpdir
        )
        values = {
            **parameters,
            "python": str(python or "python3"),
            "target.name": self.target.name,
            "target.ra": self.target.ra,
            "target.dec": self.target.dec,
        }
        if self.per_file:
            yield from self._run_each(tmpdir, values, variables)
        else:
            folder = tmpdir / "work"
            folder.mkdir()
            links = self._link(folder, list(self.input_files.all()))
            yield from self._run_once(folder, links, values, variables)

    def _run_each(
        self, tmpdir: Path, values: dict[str, Any], variables: dict[str, str]
    ) -> Iterator[Output]:
        failures: list[str] = []
        products = list(self.input_files.all())
        for number, product in enumerate(self.track(products, self.verbose_name or "Running")):
            folder = tmpdir / f"{number:05d}"
            folder.mkdir()
            links = self._link(folder, [product])
            (link,) = links
            stem = link.name.partition(".")[0]
            try:
                outputs = list(
                    self._run_once(
                        folder, links, {**values, "input": str(link), "stem": stem}, variables, stem
                    )
                )
            except AsyncError as error:
                self.skip(product, str(error))
                failures.append(str(error))
                continue
            yield from outputs
        if failures and len(failures) == len(products):
            raise AsyncError(failures[0] if len(failures) == 1 else f"On every file: {failures[0]}")

    def _run_once(
        self,
        folder: Path,
        links: Sequence[Path],
        values: dict[str, Any],
        variables: dict[str, str],
        stem: str = "",
    ) -> Iterator[Output]:
        known = {**values, "tmpdir": str(folder), "inputs": [str(link) for link in links]}
        known.update(self._by_role(links))
        run_program(
            list(fill(self.command, known)), folder=folder, variables=variables,
            patterns=self.patterns, listener=self,
        )  # fmt: skip
        taken = set(links)
        for declared in self.output_files:
            found = {path for path in folder.glob(declared.glob) if path.is_file()}
            if declared.required and not found - set(links):
                raise AsyncError(f"The program ended without writing {declared.glob}.")
            paths = sorted(found - taken)  # a file is what the first pattern says
            taken |= found
            for path in paths:
                named = _named_after_input(path, stem)
                taken.add(named)
                yield _output(declared, named)

    def _link(self, folder: Path, products: Sequence[Any]) -> list[Path]:
        """Show the input files inside the run's folder, where programs write beside them."""
        links = []
        for product in products:
            source = self.local_path(product)
            link = folder / source.name
            number = 1
            while link.is_symlink():
                link = folder / f"{number}_{source.name}"
                number += 1
            link.symlink_to(source.resolve())
            links.append(link)
        return links

    def _by_role(self, links: Sequence[Path]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {role.role: [] for role in self.input_roles}
        for link in links:
            for role in self.input_roles:
                if link.name.lower().endswith(tuple(s.lower() for s in role.suffixes)):
                    found[role.role].append(str(link))
                    break
        if self.per_file:
            return found
        for role in self.input_roles:
            count = len(found[role.role])
            if count < role.least or (role.most is not None and count > role.most):
                bounds = f"at least {role.least}" if count < role.least else f"at most {role.most}"
                raise AsyncError(
                    f"The program needs {bounds} of {role.role} ({', '.join(role.suffixes)}); "
                    f"{count} were chosen."
                )
        return found


def _named_after_input(path: Path, stem: str) -> Path:
    """Let outputs of several files be told apart."""
    if not stem or stem in path.name:
        return path
    return path.rename(path.with_name(f"{stem}_{path.name}"))


def _output(declared: OutputFile, path: Path) -> Output:
    if declared.kind == "plot":
        return Plot(path, declared.caption, declared.data_product_type)
    if declared.kind == "file":
        return File(path, declared.data_product_type)
    try:
        table = Table.read(path)
    except Exception as error:
        raise AsyncError(f"{path.name} cannot be read as a table: {error}") from error
    for ours, theirs in declared.columns.items():
        if theirs not in table.colnames:
            raise AsyncError(
                f"{path.name} has no column {theirs!r}; it has {', '.join(table.colnames)}."
            )
        if ours != theirs:
            table.rename_column(theirs, ours)
    return PhotometryTable(table, bandpass=declared.bandpass)
