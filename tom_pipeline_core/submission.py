"""
The one door: every process is made here, whether a page, the API, a shell or a test asks.

Also the way back: cancelling and running again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from tom_dataproducts.models import DataProduct

from tom_pipeline_core import conf, hooks, hookspecs, permissions, registry
from tom_pipeline_core.exceptions import (
    InvalidPipelineError,
    PipelineNotFound,
    SubmissionRefused,
)
from tom_pipeline_core.models import InputFile, PipelineProcess, ProcessEvent
from tom_pipeline_core.models.metaclass import dotted_path
from tom_pipeline_core.models.moves import move, send_moved
from tom_pipeline_core.parameters import clean_parameters, to_json
from tom_pipeline_core.queues import get_queue
from tom_pipeline_core.states import UNFINISHED, State

logger = logging.getLogger(__name__)

DEFAULT_ALIAS = "default"


@dataclass
class Submission:
    """What somebody asks for; checks read it and hooks may refuse it."""

    pipeline_name: str
    target: Any
    products: list[DataProduct]
    parameters: dict[str, Any] = field(default_factory=dict)
    user: Any = None
    executor: str = ""
    queue: str = ""
    pipeline: type[PipelineProcess] | None = None
    entry: Any = None


def submit(
    pipeline_name: str,
    *,
    target: Any,
    products: Iterable[DataProduct],
    parameters: Mapping[str, Any] | None = None,
    user: Any = None,
    executor: str | None = None,
    key: str | None = None,
    origin: str = "",
) -> PipelineProcess:
    """
    Make a process and hand it to the queue when the transaction commits.

    Parameters
    ----------
    pipeline_name : str
        As shown, or qualified (``distribution:name``).
    target : Target
        The target that the products belong to.
    products : iterable of DataProduct
        The input files.
    parameters : mapping, optional
        By name; absent ones take their defaults.
    user : User, optional
        Who asks; None is code that is trusted and needs no permission.
    executor : str, optional
        An alias of ``TOM_PIPELINES['EXECUTORS']``; the pipeline's own wish otherwise.
    key : str, optional
        Sent again by a submitter who is unsure; the same user and key make one process.
    origin : str
        ``page``, ``api`` or ``shell``, for the history.

    Returns
    -------
    PipelineProcess
        Queued, or the one that the key made before.

    Raises
    ------
    SubmissionRefused
        With messages per field; no row was made.
    """
    if key and user is not None:
        earlier = PipelineProcess.objects.filter(user=user, submission_key=key).first()
        if earlier is not None:
            return earlier
    submission = Submission(
        pipeline_name=pipeline_name,
        target=target,
        products=_unique(products),
        parameters=dict(parameters or {}),
        user=user,
        executor=executor or "",
    )
    errors = check(submission)
    if errors:
        raise SubmissionRefused(errors)
    try:
        return _create(submission, key, origin)
    except IntegrityError:
        # Two requests with one key at the same moment: the other one made the process.
        made = (
            PipelineProcess.objects.filter(user=user, submission_key=key).first() if key else None
        )
        if made is None:
            raise
        return made


def _unique(products: Iterable[DataProduct]) -> list[DataProduct]:
    return list({product.pk: product for product in products}.values())


# -- checks -----------------------------------------------------------------------------------


def check(submission: Submission) -> dict[str, list[str]]:
    """
    Return why a submission is refused, by field; empty if it is not.

    Fills in ``submission.pipeline``, ``entry``, ``executor``, ``queue`` and cleaned parameters.
    """
    errors: dict[str, list[str]] = {}

    def refuse(name: str, text: str) -> None:
        errors.setdefault(name, []).append(text)

    _check_permission(submission, refuse)
    _check_pipeline(submission, refuse)
    _check_products(submission, refuse)
    if submission.pipeline is not None:
        for product in submission.products:
            reason = refusal_of(submission.pipeline, product)
            if reason:
                refuse("products", reason)
        cleaned, problems = clean_parameters(submission.pipeline, submission.parameters)
        for name, messages in problems.items():
            for message in messages:
                refuse(name, message)
        submission.parameters = to_json(cleaned)
        if not errors:
            _ask_plugins(submission, refuse)
        _check_place(submission, refuse)
    return errors


def _check_permission(submission: Submission, refuse: Any) -> None:
    user, target = submission.user, submission.target
    if target is None or target.pk is None:
        refuse("target", "Choose a target.")
        return
    if user is None:
        return
    if not permissions.may_submit(user):
        refuse("__all__", "Log in to run pipelines.")
    elif not permissions.visible_targets(user).filter(pk=target.pk).exists():
        refuse("target", "There is no such target.")


def _check_pipeline(submission: Submission, refuse: Any) -> None:
    if not submission.pipeline_name:
        refuse("pipeline", "Choose a pipeline.")
        return
    try:
        submission.entry = registry.find(submission.pipeline_name)
        submission.pipeline = registry.load(submission.pipeline_name)
    except (PipelineNotFound, InvalidPipelineError) as error:
        refuse("pipeline", str(error))


def _check_products(submission: Submission, refuse: Any) -> None:
    products, target = submission.products, submission.target
    pipeline = submission.pipeline
    least = pipeline.min_inputs if pipeline is not None else 1
    most = pipeline.max_inputs if pipeline is not None else None
    if len(products) < least:
        refuse(
            "products",
            "Select at least one file."
            if least <= 1
            else f"Select at least {least} files; {len(products)} are selected.",
        )
    if most is not None and len(products) > most:
        refuse("products", f"Select at most {most} files; {len(products)} are selected.")
    if submission.user is not None and products:
        keys = {product.pk for product in products}
        seen = permissions.visible_data_products(submission.user).filter(pk__in=keys)
        if seen.count() != len(keys):
            refuse("products", "One of the files does not exist.")
            return
    for product in products:
        if target is not None and product.target_id != target.pk:
            refuse("products", f"{_name(product)} belongs to another target.")
        elif not product.data:
            refuse("products", f"Data product {product.pk} has no file; deselect it.")
        elif not product.data.storage.exists(str(product.data.name)):
            refuse("products", f"{_name(product)} is missing in the storage; deselect it.")


def refusal_of(pipeline: type[PipelineProcess], product: DataProduct) -> str:
    """Return why a pipeline does not take a file, or ``''``."""
    name = _name(product)
    suffixes = pipeline.allowed_suffixes
    if suffixes and not name.lower().endswith(tuple(suffix.lower() for suffix in suffixes)):
        return f"File '{name}' does not end an allowed filename suffix ({', '.join(suffixes)})"
    try:
        reason = pipeline.accepts(product)
    except Exception as error:
        logger.exception("%s.accepts failed on %s", pipeline.__qualname__, name)
        reason = f"the pipeline could not look at it ({type(error).__name__}: {error})"
    return f"{name}: {reason}" if reason else ""


def _ask_plugins(submission: Submission, refuse: Any) -> None:
    assert submission.pipeline is not None
    asked = hookspecs.Submission(
        pipeline=submission.pipeline,
        pipeline_name=submission.entry.name,
        target=submission.target,
        products=tuple(submission.products),
        parameters=dict(submission.parameters),
        user=submission.user,
        executor=submission.executor,
    )
    for reason in hooks.objections(asked):
        refuse("__all__", reason)
    if not submission.executor:
        submission.executor = hooks.executor_for(asked) or ""


def _check_place(submission: Submission, refuse: Any) -> None:
    assert submission.pipeline is not None
    settings = conf.get()
    submission.executor = submission.executor or submission.pipeline.executor or DEFAULT_ALIAS
    submission.queue = submission.pipeline.queue or DEFAULT_ALIAS
    if submission.executor not in settings.executors:
        refuse(
            "__all__",
            f"The pipeline asks for the executor {submission.executor!r}, which "
            f"TOM_PIPELINES['EXECUTORS'] does not have. The site's staff can add it.",
        )
    if submission.queue not in settings.queues:
        refuse(
            "__all__",
            f"The pipeline asks for the queue {submission.queue!r}, which TOM_PIPELINES['QUEUES'] "
            "does not have. The site's staff can add it.",
        )


def _name(product: DataProduct) -> str:
    return Path(str(product.data.name)).name if product.data else f"data product {product.pk}"


def _size(product: DataProduct) -> int | None:
    """Return the bytes of a file, or None where the storage does not say."""
    try:
        return int(product.data.size)
    except (OSError, NotImplementedError):
        return None


# -- making -----------------------------------------------------------------------------------


def _create(submission: Submission, key: str | None, origin: str) -> PipelineProcess:
    pipeline, entry, user = submission.pipeline, submission.entry, submission.user
    assert pipeline is not None
    with transaction.atomic():
        if user is not None:
            _check_limits(user)
        process: PipelineProcess = pipeline(
            target_id=submission.target.pk,
            user=user,
            parameters=submission.parameters,
            pipeline_name=entry.name,
            pipeline_id=entry.qualified_id,
            pipeline_version=(pipeline.version or entry.version or "")[:100],
            process_type=dotted_path(pipeline),
            submission_key=key,
            executor_alias=submission.executor,
            queue_alias=submission.queue,
            state=State.QUEUED.value,
        )
        process.save()
        PipelineProcess.objects.filter(pk=process.pk).update(queued_at=Now())
        InputFile.objects.bulk_create(
            InputFile(
                process=process, product=product, name=_name(product)[:255], size=_size(product)
            )
            for product in submission.products
        )
        ProcessEvent.objects.create(
            process=process,
            time=Now(),
            kind=ProcessEvent.Kind.STATE,
            value=State.QUEUED.value,
            user=user,
            origin=origin,
        )
        transaction.on_commit(lambda: _hand_over(process))
    return process


def _hand_over(process: PipelineProcess) -> None:
    get_queue(process.queue_alias).push(process.pk)
    send_moved(process.pk, None, State.QUEUED)


def _check_limits(user: Any) -> None:
    """Refuse what is over the limits; the lock makes counting and inserting one step."""
    settings = conf.get()
    get_user_model()._default_manager.select_for_update().filter(pk=user.pk).first()
    unfinished = dict.fromkeys((state.value for state in UNFINISHED), 0)
    for state in PipelineProcess.objects.filter(user=user, state__in=unfinished).values_list(
        "state", flat=True
    ):
        unfinished[state] += 1
    queued = unfinished[State.QUEUED.value]
    active = sum(unfinished.values()) - queued
    if settings.max_queued_per_user is not None and queued >= settings.max_queued_per_user:
        raise SubmissionRefused(
            {
                "__all__": [
                    (
                        f"You have {queued} processes waiting, and this site allows "
                        f"{settings.max_queued_per_user}. Wait for some to end, or cancel some."
                    )
                ]
            }
        )
    if settings.max_active_per_user is not None and active >= settings.max_active_per_user:
        raise SubmissionRefused(
            {
                "__all__": [
                    (
                        f"You have {active} processes running, and this site allows "
                        f"{settings.max_active_per_user}. Wait for one to end, or cancel one."
                    )
                ]
            }
        )


# -- taking back, and again -------------------------------------------------------------------


def cancel(process: PipelineProcess, user: Any = None, *, origin: str = "") -> bool:
    """
    Cancel a process that has not ended.

    A queued one never starts; of a running one the run is stopped, and it can no longer succeed.

    Returns
    -------
    bool
        False if it had ended already.
    """
    facts: dict[str, Any] = {"user": user, "origin": origin, "detail": "cancelled on request"}
    for _ in range(2):  # between the two UPDATEs a run may go back to the queue
        if move(
            process.pk,
            State.QUEUED,
            State.CANCELLED,
            status=str(State.CANCELLED),
            terminal_timestamp=Now(),
            **facts,
        ) or move(process.pk, State.RUNNING, State.CANCELLING, **facts):
            process.refresh_from_db()
            return True
    process.refresh_from_db()
    return process.state == State.CANCELLING.value


def run_again(
    process: PipelineProcess,
    user: Any = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    key: str | None = None,
    origin: str = "",
) -> PipelineProcess:
    """
    Submit the same pipeline on the same files, with the same or other parameters.

    Raises
    ------
    SubmissionRefused
        As :func:`submit`, and if one of the files is gone: a run on the others is another run.
    """
    gone = process.inputs.filter(product__isnull=True).values_list("name", flat=True)
    if gone:
        raise SubmissionRefused({"products": [f"{name} no longer exists." for name in gone]})
    products: Sequence[DataProduct] = list(process.input_files.all())
    with transaction.atomic():
        again = submit(
            process.pipeline_id or process.pipeline_name,
            target=process.target,
            products=products,
            parameters=process.parameters if parameters is None else parameters,
            user=user,
            key=key,
            origin=origin,
        )
        ProcessEvent.objects.get_or_create(
            process=process,
            kind=ProcessEvent.Kind.REQUEST,
            value="run again",
            detail=f"as process {again.pk}",
            defaults={"attempt": process.attempt, "time": Now(), "user": user, "origin": origin},
        )
    return again
