"""The alert's message: what is understood, what is refused, and what the sender is told."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.domain.alerts import Side
from tradebot.domain.honoured import not_honoured
from tradebot.domain.instructions import Instruction
from tradebot.domain.payload.dialects import Identity, Understood, payload_hash, read_message
from tradebot.domain.payload.dialects import understand as understand_message
from tradebot.domain.payload.message import Message
from tradebot.domain.strategies import MAIN, Strategy
from tradebot.errors import PayloadError

GOOD: Mapping[str, object] = {
    "secret": "correct horse battery",
    "action": "BUY",
    "ticker": "AAPL",
    "price": "187.32",
    "time": "2026-11-20T15:04:05Z",
}


def parse(body: bytes) -> Mapping[str, object]:
    """The fields of a message."""
    fields = read_message(body).fields
    assert fields is not None
    return fields


def understand(fields: Mapping[str, object]) -> Instruction:
    return understand_message(Message(fields)).instruction


def understood(**changes: object) -> Understood:
    """The good message with changes (… removes a field), through bytes as they come from the wire."""
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return understand_message(read_message(json.dumps(fields).encode()))


def read(**changes: object) -> Instruction:
    return understood(**changes).instruction


def identity(**changes: object) -> Identity:
    return understood(**changes).identity


def refusal(**changes: object) -> str:
    with pytest.raises(PayloadError) as caught:
        read(**changes)
    return str(caught.value)


# --- strict JSON ----------------------------------------------------------------------------------------------------


def test_the_documented_message_is_understood() -> None:
    """The message every user copies from the docs would not trade."""
    got = read()
    assert (got.side, got.ticker, got.price) == (Side.BUY, "AAPL", Decimal("187.32"))
    assert got.alert_time == datetime(2026, 11, 20, 15, 4, 5, tzinfo=UTC)


def test_numbers_keep_their_digits() -> None:
    """A price sent as a number would pass through a binary float."""
    assert understand(parse(b'{"action":"buy","ticker":"A","price":0.1}')).price == Decimal("0.1")
    assert understand(parse(b'{"action":"buy","ticker":"A","price":187}')).price == Decimal(187)
    assert understand(parse(b'{"action":"buy","ticker":"A","price":1.8732e2}')).price == Decimal("187.32")


def test_a_byte_order_mark_is_tolerated() -> None:
    """Messages saved by Windows editors would be refused."""
    assert parse(b"\xef\xbb\xbf" + json.dumps(dict(GOOD)).encode())["ticker"] == "AAPL"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "empty"),
        (b" \r\n ", "empty"),
        (b"AAPL Crossing 187.32", "not JSON"),
        (b'{"price": , "a": 1}', "line 1, column 11"),
        (b'{"a": 1} {"a": 2}', "not JSON"),
        (b'{"a": "\x00"}', "not JSON"),
        (b"\xff\xfe{", "UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "UTF-8"),
        (b"[1]", "one JSON object"),
        (b'"BUY"', "one JSON object"),
        (b"12", "one JSON object"),
        (b"null", "one JSON object"),
        (b"NaN", "NaN"),
        (b'{"price": NaN}', "NaN"),
        (b'{"price": Infinity}', "Infinity"),
        (b'{"price": -Infinity}', "Infinity"),
        (b'{"price": 1e999}', "beyond all measure"),
        (b'{"price": 1e-999999999999999999999999}', "beyond all measure"),
        (b'{"price": 1e' + b"9" * 5000 + b"}", "beyond all measure"),
        (b'{"price": ' + b"9" * 5000 + b"}", "5000 digits"),
        (b'{"price": 0.' + b"9" * 5000 + b"}", "beyond all measure"),
        (b'{"action": "BUY", "action": "SELL"}', '"action" twice'),
        (b'{"bar": {"x": 1, "x": 1}}', '"x" twice'),
        (b'{"a":{"a":{"a":{"a":{"a":{}}}}}}', "deeper than 5"),
        (b"[" * 5000 + b"]" * 5000, "deeper than 5"),
        (b'{"a":' * 3000, "deeper than 5"),
    ],
)
def test_what_is_not_strict_json_is_refused(body: bytes, told: str) -> None:
    """A message that two readers understand differently, or that kills the reader, would come in."""
    with pytest.raises(PayloadError, match=told):
        parse(body)


def test_depth_five_and_brackets_in_strings_are_fine() -> None:
    """Templates of other bots with nested fields, or a comment full of brackets, would be refused."""
    assert parse(b'{"a":{"a":{"a":{"a":{}}}}}')
    assert parse(b'{"a":"[[[[[[[[\\"[[[[[[[{{{{{{"}')


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"' + b'\\"' * 8000,
        b'"' * 16_384,
        b"\\" * 16_384,
        b"[" * 16_384,
        b"]" * 16_384,
        b"{" + b",".join(b'"%x":1' % n for n in range(2000)) + b',"7cf":1}',
        b'{"ticker":"' + b"{{" * 8000 + b'","action":"buy"}',
        b'{"ticker":"A","action":"' + b"{" * 16_000 + b'"}',
        b'{"action":"buy","ticker":"A","price":"' + b"1" * 16_000 + b'"}',
        b'{"action":"buy","ticker":"A","time":"' + b"1" * 16_000 + b'"}',
        b'{"action":"buy","ticker":"' + b"A:" * 8000 + b'"}',
    ],
)
def test_the_worst_bodies_of_16_kib_are_read_quickly(body: bytes) -> None:
    """One message could hold up every order: the event loop waits while it is read."""
    took_s = []
    for _ in range(3):
        began = time.process_time()
        with pytest.raises(PayloadError):
            understand(parse(body))
        took_s.append(time.process_time() - began)
    assert min(took_s) < 0.1, "the quickest: a busy machine may slow one down"


@given(st.binary(max_size=300))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    """A stranger's bytes would raise an error nobody planned for: a 500."""
    try:
        assert isinstance(parse(body), dict)
    except PayloadError as error:
        assert str(error)  # noqa: PT017 - both ends are right; no other exception is


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(["action", "ticker", "exchange", "price", "time", "alert_id", "secret", "comment"])


@settings(max_examples=300)
@given(st.dictionaries(FIELDS, JSON_VALUES))
def test_any_fields_are_understood_or_refused_with_a_text_that_is_safe_to_show(changes: dict[str, object]) -> None:
    """A value of an unexpected type would raise an error nobody planned for, or leave its control characters in the log."""
    try:
        got = understand(parse(json.dumps({**GOOD, **changes}).encode()))
    except PayloadError as error:
        assert str(error).isprintable()  # noqa: PT017 - both ends are right; no other exception is
    else:
        assert got.ticker.replace(" ", "").isalnum()
        assert got.ticker.isascii()
        assert got.price is None or got.price > 0
        assert got.alert_time is None or got.alert_time.tzinfo is UTC


# --- action ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "side"),
    [("buy", Side.BUY), ("Buy", Side.BUY), ("SELL", Side.SELL), ("sell", Side.SELL), (" sell ", Side.SELL)],
)
def test_action_in_any_letter_case(word: str, side: Side) -> None:
    """{{strategy.order.action}} sends lower case."""
    assert read(action=word).side is side


@pytest.mark.parametrize(
    "word", ["entry", "long", "BUY SELL", "ſell", "ВUY", "__class__", "name", 1, True, ["buy"], {"a": 1}]
)
def test_any_other_action_is_refused_with_what_to_write(word: object) -> None:
    """A word that is neither BUY nor SELL would be guessed at."""
    assert '{{strategy.order.action}}"' in refusal(action=word)


def test_fields_named_otherwise_are_pointed_out() -> None:
    """People who bring another bot's template would not see which field to rename."""
    assert '"instrument" must be called "ticker"' in refusal(ticker=..., instrument="AAPL")
    assert '"side" must be called "action"' in refusal(action=..., side="buy")
    assert '"action" is missing' in refusal(action=...)
    assert '"ticker" is missing' in refusal(ticker="")


# --- ticker ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "ticker", "listed_at"),
    [
        ("AAPL", "AAPL", None),
        (" aapl ", "AAPL", None),
        ("NASDAQ:AAPL", "AAPL", "NASDAQ"),
        ("nasdaq:aapl", "AAPL", "NASDAQ"),
        ("NASDAQ_DLY:AAPL", "AAPL", "NASDAQ"),
        ("NYSE_DL:BRK.B", "BRK B", "NYSE"),
        ("NYSE:BRK.B", "BRK B", "NYSE"),
        ("BRK.B", "BRK B", None),
        ("BRK B", "BRK B", None),
        ("NYSEARCA:SPY", "SPY", "NYSEARCA"),
        ("CBOE:ARKK", "ARKK", "CBOE"),
        ("AMEX:SPY", "SPY", None),
        ("BATS:AAPL", "AAPL", None),
    ],
)
def test_tickers_as_tradingview_writes_them(written: str, ticker: str, listed_at: str | None) -> None:
    """A ticker would reach IB in a form that IB does not know, or with an exchange where it is not listed."""
    got = read(ticker=written)
    assert (got.ticker, got.primary_exchange) == (ticker, listed_at)


@pytest.mark.parametrize(
    "written", ["BINANCE:BTCUSD", "LSE:AAL", "TSX:SHOP", ":AAPL", "NASDAQ :AAPL", "NAſDAQ:AAPL", "A:NASDAQ:B"]
)
def test_another_exchange_is_refused_by_name(written: str) -> None:
    """LSE:AAL is Anglo American, NASDAQ:AAL is American Airlines: the wrong company would be bought."""
    assert "names the exchange" in refusal(ticker=written)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "AAPL/MSFT",
            "AAPL-MSFT",
            "BRK/B",
            "BRK-B",
            "ES1!",
            "^GSPC",
            "1",
            "ABCDEFG",
            "BRK.BB",
            "BRK..B",
            ".B",
            "NASDAQ:",
            "ААРL",
        ),
        *("AAPL\u200b", "ＡＡＰＬ", "ſPY", "A A P", "AAPL;DROP", "$AAPL", ["AAPL"], {"a": 1}, 5, True, 'A"'),
    ],
)
def test_what_is_no_us_stock_is_refused(written: object) -> None:
    """A spread, a future, or look-alike letters would be taken for a stock."""
    assert 'Write "ticker": "{{ticker}}"' in refusal(ticker=written)


def test_the_exchange_field_is_a_hint_and_a_check() -> None:
    """{{exchange}} would be ignored where it tells that the alert is about another company."""
    assert read(exchange="NYSE").primary_exchange == "NYSE"
    assert read(exchange="NASDAQ_DLY").primary_exchange == "NASDAQ"
    assert read(exchange="").primary_exchange is None
    assert read(exchange="BATS", ticker="NASDAQ:AAPL").primary_exchange == "NASDAQ"
    assert read(exchange="NASDAQ", ticker="BATS:AAPL").primary_exchange == "NASDAQ"
    assert '"exchange" names the exchange "LSE"' in refusal(exchange="LSE")
    assert '"exchange" names the exchange "LSE"' in refusal(exchange="LSE", ticker="NASDAQ:AAPL")
    assert '"exchange" must be text' in refusal(exchange=7)


# --- price and time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "price"),
    [("187.32", "187.32"), (" 5 ", "5"), (".5", "0.5"), ("10.", "10"), (1, "1"), (None, None), ("", None)],
)
def test_prices(written: object, price: str | None) -> None:
    """A price in a form TradingView sends would be refused."""
    assert read(price=written).price == (None if price is None else Decimal(price))


@pytest.mark.parametrize(
    "written",
    [
        *(
            0,
            -1,
            "0",
            "-1",
            "+1",
            "NaN",
            "nan",
            "Infinity",
            "1e3",
            "1_000",
            "1,000",
            "1,5",
            "$5",
            "１２３",
            "٣",
            "0x10",
            "5 USD",
        ),
        *(
            10_000_001,
            "99999999999",
            "0.00001",
            True,
            False,
            [5],
            {"a": 1},
            "." * 10,
            ".",
            "1" * 5000,
            "5\n",
            "5\u00a0",
        ),
    ],
)
def test_what_is_no_price_is_refused(written: object) -> None:
    """NaN passes every limit it is compared with; "1_000" and "１２３" are numbers to Python only."""
    assert '"price" must be a positive number' in refusal(price=written)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "2026-11-20T15:04:05Z",
            "2026-11-20T15:04:05",
            "2026-11-20 15:04:05Z",
            "2026-11-20T10:04:05-05:00",
            "1795187045",
        ),
        *(
            "2026-11-20T15:04:05.000Z",
            "2026-11-20T15:04:05+0000",
            1795187045,
            1795187045000,
            "1795187045000",
            1795187045.0,
        ),
    ],
)
def test_times(written: object) -> None:
    """A time in a form TradingView sends would be refused, or shifted by an offset."""
    assert read(time=written).alert_time == datetime(2026, 11, 20, 15, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        *("yesterday", "2026-02-30T00:00:00Z", "2026-11-20", "20261120T150405Z", "2026-W47-5", "２026-11-20T15:04:05Z"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1999-12-31T23:59:59Z", 0, -1, 5, 10**29, "1" * 14),
        *(True, [1], {"a": 1}, "2026-11-20T15:04:05Zjunk", "2026-11-20T15:04:05+99:99", "NaN"),
    ],
)
def test_what_is_no_time_is_refused(written: object) -> None:
    """A time that cannot be placed would be stored as something else, or end in an overflow."""
    assert '"time" must be a moment like' in refusal(time=written)


# --- placeholders ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "written", "told"),
    [
        ("ticker", "{{SYMBOL}}", "{{SYMBOL}}, which TradingView does not know. Write {{ticker}}."),
        ("ticker", "NASDAQ:{{symbol}}", "{{symbol}}, which TradingView does not know. Write {{ticker}}."),
        ("price", "{{CLOSE}}", "{{CLOSE}}, which TradingView does not know. Write {{close}}."),
        ("price", "{{ open }}", "{{ open }}, which TradingView does not know. Write {{open}}."),
        ("price", "{{price}}", "Write {{close}}."),
        ("action", "{{side}}", "Write {{strategy.order.action}}."),
        ("time", "{{now}}", "Write {{timenow}}."),
        ("exchange", "{{EXCHANGE}}", "Write {{exchange}}."),
        ("alert_id", "x-{{id}}", "Write {{ticker}}-{{strategy.order.id}}-{{timenow}}."),
        ("alert_id", "{{Ünïcode\n}}", "does not know"),
        ("action", "{{strategy.order.action}}", "only in an alert of a strategy"),
        ("price", "{{plot_3}}", "only TradingView fills it in"),
        ("ticker", "{{ticker}}", "only TradingView fills it in"),
    ],
)
def test_a_placeholder_left_as_it_is_is_named_with_the_right_one(field: str, written: str, told: str) -> None:
    """The commonest mistake in a template would be answered with a riddle."""
    assert told in refusal(**{field: written})


def test_placeholders_in_unknown_fields_do_not_matter() -> None:
    """A comment nobody reads would cost a trade."""
    assert read(comment="{{SYMBOL}}", bar={"o": "{{OPEN}}"}).ticker == "AAPL"


# --- identity -------------------------------------------------------------------------------------------------------


def test_the_senders_own_id_is_the_key() -> None:
    """A resend with another price would be a second order."""
    first, second = identity(alert_id="a-1"), identity(alert_id="a-1", price="1")
    assert first.key == second.key == "id:a-1"
    assert first.payload_hash != second.payload_hash
    assert identity(alert_id=17).key == "id:17"


def test_without_an_id_the_body_is_the_key() -> None:
    """Spaces, order of fields or a changed secret would turn a resend into a second order."""
    one = understand_message(
        read_message(b'{"secret":"a","action":"buy","ticker":"A","time":"2026-11-20T15:04:05Z"}')
    ).identity
    two = understand_message(
        read_message(b'{"time": "2026-11-20T15:04:05Z", "ticker":"A",\n"action":"b\\u0075y", "secret":"b"}')
    ).identity
    assert one == two
    assert one.key == f"sha256:{one.payload_hash}"
    assert identity(comment="another").key != identity().key


def test_an_id_cannot_be_mistaken_for_a_hash() -> None:
    """A sender's id could be made to collide with another alert's hash and swallow that alert."""
    assert identity(alert_id=f"sha256:{payload_hash(GOOD)}").key != identity().key


@pytest.mark.parametrize("absent", [..., None, ""])
def test_with_neither_id_nor_time_there_is_no_key(absent: object) -> None:
    """The second BUY of a day, with the same words as the first, would be swallowed as its duplicate."""
    got = identity(time=absent, alert_id=absent)
    assert got.key is None
    assert len(got.payload_hash) == 64


@pytest.mark.parametrize("written", ["x" * 129, "a\nb", "a\x00", "\ud800", 1.5, True, ["a"], {"a": 1}])
def test_an_id_that_cannot_be_kept_is_refused(written: object) -> None:
    """An id with NUL or a lone surrogate cannot be stored by PostgreSQL: a 503 for ever."""
    assert '"alert_id" must be text' in refusal(alert_id=written)


# --- what is wanted afterwards, and what is not honoured --------------------------------------------------------------


@pytest.mark.parametrize("action", ["buy", "sell"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("sentiment", "flat"), ("sentiment", "short"), ("sentiment", "bearish"), ("market_position", "Flat\n")),
        *(("marketPosition", "short"), ("position_size", "0"), ("market_position_size", 0), ("position_size", -3)),
        *(("strategy", {"market_position": "flat"}), ("strategy_info", {"market_position_size": "0.0"})),
    ],
)
def test_a_target_of_flat_or_short_only_ever_sells(action: str, name: str, value: object) -> None:
    """A strategy that closes a short with a buy would open a position that it does not want."""
    assert read(action=action, **{name: value}).side is Side.SELL


@pytest.mark.parametrize("changes", [{"sentiment": "long"}, {"market_position": "bullish"}, {"position_size": "3"}])
def test_a_target_of_long_buys_and_refuses_to_sell_everything(changes: dict[str, object]) -> None:
    """A strategy that takes profit on a part would lose the whole position."""
    assert read(action="buy", **changes).side is Side.BUY
    assert "it does not say how much is sold" in refusal(action="sell", **changes)


def test_targets_that_mean_nothing_are_refused_and_empty_ones_ignored() -> None:
    """A misspelt target would be taken for none, and the alert would open what it should close."""
    assert "must be long, flat or short" in refusal(sentiment="neutral-ish")
    assert '"market_position" must be text' in refusal(market_position=1)
    assert "only in an alert of a strategy" in refusal(market_position="{{strategy.market_position}}")
    assert "two positions at once" in refusal(sentiment="long", market_position="flat")
    assert "two positions at once" in refusal(market_position="flat", strategy={"market_position": "long"})
    assert '"position_size" must be a number' in refusal(position_size="NaN")
    assert read(sentiment="", market_position=None, position_size="").target is None
    assert read(market_position="short", market_position_size="3").target is not None, "TradingView's size has no sign"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        *(("quantity", 1, "asks for 1 shares"), ("quantity", "2", "asks for 2 shares")),
        *(("qty", 0, 'Call it "quantity"'), ("contracts", "{{strategy.order.contracts}}", 'Call it "quantity"')),
        *(("amount", "5", 'Call it "quantity"'), ("quantityType", "dollar_amount", "but has none")),
        *(("orderType", "limit", "do not fit together"), ("order_type", "STP", "do not fit together")),
        *(("limitPrice", 100, "a limit order"), ("stopLoss", {"percent": 5}, "a stop of its own")),
        *(
            ("take_profit", "5%", "a take-profit"),
            ("sl", 1, 'Call it "stop_loss"'),
            ("trailPercent", 2, "trailing-stop"),
        ),
        *(("timeInForce", "gtc", "works GTC"), ("extendedHours", True, "outside regular"), ("cancelAfter", 60, "60 s")),
        *(
            ("delay", "30", "30 s later"),
            ("strategy", {"order_contracts": "3"}, "Call it"),
            ("order", {"amount": 3}, "Call it"),
        ),
    ],
)
def test_what_would_change_the_trade_is_honoured_or_refused(name: str, value: object, told: str) -> None:
    """A limit order would leave at the market, a protected one without its stop, a test with real money."""
    try:
        reason = not_honoured(read(**{name: value}), Strategy(name=MAIN))
    except PayloadError as error:
        reason = str(error)
    assert told in (reason or "traded")
    assert "Nothing was traded." in (reason or "traded")


@pytest.mark.parametrize("changes", [{"test": True}, {"dry_run": "true"}, {"test": "TRUE\n"}, {"testMode": 1}])
def test_a_test_is_one_under_each_of_its_names(changes: dict[str, object]) -> None:
    """A test would be sent with real money."""
    assert read(**changes).test
    assert "must be true or false" in refusal(**dict.fromkeys(changes, "perhaps"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("quantity", ""), ("quantity", None), ("orderType", "Market"), ("order_type", "MKT"), ("timeInForce", "DAY")),
        *(("extendedHours", False), ("test", "false"), ("test", False), ("dry_run", 0), ("delay", 0), ("stopLoss", {})),
        *(("signalPrice", "5"), ("interval", "5"), ("prev_market_position", "long"), ("strategy", "ema"), ("qty", "")),
    ],
)
def test_a_field_that_asks_for_what_the_bot_does_anyway_trades(name: str, value: object) -> None:
    """A full template of TradersPost could not be used even where it asks for a plain market order."""
    got = read(**{name: value})
    assert (got.side, got.test) == (Side.BUY, False)
    assert not_honoured(got, Strategy(name=MAIN)) is None


# --- how senders write ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blank", ["\n", "\t", "\r\n", " "])
def test_blanks_around_a_word_do_not_matter(blank: str) -> None:
    """A line break that a person cannot see in his template would cost every trade of it."""
    got = read(action=f"{blank}Buy{blank}", ticker=f"AAPL{blank}")
    assert (got.side, got.ticker) == (Side.BUY, "AAPL")


def test_arca_has_three_names() -> None:
    """Alerts on exchange-traded funds would be refused, depending on where the exchange's name was copied from."""
    assert read(ticker="ARCA:SPY").primary_exchange == "NYSEARCA"
    assert read(ticker="SPY", exchange="NYSE Arca").primary_exchange == "NYSEARCA"
    assert read(ticker="SPY", exchange="NYSEARCA").primary_exchange == "NYSEARCA"


def test_what_is_never_traded_is_named() -> None:
    """The owner would look for a mistake in his template where there is none."""
    for written in ("OTC:TCEHY", "OTCQX:RHHBY"):
        assert "over-the-counter stocks are not traded" in refusal(ticker=written)
    assert "over-the-counter" in refusal(ticker="TCEHY", exchange="OTC")
    for written in ("NYSE:BAC/PL", "BAC PRL", "bac.prl", "BAC.PR.L"):
        assert "preferred shares are not traded" in refusal(ticker=written)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("{\u201csecret\u201d: \u201cx\u201d, \u201caction\u201d: \u201cbuy\u201d}", "curly quotes"),
        ("{'secret': 'x', 'action': 'buy'}", "single quotes"),
        ("{ \u2018secret\u2019: 1}", "single quotes"),
        ("", "is empty"),
    ],
)
def test_wrong_quotes_are_named(body: str, told: str) -> None:
    """The message looks right to a person: "not JSON at column 2" would help nobody."""
    with pytest.raises(PayloadError, match=told):
        parse(body.encode())


def test_where_a_message_breaks_off_is_said_once() -> None:
    """The answer would read "starting at at line 1", as if it were broken itself."""
    with pytest.raises(PayloadError, match="Unterminated string starting at line 1, column 2"):
        parse(b'{"garbage')
