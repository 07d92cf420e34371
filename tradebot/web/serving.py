"""The second listener, `[web]`: what people and their programs look at and steer the bot with. The webhook serves none of it.

Rules:
- `guard` stands before everything: who may ask at all, how much and how long. Each part says for itself who may see what.
- A part is a function `routes(app, ground)` in `PARTS`; it adds its routes, and puts what must end with it on the app.
- What is asked goes to `queries`, what is done through `operations`: nothing here decides about an order.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from loguru import logger

from tradebot.listener import TakenPort, listen
from tradebot.web import api, dashboard, metrics
from tradebot.web.ground import Ground, WebOptions
from tradebot.web.guard import BODY_BYTES_MAX, Guard

CONNECTIONS_MAX = 128
PARTS: Sequence[Callable[[web.Application, Ground], None]] = (api.routes, dashboard.routes, metrics.routes)


@asynccontextmanager
async def open_web(options: WebOptions, taken: TakenPort, ground: Ground) -> AsyncIterator[None]:
    """Serves on a port that was taken, until the block ends. Raises ConfigError when it cannot be listened on."""
    guard = Guard(options)

    def register(app: web.Application) -> None:
        guard.watch(app)
        for routes in PARTS:
            routes(app, ground)

    async with listen(
        taken,
        register,
        admitting=guard.admitting,
        middlewares=guard.middlewares,
        body_bytes_max=BODY_BYTES_MAX,
        connections_max=CONNECTIONS_MAX,
    ):
        logger.debug("web listens on http://{}:{}/", taken.host, taken.port)
        yield
