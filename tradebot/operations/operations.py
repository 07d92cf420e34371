"""Everything that a person may do with the running bot, in one handle for the chat and whatever else comes.

The command line is a process beside the daemon: it stores pause, resume and kill through `trading_state.py`.

Rules: each act names its actor and carries an idempotency key; an act whose key was seen before changes nothing. The key is
stored in the transaction that stores what was done, so that a crash in between neither loses an act nor repeats it. The kill
switch needs no key and waits for nothing. Values in, values out: the edges make the words.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tradebot.domain.corporate_actions import Split
from tradebot.domain.event_groups import EventGroup, Telling
from tradebot.domain.limits import Limits
from tradebot.domain.positions import WriteOff
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import Strategies
from tradebot.domain.trades import Trade
from tradebot.operations import (
    blocks,
    entries,
    exits,
    limits,
    orders,
    protection,
    queue,
    splits,
    tellings,
    unknown_orders,
)
from tradebot.operations.limits import LimitChange, Value
from tradebot.operations.tellings import TellingChange
from tradebot.ports import Broker, Clock, Ledger, Queue
from tradebot.trading.booking import Booking
from tradebot.trading.intake import Intake
from tradebot.trading.new_alerts import Report
from tradebot.trading.switch import TradingSwitch


@dataclass(frozen=True, slots=True)
class Operations:
    """Every method raises LedgerUnavailable where it stores, the kill switch excepted."""

    ledger: Ledger
    queue: Queue
    broker: Broker
    switch: TradingSwitch
    intake: Intake
    booking: Booking
    defaults: Limits
    clock: Clock
    strategies: Strategies = field(default_factory=Strategies)
    allow_buy: bool = False  # whether a person may buy by hand: only the file says so

    # --- trading state ----------------------------------------------------------------------------------------------

    async def kill(self, actor: str) -> bool:
        """In force at once, before anything is awaited. True when it is also stored, False: in force, NOT stored yet."""
        return await self.switch.kill(actor)

    async def pause(self, actor: str, key: str, strategy: str | None = None) -> TradingState:
        """The state in force afterwards: KILLED stays KILLED. With a strategy: its own. Raises UnknownStrategy."""
        if strategy is not None:
            return await self.switch.set_strategy(self.strategies.named(strategy).name, TradingState.PAUSED, actor, key)
        return await self.switch.pause(actor, key)

    async def resume(
        self,
        actor: str,
        key: str,
        to: TradingState = TradingState.RUNNING,
        *,
        lift_kill: bool = True,
        strategy: str | None = None,
    ) -> TradingState:
        """The state in force afterwards; KILLED is lifted only with `lift_kill`. A strategy that was paused by name stays
        paused until it is named here; then the state is its own. Raises UnknownStrategy."""
        if strategy is not None:
            return await self.switch.set_strategy(
                self.strategies.named(strategy).name, TradingState.RUNNING, actor, key
            )
        return await self.switch.resume(actor, key, to, lift_kill=lift_kill)

    # --- limits -----------------------------------------------------------------------------------------------------

    async def set_limit(
        self, name: str, value: Value, actor: str, key: str, strategy: str | None = None
    ) -> LimitChange:
        """The account's, or the strategy's own; in force for the next decision. Raises InvalidLimit, UnknownStrategy."""
        whose = None if strategy is None else self.strategies.named(strategy)
        return await limits.change(self.ledger, self.defaults, name, value, actor, key, self.clock.now(), whose)

    async def block(self, ticker: str, actor: str, key: str, *, blocked: bool = True) -> bool:
        """No BUY of the ticker, or BUYs again, from the next decision on; False where it is so already, or `key` was used."""
        return await blocks.block(self.ledger, ticker, actor, key, self.clock.now(), blocked=blocked)

    async def tell(self, group: EventGroup, to: Telling, actor: str, key: str) -> TellingChange:
        """How the chat is told of a group of events, from the next message on."""
        return await tellings.tell(self.ledger, group, to, actor, key, self.clock.now())

    # --- exits and the queue ----------------------------------------------------------------------------------------

    async def sell(
        self, lots: Sequence[tuple[str, str]], actor: str, key: str, shares: Decimal | None = None
    ) -> list[int]:
        """An alert for each strategy and ticker that sells what is held, or so many shares; the ids of those that are new."""
        return await exits.sell(self.intake, lots, actor, key, shares)

    async def would_buy(self, ticker: str, usd: Decimal | None, strategy: str) -> Report:
        """What would become of a BUY by hand at this moment; nothing is stored. Raises BuyNotTaken, UnknownStrategy."""
        whose = self.strategies.named(strategy)
        return await entries.would_buy(self.intake, whose, ticker, usd, allowed=self.allow_buy)

    async def buy(self, ticker: str, usd: Decimal | None, actor: str, key: str, strategy: str) -> int | None:
        """An alert of the owner's own, judged as any other; its id, None when `key` was used. `usd`: for so much; None: as the
        strategy sizes its BUYs. Raises BuyNotTaken, UnknownStrategy."""
        whose = self.strategies.named(strategy)
        return await entries.buy(self.intake, whose, ticker, usd, actor, key, allowed=self.allow_buy)

    async def clear_queue(self, alert_ids: Collection[int], actor: str) -> Sequence[int]:
        """Ends those of these alerts that still wait; which. Once cleared they do not wait: the ids are the key."""
        return await queue.clear(self.ledger, self.queue, alert_ids, actor, self.clock.now())

    async def cancel_order(self, trade_id: int, actor: str) -> bool:
        """Has an order that works cancelled. False where it has ended, or is being cancelled already: it is its own key."""
        return await orders.cancel(self.ledger, trade_id, actor, self.clock.now())

    async def protect_again(self, entry_id: int, actor: str, key: str) -> bool:
        """The entry's shares get another stop, as the last one was; False when there never was one, or `key` was used already."""
        return await protection.again(self.ledger, entry_id, actor, key, self.clock.now())

    # --- what only a person can know --------------------------------------------------------------------------------

    async def book_as_filled(self, trade_id: int, actor: str) -> Trade | None:
        """The UNKNOWN order filled; None when there is nothing to decide. Good once: it is UNKNOWN no more."""
        return await unknown_orders.book_as_filled(
            self.ledger, self.broker, self.booking, trade_id, actor, self.clock.now()
        )

    async def end_as_unfilled(self, trade_id: int, actor: str) -> Trade | None:
        """No more of the UNKNOWN order filled; None when there is nothing to decide. Good once: it is UNKNOWN no more."""
        return await unknown_orders.end_as_unfilled(self.ledger, self.booking, trade_id, actor, self.clock.now())

    async def write_off(self, loss: WriteOff, actor: str, key: str) -> Trade | None:
        """Lowers the books to what IB shows; None when things have changed since, or `key` was used already."""
        return await self.booking.write_off(loss, actor, key)

    async def book_split(self, split: Split, actor: str, key: str) -> bool:
        """Rebases the lots; False when things have changed since, or `key` was used already."""
        return await splits.book(self.ledger, split, actor, key, self.clock.now())

    async def deny_split(self, split: Split, actor: str, key: str) -> bool:
        """From now on it is a difference like any other; False when `key` was used already."""
        return await splits.deny(self.ledger, split, actor, key, self.clock.now())
