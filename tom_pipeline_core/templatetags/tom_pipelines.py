"""How our pages write times, durations and states."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

from django import template
from django.utils import timezone as django_timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tom_pipeline_core.models import LogLine
from tom_pipeline_core.states import State
from tom_pipeline_core.web import log_view

register = template.Library()

STATE_LOOKS: dict[str, tuple[str, str, str]] = {
    State.QUEUED.value: ("Queued", "fa-clock-o", "text-bg-secondary"),
    State.RUNNING.value: ("Running", "fa-cog", "text-bg-primary"),
    State.CANCELLING.value: ("Cancelling", "fa-hourglass-end", "text-bg-warning"),
    State.SUCCEEDED.value: ("Succeeded", "fa-check", "text-bg-success"),
    State.FAILED.value: ("Failed", "fa-times", "text-bg-danger"),
    State.CANCELLED.value: ("Cancelled", "fa-ban", "text-bg-secondary"),
}
"""Per state: the word, the icon and the colour; never the colour alone."""


@register.simple_tag
def state_badge(state: str) -> SafeString:
    """Show a state as word, icon and colour."""
    word, icon, colour = STATE_LOOKS.get(str(state), (str(state), "fa-question", "text-bg-light"))
    return format_html(
        '<span class="badge tpc-state {}" data-state="{}">'
        '<i class="fa {}" aria-hidden="true"></i> {}</span>',
        colour,
        state,
        icon,
        word,
    )


@register.simple_tag
def ago(moment: datetime | None, empty: str = "–") -> SafeString:
    """Show a time in the reader's words, with the exact UTC as title and for machines."""
    if moment is None:
        return format_html("{}", empty)
    exact = moment.astimezone(timezone.utc)
    return format_html(
        '<time class="tpc-ago" datetime="{}" title="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        f"{exact:%Y-%m-%d %H:%M:%S} UTC",
        in_words(django_timezone.now() - moment, exact),
    )


def in_words(age: timedelta, exact: datetime) -> str:
    """Return ``2 min ago``; beyond a week the date, which says more."""
    seconds = age.total_seconds()
    if seconds < 0:
        return f"{exact:%Y-%m-%d %H:%M} UTC" if seconds < -60 else "now"
    for limit, size, unit in (
        (10, 0, "now"),
        (60, 1, "s"),
        (3600, 60, "min"),
        (86400, 3600, "h"),
        (7 * 86400, 86400, "d"),
    ):
        if seconds < limit:
            return f"{int(seconds // size)} {unit} ago" if size else unit
    return f"{exact:%Y-%m-%d}"


@register.filter
def duration(value: Any) -> str:
    """Show a number of seconds, or a timedelta, with at most two units."""
    if value is None or value == "":
        return "–"
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 0:
        return "0 s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


@register.simple_tag
def exact(moment: datetime | None) -> SafeString:
    """Show the exact UTC, with the reader's words as title."""
    if moment is None:
        return format_html("{}", "–")
    utc = moment.astimezone(timezone.utc)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        utc.isoformat(timespec="seconds"),
        in_words(django_timezone.now() - moment, utc),
        f"{utc:%Y-%m-%d %H:%M:%S} UTC",
    )


@register.filter
def exact_utc(moment: datetime) -> str:
    """Show a time to the millisecond."""
    utc = moment.astimezone(timezone.utc)
    return f"{utc:%Y-%m-%d %H:%M:%S}.{utc.microsecond // 1000:03d} UTC"


@register.filter
def minute_utc(moment: datetime) -> str:
    """Show date and time in UTC to the minute, for series of frames."""
    return f"{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M}"


@register.filter
def epoch(moment: datetime | None) -> str:
    """Write a time as seconds since 1970, for scripts."""
    return "" if moment is None else f"{moment.timestamp():.0f}"


@register.filter
def unlocalized(value: Any) -> str:
    """Write a number as machines read it, whatever the language of the page."""
    return "" if value is None else str(value)


@register.filter
def short_number(value: float | None) -> str:
    """Show a number with at most six digits."""
    return "–" if value is None else f"{value:.6g}"


@register.simple_tag
def log_line(line: LogLine) -> SafeString:
    """
    Show a line of a log.

    In Python, because a page has hundreds of them and a template takes its time for each.
    """
    level = log_view.level_name(line.level)
    exact = log_view.stamp(line.time)
    return format_html(
        '<div class="tpc-line tpc-level-{}" id="L{}"><time datetime="{}" title="{} UTC">{}</time> '
        "{}<span>{}</span></div>",
        level,
        line.pk,
        exact,
        exact[:-1].replace("T", " "),
        exact[11:19],
        _LOUD.get(level, ""),
        log_view.readable(line.text),
    )


_LOUD = {name: format_html("<b>{}</b> ", name) for name in ("WARNING", "ERROR", "CRITICAL")}


@register.simple_tag
def wanted_query(wanted: log_view.Wanted | None) -> str:
    """Write which log lines are wanted as the end of a query string."""
    if not wanted:
        return ""
    chosen = {"level": wanted.level or "", "q": wanted.text}
    return "&" + urlencode({name: value for name, value in chosen.items() if value})
