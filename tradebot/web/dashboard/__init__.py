"""The dashboard: server-made pages on the second listener, for who knows the password.

Rules: a page asks `queries`, an act goes through `operations` with the actor "dashboard" and its form's own key, so that a button
which is pressed twice acts once. Nothing needs a script: it only keeps an open page fresh. What came from outside is escaped.
"""

from aiohttp import web

from tradebot.web.dashboard.acts import Acts
from tradebot.web.dashboard.choices import Choices
from tradebot.web.dashboard.decisions import Decisions
from tradebot.web.dashboard.door import Door
from tradebot.web.dashboard.live import Live
from tradebot.web.dashboard.pages import Pages
from tradebot.web.dashboard.pictures import Gallery, Pictures
from tradebot.web.ground import Ground

__all__ = ["routes"]


def routes(app: web.Application, ground: Ground) -> None:
    """Adds the dashboard's."""
    door = Door(ground)
    live, gallery = Live(ground, door), Gallery()
    app.add_routes(
        [
            *door.table(),
            *Pages(ground, door, gallery).table(),
            *Acts(ground, door).table(),
            *Choices(ground, door).table(),
            *Decisions(ground, door).table(),
            *Pictures(door, gallery).table(),
            *live.table(),
        ]
    )
    app.on_shutdown.append(live.end)
    app.add_routes([web.route("*", "/{nowhere:(?!api/|metrics).*}", door.nowhere)])
