"""What users of other services send, as these document it: one sequence a service, the way a strategy of theirs would send it.

Rules: every message says what its strategy must hold of its stock afterwards, and why it did not trade if so. A share costs
100 USD. The words are ours, the fields and what they mean are the services' own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from tests.system.harness import SECRET

IN_URL = f"?secret={SECRET}"
AT_TARGET = "wants to be long: it is"
NOTHING_TO_DO = "holds no"
SIZED_ENTRY = 'sizing = "alert"'
SIZED_EXIT = 'exit_size = "alert"'
LIMIT_ORDER = "The alert asks for a limit order"
OWN_STOP = "The alert asks for a stop of its own"
ON_THE_PAGE = (SIZED_ENTRY, SIZED_EXIT, LIMIT_ORDER, OWN_STOP)
"""Of these reasons `docs/alerts.md` tells beforehand."""
_seconds = count()
_BEGAN = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    """A message, what is held of the stock when it is done, and words of why it did not trade ("": it did)."""

    message: str
    held: int
    why: str = ""


@dataclass(frozen=True)
class Sequence:
    """What one strategy of one service sends about one stock."""

    service: str
    strategy: str
    ticker: str
    steps: tuple[Step, ...]
    query: str = ""

    def __str__(self) -> str:
        return f"{self.service} to {self.strategy}"


def _now() -> datetime:
    """TradingView's times have a second's resolution; each message has one of its own."""
    return _BEGAN + timedelta(seconds=next(_seconds))


def _time() -> str:
    return _now().strftime("%Y-%m-%dT%H:%M:%SZ")


# --- TradersPost: the secret is in the URL, `sentiment` is the position wanted afterwards -----------------------------


def traderspost(ticker: str, action: str, **more: Any) -> str:
    plain = {"ticker": ticker, "action": action, "price": "100", "time": _time(), "interval": "5"}
    return json.dumps({**plain, **more})


def _traderspost_by_the_alert(ticker: str) -> tuple[Step, ...]:
    def says(action: str, **more: Any) -> str:
        return traderspost(ticker, action, **more)

    stop = {"type": "stop", "percent": 5}
    return (
        Step(says("buy", sentiment="long", quantity="10"), 10),
        Step(says("buy", sentiment="long", quantity="10"), 10, AT_TARGET),
        Step(says("add", quantity=5), 15),
        Step(says("sell", sentiment="long", quantity="5"), 10),
        Step(says("exit", quantity=50, quantityType="percent_of_position"), 5),
        Step(says("sell", sentiment="flat", quantity="5"), 0),
        Step(says("sell", sentiment="flat"), 0, NOTHING_TO_DO),
        Step(says("buy", quantity=1050, quantityType="dollar_amount"), 10),
        Step(
            says("sell", sentiment="short", quantity=20), 0
        ),  # a reversal: what is held goes, and nothing is sold short
        Step(says("buy", sentiment="bullish", quantity="1", quantityType="percent_of_equity"), 9),
        Step(says("exit"), 0),
        Step(says("buy", quantity=1, signalPrice=100, takeProfit={"percent": 10}, stopLoss=stop), 0, OWN_STOP),
        Step(says("buy", quantity=1, orderType="limit", limitPrice=99.5), 0, LIMIT_ORDER),
        Step(says("buy", quantity=1, orderType="stop_limit", stopPrice=101, limitPrice=102), 0, "stop-limit order"),
        Step(says("buy", quantity=1, orderType="trailing_stop", trailPercent=1), 0, "trailing-stop order"),
        Step(says("buy", quantity=1, timeInForce="gtc"), 0, "GTC"),
        Step(says("buy", quantity=1, extendedHours=True), 0, "regular trading hours"),
        Step(says("buy", quantity=1, quantityType="risk_percent", stopLoss=stop), 0, OWN_STOP),
        Step(says("cancel"), 0, "cancel"),
        Step(says("reverse"), 0, "reverse"),
        Step(says("breakeven"), 0, "breakeven"),
        Step(says("buy", sentiment="long", quantity=7), 7),
    )


def _traderspost_bare(ticker: str) -> tuple[Step, ...]:
    def says(action: str, **more: Any) -> str:
        return traderspost(ticker, action, **more)

    return (
        Step(says("buy", sentiment="long", quantity="10"), 0, SIZED_ENTRY),
        Step(says("buy", quantity=1000, quantityType="dollar_amount"), 0, SIZED_ENTRY),
        Step(says("buy", sentiment="long"), 5),
        Step(says("buy", sentiment="long"), 5, AT_TARGET),
        Step(says("sell", sentiment="long", quantity="2"), 5, SIZED_EXIT),
        Step(says("exit", quantity=50, quantityType="percent_of_position"), 5, SIZED_EXIT),
        Step(says("sell", sentiment="flat", quantity="5"), 0),
        Step(says("buy"), 5),
    )


# --- 3Commas: the position after and before, with sizes of the sender's own account ----------------------------------


def _position(after: tuple[str, object], before: tuple[str, object]) -> dict[str, str]:
    names = ("market_position", "market_position_size", "prev_market_position", "prev_market_position_size")
    return dict(zip(names, map(str, (*after, *before)), strict=True))


def three_commas(
    ticker: str, action: str, amount: object, after: tuple[str, object], before: tuple[str, object], kind: str = "base"
) -> str:
    order = {} if amount is None else {"order": {"amount": str(amount), "currency_type": kind}}
    return json.dumps(
        {
            "secret": SECRET,
            "max_lag": "300",
            "timestamp": _time(),
            "trigger_price": "100",
            "tv_exchange": "NYSE",
            "tv_instrument": ticker,
            "action": action,
            "bot_uuid": "6e3f9a52-0b1c-4a0e-9f57-1d2c3b4a5968",
            "strategy_info": _position(after, before),
            **order,
        }
    )


def _three_commas_by_the_alert(ticker: str) -> tuple[Step, ...]:
    def says(action: str, amount: object, after: tuple[str, object], before: tuple[str, object], **how: str) -> str:
        return three_commas(ticker, action, amount, after, before, **how)

    return (
        Step(says("buy", 10, ("long", 10), ("flat", 0)), 10),
        Step(says("buy", 10, ("long", 10), ("long", 10)), 10, AT_TARGET),
        Step(says("buy", 10, ("long", 20), ("long", 10)), 20),
        Step(says("sell", 15, ("long", 5), ("long", 20)), 5),
        Step(says("sell", 5, ("flat", 0), ("long", 5)), 0),
        Step(says("sell", 10, ("short", 10), ("flat", 0)), 0, NOTHING_TO_DO),
        # A reversal orders twice the position: half of it covers a short that is none here.
        Step(says("buy", 20, ("long", 10), ("short", 10)), 10),
        Step(says("sell", 20, ("short", 10), ("long", 10)), 0),
        Step(says("buy", 10, ("flat", 0), ("short", 10)), 0, NOTHING_TO_DO),
        Step(says("buy", 1050, ("long", 10), ("flat", 0), kind="quote"), 10),
        # Of an account that holds a hundred, half: the ratio counts, whatever it orders itself.
        Step(says("sell", 50, ("long", 50), ("long", 100)), 5),
    )


def _three_commas_bare(ticker: str) -> tuple[Step, ...]:
    def says(action: str, amount: object, after: tuple[str, object], before: tuple[str, object]) -> str:
        return three_commas(ticker, action, amount, after, before)

    return (
        Step(says("buy", 10, ("long", 10), ("flat", 0)), 0, SIZED_ENTRY),
        Step(says("buy", None, ("long", 10), ("flat", 0)), 5),
        Step(says("buy", None, ("long", 10), ("long", 10)), 5, AT_TARGET),
        Step(says("sell", None, ("long", 4), ("long", 10)), 2),  # six tenths of five
        Step(says("sell", 4, ("flat", 0), ("long", 4)), 0),
    )


# --- the nested form of tutorials ------------------------------------------------------------------------------------


def _nested(ticker: str, action: str, contracts: object, after: tuple[str, object], before: tuple[str, object]) -> str:
    bar = {"time": _time(), "open": 99.5, "high": 100.5, "low": 99, "close": 100, "volume": 12345}
    sized = {} if contracts is None else {"order_contracts": contracts}
    return json.dumps(
        {
            "passphrase": SECRET,
            "time": _time(),
            "exchange": "NASDAQ",
            "ticker": ticker,
            "bar": bar,
            "strategy": {
                "position_size": after[1],
                "order_action": action,
                **sized,
                "order_price": 100,
                "order_id": "Close entry(s) order Long",  # a name, not an order
                **_position(after, before),
            },
        }
    )


def _nested_by_the_alert(ticker: str) -> tuple[Step, ...]:
    return (
        Step(_nested(ticker, "buy", 10, ("long", 10), ("flat", 0)), 10),
        Step(_nested(ticker, "buy", 10, ("long", 20), ("long", 10)), 20),
        Step(_nested(ticker, "sell", 10, ("long", 10), ("long", 20)), 10),
        Step(_nested(ticker, "buy", 10, ("long", 10), ("long", 10)), 10, AT_TARGET),
        Step(_nested(ticker, "buy", "{{strategy.order.contracts}}", ("long", 20), ("long", 10)), 10, "placeholder"),
        Step(_nested(ticker, "sell", 10, ("flat", 0), ("long", 10)), 0),
    )


def _nested_bare(ticker: str) -> tuple[Step, ...]:
    return (
        Step(_nested(ticker, "buy", 10, ("long", 10), ("flat", 0)), 0, SIZED_ENTRY),
        Step(_nested(ticker, "buy", None, ("long", 10), ("flat", 0)), 5),
        Step(_nested(ticker, "sell", 10, ("flat", 0), ("long", 10)), 0),
        Step(_nested(ticker, "buy", None, ("long", 10), ("flat", 0)), 5),
    )


# --- SignalStack: JSON and a line of text; the secret is in the URL --------------------------------------------------


def _signalstack(ticker: str, action: str, **more: Any) -> str:
    return json.dumps({"symbol": ticker, "action": action, **more})


def _signalstack_by_the_alert(ticker: str) -> tuple[Step, ...]:
    def says(action: str, **more: Any) -> str:
        return _signalstack(ticker, action, **more)

    return (
        Step(says("buy", quantity=10), 10),
        Step(says("buy", quantity=5), 15),
        Step(says("sell", quantity=5), 10),
        Step(says("close"), 0),
        Step(says("buy", quantity="8"), 8),
        Step(says("sell_short", quantity=8), 0),
        Step(says("sell_short", quantity=3), 0, NOTHING_TO_DO),
        Step(says("buy_to_cover", quantity=3), 0, "short"),
        Step(says("buy", quantity=10, limit_price=99.5), 0, LIMIT_ORDER),
        Step(says("buy", quantity=10, stop_price=101), 0, "stop order"),
        Step(says("cancel"), 0, "cancel"),
        Step(says("buy", quantity="NaN"), 0, "quantity"),
        Step(says("buy", quantity=12), 12),
    )


def _signalstack_bare(ticker: str) -> tuple[Step, ...]:
    return (
        Step(_signalstack(ticker, "buy", quantity=10), 0, SIZED_ENTRY),
        Step(_signalstack(ticker, "buy"), 5),
        Step(_signalstack(ticker, "sell", quantity=2), 5, SIZED_EXIT),
        Step(_signalstack(ticker, "close"), 0),
    )


def _text_by_the_alert(ticker: str) -> tuple[Step, ...]:
    return (
        Step(f"BUY 10 {ticker}", 10),
        Step(f"buy 5 NYSE:{ticker}\n", 15),
        Step(f"sell 4 {ticker}", 11),
        Step(f"the close of {ticker} was above its average, buy", 11, "not JSON"),
        Step(f"sell_short 11 {ticker}", 0),
        Step(f"BUY 6 {ticker}", 6),
        Step(f"close {ticker}", 0),
        Step(f"Buy 3 {ticker}", 3),
    )


def _text_bare(ticker: str) -> tuple[Step, ...]:
    return (
        Step(f"BUY 10 {ticker}", 0, SIZED_ENTRY),
        Step(f"BUY {ticker}", 5),
        Step(f"sell 2 {ticker}", 5, SIZED_EXIT),
        Step(f"close {ticker}", 0),
        Step(f"buy {ticker}", 5),
    )


# --- tbot: Pine's functions as a direction, figures as metrics; 0 is no figure ---------------------------------------


def tbot(ticker: str, direction: str, **metrics: float) -> str:
    figures = {"entry.limit": 0.0, "entry.stop": 0.0, "exit.limit": 0.0, "exit.stop": 0.0, "price": 100.0}
    figures |= {name.replace("_", "."): value for name, value in metrics.items()}
    return json.dumps(
        {
            "timestamp": int(_now().timestamp() * 1000),
            "ticker": ticker,
            "currency": "USD",
            "timeframe": "1D",
            "clientId": 1,
            "key": SECRET,
            "contract": "stock",
            "orderRef": "Long#1",
            "direction": f"strategy.{direction}",
            "metrics": [{"name": name, "value": value} for name, value in figures.items()],
        }
    )


def _tbot_by_the_alert(ticker: str) -> tuple[Step, ...]:
    def says(direction: str, **metrics: float) -> str:
        return tbot(ticker, direction, **metrics)

    return (
        Step(says("entrylong", qty=10), 10),
        Step(says("entrylong", qty=5), 15),
        Step(says("close", qty=5), 10),
        Step(says("exitlong", qty=5), 10, "stop"),  # Pine's strategy.exit: levels for what is held, and no exit of now
        Step(says("close", qty=10), 0),
        Step(says("entryshort", qty=5), 0, NOTHING_TO_DO),
        Step(says("exitshort", qty=5), 0, "short"),
        Step(says("entrylong", qty=10, entry_limit=99.0), 0, LIMIT_ORDER),
        Step(says("entrylong", qty=10, exit_stop=90.0), 0, OWN_STOP),
        Step(says("cancel"), 0, "cancel"),
        Step(says("entrylong", qty=4), 4),
    )


def _tbot_bare(ticker: str) -> tuple[Step, ...]:
    return (
        Step(tbot(ticker, "entrylong", qty=10), 0, SIZED_ENTRY),
        Step(tbot(ticker, "entrylong"), 5),
        Step(tbot(ticker, "close"), 0),
    )


# --- ours ------------------------------------------------------------------------------------------------------------


def own(ticker: str, action: str, **more: Any) -> str:
    return json.dumps({"secret": SECRET, "action": action, "ticker": ticker, "time": _time(), "price": "100", **more})


def _own_bare(ticker: str) -> tuple[Step, ...]:
    return (
        Step(own(ticker, "buy", quantity="10"), 0, SIZED_ENTRY),
        Step(own(ticker, "buy"), 5),
        Step(own(ticker, "sell", quantity="2"), 5, SIZED_EXIT),
        Step(own(ticker, "sell"), 0),
        Step(own(ticker, "sell"), 0, NOTHING_TO_DO),
        Step(own(ticker, "buy"), 5),
    )


def sequences(theirs: str, plain: str) -> Mapping[str, Sequence]:
    """Of each service one to the strategy that goes by the alert, and one to the default one; they meet on AAPL and NVDA."""
    all_ = (
        Sequence("TradersPost", theirs, "AAPL", _traderspost_by_the_alert("AAPL"), IN_URL),
        Sequence("3Commas", theirs, "KO", _three_commas_by_the_alert("KO")),
        Sequence("nested", theirs, "AMZN", _nested_by_the_alert("AMZN")),
        Sequence("SignalStack", theirs, "NVDA", _signalstack_by_the_alert("NVDA"), IN_URL),
        Sequence("text", theirs, "IBM", _text_by_the_alert("IBM"), IN_URL),
        Sequence("tbot", theirs, "META", _tbot_by_the_alert("META")),
        Sequence("TradersPost", plain, "MSFT", _traderspost_bare("MSFT"), IN_URL),
        Sequence("3Commas", plain, "JPM", _three_commas_bare("JPM")),
        Sequence("nested", plain, "NVDA", _nested_bare("NVDA")),
        Sequence("SignalStack", plain, "TSLA", _signalstack_bare("TSLA"), IN_URL),
        Sequence("text", plain, "WMT", _text_bare("WMT"), IN_URL),
        Sequence("tbot", plain, "DIS", _tbot_bare("DIS")),
        Sequence("ours", plain, "AAPL", _own_bare("AAPL")),
    )
    return {str(one): one for one in all_}
