"""Commands that look closer: what was traded, what became of an alert, what is at stake, how the program is."""

import platform

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from tradebot.queries.daemon import DaemonQueries
from tradebot.telegram import history, system
from tradebot.telegram import risk as of_risk
from tradebot.telegram.asked import Unclear, count_of, split, strategy_of
from tradebot.telegram.handlers import screens
from tradebot.telegram.sender import Sender

TRADES, TRADES_MAX = 10, 50
LINES, LINES_MAX = 5, 30
ALERTS, ALERTS_MAX = 10, 30
NAME_MAX = 200


def router() -> Router:
    made = Router(name="looking")
    made.message.register(trades, Command("trades", ignore_case=True))
    made.message.register(last, Command("last", ignore_case=True))
    made.message.register(trace, Command("trace", ignore_case=True))
    made.message.register(risk, Command("risk", ignore_case=True))
    made.message.register(health, Command("health", ignore_case=True))
    made.message.register(logs, Command("logs", ignore_case=True))
    made.message.register(version, Command("version", ignore_case=True))
    return made


async def trades(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    only, number = split(command.args, queries.run.strategies)
    found = await queries.fills(count_of(number, "trades", TRADES, TRADES_MAX), only)
    await sender.answer(history.trades(found, several=queries.run.several and only is None))


async def last(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    only, number = split(command.args, queries.run.strategies)
    several = queries.run.several
    if number:
        alerts = await queries.newest_alerts(count_of(number, "last", ALERTS, ALERTS_MAX), only)
        await sender.answer(history.alerts(alerts, several=several and only is None))
        return
    found = await queries.newest_trace(only)
    await sender.answer(history.NO_ALERT if found is None else history.trace(found, several=several))


async def trace(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    """By the alert's number, an order's reference, or the message's own "alert_id"; without one, the newest."""
    name = (command.args or "").strip()[:NAME_MAX]
    found = await queries.trace(name.removeprefix("#")) if name else await queries.newest_trace()
    if found is None and name:
        raise Unclear(f"There is no alert “{name[:40]}”. For example: /trace 12. /last shows the newest.")
    several = queries.run.several
    await sender.answer(history.NO_ALERT if found is None else history.trace(found, several=several))


async def risk(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    only = strategy_of(command.args, queries.run.strategies)
    await sender.answer(of_risk.risk(await queries.limits(), queries.state, queries.run.fixed_limits, only))


async def health(message: Message, queries: DaemonQueries, sender: Sender) -> None:
    await sender.answer(*await screens.health(queries))


async def logs(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    number = count_of(command.args, "logs", LINES, LINES_MAX)
    await sender.answer(system.logs(await queries.log_lines(number), number))


async def version(message: Message, queries: DaemonQueries, sender: Sender) -> None:
    await sender.answer(system.version(queries.run, platform.python_version()))
