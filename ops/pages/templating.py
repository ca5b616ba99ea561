"""The templates, compiled once, with the words and marks they use.

One environment is made when the routes are made; a page is then one call with its figures. Everything a template prints
is escaped unless it was built as markup here or in the charts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from contracts.moments import format_us
from contracts.recorded import Recorded
from ops.pages import charts, marks, words
from projections.kpi.shapes import Cell, CountedRow, KpiLine

HERE = Path(__file__).parent
STATIC: dict[str, tuple[bytes, str]] = {
    "tallystick.css": ((HERE / "static" / "tallystick.css").read_bytes(), "text/css; charset=utf-8"),
    "mark.svg": ((HERE / "static" / "mark.svg").read_bytes(), "image/svg+xml"),
}
STYLE_VERSION = hashlib.sha256(STATIC["tallystick.css"][0]).hexdigest()[:12]
"""Part of the stylesheet's address, so that it may be kept by browsers for ever and still change at once."""

_ROLES = {
    "numerator": "Counted, and met the condition",
    "denominator": "Counted, and did not meet it",
    "counted": "Counted",
}


def event_title(event: Recorded) -> str:
    """What an event says in two or three words: ``call.received`` → Call received."""
    return words.title_words(event.type.replace(".", " "))


def role_words(row: CountedRow) -> str:
    """How a record was counted, in words."""
    if row.role == "excluded":
        return f"Left out: {words.reason_words(row.reason)}"
    return _ROLES.get(row.role) or words.title_words(row.role)


def shown(line: KpiLine, show: str) -> Cell:
    """The cell of a line for what the reader chose: ``latest``, ``running`` or ``all``."""
    return {"running": line.current, "all": line.overall}.get(show, line.cell)


def span(offset: int, shown_rows: int, total: int, one: str) -> str:
    """``Events 1–50 of 4,682``, or ``3 events``."""
    if shown_rows >= total:
        return words.count_words(total, one)
    first = words.number_words(offset + 1)
    last = words.number_words(offset + shown_rows)
    return f"{words.title_words(one)}s {first}\N{EN DASH}{last} of {words.number_words(total)}"


_PERIOD = re.compile(r"\b\d{4}-(?:Q[1-4]|\d{2})\b(?!-)")


def _sentence(text: str) -> str:
    """A reason as a sentence, its periods in words."""
    text = _PERIOD.sub(lambda found: words.period_words(found[0]), text)
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _slug(text: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in text.lower())


def _when(moment_us: int | None, zone: str, phrase: Any) -> Markup:
    said = phrase(moment_us, zone)
    if moment_us is None:
        return escape(said)
    return Markup('<time datetime="{}">{}</time>').format(format_us(moment_us), said)


@pass_context
def _moment(context: Context, moment_us: int | None) -> Markup:
    return _when(moment_us, context["zone"], words.moment_words)


@pass_context
def _stamp(context: Context, moment_us: int | None) -> Markup:
    return _when(moment_us, context["zone"], words.stamp_words)


@pass_context
def _day(context: Context, moment_us: int | None) -> Markup:
    return _when(moment_us, context["zone"], words.day_words)


@pass_context
def _agency(context: Context, agency: str) -> str:
    return str(context["names"].get(agency) or agency)


@pass_context
def _agencies(context: Context, agencies: tuple[str, ...]) -> str:
    return words.listed([_agency(context, agency) for agency in agencies])


@pass_context
def _group(context: Context, group: str) -> str:
    dimension, _, agency = group.partition(":")
    return _agency(context, agency) if dimension == "agency" else words.group_words(group)


class Templates:
    """The compiled templates of all pages; ``render`` may be called from any thread."""

    def __init__(self) -> None:
        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        environment.filters.update(
            value=words.value_words,
            number=words.number_words,
            target=words.target_words,
            period=words.period_words,
            period_short=words.period_short,
            group=_group,
            agency=_agency,
            agencies=_agencies,
            fraction=words.fraction_words,
            count=words.count_words,
            title_words=words.title_words,
            lower_first=lambda text: text[:1].lower() + text[1:],
            sentence=_sentence,
            slug=_slug,
            iso_day=words.iso_day_words,
            role=role_words,
            shown=shown,
            event_title=event_title,
            moment=_moment,
            stamp=_stamp,
            day=_day,
        )
        environment.globals.update(
            badge=marks.badge,
            mark=marks.mark,
            shape=marks.shape,
            sparkline=charts.sparkline,
            trend_chart=charts.trend_chart,
            span=span,
            status_words=words.STATUS_WORDS,
            style_version=STYLE_VERSION,
        )
        self._templates = {name: environment.get_template(name) for name in environment.list_templates()}

    def render(self, name: str, figures: Mapping[str, Any]) -> str:
        """The page ``name`` as HTML text. Raises ``jinja2.UndefinedError`` where a figure is missing."""
        return self._templates[name].render(figures)
