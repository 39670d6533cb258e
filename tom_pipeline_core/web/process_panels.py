"""What plugins show on the page of a process; one that fails shows its name instead."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.http import HttpRequest
from django.template.loader import render_to_string

from tom_pipeline_core import hooks, hookspecs
from tom_pipeline_core.models import PipelineProcess

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RenderedPanel:
    """A card on the page."""

    title: str
    html: str = ""
    problem: str = ""


def render_panels(request: HttpRequest, process: PipelineProcess) -> list[RenderedPanel]:
    """Return the cards of all plugins."""
    return [
        _render(request, process, plugin, panel) for plugin, panel in hooks.panels(process, request)
    ]


def _render(
    request: HttpRequest,
    process: PipelineProcess,
    plugin: hooks.HookModule,
    panel: hookspecs.Panel | Exception,
) -> RenderedPanel:
    if isinstance(panel, Exception):
        return _broken(plugin)
    try:
        html = render_to_string(panel.template, {**panel.context, "process": process}, request)
    except Exception:
        logger.exception("The panel %r of %s cannot be shown", panel.title, plugin.where)
        return _broken(plugin)
    return RenderedPanel(title=panel.title, html=html)


def _broken(plugin: hooks.HookModule) -> RenderedPanel:
    return RenderedPanel(
        title=plugin.distribution,
        problem=f"The plugin {plugin.where} could not show its part of this page.",
    )
