"""One ticker by hand: sell it, buy it, let no alert buy it. Selling and buying ask first; the answer acts."""

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from tradebot.operations.entries import NOT_ALLOWED
from tradebot.operations.operations import Operations
from tradebot.queries.daemon import DaemonQueries
from tradebot.telegram import by_hand, questions
from tradebot.telegram.asked import ToSell, strategy_of, ticker_of, to_buy, to_sell
from tradebot.telegram.confirmations import Confirmations
from tradebot.telegram.handlers.actor import actor
from tradebot.telegram.handlers.selling import Selling
from tradebot.telegram.markup import headed
from tradebot.telegram.sender import Sender


def router() -> Router:
    made = Router(name="by hand")
    made.message.register(sell, Command("sell", ignore_case=True))
    made.message.register(buy, Command("buy", ignore_case=True))
    made.message.register(block, Command("block", ignore_case=True))
    made.message.register(unblock, Command("unblock", ignore_case=True))
    return made


def buttons() -> Router:
    """Buttons that ask: they need no `Idempotency`, for the answer to the question has a key of its own."""
    made = Router(name="by hand: buttons")
    made.callback_query.register(sell_position, F.data.regexp(r"^sell:[^:]{1,20}(:[a-z0-9_-]{1,32})?$"))
    return made


async def sell(
    message: Message,
    command: CommandObject,
    operations: Operations,
    queries: DaemonQueries,
    sender: Sender,
    confirmations: Confirmations,
    key: str,
) -> None:
    """A ticker of every strategy that holds it, or of the one named. Without a ticker: what there is, a button each."""
    exits = await queries.exits()
    if not exits:
        await sender.answer(questions.NOTHING_HELD)
        return
    wanted = [
        one
        for one in to_sell(command.args, [one.lots for one in exits], queries.run.strategies)
        if one.ticker is not None
    ]
    if not wanted:
        only = strategy_of(command.args, queries.run.strategies)
        await sender.answer(*by_hand.which_to_sell(exits, only, several=queries.run.several))
        return
    selling = Selling(operations, queries, actor(message.from_user), key)
    assert message.from_user is not None, "the root filter lets nobody through without a name"
    await sender.answer(*selling.question(exits, wanted, confirmations, message.from_user.id))


async def sell_position(
    query: CallbackQuery, operations: Operations, queries: DaemonQueries, sender: Sender, confirmations: Confirmations
) -> None:
    await sender.notice(query)
    _, ticker, *owner = (query.data or "").split(":")
    wanted = ToSell(owner[0] if owner else None, ticker)
    exits = [one for one in await queries.exits() if wanted.admits(one.strategy, one.ticker)]
    if not exits:
        await sender.answer(questions.NOTHING_LEFT)
        return
    selling = Selling(operations, queries, actor(query.from_user), f"telegram:button:{query.id}")
    await sender.answer(*selling.question(exits, [wanted], confirmations, query.from_user.id))


async def buy(
    message: Message,
    command: CommandObject,
    operations: Operations,
    queries: DaemonQueries,
    sender: Sender,
    confirmations: Confirmations,
    key: str,
) -> None:
    """Shows what would become of it at this moment, and asks where it would be traded.

    The order passes every check when its turn comes.
    """
    if not operations.allow_buy:
        await sender.answer(headed(f"🚫 {NOT_ALLOWED}", "🚫 Not bought"))
        return
    by, wanted = actor(message.from_user), to_buy(command.args, queries.run.strategies)
    would = await operations.would_buy(wanted.ticker, wanted.usd, wanted.strategy)
    text = by_hand.buy(wanted, would, several=queries.run.several)
    if not by_hand.would_buy(would):
        await sender.answer(text)
        return

    async def go() -> str:
        alert_id = await operations.buy(wanted.ticker, wanted.usd, by, key, wanted.strategy)
        return by_hand.buying(alert_id, wanted.ticker)

    assert message.from_user is not None, "the root filter lets nobody through without a name"
    asked = confirmations.ask(message.from_user.id, (f"Buy {wanted.ticker}", go))
    await sender.answer(text, asked)


async def block(
    message: Message, command: CommandObject, operations: Operations, queries: DaemonQueries, sender: Sender, key: str
) -> None:
    if not command.args:
        await sender.answer(by_hand.blocked(await queries.blocked_tickers()))
        return
    ticker = ticker_of(command.args, "block")
    done = await operations.block(ticker, actor(message.from_user), key)
    await sender.answer(by_hand.is_blocked(ticker, done=done, now=ticker in await queries.blocked_tickers()))


async def unblock(
    message: Message, command: CommandObject, operations: Operations, queries: DaemonQueries, sender: Sender, key: str
) -> None:
    if not command.args:
        await sender.answer(by_hand.blocked(await queries.blocked_tickers()))
        return
    ticker = ticker_of(command.args, "unblock")
    done = await operations.block(ticker, actor(message.from_user), key, blocked=False)
    await sender.answer(by_hand.is_unblocked(ticker, done=done, now=ticker in await queries.blocked_tickers()))
