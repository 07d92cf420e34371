"""Brackets as users of other services ask for them, to their ends: what they send, what IB works then, and how it is over.

Rules: an example is a script about one stock, which costs 100 USD when it begins. Its services' words mean what these document
(TradersPost's stopLoss and takeProfit, 3Commas' bots with a stop-loss and a take-profit of their own, tbot's exit.stop and
exit.limit). The words are ours, the fields and what they mean are the services' own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.system.documented import IN_URL, NOTHING_TO_DO, own, tbot, three_commas, traderspost

CONFIG = """
[strategies.theirs]
sizing = "alert"
exit_size = "alert"
orders = "alert"
exits = "alert"

[strategies.bots]
sizing = "alert"
exit_size = "alert"
stop_loss = "5%"
take_profit = "10%"

[strategies.trailing]
sizing = "alert"
trailing = "3%"

[strategies.even]
sizing = "alert"
stop_loss = "$5"
break_even_after = "4%"
"""
KEPT = "ours, kept over a restart"
CANCELLED = "1 entry cancelled"


@dataclass(frozen=True)
class Says:
    """A message; `waits` where its order does not end at once, `why` where it does not trade."""

    message: str
    waits: bool = False
    why: str = ""


@dataclass(frozen=True)
class Market:
    """The stock costs this now; the bid is a cent below."""

    ask: str


@dataclass(frozen=True)
class Works:
    """What IB works of the stock, and nothing else: "SELL 10 STP 95"."""

    orders: tuple[str, ...]


@dataclass(frozen=True)
class Holds:
    """Shares in the strategy's lots, and at IB."""

    shares: int


@dataclass(frozen=True)
class Told:
    """A message of this beginning to the owner."""

    words: str


Step = Says | Market | Works | Holds | Told


@dataclass(frozen=True)
class Example:
    """What a strategy of a service's user does with one stock."""

    name: str
    strategy: str
    ticker: str
    steps: tuple[Step, ...]
    query: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.ticker})"


def works(*orders: str) -> Works:
    return Works(orders)


def _bracket(shares: int, stop: str, target: str) -> Works:
    return works(f"SELL {shares} STP {stop}", f"SELL {shares} LMT {target}")


OVER = (works(), Holds(0))


# --- TradersPost -----------------------------------------------------------------------------------------------------


def _traderspost() -> Mapping[str, tuple[str, tuple[Step, ...]]]:
    def buy(ticker: str, quantity: int = 10, **more: Any) -> str:
        return traderspost(ticker, "buy", quantity=quantity, **more)

    def says(ticker: str, action: str, **more: Any) -> Says:
        return Says(traderspost(ticker, action, **more))

    five, ten = {"type": "stop", "percent": 5}, {"percent": 10}
    stop_limit = {"type": "stop_limit", "stopPrice": 95, "limitPrice": 94.5}
    limit: dict[str, Any] = {"orderType": "limit", "limitPrice": 99.5, "timeInForce": "gtc"}
    return {
        "a stop in percent fills": ("AAPL", (
            Says(buy("AAPL", stopLoss=five, takeProfit=ten)), Holds(10), _bracket(10, "95", "110"),
            Told("AAPL: stop $95.00, target $110.00 working for 10"),
            Market("94.91"), *OVER, Told("Stopped out 10 AAPL at $94.90, −$53.00 (−5.3"),
            Says(traderspost("AAPL", "sell", sentiment="flat"), why=NOTHING_TO_DO),
        )),
        "a limit, a stop-limit and a target that fills": ("MSFT", (
            Says(buy("MSFT", **limit, stopLoss=stop_limit, takeProfit={"limitPrice": 108}), waits=True),
            works("BUY 10 LMT 99.5", "SELL 10 STP LMT 95 94.5", "SELL 10 LMT 108"),
            Market("99.50"), Holds(10), works("SELL 10 STP LMT 95 94.5", "SELL 10 LMT 108"),
            Market("108.01"), *OVER, Told("Target reached: 10 MSFT at $108.00, +$83.00"),
        )),
        "a stop that trails in percent": ("NVDA", (
            Says(buy("NVDA", stopLoss={"type": "trailing_stop", "trailPercent": 3})), Holds(10), works("SELL 10 TRAIL 97"),
            Market("110"), works("SELL 10 TRAIL 106.7"), Market("106.50"), *OVER,
            Told("Stopped out 10 NVDA at $106.49, +$62.90"),
        )),
        "an exit while stop and target work": ("TSLA", (
            Says(buy("TSLA", stopLoss={"type": "stop", "amount": 4}, takeProfit={"amount": 8})), Holds(10),
            _bracket(10, "96", "108"), says("TSLA", "exit"), *OVER, Told("Sold 10 TSLA at $99.99"),
        )),
        "a part sold, the rest stopped out": ("GOOG", (
            Says(buy("GOOG", stopLoss=five, takeProfit=ten)), Holds(10), _bracket(10, "95", "110"),
            says("GOOG", "sell", sentiment="long", quantity=4), Holds(6), _bracket(6, "95", "110"),
            Market("94.91"), *OVER, Told("Stopped out 6 GOOG at $94.90"),
        )),
        "sized by the risk at its stop": ("AMD", (
            Says(buy("AMD", 50, quantityType="risk_dollar_amount", stopLoss={"type": "stop", "amount": 5})), Holds(10),
            works("SELL 10 STP 95"), says("AMD", "sell", sentiment="flat"), *OVER,
        )),
        "cancelled before it filled": ("INTC", (
            Says(buy("INTC", orderType="limit", limitPrice=98, stopLoss=five, takeProfit=ten), waits=True),
            works("BUY 10 LMT 98", "SELL 10 STP 93.1", "SELL 10 LMT 107.8"),
            Says(traderspost("INTC", "cancel"), why=CANCELLED), *OVER,
        )),
        "a stop entry whose stop trails": ("AVGO", (
            Says(buy("AVGO", orderType="stop", stopPrice=101, stopLoss={"type": "trailing_stop", "trailAmount": 2}), waits=True),
            works("BUY 10 STP 101", "SELL 10 TRAIL 99"), Market("101"), Holds(10), works("SELL 10 TRAIL 99"),
            Market("105"), works("SELL 10 TRAIL 103"), Market("102.50"), *OVER, Told("Stopped out 10 AVGO at $102.49"),
        )),
        "added to, each part with a stop of its own": ("COST", (
            Says(buy("COST", stopLoss=five)), Holds(10), works("SELL 10 STP 95"), Market("104"),
            says("COST", "add", quantity=5, stopLoss=five), Holds(15), works("SELL 10 STP 95", "SELL 5 STP 98.8"),
            Market("98.50"), Holds(10), works("SELL 10 STP 95"), Told("Stopped out 5 COST at $98.49"),
            says("COST", "exit"), *OVER,
        )),
    }  # fmt: skip


# --- 3Commas: stop-loss and take-profit are the bot's, not the message's ----------------------------------------------

FLAT, LONG = ("flat", 0), ("long", 10)


def _three_commas() -> Mapping[str, tuple[str, str, tuple[Step, ...]]]:
    def buys(ticker: str) -> Says:
        return Says(three_commas(ticker, "buy", 10, LONG, FLAT))

    return {
        "its bot's take-profit": ("bots", "KO", (
            buys("KO"), Holds(10), _bracket(10, "95", "110"), Market("110.01"), *OVER,
            Told("Target reached: 10 KO at $110.00, +$98.00 (+9.8"),
            Says(three_commas("KO", "sell", 10, FLAT, LONG), why=NOTHING_TO_DO),
        )),
        "its bot's stop-loss": ("bots", "JNJ", (
            buys("JNJ"), Holds(10), _bracket(10, "95", "110"), Market("90"), *OVER, Told("Stopped out 10 JNJ at $89.99"),
        )),
        "half of the position closed, then the rest": ("bots", "JPM", (
            buys("JPM"), Holds(10), _bracket(10, "95", "110"),
            Says(three_commas("JPM", "sell", 5, ("long", 5), LONG)), Holds(5), _bracket(5, "95", "110"),
            Says(three_commas("JPM", "sell", 5, FLAT, ("long", 5))), *OVER,
        )),
        "a reversal while stop and target work": ("bots", "BAC", (
            buys("BAC"), Holds(10), _bracket(10, "95", "110"),
            Says(three_commas("BAC", "sell", 20, ("short", 10), LONG)), *OVER,
        )),
        "its bot's trailing": ("trailing", "V", (
            buys("V"), Holds(10), works("SELL 10 TRAIL 97"), Market("120"), works("SELL 10 TRAIL 116.4"),
            Market("116"), *OVER, Told("Stopped out 10 V at $115.99"),
        )),
        "its bot's break-even": ("even", "MA", (
            buys("MA"), Holds(10), works("SELL 10 STP 95"), Market("104.50"), works("SELL 10 STP 100"),
            Told("MA: stop"), Market("99.90"), *OVER, Told("Stopped out 10 MA at $99.89"),
        )),
    }  # fmt: skip


# --- tbot ------------------------------------------------------------------------------------------------------------


def _tbot() -> Mapping[str, tuple[str, tuple[Step, ...]]]:
    def enters(ticker: str, **metrics: float) -> str:
        return tbot(ticker, "entrylong", qty=10, **metrics)

    levels = {"exit_stop": 90.0, "exit_limit": 110.0}
    return {
        "a limit, a stop, and a target that fills": ("META", (
            Says(enters("META", entry_limit=99.0, **levels), waits=True),
            works("BUY 10 LMT 99", "SELL 10 STP 90", "SELL 10 LMT 110"), Market("99"), Holds(10),
            Market("110.01"), *OVER, Told("Target reached: 10 META at $110.00"),
        )),
        "a stop that fills": ("XOM", (
            Says(enters("XOM", **levels)), Holds(10), _bracket(10, "90", "110"), Market("89.50"), *OVER,
            Told("Stopped out 10 XOM at $89.49"),
        )),
        "closed while stop and target work": ("WMT", (
            Says(enters("WMT", **levels)), Holds(10), _bracket(10, "90", "110"),
            Says(tbot("WMT", "close", qty=-10_000_000_000)), *OVER, Told("Sold 10 WMT at $99.99"),
        )),
        "a stop-limit entry; its levels are not changed by strategy.exit": ("DIS", (
            Says(enters("DIS", entry_stop=101.0, entry_limit=102.0, exit_stop=96.0), waits=True),
            works("BUY 10 STP LMT 101 102", "SELL 10 STP 96"), Market("101"), Holds(10),
            Says(tbot("DIS", "exitlong", exit_stop=98.0, exit_limit=120.0), why="strategy.exitlong changes the stop"),
            works("SELL 10 STP 96"), Says(tbot("DIS", "close_all")), *OVER,
        )),
        "cancelled before it filled": ("IBM", (
            Says(enters("IBM", entry_limit=95.0, **levels), waits=True),
            works("BUY 10 LMT 95", "SELL 10 STP 90", "SELL 10 LMT 110"),
            Says(tbot("IBM", "cancel"), why=CANCELLED), *OVER,
        )),
    }  # fmt: skip


# --- ours ------------------------------------------------------------------------------------------------------------


def _ours() -> Mapping[str, tuple[str, tuple[Step, ...]]]:
    def buys(ticker: str, **more: Any) -> Says:
        return Says(own(ticker, "buy", quantity=10, **more))

    return {
        "ours, sold while stop and target work": ("SPY", (
            buys("SPY", stop_loss="5%", take_profit=120), Holds(10), _bracket(10, "95", "120"),
            Says(own("SPY", "sell")), *OVER,
        )),
        "ours, a trailing stop": ("QQQ", (
            buys("QQQ", trailing_stop="4%"), Holds(10), works("SELL 10 TRAIL 96"), Market("95"), *OVER,
            Told("Stopped out 10 QQQ at $94.99"),
        )),
        KEPT: ("IWM", (buys("IWM", stop_loss="5%", take_profit=110), Holds(10), _bracket(10, "95", "110"))),
    }  # fmt: skip


def _all() -> tuple[Example, ...]:
    return (
        *(Example(f"TradersPost: {name}", "theirs", *what, IN_URL) for name, what in _traderspost().items()),
        *(Example(f"3Commas: {name}", *what) for name, what in _three_commas().items()),
        *(Example(f"tbot: {name}", "theirs", *what) for name, what in _tbot().items()),
        *(Example(name, "theirs", *what) for name, what in _ours().items()),
    )


EXAMPLES = _all()
