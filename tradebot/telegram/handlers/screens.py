"""Views that have a button on the keyboard: each asks and says, as a message of its own or in place of one that is shown."""

from collections.abc import Awaitable, Callable, Mapping

from aiogram import F, Router
from aiogram.types import CallbackQuery

from tradebot.queries.daemon import DaemonQueries
from tradebot.telegram import history, keyboards, orders, pnl, positions, risk, system, texts
from tradebot.telegram.markup import Buttons, italic, lines
from tradebot.telegram.sender import Sender
from tradebot.words import zone

Screen = Callable[[DaemonQueries], Awaitable[tuple[str, Buttons]]]


def router() -> Router:
    made = Router(name="screens")
    made.callback_query.register(show, F.data.regexp(rf"^{keyboards.SHOW}[a-z]{{1,20}}$"))
    return made


async def show(query: CallbackQuery, queries: DaemonQueries, sender: Sender) -> None:
    """In place: the chat does not grow by looking."""
    name = (query.data or "").removeprefix(keyboards.SHOW)
    screen = SCREENS.get(name)
    if screen is None:
        await sender.notice(query, "This button is of another version. Send /status.")
        return
    await sender.notice(query)
    text, buttons = await screen(queries)
    await sender.edit(query, stamped(text, queries), buttons if name in HOME else [*buttons, *keyboards.back(name)])


def stamped(text: str, queries: DaemonQueries) -> str:
    """With the time of day: else a refresh that finds nothing new looks like none."""
    return lines(text, "", italic(f"at {queries.clock.now().astimezone(zone.owners()):%H:%M:%S}"))


async def start(queries: DaemonQueries) -> tuple[str, Buttons]:
    return texts.start(await queries.status()), keyboards.home("start")


async def status(queries: DaemonQueries) -> tuple[str, Buttons]:
    return texts.status(await queries.status()), keyboards.home("status")


async def profit(queries: DaemonQueries) -> tuple[str, Buttons]:
    return pnl.pnl(await queries.result(1)), ()


async def held(queries: DaemonQueries) -> tuple[str, Buttons]:
    text, buttons = positions.view(await queries.positions(), 0)
    return text, [row for row in buttons if [label for label, _ in row] != ["🔄"]]


async def working(queries: DaemonQueries) -> tuple[str, Buttons]:
    return orders.view(await queries.orders(), 0, several=queries.run.several)


async def risks(queries: DaemonQueries) -> tuple[str, Buttons]:
    return risk.risk(await queries.limits(), queries.state, queries.run.fixed_limits), ()


async def waiting(queries: DaemonQueries) -> tuple[str, Buttons]:
    return texts.queue(await queries.waiting(), queries.clock.now()), ()


async def last(queries: DaemonQueries) -> tuple[str, Buttons]:
    found = await queries.newest_trace()
    return history.NO_ALERT if found is None else history.trace(found, several=queries.run.several), ()


async def health(queries: DaemonQueries) -> tuple[str, Buttons]:
    return system.health(await queries.health()), ()


HOME = ("start", "status")
"""Those that the keyboard stands under."""
SCREENS: Mapping[str, Screen] = {
    "start": start,
    "status": status,
    "pnl": profit,
    "positions": held,
    "orders": working,
    "risk": risks,
    "queue": waiting,
    "last": last,
    "health": health,
}
