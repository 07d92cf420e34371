"""What is done: each handler calls `operations` with who asked and a key, and says what is in force afterwards."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

from loguru import logger

from tradebot.domain.api_access import Scope
from tradebot.domain.corporate_actions import Split
from tradebot.domain.event_groups import EventGroup
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import Trade
from tradebot.operations import done_before
from tradebot.operations.entries import BuyNotTaken
from tradebot.operations.limits import InvalidLimit
from tradebot.queries import pages
from tradebot.queries.exits import Exit
from tradebot.queries.mismatches import NothingToWriteOff
from tradebot.queries.splits import NoSplit
from tradebot.web.api import models as m
from tradebot.web.api.endpoint import Asked
from tradebot.web.api.reading import ticker_of
from tradebot.web.problems import Problem
from tradebot.words import switch

KILL_STORED_WITHIN_S = 1.5
_LIFTS = "POST /resume with `lift_kill` and a token of scope admin lifts it."


async def kill(asked: Asked) -> m.State:
    """In force before its first wait; only the storing may take long."""
    stored = False
    try:
        async with asyncio.timeout(KILL_STORED_WITHIN_S):
            stored = await asked.ground.operations.kill(asked.actor)
    except TimeoutError:
        logger.critical("KILL SWITCH in force, NOT stored yet: the database is slow, storing goes on")
    return m.State(state=asked.ground.queries.state, stored=stored)


async def pause(asked: Asked) -> m.State:
    state = await asked.ground.operations.pause(asked.actor, asked.key, asked.body.strategy)
    if state is TradingState.KILLED:
        raise Problem(HTTPStatus.CONFLICT, f"{switch.PAUSE_IN_A_KILL} {_LIFTS}")
    return m.State(state=state)


async def resume(asked: Asked) -> m.State:
    body, operations = asked.body, asked.ground.operations
    if body.strategy is not None:
        return m.State(state=await operations.resume(asked.actor, asked.key, strategy=body.strategy))
    if body.lift_kill and not asked.token.scope.includes(Scope.ADMIN):
        raise Problem(HTTPStatus.FORBIDDEN, f"To lift the kill switch needs a token with scope {Scope.ADMIN}.")
    to = TradingState.PAUSED if body.to == "sells_only" else TradingState.RUNNING
    state = await operations.resume(asked.actor, asked.key, to, lift_kill=body.lift_kill)
    if state is TradingState.KILLED:
        raise Problem(HTTPStatus.CONFLICT, f"{switch.RESUME_IN_A_KILL} {_LIFTS}")
    return m.State(state=state)


async def set_limit(asked: Asked) -> m.LimitChanged:
    name, body = asked.path["name"], asked.body
    try:
        changed = await asked.ground.operations.set_limit(name, body.value, asked.actor, asked.key, body.strategy)
    except InvalidLimit as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"The value {_PROBLEMS[error.problem]}.") from None
    return m.LimitChanged.model_validate(changed)


_PROBLEMS = {
    "out_of_range": "is out of range: GET /limits shows min and max",
    "not_whole": "is not whole, and this limit counts something",
    "fraction_of_a_cent": "has fractions of a cent",
}


async def tell(asked: Asked) -> m.TellingChanged:
    group = EventGroup(asked.path["name"])
    return m.TellingChanged.model_validate(
        await asked.ground.operations.tell(group, asked.body.to, asked.actor, asked.key)
    )


async def block(asked: Asked) -> m.Done:
    return m.Done(done=await asked.ground.operations.block(ticker_of(asked), asked.actor, asked.key))


async def unblock(asked: Asked) -> m.Done:
    done = await asked.ground.operations.block(ticker_of(asked), asked.actor, asked.key, blocked=False)
    return m.Done(done=done)


async def sell(asked: Asked) -> m.Selling:
    """What the bot holds of the ticker: an alert a strategy."""
    made, shares = await _made(asked, asked.key), asked.body.shares
    if made and shares is not None:
        return m.Selling(alert_ids=made)
    exits = await asked.ground.queries.exits(ticker_of(asked), asked.body.strategy)
    if not exits and not made:
        raise Problem(HTTPStatus.CONFLICT, "The bot holds nothing of it.")
    if shares is not None and len(exits) > 1:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "Several strategies hold it: say of which so many are to be sold."
        )
    if shares is not None and not 0 < shares <= exits[0].qty:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"The bot holds {exits[0].qty:f} shares of it.")
    return await _sold(asked, exits, made)


async def sell_all(asked: Asked) -> m.Selling:
    made = await _made(asked, asked.key)
    return await _sold(asked, await asked.ground.queries.exits(strategy=asked.body.strategy), made)


async def _made(asked: Asked, *keys: str) -> list[int]:
    """The alerts that the same request has made before its answer was lost: what they sold is held no more."""
    return [one for key in keys for one in await asked.ground.queries.alerts_under(key)] if asked.first_at else []


async def _sold(asked: Asked, exits: Sequence[Exit], made: list[int]) -> m.Selling:
    """Those that were `made` before, and what they have left out: nothing that was bought since, nor what the key has sold."""
    if made:
        exits = [one for one in exits if one.since and asked.first_at and one.since <= asked.first_at]
    lots, shares = [one.lots for one in exits], getattr(asked.body, "shares", None)
    return m.Selling(alert_ids=made + await asked.ground.operations.sell(lots, asked.actor, asked.key, shares))


async def sell_rest(asked: Asked) -> m.Selling:
    """What the exit or the exits of an event have left."""
    queries, operations, number = asked.ground.queries, asked.ground.operations, int(asked.path["id"])
    event = await queries.event(number)
    if event is None:
        raise Problem(HTTPStatus.NOT_FOUND, "There is no such event.")
    made = await _made(asked, f"rest:{number}", f"held:{number}")
    rest = await queries.held_back(event) or [one for one in [await queries.rest_of(event)] if one is not None]
    if not rest and not made:
        raise Problem(HTTPStatus.CONFLICT, "Nothing is left of it to be sold.")
    for one in rest:
        # The key of the button in the chat: whoever answers first, it is sold once.
        key = f"{'rest' if len(rest) == 1 else 'held'}:{number}"
        made += await operations.sell([one.lots], asked.actor, key, one.part)
    return m.Selling(alert_ids=made)


async def buy(asked: Asked) -> m.Buying:
    body = asked.body
    if before := await _made(asked, asked.key):
        return m.Buying(alert_id=before[0])
    try:
        made = await asked.ground.operations.buy(body.ticker, body.usd, asked.actor, asked.key, body.strategy)
    except BuyNotTaken as error:
        raise Problem(HTTPStatus.FORBIDDEN, str(error)) from None
    return m.Buying(alert_id=made)


async def would_buy(asked: Asked) -> m.Preview:
    body = asked.body
    try:
        found = await asked.ground.operations.would_buy(body.ticker, body.usd, body.strategy)
    except BuyNotTaken as error:
        raise Problem(HTTPStatus.FORBIDDEN, str(error)) from None
    return m.Preview(report=found)


async def clear_queue(asked: Asked) -> m.Cleared:
    ids = set(asked.body.alert_ids)
    return m.Cleared(cleared=len(await asked.ground.operations.clear_queue(ids, asked.actor)))


async def cancel_order(asked: Asked) -> m.Done:
    await _there(asked)
    return m.Done(done=await asked.ground.operations.cancel_order(int(asked.path["id"]), asked.actor))


async def protect_again(asked: Asked) -> m.Done:
    await _there(asked)
    done = await asked.ground.operations.protect_again(int(asked.path["id"]), asked.actor, asked.key)
    return m.Done(done=done)


async def resolve(asked: Asked) -> m.Resolved:
    order, filled = await _there(asked), asked.body.outcome == "filled"
    operations, ledger = asked.ground.operations, asked.ground.queries.ledger
    if asked.first_at and (settled := await done_before.settled(ledger, order.id, filled=filled)):
        return m.Resolved.model_validate({"order": settled})
    act = operations.book_as_filled if filled else operations.end_as_unfilled
    after = await act(order.id, asked.actor)
    if after is None and asked.first_at:
        raise Problem(
            HTTPStatus.CONFLICT,
            "There is nothing to decide, and the books do not show what this request had done before its answer was lost. "
            f"GET /orders/{order.id} has the order as it stands, GET /alerts/{order.order_ref} how it came to that.",
        )
    if after is None:
        raise Problem(
            HTTPStatus.CONFLICT, "There is nothing to decide: it is not UNKNOWN, or there is no price to book."
        )
    return m.Resolved.model_validate({"order": after})


async def accept(asked: Asked) -> m.Done:
    if await _done_before(asked):
        return m.Done(done=True)
    found, body = await asked.ground.queries.missing_shares(ticker_of(asked)), asked.body
    if isinstance(found, NothingToWriteOff):
        raise Problem(HTTPStatus.CONFLICT, f"There is nothing to accept: {found}.")
    loss = next((one for one in found if (one.strategy, one.qty) == (body.strategy, body.qty)), None)
    if loss is None:
        raise Problem(HTTPStatus.CONFLICT, "It stands otherwise by now: look again.")
    return m.Done(done=await asked.ground.operations.write_off(loss, asked.actor, asked.key) is not None)


async def book_split(asked: Asked) -> m.Done:
    if await _done_before(asked):
        return m.Done(done=True)
    seen = await _split(asked)
    return m.Done(done=await asked.ground.operations.book_split(seen, asked.actor, asked.key))


async def deny_split(asked: Asked) -> m.Done:
    if await _done_before(asked):
        return m.Done(done=True)
    seen = await _split(asked)
    return m.Done(done=await asked.ground.operations.deny_split(seen, asked.actor, asked.key))


async def _done_before(asked: Asked) -> bool:
    """By the same request, before its answer was lost: there is nothing left to be answered, and it was this one's doing."""
    return asked.first_at is not None and await done_before.under_key(asked.ground.queries.ledger, asked.key)


async def _split(asked: Asked) -> Split:
    seen = await asked.ground.queries.seen_split(ticker_of(asked))
    if isinstance(seen, NoSplit):
        raise Problem(HTTPStatus.CONFLICT, f"There is no split to answer: {seen}.")
    if (seen.new, seen.old) != (asked.body.new, asked.body.old):
        raise Problem(HTTPStatus.CONFLICT, "It stands otherwise by now: look again.")
    return seen


async def _there(asked: Asked) -> Trade:
    found = await pages.order(asked.ground.queries.ledger, int(asked.path["id"]))
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "There is no such order.")
    return found
