"""The API as its users' programs see it: who may, what is read, what is done, and what is never done twice."""

import asyncio
from collections.abc import Sequence
from typing import Any

import jwt
import pytest

from tests.adapters.web.conftest import KEY, Site
from tests.adapters.web.programs import API, a_token, bearer, once
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.api_access import Scope
from tradebot.domain.event_groups import EventGroup
from tradebot.domain.events import EventKind
from tradebot.domain.facts.account import StateChanged
from tradebot.domain.limits import limit_names
from tradebot.domain.settings import TradingState
from tradebot.errors import LedgerUnavailable
from tradebot.operations import api_requests, api_tokens
from tradebot.web.api import access
from tradebot.web.api.describing import plain_path
from tradebot.web.api.table import ENDPOINTS, WRITES
from tradebot.web.tokens import signed

# --- who may ----------------------------------------------------------------------------------------------------------


def _other_claims(good: str, **more: object) -> dict[str, Any]:
    return {
        **jwt.decode(good, KEY, algorithms=["HS256"], audience="tradebot-api", options={"verify_exp": False}),
        **more,
    }


async def test_only_a_good_token_is_admitted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody who reaches the port could sell everything."""
    monkeypatch.setattr(access, "STRANGERS_BURST", 1000)
    good = signed(await a_token(site), KEY)
    claims = _other_claims(good)
    forged = {
        "another key": jwt.encode(claims, KEY[::-1], algorithm="HS256"),
        "none": jwt.encode(claims, "", algorithm="none"),
        "another algorithm": jwt.encode(claims, KEY * 2, algorithm="HS512"),
        "another audience": jwt.encode({**claims, "aud": "tradebot"}, KEY, algorithm="HS256"),
        "another issuer": jwt.encode({**claims, "iss": "me"}, KEY, algorithm="HS256"),
        "more scope": jwt.encode({**claims, "scope": "admin"}, KEY, algorithm="HS256"),
        "no such scope": jwt.encode({**claims, "scope": "root"}, KEY, algorithm="HS256"),
        "an id that was never given": jwt.encode({**claims, "jti": "x"}, KEY, algorithm="HS256"),
        "a later end": jwt.encode({**claims, "exp": "never"}, KEY, algorithm="HS256"),
        "no id": jwt.encode({name: one for name, one in claims.items() if name != "jti"}, KEY, algorithm="HS256"),
        "cut off": good[:-3],
        "too long": good + "x" * 5000,
        "nothing": "",
    }
    assert (await site.ask(f"{API}/me", headers={"Authorization": f"Bearer {good}"}))[0] == 200
    for what, text in forged.items():
        status, told = await site.ask(f"{API}/me", headers={"Authorization": f"Bearer {text}"})
        assert (what, status) == (what, 401)
        assert text == "" or text not in str(told)
    for headers in ({}, {"Authorization": f"Basic {good}"}, {"Cookie": f"token={good}"}):
        async with site.client.get(site.url(f"{API}/me"), headers=headers) as answer:
            assert (answer.status, answer.headers["WWW-Authenticate"][:6]) == (401, "Bearer")
    assert good not in "".join(site.logged)


async def test_a_token_ends(site: Site) -> None:
    """A token that was lent for a day, or taken back, would open for ever."""
    headers, trading = await bearer(site), await bearer(site, Scope.TRADE)
    await api_tokens.revoke(site.bot.ledger, "trade-1", actor="Ann", now=site.bot.clock.now())
    assert (await site.ask(f"{API}/me", headers=trading))[0] == 401
    assert (await site.ask(f"{API}/me", headers=headers))[0] == 200
    site.bot.clock.skip(24 * 3600)
    status, told = await site.ask(f"{API}/me", headers=headers)
    assert (status, "has expired" in told["detail"]) == (401, True)


async def test_each_endpoint_wants_its_scope(site: Site) -> None:
    """A token for a picture on the wall could trade."""
    headers = {scope: await bearer(site, scope) for scope in Scope}
    for endpoint in ENDPOINTS:
        name = "fills" if endpoint.path.startswith("/tellings/") else "max_daily_buys"
        path = plain_path(endpoint).replace("{id}", "7").replace("{ticker}", "AAPL").replace("{name}", name)
        for scope in Scope:
            if scope.includes(endpoint.scope):
                continue
            status, _ = await site.ask(path, endpoint.method, headers=headers[scope], json={})
            assert (endpoint.path, scope, status) == (endpoint.path, scope, 403)
        assert (await site.ask(path, endpoint.method, json={}))[0] in (401, 429)
    assert site.bot.switch.state is TradingState.RUNNING


async def test_who_asks_too_often_waits(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """One program that runs wild, or a stranger who tries tokens, would keep the bot busy; or would lock the owner out."""
    for endpoint in ("me", "status"):
        for _ in range(access.STRANGERS_BURST):
            last, _ = await site.ask(f"{API}/{endpoint}")
    async with site.client.get(site.url(f"{API}/me")) as answer:
        assert (last, answer.status) == (429, 429)
        assert int(answer.headers["Retry-After"]) >= 1
    headers = await bearer(site, Scope.TRADE)
    assert (await site.ask(f"{API}/me", headers=headers))[0] == 200
    statuses = {(await site.ask(f"{API}/me", headers=headers))[0] for _ in range(3 * access.TOKEN_BURST)}
    assert statuses == {200, 429}
    assert (await site.ask(f"{API}/kill", "POST", headers=headers))[0] == 200  # this waits for nothing


@pytest.mark.parametrize("path", ["openapi.json", "docs", "docs.css", "alive"])
async def test_what_anybody_may_read_is_read_so_often(site: Site, path: str) -> None:
    """A stranger would keep the bot busy with a document that is worth reading once."""
    statuses = []
    for _ in range(access.OPEN_BURST + 5):
        async with site.client.get(site.url(f"{API}/{path}")) as answer:
            statuses.append(answer.status)
    assert (statuses[0], statuses[-1]) == (200, 429)


async def test_another_site_s_page_does_nothing_even_with_a_token(site: Site) -> None:
    """A page that has got hold of a token would use the owner's browser to reach a port that it cannot reach itself."""
    headers = {**await bearer(site, Scope.TRADE), "Origin": "https://evil.example"}
    assert (await site.ask(f"{API}/kill", "POST", headers=headers))[0] == 403
    assert site.bot.switch.state is TradingState.RUNNING


# --- what is read -----------------------------------------------------------------------------------------------------


async def test_everything_can_be_read(site: Site) -> None:
    """A part of the bot could not be read at all, or what it answers is not what the document says."""
    headers = await bearer(site)
    for endpoint in ENDPOINTS:
        path = plain_path(endpoint)
        if endpoint.reads and "{" not in path:
            status, told = await site.ask(path, headers=headers)
            assert (path, status) == (path, 200)
            endpoint.answer.model_validate(told)
    for path, status in (("orders/7", 404), ("alerts/7", 404), ("orders/7/presumed-fill", 404), ("orders/x", 404)):
        assert (path, (await site.ask(f"{API}/{path}", headers=headers))[0]) == (path, status)


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
async def test_a_day_that_no_clock_reaches_has_no_alerts(site: Site, day: str) -> None:
    """It would be answered with an error of the bot's own."""
    status, told = await site.ask(f"{API}/alerts?day={day}", headers=await bearer(site))
    assert (status, told["items"]) == (200, [])


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "limit=5&limit=6", "nope=1", "strategy=No!", "before=-1", "status=nope"],
)
async def test_a_wrong_parameter_is_refused(site: Site, query: str) -> None:
    """A misspelt filter would show everything, and pass for the answer."""
    status, told = await site.ask(f"{API}/alerts?{query}", headers=await bearer(site))
    assert (status, told["status"]) == (422, 422)


# --- what is done -----------------------------------------------------------------------------------------------------


async def test_the_kill_switch_needs_no_database(site: Site) -> None:
    """The one thing that must work when all else fails would wait for the part that failed."""
    headers = await bearer(site, Scope.TRADE)
    site.bot.ledger.away = True
    status, told = await site.ask(f"{API}/kill", "POST", headers=headers)
    assert (status, told) == (200, {"state": "KILLED", "stored": False})
    assert site.bot.switch.state is TradingState.KILLED
    assert (await site.ask(f"{API}/status", headers=headers))[0] == 503


async def test_pause_and_resume(site: Site) -> None:
    """The owner would believe that the bot is paused, or a token without the right would lift the kill switch."""
    headers, admin = await bearer(site, Scope.TRADE), await bearer(site, Scope.ADMIN)

    async def state(path: str, body: dict[str, object] | None = None, by: dict[str, str] = headers) -> tuple[int, str]:
        status, told = await site.ask(f"{API}/{path}", "POST", headers=by, json=body or {})
        return status, told.get("state", told.get("detail"))

    assert await state("pause") == (200, "PAUSED")
    assert await state("resume") == (200, "RUNNING")
    assert await state("kill") == (200, "KILLED")
    assert (await state("resume"))[0] == 409
    assert (await state("resume", {"lift_kill": True}))[0] == 403
    assert await state("resume", {"lift_kill": True, "to": "sells_only"}, admin) == (200, "PAUSED")
    told = [event.actor for event in await site.bot.events(EventKind.STATE_CHANGED)]
    assert told == ["my script (API token trade-1)"] * 3 + ["my script (API token admin-1)"]


async def test_a_pause_beside_a_kill_says_that_it_is_killed(site: Site) -> None:
    """A program would read that its pause is stored, and not that the kill switch is on and how it is lifted."""
    headers = await bearer(site, Scope.TRADE)
    await site.bot.operations.kill("owner")
    for path in ("pause", "resume"):
        status, told = await site.ask(f"{API}/{path}", "POST", headers=headers, json={})
        assert (status, "stored" in told) == (409, False)
        assert "is KILLED" in told["detail"]
        assert "`lift_kill`" in told["detail"]
    status, told = await site.ask(f"{API}/pause", "POST", headers=headers, json={"strategy": "main"})
    assert (status, told) == (200, {"state": "PAUSED", "stored": True})


async def test_a_pause_just_before_a_kill_is_not_said_to_have_changed_nothing(site: Site) -> None:
    """The log of a program says that its pause was not stored, and the events say that it was."""
    headers, bot = await bearer(site, Scope.TRADE), site.bot
    killing: list[asyncio.Task[bool]] = []

    async def kill() -> None:
        bot.ledger.after_commit = None
        killing.append(asyncio.create_task(bot.operations.kill("owner")))
        while bot.switch.state is not TradingState.KILLED:
            await asyncio.sleep(0)

    bot.ledger.after_commit = kill
    status, told = await site.ask(f"{API}/pause", "POST", headers=headers, json={})
    assert (await killing[0], status) == (True, 409)
    facts = [event.facts for event in await bot.events(EventKind.STATE_CHANGED)]
    changed = [one.to for one in facts if isinstance(one, StateChanged)]
    assert changed == ["PAUSED", "KILLED"]
    assert told["detail"].startswith("It is KILLED, which is stricter than a pause: no order leaves.")


async def test_a_limit_is_changed_once(site: Site) -> None:
    """The same request again, after an answer was lost, would change a limit that was changed back meanwhile."""
    admin, path = await bearer(site, Scope.ADMIN), f"{API}/limits/max_daily_buys"

    async def put(value: object, key: str = "k1") -> tuple[int, Any]:
        return await site.ask(path, "PUT", headers=once(admin, key), json={"value": value})

    first = await put("7")
    assert first == (200, {"name": "max_daily_buys", "strategy": None, "old": first[1]["old"], "new": "7"})
    assert (await put("9", "k2"))[0] == 200
    assert await put("7") == first
    status, told = await put("8")
    assert (status, "Something else was asked" in told["detail"]) == (422, True)
    assert (await site.bot.queries.limits_in_force()).max_daily_buys == 9
    for wrong in ("0.5", "-1", "x", 1.5, True, None, "1e3", "1" * 30):
        assert (await put(wrong, "k3"))[0] == 422, wrong


@pytest.mark.parametrize(
    ("path", "body", "there_are"),
    [("limits/max_buys", {"value": "1"}, limit_names()), ("tellings/criticals", {"to": "off"}, tuple(EventGroup))],
)
async def test_a_name_that_there_is_not_is_answered_with_those_there_are(
    site: Site, path: str, body: dict[str, object], there_are: Sequence[str]
) -> None:
    """Who misspells a limit would look for the mistake in the address, or in his token."""
    admin = await bearer(site, Scope.ADMIN)
    status, told = await site.ask(f"{API}/{path}", "PUT", headers=admin, json=body)
    assert (status, told["status"]) == (404, 404)
    assert told["detail"].endswith(f"There are: {', '.join(there_are)}.")


async def test_what_sells_names_its_key(site: Site) -> None:
    """A program that repeats a request in good faith would sell twice."""
    headers = await bearer(site, Scope.TRADE)
    for endpoint in WRITES:
        if endpoint.needs_key:
            path = plain_path(endpoint).replace("{ticker}", "AAPL")
            body = {"ticker": "AAPL"} if path.endswith("/buy") else {}
            status, told = await site.ask(path, "POST", headers=headers, json=body)
            assert (status, "Idempotency-Key" in told["detail"]) == (400, True)
    status, _ = await site.ask(f"{API}/positions/sell", "POST", headers=once(headers, "a" * 129), json={})
    assert status == 400


async def test_a_ticker_is_blocked_and_free_again(site: Site) -> None:
    """A block would not hold, or would hold for ever."""
    headers, path = await bearer(site, Scope.TRADE), f"{API}/blocks/BRK.B"
    assert await site.ask(path, "PUT", headers=headers) == (200, {"done": True})
    assert await site.ask(path, "PUT", headers=headers) == (200, {"done": False})
    assert (await site.ask(f"{API}/status", headers=headers))[1]["blocked"] == ["BRK B"]
    assert await site.ask(path, "DELETE", headers=headers) == (200, {"done": True})


async def test_what_the_chat_is_told_is_set(site: Site) -> None:
    """A program would silence another group than the one it names, or believe that it is told."""
    admin, path = await bearer(site, Scope.ADMIN), f"{API}/tellings/fills"
    told = await site.ask(path, "PUT", headers=admin, json={"to": "silent"})
    assert told == (200, {"group": "fills", "old": "on", "new": "silent"})
    groups = (await site.ask(f"{API}/tellings", headers=admin))[1]["groups"]
    assert {group for group, telling in groups.items() if telling != "on"} == {"fills"}
    assert (await site.ask(path, "PUT", headers=admin, json={"to": "loud"}))[0] == 422


async def test_waiting_alerts_are_dropped(site: Site) -> None:
    """Alerts would wait that the owner has dropped, or one would be dropped that he did not name."""
    dropped, kept = await site.bot.alert("BUY"), await site.bot.alert("BUY", "MSFT")
    headers = await bearer(site, Scope.TRADE)
    told = await site.ask(f"{API}/queue/clear", "POST", headers=headers, json={"alert_ids": [dropped]})
    assert told == (200, {"cleared": 1})
    assert [(await site.bot.row(one)).status for one in (dropped, kept)] == [AlertStatus.CLEARED, AlertStatus.RECEIVED]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"strategy": NaN}', "application/json", 400),
        (b'{"strategy": "main", "strategy": "main"}', "application/json", 400),
        (b'{"nope": 1}', "application/json", 422),
        (b"strategy=main", "application/x-www-form-urlencoded", 415),
        (b"[" * 9000, "application/json", 400),
    ],
)
async def test_a_body_that_cannot_be_meant_does_nothing(site: Site, body: bytes, kind: str, status: int) -> None:
    """Something else would be done than what was asked."""
    headers = {**await bearer(site, Scope.TRADE), "Content-Type": kind}
    assert (await site.ask(f"{API}/pause", "POST", headers=headers, data=body))[0] == status
    assert site.bot.switch.state is TradingState.RUNNING


async def test_what_was_done_before_a_crash_is_not_done_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer was lost with the process: who asks again would change back what was changed since."""
    admin, path = await bearer(site, Scope.ADMIN), f"{API}/limits/max_daily_buys"

    async def put(value: str, key: str) -> int:
        return (await site.ask(path, "PUT", headers=once(admin, key), json={"value": value}))[0]

    async def lost(*_: object) -> None:
        raise LedgerUnavailable

    with monkeypatch.context() as crash:
        crash.setattr(api_requests, "answer", lost)
        assert await put("7", "k1") == 200
    assert await put("9", "k2") == 200
    assert await put("7", "k1") == 200
    assert (await site.bot.queries.limits_in_force()).max_daily_buys == 9
