"""Messages of other senders over real sockets: where their secret stands, what is refused for whom, what is told once."""

import json
from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import quote

import pytest

from tests.adapters.webhook.conftest import PREVIOUS, SECRET, House, OpenHouse, message
from tests.adapters.webhook.test_webhook_answers import assert_no_secret
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import Event, EventKind
from tradebot.domain.instructions import Size, SizeKind, read
from tradebot.domain.strategies import MAIN, Sizing, Strategies, Strategy
from tradebot.words.events import text

OF_THE_ALERT = Strategy(name="ema", sizing=Sizing.ALERT)
TWO = Strategies({"ema": OF_THE_ALERT, MAIN: Strategy(name=MAIN)})
LINES = b"action=buy\nticker=AAPL\nprice=187.32"
URL = f"?secret={quote(SECRET, safe='')}"


@pytest.mark.parametrize(
    ("body", "dialect"),
    [
        (b"secret=%b\n" + LINES, "keyvalue"),
        (LINES + b"\r\nTOKEN = %b\r\n", "keyvalue"),
        (b"action=buy; ticker=AAPL; passphrase=%b", "keyvalue"),
        (b"secret=%b\nclose AAPL", "text"),
        (b"close AAPL\r\n key = %b ;\r\n", "text"),
    ],
)
async def test_lines_and_plain_words_carry_the_secret_in_a_line(house: House, body: bytes, dialect: str) -> None:
    """Who writes no JSON could put his secret into the address alone; or it would be kept with the message."""
    assert (await house.post(body % SECRET[:-1].encode()))[0] == 401
    for status in ("queued", "duplicate"):
        answer = await house.post(body % SECRET.encode())
        assert answer == (200, {"status": status, "alert_id": 1})
    (alert,) = await house.alerts()
    assert (alert.dialect, alert.ticker, alert.raw_body) == (dialect, "AAPL", body % b"***")
    assert_no_secret("".join(house.logged))


async def test_lines_and_plain_words_may_have_it_in_the_address(house: House) -> None:
    """The simplest message of all, two words, would be refused."""
    assert (await house.post(b"close AAPL", f"/webhook{URL}"))[0] == 200
    assert (await house.post(b"close AAPL"))[0] == 401
    assert (await house.post(LINES, f"/webhook/main{URL}"))[0] == 200
    assert (await house.post(b"secret=wrong\n" + LINES, f"/webhook{URL}"))[0] == 401
    assert [alert.dialect for alert in await house.alerts()] == ["text", "keyvalue"]


async def test_lines_that_cannot_be_read_are_kept_with_the_right_secret_alone(open_house: OpenHouse) -> None:
    """The owner would never hear of alerts that are lost for a misspelt line; or strangers could fill his books."""
    async with open_house(secret=PREVIOUS) as house:
        for secret, kept in ((PREVIOUS, 1), ("a-strangers", 1)):
            status, told = await house.post(f"secret = {secret}\naction=buy\nAAPL, please".encode())
            assert (status, "is no name=value" in str(told)) == (400, True)
            assert len(await house.alerts()) == kept
        (alert,) = await house.alerts()
        assert (alert.status, alert.raw_body) == (AlertStatus.REJECTED, b"secret = ***\naction=buy\nAAPL, please")


async def test_a_secret_under_another_name_is_no_part_of_what_makes_an_alert_itself(open_house: OpenHouse) -> None:
    """A resend that meets a changed secret would be a second order."""
    async with open_house(previous_secret=PREVIOUS) as house:
        for status, fields in (
            ("queued", {"passphrase": SECRET}),
            ("duplicate", {"passphrase": PREVIOUS}),
            ("duplicate", {"key": SECRET}),
            ("duplicate", {"secret": SECRET}),
            ("queued", {"secret": SECRET, "key": "another alert's"}),
        ):
            assert (await house.post(message(**{"secret": ..., **fields})))[1]["status"] == status, fields


async def test_what_is_not_honoured_is_refused_for_the_strategy_that_it_is_for(open_house: OpenHouse) -> None:
    """A size would be silently another one; or the strategy that takes its sizes from the alert would be refused them."""
    async with open_house(strategies=TWO) as house:
        status, told = await house.post(f"BUY 10 AAPL\nsecret={SECRET}".encode(), "/webhook/main")
        assert (status, 'Set sizing = "alert"' in str(told)) == (400, True)
        assert (await house.post(f"BUY 10 AAPL\nsecret={SECRET}".encode(), "/webhook/ema"))[0] == 200
        refused, taken = await house.alerts()
        assert (refused.status, refused.strategy, refused.reason) == (AlertStatus.REJECTED, MAIN, told["error"])
        assert (taken.status, taken.strategy) == (AlertStatus.RECEIVED, "ema")
        understood = [
            read(alert.instruction or {}) for alert in (refused, taken)
        ]  # kept also of the one that is refused
        assert [one.size for one in understood] == [Size(SizeKind.SHARES, Decimal(10))] * 2
        rejected = next(event for event in await house.events() if event.kind is EventKind.ALERT_REJECTED)
        assert text(rejected).startswith("BUY AAPL was refused and is NOT traded. The alert asks for 10 shares")
        listed = await house.queue.contents()
        assert (listed.buy, listed.sell) == ((taken.id,), ())


def threecommas(number: int, **changes: object) -> bytes:
    fields = {
        "secret": SECRET,
        "max_lag": "300",
        "timestamp": f"2026-11-20T15:04:{number:02}Z",
        "trigger_price": "187.32",
        "tv_exchange": "NASDAQ",
        "tv_instrument": "AAPL",
        "action": "enter_long",
        "bot_uuid": "0123",
        **changes,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


async def test_fields_without_effect_are_told_once_for_each_strategy_and_template(open_house: OpenHouse) -> None:
    """Each alert would bring the same message again; or a template with other fields would never be told of."""

    async def told(house: House) -> list[Event]:
        return [event for event in await house.events() if event.kind is EventKind.FIELDS_NOT_USED]

    sent: list[tuple[str, Mapping[str, object], int]] = [
        ("/webhook/main", {}, 1),
        ("/webhook/main", {"tv_instrument": "MSFT"}, 1),
        ("/webhook/main", {"bot_uuid": ...}, 2),
        ("/webhook/main", {"max_lag": "60"}, 2),
        ("/webhook/rsi", {}, 3),
        ("/webhook/rsi", {"max_lag": ..., "bot_uuid": ...}, 3),
    ]
    both = Strategies({MAIN: Strategy(name=MAIN), "rsi": Strategy(name="rsi")})
    async with open_house(strategies=both) as house:
        for number, (path, changes, times) in enumerate(sent):
            status, answer = await house.post(threecommas(number, **changes), path)
            assert status == 200, answer
            assert len(await told(house)) == times, (path, changes)
    async with open_house(strategies=both) as house:  # after a restart
        assert (await house.post(threecommas(50), "/webhook/rsi"))[0] == 200
        first, *_, last = await told(house)
        assert len(await told(house)) == 3
    assert (first.severity, first.alert_id) == ("INFO", 1)
    assert '"bot_uuid", "max_lag"' in text(first)
    assert "of strategy rsi" in text(last)


async def test_with_one_strategy_none_is_named(house: House) -> None:
    """Who has never heard of strategies would read of one."""
    await house.post(threecommas(1))
    await house.post(message(test=True))
    told = [
        event for event in await house.events() if event.kind in (EventKind.FIELDS_NOT_USED, EventKind.ALERT_TESTED)
    ]
    assert len(told) == 2
    assert not [event for event in told if "of strategy" in text(event)]
