"""What works at IB, and its cancel buttons: each asks first, showing how things stand now."""

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from tradebot.operations.operations import Operations
from tradebot.queries.daemon import DaemonQueries
from tradebot.telegram import orders as texts
from tradebot.telegram.asked import strategy_of
from tradebot.telegram.confirmations import Confirmations
from tradebot.telegram.handlers.actor import actor
from tradebot.telegram.questions import GOOD_FOR
from tradebot.telegram.sender import Sender


def router() -> Router:
    made = Router(name="orders")
    made.message.register(orders, Command("orders", ignore_case=True))
    made.callback_query.register(page, F.data.regexp(r"^page:orders:[0-9]{1,6}(:[a-z0-9_-]+)?$"))
    made.callback_query.register(cancel, F.data.regexp(r"^cancel:[0-9]{1,18}$"))
    made.callback_query.register(cancel_protection, F.data == "protection:cancel")
    return made


async def orders(message: Message, command: CommandObject, queries: DaemonQueries, sender: Sender) -> None:
    only = strategy_of(command.args, queries.run.strategies)
    await sender.answer(*texts.view(await queries.orders(only), 0, only, several=queries.run.several))


async def page(query: CallbackQuery, queries: DaemonQueries, sender: Sender) -> None:
    await sender.notice(query)
    _, _, number, *only = (query.data or "").split(":")
    one = strategy_of(only[0] if only else None, queries.run.strategies)
    found = await queries.orders(one)
    await sender.edit(query, *texts.view(found, int(number), one, several=queries.run.several))


async def cancel(
    query: CallbackQuery, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    await sender.notice(query)
    trade_id, by = int((query.data or "").partition(":")[2]), actor(query.from_user)
    one = next((one for one in await queries.orders() if one.order.id == trade_id), None)
    if one is None:
        await sender.answer(texts.GONE)
        return

    async def ask_ib() -> str:
        return texts.cancelled([one.order] if await operations.cancel_order(trade_id, by) else [])

    buttons = confirmations.ask(query.from_user.id, ("Cancel it", ask_ib))
    await sender.answer(texts.ask_to_cancel(one, GOOD_FOR), buttons)


async def cancel_protection(
    query: CallbackQuery, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    """All stops and targets, after a kill that left them."""
    await sender.notice(query)
    by = actor(query.from_user)
    working = [one for one in await queries.live_trades() if one.is_protective]
    if not working:
        await sender.answer(texts.NONE_PROTECTS)
        return

    async def ask_ib() -> str:
        return texts.cancelled([one for one in working if await operations.cancel_order(one.id, by)])

    buttons = confirmations.ask(query.from_user.id, (f"Cancel all {len(working)}", ask_ib))
    await sender.answer(texts.ask_to_cancel_protection(working, GOOD_FOR), buttons)
