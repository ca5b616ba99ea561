"""Lists over HTTP: the same rows as JSON, or as CSV under the same address with ``.csv``.

A spreadsheet and a program must read the same numbers, so each list is made once and only then given a form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from contracts.faults import fault
from ops.delivery import csv_text, rows_of

FORMAT_KEY = "tallystick.format"


@dataclass(slots=True)
class Listing:
    """``items`` under ``key`` with the members in ``extra`` beside them; ``columns`` are the members CSV
    shows.

    ``csv_items`` are flatter rows where the JSON is a tree. ``next_after`` is the cursor of the next page.
    """

    key: str
    items: Sequence[Any]
    columns: Sequence[str]
    extra: Mapping[str, Any] = field(default_factory=dict)
    csv_items: Sequence[Mapping[str, Any]] | None = None
    next_after: int | None = None

    def response(self, request: Request) -> Response:
        """The list in the form the address asked for."""
        headers = {}
        following = None
        if self.next_after is not None:
            query = {**request.query_params, "after": str(self.next_after)}
            following = f"{asked_path(request)}?{urlencode(query)}"
            headers["link"] = f'<{following}>; rel="next"'
        if request.scope.get(FORMAT_KEY) == "csv":
            name = request.url.path.strip("/").replace("/", "-")
            headers["content-disposition"] = f'inline; filename="{_header_safe(name)}.csv"'
            rows = rows_of(self.items if self.csv_items is None else self.csv_items, self.columns)
            return Response(csv_text(self.columns, rows), media_type="text/csv; charset=utf-8", headers=headers)
        body: dict[str, Any] = {**self.extra, self.key: self.items}
        if self.key == "events":
            body["next"] = following
        return json_response(body, headers)


def json_response(body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; a value JSON cannot hold is shown as text."""
    return Response(orjson.dumps(body, default=str), media_type="application/json", headers=dict(headers or {}))


def one_thing(request: Request, body: Any) -> Response:
    """A JSON answer for an address that is no list: ``.csv`` there is the fault ``not_found``."""
    if request.scope.get(FORMAT_KEY) == "csv":
        raise fault("not_found", f"{request.url.path} is not a list and has no .csv")
    return json_response(body)


def asked_path(request: Request) -> str:
    """The path as it was asked for, with its suffix."""
    suffix = request.scope.get(FORMAT_KEY)
    return request.url.path + (f".{suffix}" if suffix else "")


def _header_safe(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "_" for c in name)
