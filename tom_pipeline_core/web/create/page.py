"""Choose files, a pipeline and parameters of a new process, and run it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tom_pipeline_core import permissions, registry, submission
from tom_pipeline_core.exceptions import InvalidPipelineError, PipelineNotFound, SubmissionRefused
from tom_pipeline_core.models import PipelineProcess
from tom_pipeline_core.web import lookup
from tom_pipeline_core.web.create import id_ranges
from tom_pipeline_core.web.create.cards import cards
from tom_pipeline_core.web.create.choose_target import choose_target
from tom_pipeline_core.web.create.draft import PREFIX, Draft
from tom_pipeline_core.web.create.files import Files
from tom_pipeline_core.web.create.parameters import ParametersSection
from tom_pipeline_core.web.log_view import number

FILE_ACTIONS = ("filter", "page", "select-all", "select-none")


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
    elif action:
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

    # -- what buttons do ----------------------------------------------------------------------

    def act(self, action: str, argument: str) -> None:
        """Change the draft as a button says; an unknown one changes nothing."""
        if action == "filter":
            self.files.number = 1
        elif action == "page" and argument.isascii() and argument.isdigit() and len(argument) < 9:
            self.files.number = int(argument)
        elif action == "select-all":
            matching = self.files.matching.values_list("pk", flat=True)
            self.draft.selected |= set(matching[: id_ranges.MOST])
        elif action == "select-none":
            self.draft.selected = set()

    def run(self) -> PipelineProcess | None:
        """Submit the process; None leaves the reasons in ``errors``."""
        draft = self.draft
        products = self.chosen
        if len(products) != len(draft.selected):
            self.errors["products"] = ["One of the files does not exist."]
            return None
        section = self.parameters
        if section is not None and not draft.has_parameters and section.form.fields:
            self.errors["pipeline"] = ["Look at the parameters of this pipeline, then run it."]
            return None
        values: dict[str, Any] = {}
        if section is not None:
            if not section.form.is_valid():
                self.errors = {
                    name: [str(text) for text in texts]
                    for name, texts in section.form.errors.items()
                }
                return None
            values = section.values()
        try:
            return submission.submit(
                draft.pipeline,
                target=self.target,
                products=products,
                parameters=values,
                user=self.request.user,
                key=draft.submission_key(values),
                origin="page",
            )
        except SubmissionRefused as refused:
            self.errors = refused.errors
            return None

    # -- what it shows ------------------------------------------------------------------------

    @property
    def chosen(self) -> list[Any]:
        if not hasattr(self, "_chosen"):
            self._chosen = self.files.chosen(self.draft.selected)
        return self._chosen

    @property
    def parameters(self) -> ParametersSection | None:
        if not hasattr(self, "_parameters"):
            self._parameters = self._make_parameters()
        return self._parameters

    def _make_parameters(self) -> ParametersSection | None:
        draft = self.draft
        if not draft.pipeline:
            return None
        try:
            entry = registry.find(draft.pipeline)
            pipeline = registry.load(draft.pipeline)
        except (InvalidPipelineError, PipelineNotFound) as error:
            self.errors.setdefault("pipeline", []).append(str(error))
            return None
        if entry.offered:
            draft.pipeline = entry.name  # the cards go by it
        if draft.has_parameters:
            return ParametersSection(pipeline, sent=draft.data)
        start = f"{PREFIX}-"
        asked = {
            name.removeprefix(start): draft.data[name]
            for name in draft.data
            if name.startswith(start)
        }
        return ParametersSection(pipeline, values=draft.initial or asked)

    def told_errors(self) -> Iterator[dict[str, str]]:
        """Yield each error with the place on the page that it is about."""
        places = {"products": ("Files", "tpc-files"), "pipeline": ("Pipeline", "tpc-pipelines")}
        fields = self.parameters.form.fields if self.parameters is not None else {}
        for name, texts in self.errors.items():
            label, anchor = places.get(name, ("", ""))
            if name in fields:
                label, anchor = str(fields[name].label or name), f"id_{PREFIX}-{name}"
            for text in texts:
                yield {"field": name, "label": label, "anchor": anchor, "text": text}

    def render(self, action: str) -> HttpResponse:
        """Answer with the page, or with its parts that changed when htmx asks."""
        parameters = self.parameters
        page = self.files.page
        context = {
            "target": self.target,
            "draft": self.draft,
            "files": self.files,
            "page": page,
            "shown": id_ranges.encode(product.pk for product in page),
            "selected": self.draft.selected,
            "elsewhere": len(self.draft.selected - {product.pk for product in page}),
            "selected_text": id_ranges.encode(self.draft.selected),
            "chosen": self.chosen,
            "cards": cards(self.chosen),
            "parameters": parameters,
            "errors": list(self.told_errors()),
        }
        return render(self.request, "tom_pipeline_core/create/page.html", context)
