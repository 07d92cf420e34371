"""Names that no strategy can have, in the address and in the message: nobody's alert, never somebody's, and no trouble."""

from collections.abc import Mapping
from urllib.parse import quote

from tests.adapters.webhook.conftest import House, OpenHouse, message
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.strategies import Strategies, Strategy

SETUP: Mapping[str, object] = {"strategies": Strategies({name: Strategy(name=name) for name in ("ema", "main")})}
ODD = {
    "a slash": "/",
    "a way out": "../health",
    "hidden dots": "..",
    "a slash and a name": "ema/",
    "a name and a line": "ema\n",
    "a name and a null": "ema\x00",
    "capitals": "EMA",
    "another alphabet": "еma",
    "full width": "ｅｍａ",
    "right to left": "\u202eame",
    "emoji": "🚀",
    "the account": "account",
    "all": "all",
    "of JavaScript": "__proto__",
    "of Python": "by_name",
    "a placeholder": "{{strategy.order.id}}",
    "markup": "<b>ema</b>",
    "SQL": "ema'; DROP TABLE alert_log; --",
    "a format": "{0.__class__} %s",
    "long": "e" * 5_000,
}
NO_TEXT: Mapping[str, object] = {"a number": 7, "a list": ["ema"], "true": True}


async def nobodys(house: House, answered: tuple[int, dict[str, object]], what: object) -> None:
    status, body = answered
    assert status in (400, 404), (what, body)
    error = body["error"]
    assert isinstance(error, str)
    assert len(error) < 1_000, what
    assert {alert.status for alert in await house.alerts()} <= {AlertStatus.REJECTED}, what


async def test_an_odd_name_in_the_address(open_house: OpenHouse) -> None:
    """An address that names nobody would trade for somebody, or break the answer."""
    async with open_house(**SETUP) as house:
        for what, name in ODD.items():
            await nobodys(house, await house.post(message(price="1"), f"/webhook/{quote(name, safe='')}"), what)
        assert "Traceback" not in "".join(house.logged)
        assert (await house.post(message(), "/webhook/ema"))[0] == 200  # and all is well


async def test_an_odd_name_in_the_message(open_house: OpenHouse) -> None:
    """A message that names nobody would trade for somebody, or break what is stored of it."""
    async with open_house(**SETUP) as house:
        for what, name in {**ODD, **NO_TEXT}.items():
            if what != "a name and a line":  # blanks around a word are trimmed
                await nobodys(house, await house.post(message(strategy=name)), what)
        assert "Traceback" not in "".join(house.logged)
        assert (await house.post(message(strategy="ema")))[0] == 200


async def test_who_has_no_secret_learns_nothing_by_odd_names(open_house: OpenHouse) -> None:
    """A stranger would learn the strategies' names by asking for others."""
    async with open_house(**SETUP) as house:
        for name in ("ema", "account", "__proto__", "e" * 5_000):
            status, body = await house.post(message(secret="wrong"), f"/webhook/{name}")
            assert (status, "ema" in str(body), "main" in str(body)) == (401, False, False), body
        assert await house.alerts() == []
