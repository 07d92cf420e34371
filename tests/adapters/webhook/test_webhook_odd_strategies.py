"""Names that no strategy can have, in the address and in the message: nobody's alert, never somebody's, and no trouble."""

from collections.abc import Mapping
from urllib.parse import quote

import pytest

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
    "another alphabet": "еma",  # noqa: RUF001 - the first letter is Cyrillic
    "full width": "ｅｍａ",  # noqa: RUF001
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
NO_TEXT: Mapping[str, object] = {
    "a number": 7,
    "a list": ["ema"],
    "true": True,
    "an object": {"name": "ema"},
}


async def nobodys(house: House, answered: tuple[int, dict[str, object]]) -> None:
    status, body = answered
    assert status in (400, 404), body
    error = body["error"]
    assert isinstance(error, str)
    assert len(error) < 1_000
    assert "Traceback" not in "".join(house.logged)
    assert {alert.status for alert in await house.alerts()} <= {AlertStatus.REJECTED}
    assert (await house.post(message(), "/webhook/ema"))[0] == 200  # and all is well


@pytest.mark.parametrize("name", ODD.values(), ids=ODD)
async def test_an_odd_name_in_the_address(open_house: OpenHouse, name: str) -> None:
    """An address that names nobody would trade for somebody, or break the answer."""
    async with open_house(**SETUP) as house:
        await nobodys(house, await house.post(message(), f"/webhook/{quote(name, safe='')}"))


@pytest.mark.parametrize("name", [*(n for n in ODD.values() if n.strip() != "ema"), *NO_TEXT.values()], ids=str)
async def test_an_odd_name_in_the_message(open_house: OpenHouse, name: object) -> None:
    """A message that names nobody would trade for somebody, or break what is stored of it."""
    async with open_house(**SETUP) as house:
        await nobodys(house, await house.post(message(strategy=name)))


async def test_who_has_no_secret_learns_nothing_by_odd_names(open_house: OpenHouse) -> None:
    """A stranger would learn the strategies' names by asking for others."""
    async with open_house(**SETUP) as house:
        for name in ("ema", "account", "__proto__", "e" * 5_000):
            status, body = await house.post(message(secret="wrong"), f"/webhook/{name}")
            assert (status, "ema" in str(body), "main" in str(body)) == (401, False, False), body
        assert await house.alerts() == []
