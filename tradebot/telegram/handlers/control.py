"""Pause, resume, kill, sell everything, empty the queue.

The kill switch stands alone: it waits for nothing, works however old its message is, and acts before anything is read or sent.
"""

import asyncio

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message
from loguru import logger

from tradebot.domain.settings import TradingState
from tradebot.errors import LedgerUnavailable
from tradebot.operations.operations import Operations
from tradebot.queries.daemon import DaemonQueries
from tradebot.telegram import questions
from tradebot.telegram.confirmations import Confirmations
from tradebot.telegram.handlers.actor import actor
from tradebot.telegram.sender import Sender

STORE_WITHIN_S = 1.5


def kill_router() -> Router:
    made = Router(name="kill")
    made.message.register(kill, Command("kill", ignore_case=True))
    return made


def router() -> Router:
    made = Router(name="control")
    made.message.register(pause, Command("pause", ignore_case=True))
    made.message.register(resume, Command("resume", ignore_case=True))
    made.message.register(sell_all, Command("sell_all", ignore_case=True))
    made.message.register(clear_queue, Command("clear_queue", ignore_case=True))
    return made


async def kill(
    message: Message, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    confirmations.void()
    stored = False
    try:
        async with asyncio.timeout(STORE_WITHIN_S):  # in force before its first wait; only the storing may take long
            stored = await operations.kill(actor(message.from_user))
    except TimeoutError:
        logger.critical("KILL SWITCH in force, NOT stored yet: the database is slow, storing goes on")
    await sender.answer(questions.killed(stored, await _working(queries) if stored else None))


async def _working(queries: DaemonQueries) -> questions.AtKill | None:
    try:
        async with asyncio.timeout(STORE_WITHIN_S):
            return questions.AtKill(await queries.live_trades(), queries.broker.connection.up)
    except (LedgerUnavailable, TimeoutError):
        return None


async def pause(message: Message, operations: Operations, sender: Sender, key: str) -> None:
    await sender.answer(questions.paused(await operations.pause(actor(message.from_user), key)))


async def resume(
    message: Message, operations: Operations, sender: Sender, confirmations: Confirmations, key: str
) -> None:
    """Lifts a pause. The kill switch is lifted by a button only, which says what to resume."""
    by = actor(message.from_user)
    state = await operations.resume(by, key, lift_kill=False)
    if state is not TradingState.KILLED:
        await sender.answer(questions.resumed(state))
        return

    async def lift(to: TradingState) -> str:
        return questions.resumed(await operations.resume(by, f"{key}:{to}", to))

    buttons = confirmations.ask(
        _id(message),
        ("Sells only", lambda: lift(TradingState.PAUSED)),
        ("Everything: BUY and SELL", lambda: lift(TradingState.RUNNING)),
    )
    await sender.answer(questions.RESUME_FROM_KILLED, buttons)


async def sell_all(
    message: Message,
    operations: Operations,
    queries: DaemonQueries,
    sender: Sender,
    confirmations: Confirmations,
    key: str,
) -> None:
    exits = await queries.exits()
    if not exits:
        await sender.answer(questions.NOTHING_HELD)
        return
    by = actor(message.from_user)

    async def sell() -> str:
        made = await operations.sell([one.lots for one in exits], by, key)
        return questions.selling(len(made), queries.market_is_open())

    buttons = confirmations.ask(_id(message), (f"Sell all {len(exits)}", sell))
    await sender.answer(questions.sell_all(exits, queries.state, queries.market_is_open()), buttons)


async def clear_queue(
    message: Message, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    waiting = await queries.waiting_alerts()
    if not waiting:
        await sender.answer(questions.NOTHING_WAITS)
        return
    by, ids = actor(message.from_user), {alert.id for alert in waiting}

    async def clear() -> str:
        return questions.cleared(await operations.clear_queue(ids, by), len(ids))

    buttons = confirmations.ask(_id(message), (f"Clear {len(ids)}", clear))
    await sender.answer(questions.clear_queue(waiting), buttons)


def _id(message: Message) -> int:
    assert message.from_user is not None, "the root filter lets nobody through without a name"
    return message.from_user.id
