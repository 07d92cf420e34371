"""What would become of an alert, computed and not stored: for who asks before he trusts a template. Pure.

Rules: the same sizes, limits and checks as of a decision, in the same order. What is not known here is named, and what only IB
knows is left unjudged rather than guessed; nothing of this is a promise for the next minute.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import NoQuote
from tradebot.domain.honoured import not_honoured
from tradebot.domain.instructions import Instruction, Verb
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.order_plan import EntryPlan, plan
from tradebot.domain.refusals import Fact, Figure, Refusal, RefusalCode
from tradebot.domain.risk import judge, rooms
from tradebot.domain.sizing import Sized, entry, entry_size, exit_size
from tradebot.domain.snapshot import Buy, Sell, Snapshot
from tradebot.domain.strategies import Sizing, Strategy
from tradebot.domain.strategy_rules import StrategyView
from tradebot.domain.targets import Gap, reached
from tradebot.domain.terms import CENTS, PriceSteps


class PriceFrom(StrEnum):
    """Where the price of a BUY's arithmetic is from."""

    QUOTE = "quote"  # IB's, just now
    GIVEN = "given"  # by who asks
    ALERT = "alert"  # the alert's own, which a real BUY is never sized by


@dataclass(frozen=True, slots=True)
class Basis:
    """What the arithmetic stands on."""

    limits: Limits
    fixed_limits: FixedLimits
    snapshot: Snapshot  # with the strategy's part
    fractional: bool
    equity: Decimal | None = None  # the account's net liquidation, USD
    price: Decimal | None = None  # USD a share
    price_from: PriceFrom = PriceFrom.ALERT
    steps: PriceSteps | None = CENTS  # of the contract's prices
    bid: Decimal | None = None
    delayed: bool = False
    no_quote: NoQuote = field(default_factory=NoQuote)  # why there is none
    books_read: bool = True  # False: the file's limits, and no knowledge of what is held
    unjudged: Collection[RefusalCode] = ()  # checks whose figures are not known here
    beside: Refusal | None = None  # for an entry that still waits for its price


@dataclass(frozen=True, slots=True)
class AlertReport:
    """What would become of one alert."""

    instruction: Instruction
    strategy: Strategy
    side: Side
    not_honoured: str | None = None  # why the alert is not even taken
    refusal: Refusal | None = None  # what the first check that refuses says
    price: Decimal | None = None
    price_from: PriceFrom = PriceFrom.ALERT
    held: Decimal | None = None  # shares of the strategy; None: the books were not read
    sized: Sized | None = None  # None for an exit: all that is held
    unsized: Figure | None = None  # what is missing for a size
    plan: EntryPlan | None = None  # as the entry would leave; None: an exit, or it cannot be planned
    unjudged: tuple[RefusalCode, ...] = ()
    opens_at: datetime | None = None  # it would wait until then
    not_known: str | None = None  # what could not be asked, and why
    gap: Gap | None = None  # the sender's position before is not the one in the books

    @property
    def accepted(self) -> bool:
        """Taken, and nothing that is known here refuses it."""
        return self.not_honoured is None and self.refusal is None


def report(instruction: Instruction, strategy: Strategy, basis: Basis) -> AlertReport:
    """By these figures, at this moment."""
    refused = not_honoured(instruction, strategy)
    base = AlertReport(
        instruction,
        strategy,
        instruction.side,
        not_honoured=refused,
        price=basis.price,
        price_from=basis.price_from,
        held=_held(basis),
        unjudged=tuple(basis.unjudged) if instruction.side is Side.BUY else (),
    )
    if refused is not None or instruction.verb is Verb.CANCEL:
        return base
    return _buy(base, basis) if instruction.side is Side.BUY else _sell(base, basis)


def _held(basis: Basis) -> Decimal | None:
    own = basis.snapshot.own
    return own.held_qty if basis.books_read and own is not None else None


def _buy(base: AlertReport, basis: Basis) -> AlertReport:
    own = basis.snapshot.own
    assert own is not None, "a report is of a strategy"
    instruction, price = base.instruction, basis.price
    amount = own.terms.buy_amount_usd(basis.limits.buy_amount_usd)
    planned = None if price is None else plan(instruction, base.strategy, price, basis.steps, own.new_york, basis.bid)
    sized = _sized(base, basis, own, planned, amount)
    found, missing = (sized, None) if isinstance(sized, Sized) else (None, sized)
    order = Buy(
        instruction.ticker,
        qty=found.qty if found else None if price is None else Decimal(0),
        ask=price,
        amount_usd=amount,
        alert_price=instruction.price,
        waited_s=0.0,
        bid=basis.bid,
        delayed=basis.delayed,
        quote_code=basis.no_quote.code,
        quote_text=basis.no_quote.text,
        arithmetic=found,
        unsized=missing,
        plan=planned if isinstance(planned, EntryPlan) else None,
        misfit=planned if isinstance(planned, Refusal) else None,
    )
    above = basis.fixed_limits.what_if_above_usd
    refusal = judge(
        order, basis.snapshot, basis.limits, replace(basis.fixed_limits, what_if_above_usd=Decimal(0))
    ).refusal
    if above and found is not None and order.value > above:
        base = replace(base, unjudged=(*base.unjudged, RefusalCode.MARGIN))
    if refusal is not None and basis.price_from is not PriceFrom.QUOTE and _for_want_of_ib(refusal):
        refusal = None
    return replace(base, refusal=refusal or basis.beside, sized=found, unsized=missing, plan=order.plan)


def _sized(
    base: AlertReport, basis: Basis, own: StrategyView, planned: EntryPlan | Refusal | None, amount: Decimal
) -> Sized | Figure | None:
    size = entry_size(base.instruction, base.strategy, amount)
    if isinstance(size, Figure) or not isinstance(planned, EntryPlan):
        return size if isinstance(size, Figure) else None
    by_limits = base.strategy.sizing is not Sizing.USD
    return entry(
        size,
        planned.price,
        fractional=basis.fractional and planned.at_market,
        equity=basis.equity,
        held=own.held_qty,
        stop=planned.risk_price,
        rooms=rooms(basis.snapshot, basis.limits, basis.fixed_limits, planned) if by_limits else (),
    )


def _for_want_of_ib(refusal: Refusal) -> bool:
    """Only because nobody has asked IB."""
    if refusal.code is RefusalCode.NOT_KNOWN:
        return refusal.facts.get("figure") == Figure.EQUITY
    return refusal.code is RefusalCode.NO_QUOTE


def _sell(base: AlertReport, basis: Basis) -> AlertReport:
    """What is sold of it IB's position may still lower."""
    instruction, held = base.instruction, base.held
    refusal = judge(
        Sell(instruction.ticker, held or Decimal(0)), basis.snapshot, basis.limits, basis.fixed_limits
    ).refusal
    if refusal is not None or held is None:
        return replace(base, refusal=refusal)
    facts: dict[str, Fact] = {"ticker": instruction.ticker, "strategy": base.strategy.name}
    if not held:
        done = reached(instruction, held)
        at_target = Refusal(RefusalCode.AT_TARGET, {**facts, "held": held})
        return replace(
            base, refusal=at_target if done else Refusal(RefusalCode.NOTHING_HELD, {"ticker": instruction.ticker})
        )
    sized = exit_size(instruction, held, fractional=basis.fractional)
    if sized is not None and sized.qty <= 0:
        return replace(base, sized=sized, refusal=Refusal(RefusalCode.EXIT_SIZE, {**facts, **sized.facts}))
    return replace(base, sized=sized)
