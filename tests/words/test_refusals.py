"""Refusals in words: every code of the domain has its sentence and title, with the figures and the way to change it."""

import json
from collections.abc import Mapping
from decimal import Decimal

import pytest

from tests.domain.test_risk import one_after_another
from tradebot.domain.refusals import Fact, Figure, Refusal, RefusalCode
from tradebot.telegram.commands import COMMANDS
from tradebot.words import refusals

D = Decimal
SAID: list[tuple[str, Mapping[str, Fact], str]] = [
    ("kill_switch", {}, "the kill switch is on: nothing is traded until tradebot resume"),
    ("ticker_blocked", {"ticker": "BRK B"}, "BRK B is blocked: no BUY of it until /unblock BRK B in the chat"),
    ("paused", {}, "trading is paused: no BUY until tradebot resume"),
    (
        "unknown_order",
        {"ticker": "AAPL"},
        "an earlier AAPL order is UNKNOWN, it may be at IB: AAPL is frozen until it is resolved, by IB or by the button on its "
        "message",
    ),
    (
        "split",
        {"ticker": "AAPL", "booked": D(10), "at_ib": D("15.0"), "new": 3, "old": 2},
        "the books hold 10 AAPL, IB shows 15 for the same money, as after a split 3 for 2: no BUY of it until you have said by "
        "the button on its message whether it was one",
    ),
    (
        "other_contract",
        {"ticker": "AAPL"},
        "the bot holds AAPL of another contract than the one that IB calls AAPL now: no BUY of it until these shares are sold",
    ),
    (
        "short_at_ib",
        {"ticker": "AAPL", "short_qty": D(50)},
        "IB shows 50 AAPL sold short, which the bot never does: a BUY would cover your own short instead of opening a position. "
        "Cover it yourself, or let no alert buy AAPL meanwhile",
    ),
    (
        "mismatch",
        {"ticker": "AAPL", "missing_qty": D("3.0000")},
        "the books hold 3 AAPL more than IB shows: no BUY of it until they agree or the difference is accepted",
    ),
    (
        "alert_age",
        {"waited_s": D("300.100"), "limit_s": 300},
        "the alert waited 5 min, longer than max_alert_age_s in the configuration (300 s) allows a BUY",
    ),
    (
        "repeat_window",
        {"ticker": "AAPL", "since_s": D("1.250"), "window_s": 5},
        "a BUY of AAPL was decided 1.25 s ago: not again within 5 s",
    ),
    (
        "no_quote",
        {"ticker": "AAPL"},
        "IB gave no ask price for AAPL, live or delayed, and the alert's own price is not used for sizing: "
        "check the account's market data",
    ),
    (
        "no_quote",
        {"ticker": "AAPL", "ib_code": 10197, "ib_text": "No market data during competing live session"},
        "IB gave no price for AAPL (IB 10197: No market data during competing live session): another login of the same IB user "
        "has taken the market data (TWS, the phone app or the web, or the live account beside its paper account). Log out there, "
        "or give tradebot a user name of its own",
    ),
    (
        "no_quote",
        {"ticker": "AAPL", "ib_code": 354, "ib_text": "Requested market data is not subscribed."},
        "IB gave no price for AAPL (IB 354: Requested market data is not subscribed): the account has no market data for it. "
        "Subscribe at IB (Client Portal, Settings, Market Data Subscriptions; a paper account shares its live account's), accept "
        "the agreement for API use there, then log the gateway in again",
    ),
    (
        "delayed_quote",
        {"ticker": "AAPL", "ask": D("227.51")},
        "IB gives only delayed quotes for AAPL ($227.51, up to 20 minutes old), and this is a live account: subscribe to its "
        "market data at IB, or set allow_delayed_quotes = true under [trading]",
    ),
    (
        "max_spread",
        {"ticker": "AAPL", "bid": D(94), "ask": D(106), "limit_pct": D(5)},
        "AAPL is bid $94.00 and asked $106.00: 12.0% apart, more than max_spread_pct (5%) allows a BUY at the market",
    ),
    (
        "size",
        {"ticker": "AAPL", "amount_usd": D(500), "ask": D("500.01")},
        "$500.00 / $500.01 = 0.99 shares of AAPL, which rounds down to none: raise the amount with /set_amount in the chat",
    ),
    (
        "size",
        {
            "ticker": "MSFT",
            "amount_usd": D(500),
            "ask": D("413.57"),
            "strategy": "ema",
            "size_kind": "usd",
            "size_value": D(300),
            "price": D("413.57"),
            "asked": D(0),
            "sized": D(0),
        },
        "$300.00 / $413.57 = 0.72 shares of MSFT, which rounds down to none: ask for more",
    ),
    (
        "cash",
        {
            "ticker": "AAPL",
            "qty": D(10),
            "ask": D("187.32"),
            "price_buffer": D("0.01"),
            "cost": D("1892.932"),
            "free": D("912.40"),
            "cash": D(5_000),
            "min_cash_reserve": D(1_000),
            "reserved": D("3087.60"),
        },
        "needs $1,892.93 for 10 AAPL at $187.32 with commission and 1% for a worse price, free cash is $912.40 "
        "($5,000.00 at IB − $1,000.00 reserve − $3,087.60 in flight)",
    ),
    (
        "max_total_investment",
        {"total": D(50_511), "held": D(48_000), "in_flight": D(1_500), "cost": D(1_011), "limit": D(50_000)},
        "would bring the total invested to $50,511.00 ($48,000.00 held + $1,500.00 in flight + $1,011.00), "
        "the most is $50,000.00: raise it with /set_max_invest in the chat",
    ),
    (
        "max_open_positions",
        {"ticker": "AAPL", "count": 1_200, "limit": 1_000},
        "1,200 open positions, the most is 1,000: raise it with /set_max_positions in the chat",
    ),
    (
        "max_per_ticker",
        {"ticker": "AAPL", "count": 5, "limit": 5},
        "5 open positions in AAPL, the most is 5: raise it with /set_max_per_ticker in the chat",
    ),
    (
        "max_daily_buys",
        {"ticker": "AAPL", "count": 50, "limit": 50},
        "50 buys today, the most is 50: raise it with /set_max_daily in the chat",
    ),
    (
        "max_daily_loss",
        {"realised_today": D("-1200.5"), "limit": D(1_000)},
        "realised −$1,200.50 today, the daily loss limit is $1,000.00: "
        "no BUY until tomorrow (New York), or raise it with /set_max_loss in the chat",
    ),
    (
        "max_daily_loss",
        {"realised_today": D("-200.5"), "open_change": D(-900), "limit": D(1_000)},
        "realised −$200.50 today and −$900.00 in open lots, the daily loss limit is $1,000.00: "
        "no BUY until tomorrow (New York), or raise it with /set_max_loss in the chat",
    ),
    (
        "price_collar",
        {"ticker": "AAPL", "ask": D(100), "alert_price": D(106), "limit_pct": D(5), "delayed": 1},
        "AAPL asks $100.00 by delayed data, up to 20 minutes old, 5.7% below the alert's $106.00: more than price_collar_pct "
        "(5%) allows",
    ),
    (
        "price_collar",
        {"ticker": "AAPL", "ask": D(94), "alert_price": D(100), "limit_pct": D(5)},
        "AAPL asks $94.00, 6.0% below the alert's $100.00: more than price_collar_pct (5%) allows",
    ),
    (
        "max_order_value",
        {"ticker": "AAPL", "qty": D(250), "ask": D("100.01"), "value": D("25002.50"), "limit": D(25_000)},
        "250 AAPL at $100.01 are $25,002.50, max_order_value_usd in the configuration is $25,000.00",
    ),
    (
        "exit_levels",
        {"ticker": "AAPL", "order": "LMT", "price": D("99.50"), "ask": D(100), "stop": D("99.6"), "target": D(110)},
        "a stop at $99.60 and a target at $110.00 do not fit a limit of $99.50 (IB asks $100.00) of AAPL: a stop stands below "
        "the entry and the bid, a target above, or they would sell at once. Correct the alert's prices",
    ),
    (
        "exit_levels",
        {"ticker": "AAPL", "order": "MKT", "price": D(100), "ask": D(100), "stop": D(95), "stop_limit": D(96)},
        "a stop at $95.00 with a limit of $96.00 do not fit IB's ask of $100.00 of AAPL: a stop stands below the entry and the "
        "bid, a target above, or they would sell at once. Correct the alert's prices",
    ),
    (
        "exit_levels",
        {"ticker": "AAPL", "order": "STP LMT", "price": D(99), "ask": D(100)},
        "the prices of the AAPL order do not fit together: a stop-limit order up to $99.00 (IB asks $100.00). Correct the "
        "alert's prices",
    ),
    (
        "max_risk",
        {
            "ticker": "AAPL",
            "qty": D(5),
            "price": D(100),
            "stop": D(90),
            "risk": D(50),
            "at_risk": D(160),
            "limit": D(200),
        },
        "5 AAPL at $100.00 would put $50.00 at risk, down to the stop at $90.00; $160.00 are, the most is $200.00: raise "
        "max_risk_usd under [trading], or send a nearer stop",
    ),
    (
        "max_risk",
        {
            "ticker": "AAPL",
            "qty": D(5),
            "price": D(100),
            "risk": D(500),
            "at_risk": D(0),
            "limit": D(200),
            "strategy": "ema",
        },
        "5 AAPL at $100.00 would put $500.00 at risk, for it has no stop, and all its value counts; $0.00 are of strategy ema, "
        "the most is $200.00: raise max_risk_usd under [strategies.ema], or send a nearer stop",
    ),
    (
        "margin",
        {"ticker": "AAPL", "qty": D(50), "price": D(100), "margin": D(2_500), "equity": D("1800.5")},
        "IB would want a margin of 2,500 with 50 AAPL at $100.00, and the account would have 1,800.50 for it: ask for less, "
        "or add money to the account",
    ),
    (
        "margin",
        {
            "ticker": "AAPL",
            "qty": D(50),
            "price": D(100),
            "ib_code": 201,
            "ib_text": "Order rejected - reason: no funds.",
        },
        "IB would refuse 50 AAPL at $100.00 (IB 201: Order rejected - reason: no funds)",
    ),
    (
        "not_known",
        {"figure": "missing_qty", "ticker": "AAPL"},
        "the difference between the books and IB for AAPL is not a number: no BUY until it is known",
    ),
    ("not_known", {"figure": "cash", "ticker": "AAPL"}, "cash is unknown: IB has not reported it"),
    (
        "not_known",
        {"figure": "no_usd", "ticker": "AAPL", "base_currency": "EUR", "base_cash": D(80_000)},
        "no USD in the account, base EUR 80,000: convert some to USD at IB, for tradebot never buys on borrowed USD",
    ),
    (
        "not_known",
        {"figure": "open_change", "ticker": "AAPL", "unpriced": "KO, MSFT"},
        'IB gives no price for KO, MSFT, so the day\'s total loss is unknown (daily_loss_basis = "total"): '
        "no BUY until it is known",
    ),
    (
        "not_known",
        {"figure": "alert_price", "ticker": "AAPL", "alert_price": D("NaN")},
        "the alert's price NaN is no price to hold the quote against: correct the alert's template",
    ),
    (
        "market_closed",
        {"opens_at": "2026-11-23T14:30:00+00:00"},
        "the market is closed; runs at the open, Mon 23 Nov 09:30 New York",
    ),
    ("no_contract", {"ticker": "NOPE", "detail": "IB knows no stock NOPE"}, "IB knows no stock NOPE"),
    ("nothing_held", {"ticker": "AAPL"}, "the bot holds no AAPL, and your own shares are never touched"),
    (
        "nothing_left_to_sell",
        {"ticker": "AAPL", "held": D(5), "at_ib": D(5), "selling": D(9)},
        "the books hold 5 AAPL, IB shows 5 with 9 already being sold: nothing is left to sell without going short. "
        "Compare with TWS",
    ),
    (
        "nothing_left_to_sell",
        {"ticker": "AAPL", "held": D(4), "at_ib": D(4), "selling": D(4), "by": "7001"},
        "the bot holds 4 AAPL, and 4 shares are in a working SELL at IB (permId 7001): cancel it first",
    ),
    ("superseded", {"by_alert": 12}, "superseded by the SELL of alert 12"),
    ("superseded", {"by_alert": 12, "cancel": 1}, "superseded by the cancel of alert 12"),
    (
        "entry_at_work",
        {"ticker": "AAPL", "strategy": "ema", "qty": D(5), "by_alert": 7, "newer": 0},
        'an entry of strategy ema for 5 AAPL still waits for its price at IB (alert 7): set on_new_signal = "replace" under '
        "[strategies.ema] for the newer signal to come in its place",
    ),
    (
        "entry_at_work",
        {"ticker": "AAPL", "strategy": "ema", "qty": D(5), "by_alert": 7, "newer": 1},
        "an entry of strategy ema for 5 AAPL still waits for its price at IB (alert 7): what came before it does not replace it",
    ),
    (
        "entries_cancelled",
        {"ticker": "AAPL", "orders": 2, "alerts": 1, "filled": D(3), "unknown": 1},
        "2 entries cancelled, 1 waiting BUY ended, 3 shares had filled before, 1 UNKNOWN: cancelled should it come to life",
    ),
    (
        "entries_cancelled",
        {"ticker": "AAPL", "orders": 1, "alerts": 0, "filled": D(1), "unknown": 0, "too_late": 2},
        "1 entry cancelled, 1 share had filled before, 2 entries were filled before the cancel came",
    ),
    (
        "entries_cancelled",
        {"ticker": "AAPL", "orders": 0, "alerts": 0, "filled": D(0), "unknown": 0},
        "no entry worked or waited: there was nothing to cancel",
    ),
    (
        "strategy_disabled",
        {"strategy": "ema", "known": 1},
        "strategy ema is switched off (enabled = false under [strategies.ema]): it buys nothing and sells what it holds",
    ),
    (
        "strategy_disabled",
        {"strategy": "ema", "known": 0},
        "the configuration has no strategy ema any more: it buys nothing, what it holds is still sold. Put [strategies.ema] "
        "back, or move its positions with tradebot reassign",
    ),
    (
        "strategy_paused",
        {"strategy": "ema"},
        "strategy ema is paused: no BUY of it until tradebot resume --strategy ema",
    ),
    (
        "ticker_not_allowed",
        {"strategy": "ema", "ticker": "KO", "tickers": "AAPL, MSFT"},
        "KO is none of the tickers of strategy ema (AAPL, MSFT): add it to tickers under [strategies.ema], or send the alert to "
        "another strategy",
    ),
    (
        "at_target",
        {"strategy": "ema", "ticker": "AAPL", "held": D(6)},
        "strategy ema holds 6 AAPL, and the alert wants to be long: it is. To buy more at each alert, leave the target "
        "(sentiment, market_position) out of its message",
    ),
    (
        "at_target",
        {"strategy": "ema", "ticker": "AAPL", "held": D(0)},
        "strategy ema holds no AAPL, which is what the alert wants afterwards",
    ),
    (
        "overtaken",
        {
            "strategy": "ema",
            "ticker": "AAPL",
            "alert_time": "2026-11-20T17:00:00+00:00",
            "exit_time": "2026-11-20T17:00:12+00:00",
        },
        "it is 12 s older than an exit of AAPL of the same strategy, by the times in their messages: alerts came in another "
        "order than they were sent, and an exit is not followed by its own entry",
    ),
    (
        "trading_window",
        {"strategy": "ema", "now": "15:46", "begin": "09:35", "end": "15:45"},
        "it is 15:46 in New York, strategy ema buys from 09:35 to 15:45: change window under [strategies.ema] if it should",
    ),
    (
        "cooldown",
        {"strategy": "ema", "ticker": "AAPL", "since_s": D("59.000"), "window_s": 600},
        "strategy ema bought AAPL 59 s ago, and waits 10 min from one BUY of a ticker to the next (cooldown_s under "
        "[strategies.ema])",
    ),
    (
        "max_alerts_per_day",
        {"strategy": "ema", "count": 21, "limit": 20},
        "21 BUY alerts of strategy ema today, the most is 20: no BUY of it until tomorrow (New York), or raise "
        "max_alerts_per_day under [strategies.ema]",
    ),
    (
        "exit_size",
        {
            "ticker": "AAPL",
            "held": D(6),
            "size_kind": "position_pct",
            "size_value": D("33.33333"),
            "asked": D(0),
            "sized": D(0),
            "base": D(6),
        },
        "asked 33.33% of 6 held = 0: no share of 6 AAPL is sold, ask for more",
    ),
    (
        "exit_size",
        {"ticker": "AAPL", "held": D(6)},
        "the alert says that a part of 6 AAPL stays held, and not which: nothing is sold on a guess. Put a quantity or the "
        "position before and after into its message, or leave the target out to sell everything",
    ),
    (
        "size",
        {
            "ticker": "AAPL",
            "amount_usd": D(500),
            "ask": D(600),
            "size_kind": "equity_pct",
            "size_value": D("0.5"),
            "price": D(600),
            "base": D(100_000),
            "asked": D(0),
            "sized": D(0),
        },
        "asked 0.5% of $100,000.00 at $600.00 = 0: no share of AAPL is left to buy, ask for more",
    ),
    (
        "max_open_positions",
        {"ticker": "AAPL", "count": 3, "limit": 3, "strategy": "ema"},
        "3 open positions of strategy ema, the most is 3: raise it with /set_max_positions ema in the chat",
    ),
    ("internal_error", {"detail": "KeyError: 'x'"}, "internal error, no order was made (KeyError: 'x')"),
]


@pytest.mark.parametrize(("code", "facts", "said"), SAID, ids=[code for code, _, _ in SAID])
def test_a_refusal_gives_the_figures_and_what_to_do(code: str, facts: Mapping[str, Fact], said: str) -> None:
    """The owner could not tell from the message why an alert was refused, or what to change."""
    assert refusals.refusal(code, facts) == said


@pytest.mark.parametrize(("code", "facts", "said"), SAID, ids=[code for code, _, _ in SAID])
def test_a_stored_refusal_reads_the_same(code: str, facts: Mapping[str, Fact], said: str) -> None:
    """Facts come back from the database as JSON: a message could not be made of them, or would say something else."""
    assert refusals.refusal(code, json.loads(json.dumps(facts, default=str))) == said


@pytest.mark.parametrize(("name", "refused"), list(one_after_another()))
def test_what_a_check_finds_can_be_said(name: RefusalCode, refused: Refusal) -> None:
    """The facts of a check would not be those that its sentence needs."""
    assert name == refused.code
    assert refusals.refusal(refused.code, json.loads(json.dumps(refused.facts, default=str)))


def test_every_code_has_words_and_no_other() -> None:
    """A refusal without words would break its message, and words for a code that is gone would mislead whoever changes them."""
    codes = set(RefusalCode)
    assert {RefusalCode(code) for code, _, _ in SAID} == codes
    assert set(refusals.TITLES) == codes
    assert set(refusals._SENTENCES) == codes
    assert set(refusals.FIGURES) == set(Figure)
    assert len(set(refusals.TITLES.values())) == len(codes)


@pytest.mark.parametrize("figure", Figure)
def test_every_figure_that_may_be_unknown_is_said(figure: Figure) -> None:
    """A BUY refused for what IB did not tell would break its message."""
    facts: dict[str, Fact] = {"figure": figure, "ticker": "AAPL", "alert_price": D("NaN"), "unpriced": "KO"}
    facts |= {"base_currency": "EUR", "base_cash": D("80000.50"), "strategy": "ema"}
    assert "{" not in refusals.refusal(RefusalCode.NOT_KNOWN, facts)


def test_every_command_that_is_named_exists() -> None:
    """The owner would be sent to a command that is not there."""
    named = {
        word.rstrip(",:") for _, _, said in SAID for word in said.split() if word.startswith("/") and len(word) > 1
    }
    assert len(named) > 5
    assert named <= {f"/{command.name}" for command in COMMANDS}


def test_a_code_that_is_not_the_domain_s_is_refused() -> None:
    """A misspelt code would be told as an empty reason."""
    with pytest.raises(ValueError, match="no_such_code"):
        refusals.refusal("no_such_code", {})
