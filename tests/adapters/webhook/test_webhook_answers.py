"""Every answer of the webhook, over real sockets: codes in their order, bodies that tell what to mend, no secret anywhere."""

import asyncio
import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.adapters.webhook.conftest import PREVIOUS, SECRET, House, OpenHouse, message
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.events import EventKind
from tradebot.errors import LedgerUnavailable
from tradebot.queries.health import Health
from tradebot.webhook import routes
from tradebot.webhook.access import TRADINGVIEW_ADDRESSES
from tradebot.words.events import text
from tradebot.words.lines import lines

TRADINGVIEW = TRADINGVIEW_ADDRESSES[0]


def assert_no_secret(text: str) -> None:
    for secret in (SECRET, PREVIOUS):
        assert secret not in text
        assert json.dumps(secret)[1:-1] not in text
        assert secret[3:-3] not in text


# --- accepted -------------------------------------------------------------------------------------------------------


async def test_an_alert_is_answered_when_it_is_stored(house: House) -> None:
    """The whole road in: an alert would not reach database and queue."""
    assert await house.post(message()) == (200, {"status": "queued", "alert_id": 1})
    (alert,) = await house.alerts()
    assert (alert.action, alert.ticker, alert.price, alert.status) == (
        Side.BUY,
        "AAPL",
        Decimal("187.32"),
        AlertStatus.RECEIVED,
    )
    assert alert.alert_time == datetime(2026, 11, 20, 15, 4, 5, tzinfo=UTC)
    assert alert.source_ip == "127.0.0.1"
    assert await house.queue.take() == 1
    assert await house.post(message()) == (200, {"status": "duplicate", "alert_id": 1})
    assert any("alert 1 from 127.0.0.1: queued" in line and "'alert_id': 1" in line for line in house.logged)


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain; charset=utf-8", "application/x-www-form-urlencoded", "nonsense"]
)
async def test_the_content_type_does_not_matter(house: House, kind: str) -> None:
    """TradingView sends text/plain as soon as it does not take the message for JSON."""
    assert (await house.post(message(), Content_Type=kind))[0] == 200


async def test_chunked_messages_are_read(house: House) -> None:
    """A proxy that does not know the length would be refused."""
    body = message()
    head = b"POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    got = await house.raw(head + b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (5, body[:5], len(body) - 5, body[5:]))
    assert got.startswith(b"HTTP/1.1 200")


async def test_the_secret_may_stand_in_the_url(house: House) -> None:
    """People who keep the secret out of the message could not trade; a wrong one in the message would be let pass."""
    quoted = "correct%2Fhorse%22battery'st%C3%A4ple"
    assert (await house.post(message(secret=...), f"/webhook?secret={quoted}"))[0] == 200
    assert (await house.post(message(secret="wrong"), f"/webhook?secret={quoted}"))[0] == 401
    assert (await house.post(message(secret=...), "/webhook?secret=%ff%zz"))[0] == 401
    assert_no_secret("".join(house.logged))


async def test_the_previous_secret_works_while_alerts_are_changed_over(open_house: OpenHouse) -> None:
    """Changing the secret would cost every alert between the change here and the change at TradingView."""
    async with open_house(previous_secret=PREVIOUS) as house:
        assert (await house.post(message(secret=PREVIOUS)))[0] == 200
        assert (await house.post(message()))[1]["status"] == "duplicate"
        assert (await house.post(message(secret=PREVIOUS + "x")))[0] == 401
        (alert,) = await house.alerts()
        assert b'"secret": "***"' in alert.raw_body
        assert_no_secret("".join(house.logged))


# --- the secret goes nowhere ----------------------------------------------------------------------------------------


async def test_no_form_of_the_secret_is_kept_or_told(house: House) -> None:
    """The secret would stand in the database, the log, the answer or a message to the owner."""
    escaped = "".join(f"\\u{ord(c):04X}" for c in SECRET)
    slashed = json.dumps(SECRET)[1:-1].replace("/", "\\/")
    written = json.dumps(SECRET, ensure_ascii=False)[1:-1]
    body = (
        f'{{"secret":"{escaped}","action":"BUY","ticker":"A","a":"{slashed} {written}","b":"{escaped[:-6]}ä"}}'.replace(
            escaped[:-6] + "ä", escaped
        )
    )
    assert (await house.post(body.encode()))[0] == 200
    wrong = body.replace('"BUY"', f'"{slashed}"')
    status, told = await house.post(wrong.encode())
    assert (status, "must be BUY or SELL" in str(told)) == (400, True)
    unreadable = f'{{"secret":"{escaped}","{slashed}":1,"{escaped}":2}}'
    await house.post(unreadable.encode())
    alerts = await house.alerts()
    assert alerts[0].raw_body == b'{"secret":"***","action":"BUY","ticker":"A","a":"*** ***","b":"***"}'
    kept = [repr(alert) + alert.raw_body.decode() for alert in alerts]
    assert_no_secret("".join([*kept, *(repr(event) for event in await house.events()), *house.logged, str(told)]))


# --- refused, in this order -----------------------------------------------------------------------------------------


async def test_the_checks_come_in_their_order(open_house: OpenHouse) -> None:
    """A stranger would learn of the later check what the earlier one should have kept from him."""
    async with open_house(trusted_proxies=("127.0.0.1",)) as house:
        stranger, friend = {"X_Forwarded_For": "198.51.100.9"}, {"X_Forwarded_For": TRADINGVIEW}
        huge = b"x" * (routes.BODY_BYTES_MAX + 1)
        assert (await house.post(huge, **stranger))[0] == 403
        assert (await house.post(huge, **friend))[0] == 413
        for _ in range(routes.STRANGERS_BURST):
            assert (await house.post(b"garbage", **friend))[0] == 400
        assert (await house.post(b"garbage", **friend))[0] == 429
        assert (await house.post(message(secret="wrong"), **friend))[0] == 429
        friend = {"X_Forwarded_For": TRADINGVIEW_ADDRESSES[1]}
        assert (await house.post(b"garbage", **friend))[0] == 400
        assert (await house.post(message(secret="wrong", action="?"), **friend))[0] == 401
        assert (await house.post(message(action="?", alert_id="1"), **friend))[0] == 400
        assert (await house.post(message(alert_id="1"), **friend))[0] == 200
        assert (await house.post(message(alert_id="1", price=2), **friend))[0] == 409
        assert [alert.status for alert in await house.alerts()] == [AlertStatus.REJECTED, AlertStatus.RECEIVED]


async def test_strangers_cannot_use_up_what_the_owners_alerts_need(house: House) -> None:
    """Another TradingView user, who sends from the same addresses, could shut the owner's alerts out."""
    for _ in range(routes.STRANGERS_BURST + 5):
        await house.post(message(secret="guess"))
    assert (await house.post(message(secret="guess")))[0] == 429
    assert (await house.post(message()))[0] == 200


@pytest.mark.parametrize("secret", [..., None, "", "correct/horse", 5, True, ["x"], {"a": 1}, "\ud800", SECRET + "\0"])
async def test_anything_but_the_secret_is_401(house: House, secret: object) -> None:
    """A secret of an unexpected type would be an error nobody planned for, or be let pass."""
    status, told = await house.post(message(secret=secret))
    assert (status, "secret is missing or wrong" in str(told)) == (401, True)
    assert await house.alerts() == []


async def test_a_wrong_template_is_told_to_sender_and_owner(house: House) -> None:
    """The commonest mistakes, an unknown placeholder and an unquoted empty one, would go unnoticed."""
    status, told = await house.post(message(ticker="{{SYMBOL}}"))
    assert (status, told["error"]) == (
        400,
        '"ticker" still has the placeholder {{SYMBOL}}, which TradingView does not know. Write {{ticker}}.',
    )
    assert (await house.post(b'{"secret": "' + PREVIOUS.encode() + b'", "price": }'))[0] == 400
    assert len(await house.alerts()) == 1  # without the right secret nothing is kept
    await house.intake.finish()
    assert [event.kind for event in await house.events()] == [EventKind.ALERT_REJECTED, EventKind.ALERT_UNREADABLE]


async def test_a_broken_message_with_the_right_secret_is_kept(open_house: OpenHouse) -> None:
    """An unquoted empty placeholder makes the message no JSON at all: the owner would never hear of his lost alerts."""
    async with open_house(secret=PREVIOUS) as house:
        status, told = await house.post(b'{"secret" : "' + PREVIOUS.encode() + b'", "price": , "action": "BUY"}')
        assert (status, "must stand in quotes" in str(told)) == (400, True)
        assert (await house.post(b"BUY 10 AAPL", f"/webhook?secret={PREVIOUS}"))[0] == 400
        first, second = await house.alerts()
        assert (first.status, first.raw_body) == (
            AlertStatus.REJECTED,
            b'{"secret" : "***", "price": , "action": "BUY"}',
        )
        assert second.raw_body == b"BUY 10 AAPL"


async def test_compressed_messages_are_refused_unread(house: House) -> None:
    """A bomb of a few bytes would unfold into gigabytes."""
    bomb = gzip.compress(b"x" * 10_000_000)
    assert (await house.post(bomb, Content_Encoding="gzip"))[0] == 415
    assert (await house.post(b"x", Content_Encoding="no-such-thing"))[0] == 415


async def test_size_counts_also_where_it_is_not_announced(house: House) -> None:
    """A chunked message without end would fill the memory."""
    assert (await house.post(b" " * (routes.BODY_BYTES_MAX - len(message())) + message()))[0] == 200
    assert (await house.post(b" " * (routes.BODY_BYTES_MAX - len(message()) + 1) + message()))[0] == 413
    head = b"POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (await house.raw(head + b"1000\r\n%s\r\n" % (b"x" * 4096) * 5)).startswith(b"HTTP/1.1 413")


async def test_other_paths_and_methods_are_answered_as_json(house: House) -> None:
    """A person who opens the address in a browser would get a page that says nothing."""
    url = f"http://127.0.0.1:{house.port}"
    async with house.client.get(f"{url}/webhook") as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")
        assert "takes POST only" in (await response.json())["error"]
    async with house.client.post(f"{url}/nothing") as response:
        assert response.status == 404
        assert "POST /webhook" in (await response.json())["error"]


async def test_what_cannot_be_stored_is_503_in_time_and_does_not_count_against_the_sender(house: House) -> None:
    """TradingView gives up after 3 s without sending again: the alert would be lost."""
    house.intake.store_within_s = 0.1
    async with house.ledger.begin():  # somebody holds the database
        status, told = await house.post(message())
    house.intake.store_within_s = 60
    assert (status, "whether the alert is stored is not known. Send it again" in str(told)) == (503, True)
    assert (await house.post(message()))[1]["status"] == "duplicate"
    assert any("ERROR" in line and "NOT stored, answered 503" in line for line in house.logged)


# --- addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trusted", "allowed", "headers", "status"),
    [
        ((), (), {}, 200),  # a direct call from this machine
        ((), (), {"X_Forwarded_For": TRADINGVIEW}, 403),  # a proxy nobody named: no word of it is believed
        ((), (), {"X_Real_IP": TRADINGVIEW}, 403),
        (("127.0.0.1",), (), {}, 200),
        (("127.0.0.1",), (), {"X_Forwarded_For": TRADINGVIEW}, 200),
        (("127.0.0.0/8",), (), {"X_Forwarded_For": f"198.51.100.9, {TRADINGVIEW}"}, 200),
        (("127.0.0.1",), (), {"X_Forwarded_For": f"{TRADINGVIEW}, 198.51.100.9"}, 403),  # forged on the left
        (("127.0.0.1",), (), {"X_Forwarded_For": f"{TRADINGVIEW}, nonsense"}, 403),
        (("127.0.0.1",), (), {"X_Forwarded_For": f"{TRADINGVIEW}, "}, 403),
        (("127.0.0.1",), (), {"X_Forwarded_For": ""}, 403),
        (("127.0.0.1",), (), {"X_Forwarded_For": "127.0.0.1"}, 403),
        (("127.0.0.1",), (), {"Forwarded": f"for={TRADINGVIEW}"}, 403),
        (("127.0.0.1", "10.0.0.0/8"), (), {"X_Forwarded_For": f"{TRADINGVIEW}, 10.1.2.3"}, 200),
        (("127.0.0.1", "10.0.0.0/8"), (), {"X_Forwarded_For": f"{TRADINGVIEW}, 198.51.100.9, 10.1.2.3"}, 403),
        (("127.0.0.1",), (), {"X_Forwarded_For": f"::ffff:{TRADINGVIEW}"}, 200),
        (("127.0.0.1",), (), {"X_Forwarded_For": f"{TRADINGVIEW}:44321"}, 200),
        (("127.0.0.1",), ("2001:db8::/32",), {"X_Forwarded_For": "[2001:db8::7]:443"}, 200),
        (("127.0.0.1",), ("203.0.113.7",), {"X_Forwarded_For": "203.0.113.7"}, 200),
        (("127.0.0.1",), ("203.0.113.7",), {"X_Forwarded_For": TRADINGVIEW}, 403),  # the list given is the list
        ((), ("203.0.113.7",), {}, 200),
    ],
)
async def test_who_may_call(
    open_house: OpenHouse, trusted: tuple[str, ...], allowed: tuple[str, ...], headers: dict[str, str], status: int
) -> None:
    """An address could be forged past the list, or TradingView be shut out by the owner's own proxy."""
    async with open_house(trusted_proxies=trusted, allowed_ips=allowed) as house:
        assert (await house.post(message(), **headers))[0] == status


async def test_several_forwarding_headers_are_one_list(open_house: OpenHouse) -> None:
    """A client could put an allowed address into a second header of the same name."""
    async with open_house(trusted_proxies=("127.0.0.1",)) as house:
        body = message()
        for first, last, status in ((TRADINGVIEW, "198.51.100.9", b"403"), ("198.51.100.9", TRADINGVIEW, b"200")):
            head = f"POST /webhook HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {first}\r\nx-forwarded-for: {last}\r\n"
            got = await house.raw(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert got.startswith(b"HTTP/1.1 " + status)


async def test_a_refused_address_is_told_what_to_do(open_house: OpenHouse) -> None:
    """The owner who set up a proxy would not know why every alert is refused."""
    async with open_house() as house:
        assert "name it in trusted_proxies" in str(await house.post(message(), X_Forwarded_For=TRADINGVIEW))
    async with open_house(trusted_proxies=("127.0.0.1",)) as house:
        assert "add it to allowed_ips" in str(await house.post(message(), X_Forwarded_For="203.0.113.9"))


# --- health ---------------------------------------------------------------------------------------------------------


async def test_health_is_200_or_503_with_each_parts_state(house: House) -> None:
    """A monitor would not notice that a part is down."""
    moment = datetime(2026, 1, 2, tzinfo=UTC)

    async def good() -> Health:
        return Health(True, {"queue": {"buy": 3, "since": moment, "cash": Decimal("1.5")}})

    async def bad() -> Health:
        return Health(False, {"database": {"ok": False}})

    house.health = good
    parts = {"queue": {"buy": 3, "since": "2026-01-02 00:00:00+00:00", "cash": "1.5"}}
    assert await house.get("/health") == (200, {"ok": True, "parts": parts})
    house.health = bad
    assert await house.get("/health") == (503, {"ok": False, "parts": {"database": {"ok": False}}})


async def test_health_that_cannot_be_told_is_503(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question for the state would hang or fail when the answer matters most."""
    monkeypatch.setattr(routes, "HEALTH_DEADLINE_S", 0.05)
    never = asyncio.Event()

    async def hanging() -> Health:
        await never.wait()
        return Health(True, {})

    async def away() -> Health:
        raise LedgerUnavailable("The database does not answer.")

    house.health = hanging
    assert (await house.get("/health"))[0] == 503
    house.health = away
    assert await house.get("/health") == (503, {"error": "The database does not answer."})


async def test_a_mistake_of_ours_is_500_as_json_and_logged_without_the_query(house: House) -> None:
    """An unforeseen error would drop the connection without a word, or write the secret into the log."""

    async def broken() -> Health:
        raise KeyError("a mistake")

    house.health = broken
    status, told = await house.get(f"/health?secret={PREVIOUS}")
    assert (status, "the log says what" in str(told)) == (500, True)
    assert any("KeyError: 'a mistake'" in line for line in house.logged)
    assert_no_secret("".join(house.logged))


async def test_strangers_cannot_ask_for_the_health_without_end(house: House) -> None:
    """Anyone could keep the database busy with questions."""
    got = [(await house.get("/health"))[0] for _ in range(routes.STRANGERS_BURST + 3)]
    assert set(got[: routes.STRANGERS_BURST]) == {200}
    assert got[-1] == 429


@pytest.mark.parametrize(
    ("body", "named", "gave"),
    [
        (b"", "is empty", "without a readable"),
        ("{\u201csecret\u201d: \u201cx\u201d}".encode(), "curly quotes", "without a readable"),
        (b"{'secret': 'x'}", "single quotes", "without a readable"),
        (b'{"password": "x", "action": "buy", "ticker": "AAPL"}', '"password" must be called', "without a readable"),
        (b'{"passphrase": "x", "action": "buy", "ticker": "AAPL"}', "missing or wrong", "with a wrong"),
        (message(secret="an older one"), "missing or wrong", "with a wrong"),
        (message(secret=" "), "missing or wrong", "without a readable"),
        (b'{"secret": "an older one", "a": ' + b"[" * 50 + b"]" * 50 + b"}", "nested deeper", "with a wrong"),
    ],
)
async def test_an_alert_without_a_readable_secret_is_told_now_and_then(
    house: House, body: bytes, named: str, gave: str
) -> None:
    """A template that never trades would leave a line in the log and nothing on the owner's phone."""
    for _ in range(3):
        status, _ = await house.post(body)
        assert status in (400, 401)
    await house.intake.finish()
    (told,) = await house.events()
    assert (told.kind, told.severity) == (EventKind.ALERT_UNREADABLE, "WARNING")
    assert named in text(told)
    assert f"An alert {gave} secret" in text(told)
    assert lines(told).first == f"🚫 An alert {gave} secret"
    assert "an older one" not in text(told) + lines(told).below
    assert "NOT traded" in text(told)


async def test_blanks_around_the_secret_do_not_matter(house: House) -> None:
    """A line break copied along with the secret would refuse every alert."""
    assert (await house.post(message(secret=f"{SECRET}\n")))[0] == 200
    assert (await house.post(message(secret=f"\t{SECRET}\r\n", ticker="MSFT")))[0] == 200
