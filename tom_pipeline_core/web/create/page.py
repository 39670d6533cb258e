"""Choose files, a pipeline and parameters of a new process, look at them, and run it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tom_pipeline_core import permissions, preflight, registry, submission
from tom_pipeline_core.exceptions import InvalidPipelineError, PipelineNotFound, SubmissionRefused
from tom_pipeline_core.models import PipelineProcess, Preset
from tom_pipeline_core.preflight import facts_of
from tom_pipeline_core.preflight.checks import Report
from tom_pipeline_core.web import lookup
from tom_pipeline_core.web.create import id_ranges, outlook, presets
from tom_pipeline_core.web.create.cards import Card, cards, misfit_of
from tom_pipeline_core.web.create.choose_target import choose_target
from tom_pipeline_core.web.create.draft import PREFIX, Draft
from tom_pipeline_core.web.create.files import Files
from tom_pipeline_core.web.create.parameters import ParametersSection
from tom_pipeline_core.web.log_view import number

READING = 1.0
"""Seconds that one request may spend on reading headers; the page asks again for the rest."""

READING_BEFORE_RUN = 10.0

PARTS = {
    "filter": ("files", "cards", "check"),
    "page": ("files",),
    "select-all": ("files", "cards", "check"),
    "select-none": ("files", "cards", "check"),
    "leave-out": ("files", "cards", "check"),
    "selection": ("basket", "cards", "check"),
    "look": ("looking", "file_table", "facets"),
    "find": ("cards",),
    "choose": ("parameters", "check"),
    "load": ("parameters", "check"),
    "save-preset": ("parameters",),
    "delete-preset": ("parameters",),
    "check": ("check",),
}
"""What changes by each button; htmx gets these parts only."""


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def process_create(request: HttpRequest) -> HttpResponse:
    """Show the page; every button posts the whole form here and says in ``do`` what it does."""
    if request.method != "POST" and not ("target" in request.GET or "from" in request.GET):
        return choose_target(request)
    page = CreatePage(request)
    action, _, argument = request.POST.get("do", "").partition(":")
    if action == "run":
        process = page.run()
        if process is not None:
            return redirect(process)
    elif action in PARTS:
        page.act(action, argument)
    return page.render(action)


class CreatePage:
    """One request of the page."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.draft = Draft.of(request)
        self.earlier = self._earlier()
        self.target = self._target()
        self.files = Files(request.user, self.target, self.draft.data, self.draft.page)
        self.errors: dict[str, list[str]] = {}
        self.notices: list[str] = []
        self.table_is_new = True
        self.entry: registry.Entry | None = None
        self.pipeline: type[PipelineProcess] | None = None
        self._find_pipeline()

    def _earlier(self) -> PipelineProcess | None:
        """Take over what an earlier process was given, if the address names one."""
        pk = number(self.request.GET.get("from"))
        if pk is None or self.request.method == "POST":
            return None
        process = lookup.process_or_404(self.request, pk)
        self.draft.pipeline = self.draft.pipeline or process.pipeline_id or process.pipeline_name
        self.draft.initial = process.parameters
        self.draft.selected |= {
            row.product_id for row in process.inputs.all() if row.product_id is not None
        }
        return process

    def _target(self) -> Any:
        pk = (
            self.earlier.target_id
            if self.earlier is not None
            else number(self.draft.data.get("target"))
        )
        target = permissions.visible_targets(self.request.user).filter(pk=pk).first()
        if target is None:
            raise Http404("There is no such target.")
        return target

    def _find_pipeline(self) -> None:
        if not self.draft.pipeline:
            return
        try:
            self.entry = registry.find(self.draft.pipeline)
            self.pipeline = registry.load(self.draft.pipeline)
        except (InvalidPipelineError, PipelineNotFound) as error:
            self.errors["pipeline"] = [str(error)]
            return
        if self.entry.offered and not self.draft.has_parameters:
            self.draft.pipeline = self.entry.name  # the cards go by it

    # -- what buttons do ----------------------------------------------------------------------

    def act(self, action: str, argument: str) -> None:
        """Change the draft as a button says."""
        draft = self.draft
        if action == "filter":
            self.files.number = 1
            self.read_some()
        elif action == "page" and number(argument) is not None:
            self.files.number = min(int(argument), 1_000_000)
        elif action == "select-all":
            matching = self.files.matching.values_list("pk", flat=True)
            draft.selected |= set(matching[: id_ranges.MOST])
        elif action == "select-none":
            draft.selected = set()
        elif action == "leave-out":
            draft.selected -= self.look(READING).products_of(argument)
            self.__dict__.pop("chosen", None)
            self.__dict__.pop("report", None)
        elif action == "look":
            self._read_ahead()
        elif action in ("load", "save-preset", "delete-preset"):
            self._act_on_presets(action, argument)

    def _read_ahead(self) -> None:
        """
        Read headers, those of the files in view first.

        The table is sent again only when it shows something new: pictures under way would be lost.
        """
        blank = [product for product in self.files.page if facts_of(product) is None]
        if blank:
            preflight.refresh(blank, target=self.target, seconds=READING)
        else:
            self.read_some()
        self.files.forget()
        self.table_is_new = bool(blank) or not self.files.unread

    def read_some(self) -> None:
        """Read headers of the target's files for a while."""
        rows = self.files.unread_rows.select_related("pipeline_facts").order_by("-pk")
        preflight.refresh(rows[:500], target=self.target, seconds=READING)

    def _act_on_presets(self, action: str, argument: str) -> None:
        draft, choices = self.draft, self.presets
        if choices is None:
            return
        asked = draft.data.get("preset", "")
        if action == "load":
            choice = choices.find(asked)
            draft.initial = choice.parameters if choice is not None else {}
            label = choice.label if choice is not None else "the defaults"
            self.notices.append(f"Values of {label}.")
            return
        if action == "delete-preset":
            choice = choices.find(argument)
            if choice is not None and choice.preset is not None and choices.deletable(argument):
                choice.preset.delete()
                self.notices.append(f"Deleted {choice.preset.name}.")
                self.__dict__.pop("presets", None)
            return
        name = draft.data.get("preset_name", "").replace("\x00", "").strip()
        section = self.parameters
        if not name or len(name) > 80:
            self.errors["preset_name"] = ["Give the preset a name of at most 80 characters."]
        elif section is None or not draft.has_parameters or not section.form.is_valid():
            self.errors["preset_name"] = ["Correct the values below first, then save them."]
        else:
            shared = bool(draft.data.get("preset_shared"))
            preset: Preset = choices.save(name, section.values(), shared=shared)
            self.notices.append(f"Saved as {preset.name}.")
            self.__dict__.pop("presets", None)

    # -- running ------------------------------------------------------------------------------

    def run(self) -> PipelineProcess | None:
        """Submit the process; None leaves the reasons in ``errors``."""
        draft = self.draft
        if self.errors:
            return None
        if len(self.chosen) != len(draft.selected):
            self.errors["products"] = ["One of the files does not exist."]
            return None
        values = self._values_to_run()
        if values is None or self._is_stopped():
            return None
        try:
            return submission.submit(
                draft.pipeline,
                target=self.target,
                products=self.chosen,
                parameters=values,
                user=self.request.user,
                key=draft.submission_key(values),
                origin="page",
            )
        except SubmissionRefused as refused:
            self.errors = refused.errors
            return None

    def _values_to_run(self) -> dict[str, Any] | None:
        section = self.parameters
        if section is None:
            return {}
        if not self.draft.has_parameters and section.form.fields:
            self.errors["pipeline"] = ["Look at the parameters of this pipeline, then run it."]
            return None
        if not section.form.is_bound or section.form.is_valid():
            return section.values()
        self.errors = {
            name: [str(text) for text in texts] for name, texts in section.form.errors.items()
        }
        return None

    def _is_stopped(self) -> bool:
        """Look at the files; an error stops, and so do warnings that were not accepted yet."""
        if self.pipeline is None or not self.chosen:
            return False  # the submission says what is missing
        others = [product for product in self.chosen if product.target_id != self.target.pk]
        if others:
            self.errors["products"] = [
                f"{product.base_name} belongs to another target." for product in others
            ]
            return True
        report = self.look(READING_BEFORE_RUN)
        if report.errors:
            self.errors["products"] = [outlook.in_words(finding) for finding in report.errors]
            return True
        if report.digest and report.digest != self.draft.confirmed:
            self.draft.confirmed = report.digest
            return True
        return False

    # -- what it shows ------------------------------------------------------------------------

    @cached_property
    def chosen(self) -> list[Any]:
        return self.files.chosen(self.draft.selected)

    @cached_property
    def processes(self) -> QuerySet[PipelineProcess]:
        """What the user may see; asked for once, as it costs queries."""
        return permissions.visible_processes(self.request.user)

    @cached_property
    def presets(self) -> presets.Presets | None:
        if self.pipeline is None or self.entry is None:
            return None
        return presets.Presets(self.request.user, self.processes, self.entry, self.pipeline)

    @cached_property
    def parameters(self) -> ParametersSection | None:
        if self.pipeline is None:
            return None
        draft = self.draft
        if draft.initial is None and draft.has_parameters:
            return ParametersSection(self.pipeline, sent=draft.data)
        values = draft.initial
        if values is None and self.request.method != "POST":
            start = f"{PREFIX}-"
            values = {
                name.removeprefix(start): draft.data[name]
                for name in draft.data
                if name.startswith(start)
            }
        return ParametersSection(self.pipeline, values=values)

    def look(self, seconds: float) -> Report:
        """Look at the chosen files; a second call returns the same."""
        if "report" not in self.__dict__:
            section = self.parameters
            self.report = preflight.examine(
                self.pipeline,
                target=self.target,
                products=self.chosen,
                parameters=section.values_or_none() if section is not None else None,
                seconds=seconds,
            )
        return self.report

    def told_errors(self) -> Iterator[dict[str, str]]:
        """Yield each error with the place on the page that it is about."""
        places = {
            "products": ("Files", "tpc-files"),
            "pipeline": ("Pipeline", "tpc-pipelines"),
            "preset_name": ("Preset", "tpc-preset-name"),
        }
        fields = self.parameters.form.fields if self.parameters is not None else {}
        for name, texts in self.errors.items():
            label, anchor = places.get(name, ("", ""))
            if name in fields:
                label, anchor = str(fields[name].label or name), f"id_{PREFIX}-{name}"
            for text in texts:
                yield {"field": name, "label": label, "anchor": anchor, "text": text}

    def render(self, action: str) -> HttpResponse:
        """Answer with the page, or with its parts that changed when htmx asks."""
        parts: Sequence[str] = ()
        if self.request.headers.get("HX-Request") and action in PARTS:
            parts = ("errors", *PARTS[action])
            if not self.table_is_new:
                parts = [part for part in parts if part != "file_table"]
        context: dict[str, Any] = {
            "target": self.target,
            "draft": self.draft,
            "errors": list(self.told_errors()),
            "notices": self.notices,
            "selected": self.draft.selected,
            "selected_text": id_ranges.encode(self.draft.selected),
            "templates": [f"tom_pipeline_core/create/{part}.html" for part in parts],
        }
        if not parts or {"files", "looking", "basket"} & set(parts):
            context |= self._files_context()
        if not parts or "cards" in parts:
            context |= self._cards_context()
        if not parts or "parameters" in parts:
            context |= {"parameters": self.parameters, "presets": self.presets}
        if not parts or "check" in parts:
            # A first view reads nothing: it shows what is known and asks for the rest.
            report = self.look(0 if self.request.method != "POST" else READING)
            context["outlook"] = outlook.Outlook(self, report)
        template = "parts" if parts else "page"
        return render(self.request, f"tom_pipeline_core/create/{template}.html", context)

    def _files_context(self) -> dict[str, Any]:
        page = self.files.page
        shown = {product.pk for product in page}
        sizes = [product.facts.size for product in self.chosen if product.facts is not None]
        return {
            "files": self.files,
            "page": page,
            "shown": id_ranges.encode(shown),
            "elsewhere": len(self.draft.selected - shown),
            "basket_size": sum(size or 0 for size in sizes),
            "basket_complete": len(sizes) == len(self.chosen),
            "gone": self._gone(),
        }

    def _gone(self) -> int:
        """How many files of the earlier process are there no more."""
        if self.earlier is None:
            return 0
        return self.earlier.inputs.count() - len(self.chosen)

    def _cards_context(self) -> dict[str, Any]:
        find = self.draft.data.get("find", "")
        found: list[Card] = cards(self.chosen)
        if self.entry and self.pipeline and not any(c.name == self.draft.pipeline for c in found):
            found.append(Card(self.entry, self.pipeline, misfit_of(self.pipeline, self.chosen)))
        words = find.lower().split()
        shown = [
            card
            for card in found
            if card.name == self.draft.pipeline or all(word in card.text for word in words)
        ]
        return {"cards": shown, "card_count": len(found), "find": find}
