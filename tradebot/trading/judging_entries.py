"""How a BUY is judged: sized, checked against the strategy's rules and every limit, and stored as an intent.

Rules: the quantity comes from IB's quote, and from figures of the same snapshot that the checks look at. A BUY that cannot be
judged now waits, until it is too old.
"""

from decimal import Decimal

from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import Order, Quote
from tradebot.domain.facts.orders import CancelReason
from tradebot.domain.instructions import Size
from tradebot.domain.order_plan import EntryPlan, plan
from tradebot.domain.refusals import Figure, Refusal, RefusalCode
from tradebot.domain.risk import RiskDecision, judge, rooms
from tradebot.domain.sizing import Sized, entry, entry_size
from tradebot.domain.snapshot import Buy, Snapshot
from tradebot.domain.strategies import Sizing
from tradebot.domain.trades import OrderRole
from tradebot.trading.decision_record import log_checks
from tradebot.trading.entries_at_work import refusal_beside, want_cancelled
from tradebot.trading.judging import AskMargin, Decided, Judging, Protection, Wait


async def judge_entry(one: Judging) -> Decided:
    """One BUY's outcome, written. Raises LedgerUnavailable."""
    snapshot = await one.snapshot()
    held = snapshot.own.held_qty if snapshot.own is not None else Decimal(0)
    await one.tell_of_a_gap(held)
    order = _order(one, snapshot, held)
    risk_decision = judge(order, snapshot, one.policy.limits, one.policy.fixed_limits)
    log_checks(risk_decision)
    refusal = risk_decision.refusal
    no_quote = refusal is not None and refusal.code is RefusalCode.NO_QUOTE
    if (no_quote and one.pre_trade.unavailable) or (refusal is None and one.view.exits_only):
        return Wait.BROKER
    if no_quote and one.pre_trade.no_contract:
        detail = {"ticker": one.ticker, "detail": one.pre_trade.no_contract}
        no_contract = Refusal(RefusalCode.NO_CONTRACT, detail)
        await one.ending.write(one.books, one.alert, AlertStatus.FAILED, no_contract)
        return None
    contract = one.pre_trade.contract
    if refusal is not None and contract is not None and _wants_margin(one, order, refusal):
        assert order.qty is not None, "all other checks have passed"
        assert order.plan is not None, "all other checks have passed"
        return AskMargin(Order("tb-what-if", contract, Side.BUY, order.qty, order.plan.terms))
    if refusal is not None:
        await one.block(refusal, risk_decision)
        return None
    if one.resting:
        return await _beside_another(one, risk_decision)
    assert contract is not None, "a quote belongs to a contract"
    assert order.qty is not None, "a passing decision has a quantity"
    inputs = {
        "quote": one.pre_trade.quote,
        "order": order,
        "snapshot": snapshot,
        "limits": one.policy.limits,
        "fixed_limits": one.policy.fixed_limits,
    }
    assert order.plan is not None, "a passing decision has a plan"
    how = (order.plan.terms, _protection(order.plan))
    return await one.intend(
        contract, one.pre_trade.quote, order.qty, order.cost, risk_decision, inputs, order.arithmetic, *how
    )


async def _beside_another(one: Judging, risk_decision: RiskDecision) -> Decided:
    """An entry of its strategy and ticker still waits for its price: this one is refused, or comes in its place when that has
    ended, and is judged anew then."""
    refusal = refusal_beside(one.resting, one.policy.terms.strategy, one.ticker, one.alert.id)
    if refusal is not None:
        await one.block(refusal, risk_decision)
        return None
    await want_cancelled(one.books, one.resting, CancelReason.REPLACED, one.view.now, by_alert=one.alert.id)
    return Wait.ENTRY


def _wants_margin(one: Judging, order: Buy, refusal: Refusal) -> bool:
    """All else has passed, and IB has not been asked of so many shares."""
    asked = one.pre_trade.margin
    of_margin = refusal.code is RefusalCode.NOT_KNOWN and refusal.facts.get("figure") == Figure.MARGIN
    return of_margin and (asked is None or asked.qty < (order.qty or 0))


def _protection(planned: EntryPlan) -> list[Protection]:
    orders = ((OrderRole.STOP, planned.stop), (OrderRole.TARGET, planned.target))
    return [Protection(role, terms) for role, terms in orders if terms is not None]


def _order(one: Judging, snapshot: Snapshot, held: Decimal) -> Buy:
    quote = one.pre_trade.quote
    ask = quote.ask if quote else None
    amount = one.policy.terms.buy_amount_usd(one.policy.limits.buy_amount_usd)
    planned = None if quote is None or ask is None else _plan(one, quote, ask)
    sized = _sized(one, snapshot, planned, amount, held) if isinstance(planned, EntryPlan) else None
    qty = None
    if ask is not None:
        qty = sized.qty if isinstance(sized, Sized) else Decimal(0)
    return Buy(
        ticker=one.ticker,
        qty=qty,
        ask=ask,
        amount_usd=amount,
        alert_price=one.alert.price,
        waited_s=one.policy.hours.waited_s(one.alert.received_at, one.view.now),
        bid=quote.bid if quote else None,
        delayed=quote is not None and quote.delayed,
        quote_code=one.pre_trade.no_quote.code,
        quote_text=one.pre_trade.no_quote.text,
        arithmetic=sized if isinstance(sized, Sized) else None,
        unsized=sized if isinstance(sized, Figure) else None,
        plan=planned if isinstance(planned, EntryPlan) else None,
        misfit=planned if isinstance(planned, Refusal) else None,
        margin=one.pre_trade.margin,
    )


def _plan(one: Judging, quote: Quote, ask: Decimal) -> EntryPlan | Refusal:
    contract = one.pre_trade.contract
    steps = None if contract is None else contract.steps
    return plan(one.instruction, one.policy.terms.strategy, ask, steps, one.view.now, quote.bid)


def _sized(one: Judging, snapshot: Snapshot, planned: EntryPlan, amount_usd: Decimal, held: Decimal) -> Sized | Figure:
    """By the strategy's sizing. Its own amount in USD is no wish: there a limit refuses, instead of lowering it."""
    strategy, policy, account = one.policy.terms.strategy, one.policy, one.view.account
    size = entry_size(one.instruction, strategy, amount_usd)
    if not isinstance(size, Size):
        return size
    return entry(
        size,
        planned.price,
        fractional=policy.fractional and planned.at_market,
        equity=account.equity if account else None,
        held=held,
        stop=planned.risk_price,
        rooms=() if strategy.sizing is Sizing.USD else rooms(snapshot, policy.limits, policy.fixed_limits, planned),
    )
