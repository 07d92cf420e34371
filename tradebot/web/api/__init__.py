"""The REST API under `/api/v1`."""

from aiohttp import web

from tradebot.web.ground import Ground


def routes(app: web.Application, ground: Ground) -> None:
    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"name": "tradebot", "version": ground.queries.run.version})

    app.router.add_get("/api/v1/alive", alive)
