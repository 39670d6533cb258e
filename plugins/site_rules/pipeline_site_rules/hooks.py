"""The hooks. Light: what needs Django's models is imported when a hook is called."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline_site_rules import rules
from tom_pipeline_core.hookspecs import Submission, hookimpl

if TYPE_CHECKING:
    from tom_pipeline_core.models import OutputRecord, PipelineProcess
    from tom_pipeline_core.outputs import Output

logger = logging.getLogger(__name__)


@hookimpl
def register_pipelines() -> Mapping[str, str]:
    """Register every recipe in the site's folder; a file is read when its pipeline is used."""
    folder = rules.get().recipes
    if folder is None or not folder.is_dir():
        return {}
    return {
        path.stem.replace("_", " ").capitalize(): f"pipeline_site_rules.recipes:{path.stem}"
        for path in sorted(folder.glob("*.toml"))
        if path.stem.isidentifier()
    }


@hookimpl
def validate_submission(submission: Submission) -> Iterable[str]:
    """Refuse more files than the groups of the user allow."""
    limits, user = rules.get().max_files, submission.user
    if not limits or user is None or user.is_staff:
        return []
    groups = ["", *user.groups.values_list("name", flat=True)]
    allowed = [limits[name] for name in groups if name in limits]
    count = len(submission.products)
    if not allowed or count <= max(allowed):
        return []
    return [f"You chose {count} files, and this site allows you {max(allowed)} at once."]


@hookimpl
def choose_executor(submission: Submission) -> str | None:
    """Send processes on many files to the executor for large ones."""
    large = rules.get()
    if large.large_files is not None and len(submission.products) > large.large_files:
        return large.large_executor
    return None


@hookimpl
def save_output(process: PipelineProcess, output: Output) -> object | None:
    """Keep facts as extra fields of the target."""
    from pipeline_site_rules.outputs import TargetFacts

    if not isinstance(output, TargetFacts):
        return None
    process.target.save(extras=dict(output.facts))
    return output


@hookimpl
def outputs_saved(process: PipelineProcess, outputs: Sequence[OutputRecord]) -> None:
    """Submit the pipeline that comes next, on the files that this one made."""
    following = rules.get().next.get(process.pipeline_name)
    products = [output.product for output in outputs if output.product is not None]
    if following is None or not products:
        return
    from tom_pipeline_core import submission
    from tom_pipeline_core.exceptions import SubmissionRefused

    try:
        submission.submit(
            following,
            target=process.target,
            products=products,
            user=process.user,
            key=f"after-{process.pk}" if process.user is not None else None,
        )
    except SubmissionRefused as refused:
        logger.warning("%s is not submitted after process %s: %s", following, process.pk, refused)
