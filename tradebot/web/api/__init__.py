"""The REST API under `/api/v1`: `table` has every endpoint, `reading` and `acting` what each does, `describing` the documents."""

from http import HTTPStatus

from aiohttp import web

from tradebot.web.api import describing
from tradebot.web.api.access import Access
from tradebot.web.api.asks import After
from tradebot.web.api.dispatch import Dispatch, query_of
from tradebot.web.api.endpoint import PREFIX
from tradebot.web.api.streaming import Stream
from tradebot.web.api.table import EVENTS, READS, WRITES
from tradebot.web.ground import Ground
from tradebot.web.guard import in_time, streams
from tradebot.web.problems import Problem

STREAM = "text/event-stream"


def routes(app: web.Application, ground: Ground) -> None:
    access, stream = Access(ground), Stream(ground)
    page_of_events = Dispatch(EVENTS, ground, access)
    app.on_shutdown.append(stream.close)

    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"name": "tradebot", "version": ground.queries.run.version})

    @streams
    async def events(request: web.Request) -> web.StreamResponse:
        if STREAM not in request.headers.get("Accept", ""):
            return await in_time(page_of_events.answer(request))
        token = await access.admit(request, EVENTS.scope)
        query = query_of(After, request)
        seen = request.headers.get("Last-Event-ID", query.after)
        if seen is not None and not (seen.isascii() and seen.isdecimal() and len(seen) <= 18):
            raise Problem(HTTPStatus.BAD_REQUEST, "Last-Event-ID is the id of an event.")
        return await stream.serve(request, token, None if seen is None else int(seen), traces=query.trace)

    app.router.add_get(f"{PREFIX}/alive", access.anybody(alive))
    app.router.add_get(f"{PREFIX}/openapi.json", access.anybody(describing.document))
    app.router.add_get(f"{PREFIX}/docs", access.anybody(describing.page))
    app.router.add_get(f"{PREFIX}/docs.css", access.anybody(describing.style))
    app.router.add_get(PREFIX + EVENTS.path, events)
    for endpoint in (*READS, *WRITES):
        app.router.add_route(endpoint.method, PREFIX + endpoint.path, Dispatch(endpoint, ground, access).answer)
