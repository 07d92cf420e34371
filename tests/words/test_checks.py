"""What a check that passed was decided on, from the decision as it is stored."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tradebot.domain.instructions import Size, SizeKind
from tradebot.domain.limits import FixedLimits, Limits, LossBasis
from tradebot.domain.refusals import RefusalCode
from tradebot.domain.risk import BUY_POLICY
from tradebot.domain.settings import TradingState
from tradebot.domain.sizing import Sized
from tradebot.domain.snapshot import Buy, Snapshot
from tradebot.trading.decision_record import plain_json
from tradebot.words.checks import passed

_C = RefusalCode
BUY = Buy("AAPL", Decimal(5), Decimal(100), Decimal(500), Decimal(99), 1.25, bid=Decimal("99.9"))
NOW = Snapshot(
    state=TradingState.RUNNING,
    cash=Decimal(10_000),
    reserved=Decimal(50),
    held=Decimal(200),
    in_flight=Decimal(50),
    open_positions=2,
    ticker_positions=1,
    buys_today=3,
    realised_today=Decimal("-12.5"),
    since_last_buy_s=61.0,
    unknown_order=False,
    missing_qty=Decimal(0),
)
FIXED = FixedLimits()


def stored(buy: Buy = BUY, now: Snapshot = NOW, fixed: FixedLimits = FIXED) -> dict[str, object]:
    inputs = {"quote": None, "order": buy, "snapshot": now, "limits": Limits(), "fixed_limits": fixed}
    return plain_json({"reserved": buy.cost, "checks": [], "inputs": inputs})


@pytest.mark.parametrize("code", [code for code, _ in BUY_POLICY])
def test_every_check_has_its_phrase(code: RefusalCode) -> None:
    """A new check is shown as passed, and nobody sees by how much."""
    assert passed(code, stored())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (_C.ALERT_AGE, "waited 1.25 s of 300 s"),
        (_C.REPEAT_WINDOW, "the BUY before was 1 min 1 s ago, 5 s are asked for"),
        (_C.MAX_SPREAD, "0.10%, 5% allowed"),
        (_C.CASH, "needs $506.00, free $8,950.00 ($10,000.00 at IB − $1,000.00 reserve − $50.00 in flight)"),
        (_C.MAX_TOTAL_INVESTMENT, "$756.00 with it, of $50,000.00"),
        (_C.MAX_PER_TICKER, "1 before it, of 5"),
        (_C.MAX_DAILY_LOSS, "−$12.50 realised today, limit −$1,000.00"),
        (_C.PRICE_COLLAR, "$100.00 against the alert's $99.00: +1.01%, 5% allowed"),
        (_C.MAX_ORDER_VALUE, "$500.00 of $25,000.00"),
    ],
)
def test_its_figures(code: RefusalCode, words: str) -> None:
    """The owner cannot see how near an order was to a limit."""
    assert passed(code, stored()) == words


def test_what_is_switched_off_or_not_there() -> None:
    """A limit of 0, which is off, is shown as one that nothing passes; a missing figure ends the page."""
    off = FixedLimits(price_collar_pct=Decimal(0), max_spread_pct=Decimal(0), daily_loss_basis=LossBasis.TOTAL)
    assert passed(_C.PRICE_COLLAR, stored(fixed=off)).endswith(", any allowed")
    assert passed(_C.MAX_SPREAD, stored(fixed=off)) == "0.10%, any allowed"
    assert passed(_C.MAX_DAILY_LOSS, stored(fixed=off)).startswith("−$12.50 realised today, +$0.00 in open lots")
    bare = replace(BUY, bid=None, alert_price=None)
    assert passed(_C.MAX_SPREAD, stored(bare)) == "no bid to compare with"
    assert passed(_C.PRICE_COLLAR, stored(bare)) == "the alert has no price"
    assert passed(_C.REPEAT_WINDOW, stored(now=replace(NOW, since_last_buy_s=None))) == "no BUY of it before, today"


@pytest.mark.parametrize(
    "decision", [{}, {"inputs": {}}, {"reserved": "x"}, {"reserved": "0", "inputs": {"snapshot": {}}}]
)
def test_another_version_s_decision_has_no_figures(decision: dict[str, object]) -> None:
    """A trace of an old alert ends in an error."""
    assert passed(_C.CASH, decision) == ""
    assert passed("a_check_of_tomorrow", stored()) == ""


def test_a_size_that_was_asked_for_in_usd_is_not_told_as_the_owner_s_own_amount() -> None:
    """The trace of a /buy for $300 would show $500 / $100 = 3 shares."""
    asked = Sized(Size(SizeKind.USD, Decimal(300)), Decimal(3), Decimal(3), Decimal(100))
    assert passed(_C.SIZE, stored(replace(BUY, qty=Decimal(3), arithmetic=asked))) == "$300.00 / $100.00 → 3"
    assert passed(_C.SIZE, stored()) == "$500.00 / $100.00 → 5"
