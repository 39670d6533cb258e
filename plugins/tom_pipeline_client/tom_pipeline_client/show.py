"""How a process looks in a notebook."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

COLOURS = {"succeeded": "#198754", "failed": "#dc3545", "cancelled": "#6c757d"}
LINES = 8
THUMBNAILS = 3


def process_html(
    process: Any, steps: Sequence[dict[str, Any]], lines: Iterable[str], images: Iterable[bytes]
) -> str:
    """Return state, progress, steps, the last lines of the log and pictures as HTML."""
    done, total = process.progress
    bar = ""
    if not process.ended and total:
        bar = f'<progress value="{float(done or 0)}" max="{float(total)}"></progress> '
    shown = [
        f"<li>{escape(str(step['value']))} <small>{escape(step['time'][11:19])}</small></li>"
        for step in steps
    ]
    log = "\n".join(escape(line) for line in lines)
    pictures = "".join(
        f'<img alt="output" style="max-width:20em;max-height:15em" '
        f'src="data:image/png;base64,{b64encode(image).decode()}">'
        for image in images
    )
    colour = COLOURS.get(process.state, "#0d6efd")
    failure = f"<p><b>{escape(process.failure_message)}</b></p>" if process.failure_message else ""
    return (
        f"<div><b>{escape(process.pipeline_name)}</b> on {escape(process.target_name)} "
        f'<span style="color:white;background:{colour};padding:0 .5em;border-radius:.5em">'
        f"{escape(process.state)}</span> {bar}{escape(process.status)} "
        f'<a href="{escape(process.page, quote=True)}">page</a>{failure}'
        f"<ol>{''.join(shown)}</ol><pre>{log}</pre>{pictures}</div>"
    )
