"""Pause, resume, kill, sell everything, empty the queue.

The kill switch stands alone: it waits for nothing, works however old its message is, and acts before anything is read or said.
"""

import asyncio

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message
from loguru import logger

from tradebot.domain.model import LIVE, TradingState
from tradebot.errors import LedgerUnavailable
from tradebot.services import exits
from tradebot.services.desk import Desk
from tradebot.telegram import questions
from tradebot.telegram.confirmations import Confirmations
from tradebot.telegram.handlers.who import who
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


async def kill(message: Message, desk: Desk, sender: Sender, confirmations: Confirmations) -> None:
    confirmations.void()
    stored = False
    try:
        async with asyncio.timeout(STORE_WITHIN_S):  # in force before its first wait; only the storing may take long
            stored = await desk.control.kill(who(message.from_user))
    except TimeoutError:
        logger.critical("KILL SWITCH in force, NOT stored yet: the database is slow, storing goes on")
    await sender.answer(questions.killed(stored, await _working(desk) if stored else None))


async def _working(desk: Desk) -> questions.AtKill | None:
    try:
        async with asyncio.timeout(STORE_WITHIN_S), desk.ledger.read() as books:
            return questions.AtKill(await books.trades(LIVE), desk.broker.connection.up)
    except (LedgerUnavailable, TimeoutError):
        return None


async def pause(message: Message, desk: Desk, sender: Sender) -> None:
    await sender.answer(questions.paused(await desk.control.pause(who(message.from_user))))


async def resume(message: Message, desk: Desk, sender: Sender, confirmations: Confirmations) -> None:
    """Lifts a pause. The kill switch is lifted by a button only, which says what to resume."""
    by = who(message.from_user)
    state = await desk.control.resume(by, lift_kill=False)
    if state is not TradingState.KILLED:
        await sender.answer(questions.resumed(state))
        return

    async def lift(to: TradingState) -> str:
        return questions.resumed(await desk.control.resume(by, to))

    buttons = confirmations.ask(
        _id(message),
        ("Sells only", lambda: lift(TradingState.PAUSED)),
        ("Everything: BUY and SELL", lambda: lift(TradingState.RUNNING)),
    )
    await sender.answer(questions.RESUME_FROM_KILLED, buttons)


async def sell_all(message: Message, desk: Desk, sender: Sender, confirmations: Confirmations) -> None:
    async with desk.ledger.read() as books:
        planned = await exits.planned(books, desk.broker.positions())
    if not planned:
        await sender.answer(questions.NOTHING_HELD)
        return
    by, key = who(message.from_user), f"sell_all:{message.chat.id}:{message.message_id}"

    async def sell() -> str:
        made = await exits.sell(desk.intake, [one.ticker for one in planned], key, by)
        return questions.selling(len(made), desk.overview.market_is_open())

    buttons = confirmations.ask(_id(message), (f"Sell all {len(planned)}", sell))
    await sender.answer(questions.sell_all(planned, desk.control.state, desk.overview.market_is_open()), buttons)


async def clear_queue(message: Message, desk: Desk, sender: Sender, confirmations: Confirmations) -> None:
    waiting = await desk.clearing.waiting()
    if not waiting:
        await sender.answer(questions.NOTHING_WAITS)
        return
    by, ids = who(message.from_user), {alert.id for alert in waiting}

    async def clear() -> str:
        return questions.cleared(await desk.clearing.clear(ids, by), len(ids))

    buttons = confirmations.ask(_id(message), (f"Clear {len(ids)}", clear))
    await sender.answer(questions.clear_queue(waiting), buttons)


def _id(message: Message) -> int:
    assert message.from_user is not None, "the root filter lets nobody through without a name"
    return message.from_user.id
