"""What selling would sell: everything the bot holds, or the rest that an exit left."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.events import Event
from tradebot.domain.facts.account import ExitIncomplete, ExitsHeldBack
from tradebot.domain.instructions import of_alert
from tradebot.domain.lots import LotStatus
from tradebot.domain.strategies import MAIN
from tradebot.ports import Books


@dataclass(frozen=True, slots=True)
class Exit:
    """What selling a strategy's shares of a ticker would sell. `value` is USD at IB's price; None: IB's price is not known."""

    ticker: str
    qty: Decimal
    value: Decimal | None
    strategy: str = MAIN
    part: Decimal | None = None  # so many shares of what it holds; None: all
    since: datetime | None = None  # its first shares were bought

    @property
    def lots(self) -> tuple[str, str]:
        """Whose of what: strategy and ticker."""
        return self.strategy, self.ticker


async def read_exits(
    books: Books,
    broker_positions: Mapping[int, BrokerPosition] | None,
    ticker: str | None = None,
    strategy: str | None = None,
) -> list[Exit]:
    """One exit a ticker and strategy, by their names; only of `ticker` and `strategy` where given. Raises LedgerUnavailable."""
    lots = await books.lots(LotStatus.OPEN, ticker=ticker, strategy=strategy)
    exits = []
    for name, whose in sorted({(lot.ticker, lot.strategy) for lot in lots}):
        mine = [lot for lot in lots if (lot.ticker, lot.strategy) == (name, whose)]
        prices = {lot.con_id: _price(broker_positions, lot.con_id) for lot in mine}
        values = [lot.qty * price for lot in mine if (price := prices[lot.con_id]) is not None]
        qty = sum((lot.qty for lot in mine), Decimal(0))
        value = sum(values, Decimal(0)) if len(values) == len(mine) else None
        exits.append(Exit(name, qty, value, whose, since=min(lot.entry_time for lot in mine)))
    return exits


async def read_rest(books: Books, broker_positions: Mapping[int, BrokerPosition] | None, event: Event) -> Exit | None:
    """What the exit that this event is about has left: of a partial one no more than it was to sell. Raises LedgerUnavailable."""
    alert = None if event.alert_id is None else await books.alert(event.alert_id)
    if event.ticker is None:
        return None
    strategy = None if alert is None else alert.strategy  # an event about no alert: whoever holds the ticker
    held = next(iter(await read_exits(books, broker_positions, event.ticker, strategy)), None)
    instruction = None if alert is None else of_alert(alert)
    partial = instruction is not None and instruction.is_partial
    if held is None or not (partial and isinstance(event.facts, ExitIncomplete)):
        return held
    return await _part(books, held, event.facts.qty, event.at)


async def read_held_back(
    books: Books, broker_positions: Mapping[int, BrokerPosition] | None, event: Event
) -> list[Exit]:
    """Of the exits that a kill has stopped, by the event that lists them, what is still held. Raises LedgerUnavailable."""
    listed = event.facts.exits if isinstance(event.facts, ExitsHeldBack) else ()
    stopped = {(one.strategy, one.ticker): one for one in listed}
    exits = [one for one in await read_exits(books, broker_positions) if one.lots in stopped]
    return [
        await _part(books, one, stopped[one.lots].qty, event.at) if stopped[one.lots].part else one for one in exits
    ]


async def _part(books: Books, held: Exit, part: Decimal, at: datetime) -> Exit:
    """So many shares of it, as they were counted at that moment."""
    for action in await books.corporate_actions(held.strategy, held.ticker):
        if action.at >= at:
            part = part * action.new_shares / action.old_shares
    part = min(part, held.qty)
    value = None if held.value is None else held.value * part / held.qty
    return replace(held, qty=part, value=value, part=part)


def _price(broker_positions: Mapping[int, BrokerPosition] | None, con_id: int) -> Decimal | None:
    if broker_positions is None or con_id not in broker_positions:
        return None
    return broker_positions[con_id].market_price
