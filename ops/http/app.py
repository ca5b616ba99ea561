"""The application: the porch in front, then the intake or the reading API and the pages.

The porch is plain ASGI. It admits or turns away, sends ``POST /v1/events`` straight to the intake, and
sees to it that everything else leaves with the security headers and is counted.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from contracts.faults import Fault, Problem, problem
from ops.health import Check, Readiness, Vitals, Watch
from ops.http.api import PRINCIPAL_KEY, reading_routes
from ops.http.auth import CHALLENGE, Gate, Principal
from ops.http.intake import PATH as INTAKE_PATH
from ops.http.intake import Intake, Told
from ops.http.intake_docs import add_intake
from ops.http.listing import FORMAT_KEY
from ops.http.problem import (
    PROBLEM_TYPE,
    SECURITY_HEADERS,
    Header,
    Message,
    Receive,
    Scope,
    Send,
    problem_json,
    send_problem,
)
from ops.metrics import Metrics
from ops.obligation_gauge import ObligationGauge
from ops.pages import Pages
from ops.pages import routes as page_routes
from ops.settings import Settings

if TYPE_CHECKING:
    from ops.composition import House

OPENAPI_PATHS = ("/openapi.json", "/v1/openapi.json")
OPEN_PATHS = frozenset({"/healthz", "/readyz"})
_READING = frozenset({"GET", "HEAD"})

FaultPage = Callable[[Problem, str], Response]
"""Makes the page of a fault at an address."""

log = logging.getLogger("tallystick.http")


def create_app(
    house: House, settings: Settings | None = None, *, monotonic_s: Callable[[], float] = time.monotonic
) -> Porch:
    """The ASGI application of an open house. Starts nothing: ``house.start()`` keeps the views current.

    Raises the faults ``loopback_only`` and ``settings_invalid``. ``monotonic_s`` is the clock readiness is
    judged by.
    """
    chosen = settings or house.settings
    gate = Gate.of(chosen)
    metrics = house.metrics
    intake = (
        Intake(
            house.writer(),
            metrics,
            max_body_bytes=chosen.max_body_bytes,
            body_timeout_s=chosen.body_timeout_s,
            retry_after_s=chosen.retry_after_s,
        )
        if house.writable
        else None
    )
    watch = Watch(chosen, lambda: vitals(house, monotonic_s()))
    pages = Pages(house)
    return Porch(_framework(house, chosen, watch, pages), gate, intake, metrics, pages.fault_page)


def vitals(house: House, monotonic_s: float) -> Vitals:
    """What readiness is judged by, read from the house now."""
    return Vitals(
        position=house.runner.position(),
        lag_events=house.lag().events,
        writer_alive=house.writer_alive(),
        runner_alive=house.runner_alive(),
        brake=house.quarantine.braked(),
        monotonic_s=monotonic_s,
        head_ahead_s=house.head_ahead_s(),
        follows=house.follows or not house.writable,
    )


class Porch:
    """The ASGI callable. ``framework`` is the FastAPI application behind it."""

    def __init__(
        self, framework: FastAPI, gate: Gate, intake: Intake | None, metrics: Metrics, fault_page: FaultPage
    ) -> None:
        self.framework = framework
        self.gate = gate
        self.metrics = metrics
        self.intake = intake
        self._fault_page = fault_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.framework(scope, receive, send)
            return
        host = authorization = origin = b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"authorization":
                authorization = value
            elif name == b"origin":
                origin = value
        path = scope["path"]
        method = scope["method"]
        admitted = None
        if path not in OPEN_PATHS:
            admitted = self.gate.admit(host, authorization, b"" if method in _READING else origin)
            if isinstance(admitted, Problem):
                await self._turn_away(scope, receive, send, admitted)
                return
        if method == "POST" and path == INTAKE_PATH and self.intake is not None:
            assert isinstance(admitted, Principal)  # the intake is no open path
            try:
                await self.intake(scope, receive, send, admitted)
            except Exception as error:  # noqa: BLE001 - a fault of ours: told in the one shape, with a reference
                self._count(method, INTAKE_PATH, 500)
                await send_problem(send, unexpected(method, path, error), SECURITY_HEADERS)
            return
        scope[PRINCIPAL_KEY] = admitted
        await self._behind(scope, receive, send)

    def turned_away(self, method: str, found: Problem, headers: tuple[Header, ...]) -> Told:
        """The answer to a request the gate refused, counted."""
        self._count(method, "refused", found.http_status)
        return found.http_status, PROBLEM_TYPE, problem_json(found), headers

    def failed(self, method: str, path: str, error: BaseException) -> Told:
        """The answer to a request that met a fault of ours, logged and counted."""
        self._count(method, path, 500)
        return 500, PROBLEM_TYPE, problem_json(unexpected(method, path, error)), SECURITY_HEADERS

    async def _turn_away(self, scope: Scope, receive: Receive, send: Send, found: Problem) -> None:
        self._count(scope["method"], "refused", found.http_status)
        headers = (*(CHALLENGE if found.http_status == 401 else ()), *SECURITY_HEADERS)
        if wants_page(scope):
            page = self._fault_page(found, scope["path"])
            page.raw_headers.extend(headers)
            await page(scope, receive, send)
        else:
            await send_problem(send, found, headers)

    async def _behind(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith("/v1/") and path not in OPENAPI_PATHS:
            for suffix in ("csv", "json"):
                if path.endswith(f".{suffix}"):
                    scope[FORMAT_KEY] = suffix
                    scope["path"] = path.removesuffix(f".{suffix}")
                    scope.pop("raw_path", None)
        status = 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(header for header in SECURITY_HEADERS if header[0] not in present),
                ]
            await send(message)

        try:
            await self.framework(scope, receive, send_guarded)
        except Exception as error:
            # The framework answers and logs (below), then raises again; only what it did not answer is left.
            if status != 500:
                raise
            log.debug("raised after its answer: %r", error)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self._count(scope["method"], route, status)

    def _count(self, method: str, route: str, status: int) -> None:
        known = method if method in _METHODS else "other"  # a sender must not be able to invent label values
        self.metrics.counter("tallystick_http_requests_total", known, route, str(status)).inc()


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _bare() -> FastAPI:
    return FastAPI(
        title="Tallystick",
        summary="A ledger of what partner agencies promised and did; every number opens down to its events.",
        description="Every list is also there as CSV and JSON: put .csv or .json behind its path. "
        "Every error is an application/problem+json with a stable code.",
        version="1",
        redirect_slashes=False,  # an address is spelled one way; a bare redirect would lose a POST's body on the way
        openapi_url=None,  # served below, with the intake in it
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
    )


def openapi() -> dict[str, Any]:
    """The OpenAPI document: the reading API, and the intake, of which FastAPI does not know."""
    app = _bare()
    nowhere: Any = None  # routes only touch the house when they are called
    app.include_router(reading_routes(nowhere, Settings()))
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=app.description, routes=app.routes
    )
    return add_intake(document)


def _framework(house: House, settings: Settings, watch: Watch, pages: Pages) -> FastAPI:
    app = _bare()
    _answer_faults(app, pages.fault_page)

    @app.get("/healthz", include_in_schema=False)
    def healthz() -> Response:
        return JSONResponse({"status": "alive"})

    @app.get("/readyz", include_in_schema=False)
    def readyz() -> Response:
        try:
            found = watch.look()
        except Exception as error:  # noqa: BLE001 - what cannot be read now (a database that is away) is not ready
            found = Readiness(False, (Check("reading", False, type(error).__name__),))
        return JSONResponse(found.to_json(), 200 if found.ready else 503)

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(house.metrics.export(), media_type="text/plain; version=0.0.4; charset=utf-8")

    # Where the lists of obligations are served, their counts are scraped.
    house.metrics.watch("tallystick_obligations", ObligationGauge(house))
    app.include_router(reading_routes(house, settings))
    # Before the pages, which answer for every other address.
    for path in OPENAPI_PATHS:
        app.add_api_route(path, lambda: JSONResponse(openapi()), include_in_schema=False)
    app.include_router(page_routes(house, settings), include_in_schema=False)
    return app


def wants_page(scope: Scope) -> bool:
    """Whether a person asks through a browser for a page; what is under ``/v1`` is for programs."""
    if scope["path"].startswith("/v1/"):
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _answer_faults(app: FastAPI, fault_page: FaultPage) -> None:
    """One problem+json for every error; a person who asked for a page gets a page that says the same."""

    @app.exception_handler(Fault)
    async def told(request: Request, error: Fault) -> Response:
        return problem_response(error.problem)

    @app.exception_handler(RequestValidationError)
    async def wrong_parameter(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        name = str(first["loc"][-1])
        return problem_response(problem("request_invalid", f"{name}: {first['msg']}", f"/{name}"))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            found = problem("method_not_allowed", f"{request.method} {request.url.path}")
        elif error.status_code == 404:
            found = problem("not_found", request.url.path)
            if wants_page(request.scope):
                return fault_page(found, request.url.path)
        else:
            found = problem("request_invalid", str(error.detail))
        return problem_response(found, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        found = unexpected(request.method, request.url.path, error)
        return fault_page(found, request.url.path) if wants_page(request.scope) else problem_response(found)


def unexpected(method: str, path: str, error: BaseException) -> Problem:
    """A fault of ours, logged under a reference that the sender is told."""
    reference = secrets.token_hex(4)
    log.error("reference %s: %s %s", reference, method, path, exc_info=error)
    return problem("internal_error", f"reference {reference}")


def problem_response(found: Problem, headers: dict[str, str] | None = None) -> Response:
    """A problem as a framework response."""
    return Response(problem_json(found), found.http_status, headers, PROBLEM_TYPE.decode())
