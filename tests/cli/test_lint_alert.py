"""`tradebot lint-alert`: what a person, and a program, learns of a message before it is ever sent."""

import asyncio
import io
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.bot import Bot
from tests.cli.conftest import Type
from tests.cli.shell import Ran
from tradebot.domain.equity import Equity
from tradebot.domain.settings import ACCOUNT_KEY, limit_key

SECRET = "0123456789abcdefghij"
OF_EMA = "zyxwvutsrqponmlkjihg"
TWO = f"""
[webhook]
secret = "{SECRET}"
[strategies.ema]
sizing = "alert"
exit_size = "alert"
secret = "{OF_EMA}"
[strategies.main]
tickers = ["MSFT"]
"""


def message(**fields: object) -> str:
    return json.dumps({"secret": SECRET, "action": "buy", "ticker": "NASDAQ:AAPL", "price": 100, **fields})


def lint(typed: Type, tmp_path: Path, text: str, *options: str, **settings: str) -> Ran:
    (tmp_path / "message.json").write_text(text, "utf-8")
    return typed("lint-alert", "message.json", *options, **{"webhook__secret": SECRET, **settings})


def test_a_message_is_read_field_by_field(typed: Type, tmp_path: Path) -> None:
    """The owner would not see which of his fields counts, and for what."""
    ran = lint(typed, tmp_path, message(price="{{close}}", mood="good"))
    assert ran.code == 0, ran.all
    for said in (
        "The alert: accepted",
        "{{close}} becomes for instance 187.32",
        "Read as tradebot's own format (a message of the bot's own kind), by action, ticker",
        'ticker  "NASDAQ:AAPL"  AAPL, listed at NASDAQ. A US stock or fund',
        'mood    "good"         Not known: kept with the alert, and ignored.',
        "It would BUY 2 AAPL.",
        "Size: asked $500.00 at $187.32 = 2.",
        '"secret" holds the secret.',
        "what is held is not known: there is no database",
    ):
        assert said in ran.out, ran.out
    assert SECRET not in ran.all
    assert sorted(path.name for path in tmp_path.iterdir()) == ["message.json"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The message is empty"),
        ("{“secret”: “x”}", "curly quotes"),
        (message(quantity=40), 'Set sizing = "alert" for [strategies.main], or take the size out of the alert.'),
        (message(order_type="limit", limit_price=90), "and the strategy main buys at the market"),
        (message(secret="another"), "the alert would be answered 401"),
        (message(symbol="AAPL"), "at once: which fields count cannot be told"),
        ("{{strategy.order.alert_message}}", "Lint that text."),
    ],
)
def test_what_would_be_refused(typed: Type, tmp_path: Path, text: str, said: str) -> None:
    """A script that looks at the exit code would put the alert to work."""
    ran = lint(typed, tmp_path, text)
    assert (ran.code, said in ran.out, "REFUSED" in ran.out) == (1, True, True), ran.all


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        ({"sentiment": "flat"}, 0, "It would SELL all AAPL."),
        ({"market_position": "flat"}, 0, "It would SELL all AAPL."),
        (
            {"quantity": 1, "orderType": "limit", "limitPrice": 100, "stopLoss": {"percent": 5}},
            1,
            "and the strategy main buys at the market",
        ),
        ({"action": "sell", "quantity": "2"}, 1, 'Set exit_size = "alert" for [strategies.main]'),
        ({"dry_run": "true"}, 0, "It says that it is only a test"),
        ({"action": "Buy\n", "ticker": "AAPL\t"}, 0, "It would BUY 5 AAPL."),
        ({"ticker": "ARCA:SPY"}, 0, "SPY, listed at NYSEARCA"),
        ({"ticker": "OTC:TCEHY"}, 1, "over-the-counter stocks are not traded"),
        ({"ticker": "NYSE:BAC/PL"}, 1, "preferred shares are not traded"),
    ],
)
def test_what_once_was_traded_otherwise_than_meant(
    typed: Type, tmp_path: Path, fields: Mapping[str, object], code: int, said: str
) -> None:
    """Lint would promise what the bot does not do."""
    ran = lint(typed, tmp_path, message(**fields))
    assert (ran.code, said in ran.out) == (code, True), ran.all


@pytest.mark.parametrize("where", ["action", "ticker", "price", "stratgy", "note", "strategy", "time"])
def test_the_secret_is_shown_nowhere(typed: Type, tmp_path: Path, where: str) -> None:
    """He who pasted it into another field shows it to whom he asks for help."""
    ran = lint(typed, tmp_path, message(**{where: SECRET}))
    assert SECRET not in ran.all
    assert SECRET not in lint(typed, tmp_path, message(**{where: SECRET}), "--json").all


def test_without_the_secret_that_is_said_first(typed: Type, tmp_path: Path) -> None:
    """ "accepted" stood above a message that the bot answers with 401."""
    ran = lint(typed, tmp_path, '{"action": "buy", "ticker": "AAPL", "price": 100}')
    assert (ran.code, ran.out.splitlines()[0]) == (1, "The alert: REFUSED (401), the secret is missing"), ran.all
    assert "There is no secret in the message: sent so, it would be answered 401." in ran.out
    assert "It would BUY 5 AAPL." in ran.out, "what else there is to say of it"


def test_standard_input_is_read(typed: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script would need a file for what it has in hand."""
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfclose NVDA\nsecret=" + SECRET.encode()))
    )
    ran = typed("lint-alert", "-", webhook__secret=SECRET)
    assert (ran.code, "It would SELL all NVDA." in ran.out) == (0, True), ran.all


def test_what_cannot_be_looked_at(typed: Type, tmp_path: Path) -> None:
    """A wrong line would pass for a wrong alert."""
    (tmp_path / "large").write_text("x" * 20_000)
    (tmp_path / "message.json").write_text(message())
    for line, said in {
        "nope.json": "nope.json cannot be read: No such file",
        "large": "large is larger than 16 KiB",
        "large --strategy emma": "there is no strategy emma among",
        "message.json --price abc": "is not a price",
    }.items():
        ran = typed("lint-alert", *line.split(), webhook__secret=SECRET)
        assert (ran.code, said in " ".join(ran.err.split())) == (2, True), ran.all


def test_the_strategy_says_what_a_size_is_worth(typed: Type, tmp_path: Path) -> None:
    """The alert would be judged by the rules of another strategy."""
    (tmp_path / "config.toml").write_text(TWO)
    mine = lint(typed, tmp_path, message(secret=OF_EMA, quantity=40), "--strategy", "ema")
    assert (mine.code, "It would BUY 40 AAPL." in mine.out) == (0, True), mine.all
    assert "Strategy: ema, by the address /webhook/ema\n" in mine.out
    named = lint(typed, tmp_path, message(secret=OF_EMA, quantity=40, strategy="ema"))
    assert (named.code, "It would BUY 40 AAPL." in named.out) == (0, True), named.all
    assert "Strategy: ema, by the message\n" in named.out
    wrong = lint(typed, tmp_path, message(quantity=40), "--strategy", "ema")
    assert "another secret than the strategy's" in wrong.out
    other = lint(typed, tmp_path, message())
    assert "Strategy: main, for neither address nor message name one\n" in other.out
    assert "It would not be traded: " in other.out
    assert "MSFT" in other.out


def test_a_program_reads_the_same(typed: Type, tmp_path: Path) -> None:
    """A check before an alert is changed would have to search the page for words."""
    ran = lint(typed, tmp_path, message(action="{{strategy.order.action}}", stratgy="x"), "--json")
    told: Mapping[str, Any] = json.loads(ran.out)
    entry, closing = told["messages"]
    assert (ran.code, told["accepted"], entry["occasion"], closing["occasion"]) == (0, True, "entry", "exit")
    assert (entry["dialect"], entry["strategy"], entry["instruction"]["verb"]) == ("own", "main", "buy")
    assert closing["instruction"]["verb"] == "exit"
    assert {"field": "price", "written": "100", "read_as": "100"}.items() <= entry["fields"][3].items()
    assert [note["code"] for note in entry["notes"]] == ["authentic", "misspelt"]


async def test_limits_and_lots_are_those_of_the_books(bot: Bot, typed: Type, tmp_path: Path) -> None:
    """The figures would be the file's, and the bot would buy by others."""
    await bot.owns(7)
    async with bot.ledger.begin() as books:
        await books.put_setting(limit_key("buy_amount_usd"), "1000", "owner", bot.clock.now())
    about = {"database__url": bot.url}
    buy = await asyncio.to_thread(lint, typed, tmp_path, message(), **about)
    assert "It would BUY 10 AAPL." in buy.out, buy.all
    assert "Limits and positions are those of the database." in buy.out
    dear = await asyncio.to_thread(lint, typed, tmp_path, message(), "--price", "600", **about)
    assert "It would BUY 1 AAPL." in dear.out, dear.all
    sell = await asyncio.to_thread(lint, typed, tmp_path, message(action="sell"), **about)
    assert "It would SELL all AAPL (7)." in sell.out, sell.all
    nothing = await asyncio.to_thread(lint, typed, tmp_path, message(action="sell", ticker="MSFT"), **about)
    assert (nothing.code, "the bot holds no MSFT" in nothing.out) == (0, True), nothing.all
    half = message(action="sell", market_position="long", market_position_size=1, prev_market_position_size=2)
    part = await asyncio.to_thread(lint, typed, tmp_path, half, **about)
    assert "It would SELL 3 AAPL." in part.out, part.all
    assert Decimal(7) == sum((lot.qty for lot in await bot.lots()), Decimal(0))


async def test_a_part_of_the_account_is_of_what_it_was_worth_last(bot: Bot, typed: Type, tmp_path: Path) -> None:
    """A strategy that is sized by the account would never hear of a size."""
    by_equity = {"strategies__main__sizing": "equity_pct", "strategies__main__size": "2", "database__url": bot.url}
    without = await asyncio.to_thread(lint, typed, tmp_path, message(), **by_equity)
    assert "what the account is worth, which is not known here" in without.out, without.all
    now = datetime.now(UTC)
    async with bot.ledger.begin() as books:
        await books.put_setting(ACCOUNT_KEY, "DU1", "bot", now)
        await books.add_equity(Equity("DU1", now, Decimal(80_000), Decimal(60_000), None, None))
    ran = await asyncio.to_thread(lint, typed, tmp_path, message(), **by_equity)
    assert "It would BUY 16 AAPL." in ran.out, ran.all
    assert "2% of $80,000.00" in ran.out
