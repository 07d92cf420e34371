"""The control port: HTTP and JSON, through which tests and users move the market and make the gateway misbehave.

It changes a simulation only, and still listens on loopback alone, or at a socket of its owner's. Amounts travel as text.
Every error is a JSON object with ``error``: an unknown route is 404 and a wrong method 405, both with the ``routes`` there
are; an unknown or missing field is 400 with a sentence that says what is allowed. ``docs/simgateway.md`` describes each route.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web
from loguru import logger

from tradebot.errors import GatewayError
from tradebot.simgateway import corporate, sessions, upstream
from tradebot.simgateway.gateway import Gateway
from tradebot.simgateway.listener import Listener
from tradebot.simgateway.model import Order
from tradebot.simgateway.report import state
from tradebot.simgateway.switches import switched

HOST = "127.0.0.1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Route: the method below, and the fields of the body ("?" may be left out; "*" stands for a fault's own, or the switches).
ROUTES: dict[str, tuple[str, str]] = {
    "GET /state": ("state", ""),
    "GET /journal": ("journal", ""),
    "GET /faults": ("faults", ""),
    "POST /faults": ("arm", "fault times? *"),
    "DELETE /faults": ("clear", ""),
    "GET /switches": ("switches", ""),
    "POST /switches": ("switch", "*"),
    "POST /quotes": ("quote", "symbol bid ask last?"),
    "POST /quotes/frozen": ("freeze", "frozen"),
    "POST /cash": ("cash", "cash"),
    "POST /positions": ("position", "symbol quantity avg_cost account?"),
    "POST /splits": ("split", "symbol new old con_id?"),
    "POST /renames": ("rename", "symbol to"),
    "POST /listings": ("listing", "symbol con_id price"),
    "POST /market": ("market", "open seconds? code? reason?"),
    "POST /market/late": ("late", "symbol seconds"),
    "POST /halts": ("halt", "symbol halted seconds? kind?"),
    "POST /orders": ("order", "symbol action quantity limit?"),
    "POST /orders/{perm_id}/fill": ("fill", "shares? price?"),
    "POST /orders/{perm_id}/cancel": ("cancel", ""),
    "POST /orders/{perm_id}/end": ("end", "code? reason?"),
    "POST /connections/drop": ("drop", ""),
    "POST /connections/degrade": ("degrade", "fault *"),
    "POST /listening/pause": ("pause", "seconds"),
    "POST /restart": ("restart", "seconds? rollback?"),
    "POST /midnight": ("midnight", ""),
    "POST /upstream": ("upstream", "up seconds? data_lost? orders? farms? told?"),
    "POST /upstream/flaps": ("flaps", "times every_s?"),
    "POST /errors": ("error", "code text?"),
}


@asynccontextmanager
async def open_control(
    gateway: Gateway, listener: Listener, port: int | None, socket: Path | None = None
) -> AsyncIterator[int | None]:
    """Serve the control port, None where it is off, and the socket. Raises GatewayError when the port cannot be opened."""
    runner = web.AppRunner(_application(gateway, listener), access_log=None)
    await runner.setup()
    try:
        opened = None if port is None else await _open_port(runner, port)
        if socket is not None:
            await _open_socket(runner, socket)
        yield opened
    finally:
        await runner.cleanup()


async def _open_port(runner: web.AppRunner, port: int) -> int:
    try:
        await web.TCPSite(runner, HOST, port).start()
    except OSError as error:
        raise GatewayError(
            f"the control port {port} cannot be opened ({error.strerror or error}): stop what uses it, or choose another one"
        ) from error
    return int(runner.addresses[0][1])


async def _open_socket(runner: web.AppRunner, socket: Path) -> None:
    """Not every file system has sockets, and without this one everything else works."""
    try:
        await web.UnixSite(runner, str(socket)).start()
        await asyncio.to_thread(socket.chmod, 0o600)
    except OSError as error:
        logger.warning("simulated gateway: {} cannot be opened, its prices cannot be moved: {}", socket, error)


def _application(gateway: Gateway, listener: Listener) -> web.Application:
    control = _Control(gateway, listener)
    app = web.Application(middlewares=[_explain])
    for route, (name, _) in ROUTES.items():
        method, path = route.split()
        app.router.add_route(method, path, getattr(control, name))
    return app


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as refused:
        if not isinstance(refused, web.HTTPNotFound | web.HTTPMethodNotAllowed):
            return web.json_response({"error": refused.reason}, status=refused.status)
        return _no_route(request, refused)
    except (ValueError, InvalidOperation, KeyError, TypeError) as error:
        return web.json_response({"error": str(error)}, status=400)
    except Exception as error:
        logger.exception("simulated gateway: {} {} failed", request.method, request.path)
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=500)


def _no_route(request: web.Request, refused: web.HTTPNotFound | web.HTTPMethodNotAllowed) -> web.Response:
    """What there is instead: all routes, or those of the path that was asked for with a wrong method."""
    routes, headers = list(ROUTES), {}
    if isinstance(refused, web.HTTPMethodNotAllowed):
        allowed = sorted(refused.allowed_methods)
        headers["Allow"] = ", ".join(allowed)
        routes = [f"{method} {request.path}" for method in allowed]
    error = f"there is no {request.method} {request.path}; there is {', '.join(routes)}"
    return web.json_response({"error": error, "routes": routes}, status=refused.status, headers=headers)


class _Control:
    """The routes, on one gateway."""

    def __init__(self, gateway: Gateway, listener: Listener) -> None:
        self._gateway, self._listener = gateway, listener

    async def state(self, _: web.Request) -> web.Response:
        return web.json_response(state(self._gateway))

    async def journal(self, request: web.Request) -> web.Response:
        after = int(request.query.get("after", "0"))
        return web.json_response(self._gateway.store.lines[after:])

    async def faults(self, _: web.Request) -> web.Response:
        return web.json_response(self._gateway.faults.armed())

    async def arm(self, request: web.Request) -> web.Response:
        body = await _body(request)
        name = body.pop("fault")
        return web.json_response(self._gateway.faults.arm(name, **body).describe(), status=201)

    async def clear(self, request: web.Request) -> web.Response:
        self._gateway.faults.clear(request.query.get("fault"))
        return web.json_response(self._gateway.faults.armed())

    async def switches(self, _: web.Request) -> web.Response:
        return web.json_response(asdict(self._gateway.switches))

    async def switch(self, request: web.Request) -> web.Response:
        self._gateway.switches = switched(self._gateway.switches, await _body(request))
        self._gateway.account_changed()
        return web.json_response(asdict(self._gateway.switches))

    async def quote(self, request: web.Request) -> web.Response:
        body = await _body(request)
        last = body.get("last")
        self._gateway.set_quote(
            body["symbol"], _amount(body["bid"]), _amount(body["ask"]), None if last is None else _amount(last)
        )
        return _done()

    async def freeze(self, request: web.Request) -> web.Response:
        self._gateway.quotes.frozen = bool((await _body(request))["frozen"])
        return _done()

    async def cash(self, request: web.Request) -> web.Response:
        self._gateway.set_cash(_amount((await _body(request))["cash"]))
        return _done()

    async def position(self, request: web.Request) -> web.Response:
        body = await _body(request)
        quantity, avg_cost = _amount(body["quantity"]), _amount(body["avg_cost"])
        self._gateway.set_position(body["symbol"], quantity, avg_cost, body.get("account", ""))
        return _done()

    async def split(self, request: web.Request) -> web.Response:
        body = await _body(request)
        new, old = _amount(body["new"]), _amount(body["old"])
        corporate.split(self._gateway, body["symbol"], new, old, int(body.get("con_id") or 0))
        return _done()

    async def rename(self, request: web.Request) -> web.Response:
        body = await _body(request)
        corporate.rename(self._gateway, body["symbol"], body["to"])
        return _done()

    async def listing(self, request: web.Request) -> web.Response:
        body = await _body(request)
        corporate.list_new(self._gateway, body["symbol"], int(body["con_id"]), _amount(body["price"]))
        return _done()

    async def market(self, request: web.Request) -> web.Response:
        body, gateway = await _body(request), self._gateway
        acts = (sessions.open_now, partial(sessions.close_now, code=_code(body), reason=str(body.get("reason", ""))))
        now, afterwards = acts if body["open"] else reversed(acts)
        now(gateway)
        if body.get("seconds") is not None:
            gateway.later(float(_amount(body["seconds"])), afterwards, gateway)
        return _done()

    async def late(self, request: web.Request) -> web.Response:
        body = await _body(request)
        sessions.open_late(self._gateway, body["symbol"], float(_amount(body["seconds"])))
        return _done()

    async def halt(self, request: web.Request) -> web.Response:
        body = await _body(request)
        if not body["halted"]:
            sessions.resume(self._gateway, body["symbol"])
            return _done()
        sessions.halt(self._gateway, body["symbol"], int(body.get("kind", 2)))
        if body.get("seconds") is not None:
            self._gateway.later(float(_amount(body["seconds"])), sessions.resume, self._gateway, body["symbol"])
        return _done()

    async def order(self, request: web.Request) -> web.Response:
        body = await _body(request)
        limit = body.get("limit")
        perm_id = self._gateway.owner_order(
            body["symbol"], body["action"], _amount(body["quantity"]), None if limit is None else _amount(limit)
        )
        return web.json_response({"perm_id": perm_id}, status=201)

    async def fill(self, request: web.Request) -> web.Response:
        body = await _body(request)
        figures = [None if body.get(name) is None else _amount(body[name]) for name in ("shares", "price")]
        self._gateway.fill(self._order(request), *figures)
        return _done()

    async def cancel(self, request: web.Request) -> web.Response:
        self._gateway.desk.cancel(self._open(request))
        return _done()

    async def end(self, request: web.Request) -> web.Response:
        body = await _body(request)
        self._gateway.desk.end(self._open(request).perm_id, _code(body), str(body.get("reason", "")))
        return _done()

    def _open(self, request: web.Request) -> Order:
        order = self._gateway.book.orders[self._order(request)]
        if not order.live and not order.listed:
            raise ValueError(f"order {order.perm_id} is {order.status}")
        return order

    def _order(self, request: web.Request) -> int:
        perm_id = int(request.match_info["perm_id"])
        if perm_id not in self._gateway.book.orders:
            raise ValueError(f"no such order: {perm_id}")
        return perm_id

    async def drop(self, _: web.Request) -> web.Response:
        self._gateway.drop_all()
        return _done()

    async def degrade(self, request: web.Request) -> web.Response:
        body = await _body(request)
        self._gateway.degrade(body.pop("fault"), body)
        return _done()

    async def pause(self, request: web.Request) -> web.Response:
        self._listener.pause(float(_amount((await _body(request))["seconds"])))
        return _done()

    async def restart(self, request: web.Request) -> web.Response:
        body = await _body(request)
        seconds, rollback = _amount(body.get("seconds", 1)), _amount(body.get("rollback", 4))
        self._gateway.restart(int(rollback))
        self._listener.pause(float(seconds))
        return _done()

    async def midnight(self, _: web.Request) -> web.Response:
        self._gateway.midnight()
        return _done()

    async def upstream(self, request: web.Request) -> web.Response:
        body = await _body(request)
        link, back = self._gateway.upstream, (bool(body.get("data_lost", False)), bool(body.get("told", True)))
        if body["up"]:
            link.restore(*back)
            return _done()
        link.lose(body.get("orders", "later"), bool(body.get("farms", False)))
        if body.get("seconds") is not None:
            self._gateway.later(float(_amount(body["seconds"])), link.restore, *back)
        return _done()

    async def flaps(self, request: web.Request) -> web.Response:
        body = await _body(request)
        link, later, every_s = self._gateway.upstream, self._gateway.later, float(_amount(body.get("every_s", 1)))
        for turn in range(int(body["times"])):
            later(turn * every_s, link.flap)
            later((turn + 0.5) * every_s, link.restore, False, False)
        return _done()

    async def error(self, request: web.Request) -> web.Response:
        body = await _body(request)
        code = int(body["code"])
        self._gateway.tell_error(code, str(body.get("text", upstream.TEXTS.get(code, ""))))
        return _done()


async def _body(request: web.Request) -> dict[str, Any]:
    """The body's fields. Raises ValueError or TypeError when they are not the route's."""
    text = await request.text()
    body = json.loads(text) if text else {}
    if not isinstance(body, dict):
        raise TypeError("the body must be a JSON object")
    resource = request.match_info.route.resource
    assert resource is not None
    fields = ROUTES[f"{request.method} {resource.canonical}"][1].split()
    if missing := [name for name in fields if name not in body and name[-1] not in "?*"]:
        raise ValueError(f"{missing[0]} is missing")
    known = {name.removesuffix("?") for name in fields}
    if "*" not in known and (unknown := sorted(body.keys() - known)):
        raise ValueError(f"there is no {unknown[0]} here; there is {', '.join(sorted(known)) or 'nothing'}")
    return body


def _amount(value: object) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not amount.is_finite():
        raise ValueError(f"{value!r} is not a number")
    return amount


def _code(body: dict[str, Any]) -> int:
    """The code of the error that an order is ended with."""
    return int(body.get("code", 202))


def _done() -> web.Response:
    return web.json_response({"done": True})
