"""What the rules of risk look at: the order to be judged, and all that is known at that moment. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.brokerage import Margin
from tradebot.domain.order_plan import EntryPlan
from tradebot.domain.refusals import Fact, Figure, Refusal
from tradebot.domain.settings import TradingState
from tradebot.domain.sizing import Sized, order_cost
from tradebot.domain.strategy_rules import StrategyView


@dataclass(frozen=True, slots=True)
class Buy:
    """A BUY to be judged. `qty` and `ask` are None when IB gave no quote."""

    ticker: str
    qty: Decimal | None
    ask: Decimal | None
    amount_usd: Decimal  # what the quantity was sized from
    alert_price: Decimal | None
    waited_s: float  # now − the later of receipt and session open
    bid: Decimal | None = None  # None: there is none, or IB has not told it
    delayed: bool = False  # the quote is up to 20 minutes old
    quote_code: int | None = None  # IB's, of why it gave no quote
    quote_text: str = ""
    arithmetic: Sized | None = None  # how the quantity came about; None: it was not sized
    unsized: Figure | None = None  # why not, beside a missing quote
    plan: EntryPlan | None = None  # as it is to leave; None: a market order
    misfit: Refusal | None = None  # why it cannot be planned
    margin: Margin | None = None  # IB's word on what it would take; None: not asked

    def sized(self) -> tuple[Decimal, Decimal]:
        """Quantity and ask. Raises ValueError without a quote: such a BUY never passes `judge`."""
        if self.qty is None or self.ask is None:
            raise ValueError(f"a BUY of {self.ticker} without a quote has no value")
        return self.qty, self.ask

    @property
    def price(self) -> Decimal:
        """USD a share that it is sized and judged by: the ask, or what an order with a price may cost. Raises as `sized`."""
        _, ask = self.sized()
        return ask if self.plan is None else self.plan.price

    @property
    def value(self) -> Decimal:
        """USD at its price. Raises as `sized`."""
        qty, _ = self.sized()
        return qty * self.price

    @property
    def cost(self) -> Decimal:
        """USD that this order reserves: its value, room for a worse price, and the commission. Raises as `sized`."""
        qty, _ = self.sized()
        return order_cost(qty, self.price)

    @property
    def stop(self) -> Decimal | None:
        """USD a share, where its loss ends; None: it has no stop."""
        return None if self.plan is None else self.plan.risk_price

    @property
    def at_risk(self) -> Decimal:
        """USD that are lost down to its stop; all its value without one. Raises as `sized`."""
        qty, _ = self.sized()
        return qty * (self.price - (self.stop or Decimal(0)))


@dataclass(frozen=True, slots=True)
class Sell:
    """An exit as the checks see it."""

    ticker: str
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at one moment, read in the same transaction that stores the decision. USD are Decimal."""

    state: TradingState
    cash: Decimal | None  # spendable at IB; None: unknown
    reserved: Decimal  # taken by BUYs in flight or UNKNOWN, and by fills the last account update may not contain
    held: Decimal  # cost basis of open lots not opened by a trade in flight
    in_flight: Decimal  # reserved by BUYs in flight, towards total investment
    open_positions: int  # open lots + BUYs in flight, each BUY counted once
    ticker_positions: int  # the same for this ticker
    buys_today: int  # of the New York date: filled anything, in flight or UNKNOWN
    realised_today: Decimal  # of the New York date, commissions included
    since_last_buy_s: float | None  # since the last decided BUY of this ticker; None: there was none
    unknown_order: bool  # the ticker is frozen by an UNKNOWN order
    missing_qty: Decimal  # shares in our books that IB does not show; 0 = fine
    split: Mapping[str, Fact] | None = None  # figures of one that is recognised and not answered yet
    blocked: str | None = None  # the ticker that the owner has blocked, as he named it
    other_contract: bool = False  # the ticker's lots are of another contract than the one to be bought
    short_qty: Decimal = Decimal(0)  # shares of the stock that IB shows as sold short: the owner's own doing
    live: bool = False  # real money
    base_currency: str | None = None  # the account's, where it is not USD …
    base_cash: Decimal | None = None  # … and its cash in it
    open_change: Decimal | None = Decimal(
        0
    )  # what open lots add to today's result (`exposure.open_change`); None: unknown
    unpriced: str = ""  # tickers of open lots that IB gives no price for
    at_risk: Decimal = Decimal(0)  # what lots and BUYs in flight lose down to their stops (`exposure.at_risk`)
    own: StrategyView | None = None  # the strategy's part of it, and its rules; None: as if there were only the account
