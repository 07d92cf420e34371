"""What would become of an alert at this moment: judged as its turn would judge it, and nothing of it stored.

Rules: read-only. The running bot asks IB for a quote and waits for it only a moment; beside it only the database is asked, or
nobody: then the alert's own price stands for the quote, and what only IB knows is named as not judged.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from tradebot.domain.alert_report import AlertReport, Basis, PriceFrom, report
from tradebot.domain.alerts import Alert, Side
from tradebot.domain.brokerage import Contract, NoQuote, Quote
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.equity import Equity
from tradebot.domain.honoured import not_honoured
from tradebot.domain.hours import Hours
from tradebot.domain.instructions import Instruction
from tradebot.domain.limits import USD_MAX, FixedLimits, Limits, LossBasis
from tradebot.domain.refusals import Refusal, RefusalCode
from tradebot.domain.settings import ACCOUNT_KEY, TradingState, limits_in, own_limits_in, paused_strategies, state_in
from tradebot.domain.snapshot import Snapshot
from tradebot.domain.strategies import Strategy
from tradebot.domain.strategy_rules import StrategyTerms, StrategyView
from tradebot.domain.targets import gap
from tradebot.domain.terms import CENTS
from tradebot.errors import BrokerUnavailable, UnknownContract
from tradebot.ports import Books, Broker, Clock, Ledger
from tradebot.trading.corporate_actions import booked_ticker
from tradebot.trading.entries_at_work import entries_at_work, refusal_beside, unfilled
from tradebot.trading.snapshot import BrokerView, Judged, take_snapshot
from tradebot.trading.switch import TradingSwitch

QUOTE_WITHIN_S = 1.2
EQUITY_WITHIN = timedelta(days=30)
_C = RefusalCode
_OF_THE_QUOTE = (_C.DELAYED_QUOTE, _C.MAX_SPREAD, _C.PRICE_COLLAR)
_ONLY_IB_KNOWS = (_C.SPLIT, _C.OTHER_CONTRACT, _C.SHORT_AT_IB, _C.MISMATCH, *_OF_THE_QUOTE)
_NEWER_THAN_ALL = 2**62


@dataclass(frozen=True, slots=True)
class Setup:
    """What the owner chose, as far as it decides."""

    defaults: Limits
    fixed_limits: FixedLimits
    hours: Hours
    fractional: bool


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the running bot would make of an alert."""

    ledger: Ledger
    broker: Broker
    switch: TradingSwitch
    clock: Clock
    setup: Setup

    async def report(self, instruction: Instruction, strategy: Strategy) -> AlertReport:
        """By IB's quote where it comes in time. Raises LedgerUnavailable."""
        refused = not_honoured(instruction, strategy)
        if refused is not None:
            return AlertReport(instruction, strategy, instruction.side, not_honoured=refused)
        contract: Contract | None = None
        quote: Quote | NoQuote = NoQuote()
        not_known = None
        try:
            async with asyncio.timeout(QUOTE_WITHIN_S):
                if instruction.side is Side.BUY:  # an exit needs no price
                    contract = await self.broker.contract(instruction.ticker, instruction.primary_exchange)
                    quote = await self.broker.quote(contract)
        except UnknownContract as error:
            unknown = Refusal(_C.NO_CONTRACT, {"ticker": instruction.ticker, "detail": str(error)})
            return AlertReport(instruction, strategy, instruction.side, refusal=unknown)
        except BrokerUnavailable as error:
            not_known = str(error)
        except TimeoutError:
            not_known = f"IB gave no quote within {QUOTE_WITHIN_S:g} s"
        now = self.clock.now()
        account = self.broker.account()
        async with self.ledger.read() as books:
            state = self.switch.in_force(await books.settings())
            live = self.broker.connection.paper is not True
            view = BrokerView(now, state, account, self.broker.positions(), live=live)
            ticker = (await booked_ticker(books, contract.con_id) if contract else None) or instruction.ticker
            basis = await _basis(books, instruction, strategy, self.setup, view, ticker, contract, quote)
        basis = replace(basis, equity=account.equity if account else None)
        if not_known is not None:
            basis = replace(basis, price=instruction.price, price_from=PriceFrom.ALERT, unjudged=_OF_THE_QUOTE)
        found = report(instruction, strategy, basis)
        missing = None if found.held is None else gap(instruction.target, found.held)
        return replace(found, opens_at=_opens_at(self.setup.hours, now), not_known=not_known, gap=missing)


async def by_the_books(
    ledger: Ledger | None,
    instruction: Instruction,
    strategy: Strategy,
    setup: Setup,
    now: datetime,
    *,
    price: Decimal | None = None,
) -> AlertReport:
    """Beside the bot, or without one: `ledger` None reads no books. `price`: in place of the alert's own.

    Raises LedgerUnavailable.
    """
    if ledger is None:
        basis = Basis(setup.defaults, setup.fixed_limits, _nothing_known(strategy, instruction, now), setup.fractional)
        basis, cash = replace(basis, books_read=False), None
    else:
        async with ledger.read() as books:
            state = state_in(await books.settings())
            view = BrokerView(now, state, None, None)
            basis = await _basis(books, instruction, strategy, setup, view, instruction.ticker, None, NoQuote())
            equity = await _newest_equity(books, now)
        basis = replace(basis, equity=equity.net_liquidation if equity else None)
        cash = equity.cash if equity else None
    basis = _without_ib(basis, cash)
    priced = replace(
        basis,
        price=price if price is not None else instruction.price,
        price_from=PriceFrom.ALERT if price is None else PriceFrom.GIVEN,
    )
    return replace(report(instruction, strategy, priced), opens_at=_opens_at(setup.hours, now))


async def _basis(
    books: Books,
    instruction: Instruction,
    strategy: Strategy,
    setup: Setup,
    view: BrokerView,
    ticker: str,
    contract: Contract | None,
    told: Quote | NoQuote,
) -> Basis:
    quote = told if isinstance(told, Quote) else None
    settings = await books.settings()
    limits = limits_in(settings, setup.defaults)
    paused = strategy.name in paused_strategies(settings)
    terms = StrategyTerms(strategy, own_limits_in(settings, strategy), paused)
    judged = Judged(_alert(instruction, strategy, view.now), instruction, terms, setup.fixed_limits.max_alert_age_s)
    quoted = {contract.con_id: (quote.bid or quote.last) if quote else None} if contract else None
    day_start = setup.hours.day_start(view.now)
    names = {ticker, instruction.ticker}
    resting = [one for one in await entries_at_work(books, strategy.name, names, quoted or ()) if one.rests]
    without = unfilled(resting)
    snapshot = await take_snapshot(books, ticker, view, day_start, quoted, judged=judged, without=without)
    return Basis(
        limits,
        setup.fixed_limits,
        _counted(snapshot),
        setup.fractional,
        price=quote.ask if quote else None,
        steps=contract.steps if contract else CENTS,
        price_from=PriceFrom.QUOTE,
        bid=quote.bid if quote else None,
        delayed=quote is not None and quote.delayed,
        no_quote=told if isinstance(told, NoQuote) else NoQuote(),
        beside=refusal_beside(resting, strategy, ticker, _NEWER_THAN_ALL),
    )


def _alert(instruction: Instruction, strategy: Strategy, now: datetime) -> Alert:
    """As if it came at this moment."""
    return Alert(
        received_at=now,
        ticker=instruction.ticker,
        action=instruction.side,
        price=instruction.price,
        alert_time=instruction.alert_time,
        primary_exchange=instruction.primary_exchange,
        idempotency_key="",
        payload_hash="",
        raw_body=b"",
        source_ip=None,
        strategy=strategy.name,
        id=_NEWER_THAN_ALL,
    )


def _counted(snapshot: Snapshot) -> Snapshot:
    """An alert that is stored counts among those of the day."""
    own = snapshot.own
    return snapshot if own is None else replace(snapshot, own=replace(own, alerts_today=own.alerts_today + 1))


def _nothing_known(strategy: Strategy, instruction: Instruction, now: datetime) -> Snapshot:
    """Books that are empty."""
    zero = Decimal(0)
    own = StrategyView(StrategyTerms(strategy, strategy.limits), now.astimezone(NEW_YORK), instruction, alerts_today=1)
    return Snapshot(TradingState.RUNNING, None, zero, zero, zero, 0, 0, 0, zero, None, False, zero, own=own)


def _without_ib(basis: Basis, cash: Decimal | None) -> Basis:
    """What only IB knows refuses nothing here; it is named instead."""
    unjudged: Collection[RefusalCode] = _ONLY_IB_KNOWS
    if cash is None:
        unjudged = (*unjudged, _C.CASH)
    fixed = basis.fixed_limits
    if fixed.daily_loss_basis is LossBasis.TOTAL:
        unjudged = (*unjudged, _C.MAX_DAILY_LOSS)
        fixed = replace(fixed, daily_loss_basis=LossBasis.REALISED)
    snapshot = replace(basis.snapshot, cash=USD_MAX * 100 if cash is None else cash, missing_qty=Decimal(0))
    return replace(basis, snapshot=snapshot, fixed_limits=fixed, unjudged=unjudged)


async def _newest_equity(books: Books, now: datetime) -> Equity | None:
    account = (await books.settings()).get(ACCOUNT_KEY)
    rows = await books.equity(account, now - EQUITY_WITHIN) if account else ()
    return rows[-1] if rows else None


def _opens_at(hours: Hours, now: datetime) -> datetime | None:
    return None if hours.is_open(now) else hours.calendar.next_open(now)
