"""What speaks against running a pipeline on files, said before it runs."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from tom_dataproducts.models import DataProduct

from tom_pipeline_core.issues import ERROR, Issue
from tom_pipeline_core.models import FileFacts, PipelineProcess
from tom_pipeline_core.preflight.facts import facts_of, refresh
from tom_pipeline_core.submission import refusal_of

logger = logging.getLogger(__name__)

NEARLY = 0.98
"""Of the saturation level: so close a pixel is as good as saturated."""


@dataclass
class Finding:
    """One issue with all the files it is about."""

    issue: Issue
    products: list[tuple[DataProduct, str]] = field(default_factory=list)
    """Each with what is special about it."""

    @property
    def key(self) -> str:
        """A short name of the finding, the same in the next look."""
        text = f"{self.issue.level}:{self.issue.message}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def blocks(self) -> bool:
        return self.issue.level == ERROR

    @property
    def files(self) -> list[tuple[str, str]]:
        """Names and details, for people."""
        return [(name_of(product), detail) for product, detail in self.products]


@dataclass
class Report:
    """What a look at the files found."""

    findings: list[Finding]
    unread: int
    """How many files could not be looked at in the time given."""

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.blocks]

    @property
    def warnings(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.blocks]

    @property
    def digest(self) -> str:
        """What stands for these warnings: who has accepted it is not asked again."""
        parts = sorted(
            f"{finding.key}:{','.join(str(product.pk) for product, _ in finding.products)}"
            for finding in self.warnings
        )
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:24] if parts else ""

    def products_of(self, key: str) -> set[int]:
        """Return the files of a finding; ``errors`` and ``warnings`` stand for all of a kind."""
        return {
            product.pk
            for finding in self.findings
            if key in (finding.key, "errors" if finding.blocks else "warnings")
            for product, _ in finding.products
        }


def name_of(product: DataProduct) -> str:
    """Return the name of a product's file without its folders."""
    return (
        PurePosixPath(str(product.data.name)).name if product.data else f"data product {product.pk}"
    )


def examine(
    pipeline: type[PipelineProcess] | None,
    *,
    target: Any,
    products: Sequence[DataProduct],
    parameters: Mapping[str, Any] | None = None,
    seconds: float | None = None,
) -> Report:
    """
    Look at the files that a pipeline would get.

    Parameters
    ----------
    pipeline : type or None
        Without one only the files themselves are looked at.
    target : Target
        It is looked for on the frames.
    products : sequence of DataProduct
        Best fetched with ``select_related("pipeline_facts")``.
    parameters : mapping, optional
        Cleaned values; without them the pipeline's own ``preflight`` is not asked.
    seconds : float, optional
        Stop reading headers after this time; what is kept is used in any case.
    """
    unread = refresh(products, target=target, seconds=seconds)
    issues = [issue for product in products for issue in _of_file(pipeline, target, product)]
    issues += _duplicates(products)
    if pipeline is not None and parameters is not None:
        issues += _own(pipeline, target, products, dict(parameters))
    return Report(_grouped(issues), unread)


def _grouped(issues: Iterable[Issue]) -> list[Finding]:
    groups: dict[tuple[str, str], Finding] = {}
    for issue in issues:
        finding = groups.setdefault((issue.level, issue.message), Finding(issue))
        if issue.product is not None:
            finding.products.append((issue.product, issue.detail))
    return sorted(groups.values(), key=lambda finding: not finding.blocks)


def _of_file(
    pipeline: type[PipelineProcess] | None, target: Any, product: DataProduct
) -> Iterator[Issue]:
    if pipeline is not None and (reason := refusal_of(pipeline, product)):
        yield Issue.error("The pipeline does not take this file.", product, reason)
        return
    facts = facts_of(product)
    if facts is None:
        return
    kind = FileFacts.Kind
    if facts.kind == kind.MISSING:
        yield Issue.error("The file is not there any more.", product, facts.problem)
    elif facts.kind == kind.BROKEN:
        # A pipeline that asks for FITS cannot use it; one that takes any file might.
        asks = pipeline is not None and pipeline.allowed_suffixes
        level = Issue.error if asks else Issue.warning
        yield level("The file cannot be read as what its name says.", product, facts.problem)
    elif facts.kind == kind.NO_IMAGE:
        yield Issue.warning("The FITS file holds no image.", product)
    elif facts.kind == kind.IMAGE:
        yield from _of_frame(facts, target, product)


def _of_frame(facts: FileFacts, target: Any, product: DataProduct) -> Iterator[Issue]:
    if getattr(target, "ra", None) is not None:
        if facts.wcs is None:
            yield Issue.warning(
                "The frame has no WCS, so the target cannot be found on it by its coordinates.",
                product,
            )
        elif not _is_inside(facts):
            yield Issue.warning("The target lies outside the frame.", product, _where(facts))
    if (
        facts.peak is not None
        and facts.saturation is not None
        and facts.peak >= NEARLY * facts.saturation > 0
    ):
        yield Issue.warning(
            "Pixels close to the target are saturated.",
            product,
            f"up to {facts.peak:.0f}, saturation level {facts.saturation:.0f}",
        )


def _is_inside(facts: FileFacts) -> bool:
    x, y = facts.target_x, facts.target_y
    if x is None or y is None or facts.width is None or facts.height is None:
        return False
    return -0.5 <= x <= facts.width - 0.5 and -0.5 <= y <= facts.height - 0.5


def _where(facts: FileFacts) -> str:
    if facts.target_x is None or facts.target_y is None:
        return "it is elsewhere on the sky"
    return f"at x={facts.target_x:.0f}, y={facts.target_y:.0f} of {facts.width} by {facts.height} pixels"


def _duplicates(products: Sequence[DataProduct]) -> Iterator[Issue]:
    """Yield files that seem to be the same exposure as an earlier one of the list."""
    seen: dict[tuple[Any, ...], DataProduct] = {}
    for product in products:
        facts = facts_of(product)
        if facts is None or facts.observed_at is None:
            continue
        exposure = (
            facts.observed_at,
            facts.instrument,
            facts.telescope,
            facts.band,
            facts.exposure,
            facts.reduced,
        )
        if exposure in seen:
            yield Issue.warning(
                "The same exposure is selected more than once (time, instrument, band).",
                product,
                f"as {name_of(seen[exposure])}",
            )
        else:
            seen[exposure] = product


def _own(
    pipeline: type[PipelineProcess],
    target: Any,
    products: Sequence[DataProduct],
    parameters: dict[str, Any],
) -> list[Issue]:
    """Ask the pipeline itself; its mistakes are warnings, not the end of the page."""
    try:
        # What an author returns is whatever it is, so it is looked at.
        issues: list[Any] = list(pipeline.preflight(target, products, parameters))
    except Exception as error:
        logger.exception("%s.preflight failed", pipeline.__qualname__)
        text = f"The pipeline could not look at the files ({type(error).__name__}: {error})."
        return [Issue.warning(text)]
    wrong = [issue for issue in issues if not isinstance(issue, Issue)]
    if wrong:
        logger.error("%s.preflight returned %r, not Issue", pipeline.__qualname__, wrong[0])
    return [issue for issue in issues if isinstance(issue, Issue)]


def bands(products: Iterable[DataProduct]) -> dict[str, int]:
    """Return how many files there are of each band."""
    counts: dict[str, int] = defaultdict(int)
    for product in products:
        facts = facts_of(product)
        if facts is not None and facts.band:
            counts[facts.band] += 1
    return dict(sorted(counts.items()))
