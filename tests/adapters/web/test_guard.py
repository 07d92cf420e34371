"""What every request to the second listener passes, and every answer on its way out."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack

import pytest
from aiohttp import web

import tradebot.web.serving
from tests.adapters.web.conftest import PASSWORD, OpenSite, Site
from tradebot.errors import ConfigError
from tradebot.listener import take_port
from tradebot.web import guard
from tradebot.web.ground import Ground, WebOptions
from tradebot.web.guard import BODY_BYTES_MAX, streams
from tradebot.web.passwords import Password, hashed
from tradebot.web.serving import CONNECTIONS_MAX

ALIVE = "/api/v1/alive"


async def test_it_answers_and_the_answer_is_hardened(site: Site) -> None:
    """A page of ours could be framed, sniffed or made to load what others wrote."""
    async with site.client.get(site.url(ALIVE)) as answer:
        assert (answer.status, (await answer.json())["name"]) == (200, "tradebot")
        headers = answer.headers
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/webhook", "/webhook/ema", "/health"])
async def test_nothing_of_the_webhook_is_served(site: Site, path: str) -> None:
    """An alert could come in through a door that nobody guards for alerts."""
    for method in ("GET", "POST"):
        assert (await site.ask(path, method, json={}))[0] == 404


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:9", 200),
        ("[::1]:8001", 200),
        ("Bot.Example.com", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("192.0.2.1", 421),  # an address, and not the one at which the request came in
        ("localhost@evil.example", 421),
        ("evil.example/localhost", 421),
        ("[", 421),
        ("", 421),
    ],
)
async def test_only_our_own_names_are_answered(open_site: OpenSite, host: str, status: int) -> None:
    """A web page whose name is made to point at this machine could read the bot through the owner's browser."""
    site = await open_site(hosts=("bot.example.com",))
    assert (await site.ask(ALIVE, headers={"Host": host}))[0] == status


async def test_a_request_that_names_no_host_or_two_is_refused(site: Site) -> None:
    """The name could be looked at in one place and taken from another."""
    for lines in (b"", b"Host: localhost\r\nHost: evil.example\r\n"):
        answer = await site.raw(b"GET " + ALIVE.encode() + b" HTTP/1.1\r\nConnection: close\r\n" + lines + b"\r\n")
        assert answer.startswith((b"HTTP/1.1 421", b"HTTP/1.0 400"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_site_s_page_sends_nothing(site: Site, headers: dict[str, str]) -> None:
    """A page that the owner looks at beside the dashboard could act in his name."""
    assert (await site.ask(ALIVE, "POST", headers=headers))[0] == 403
    own = {"Origin": site.url(""), "Sec-Fetch-Site": "same-origin"}
    assert (await site.ask(ALIVE, "POST", headers=own))[0] == 405  # it may, and there is nothing to be done


async def test_a_body_is_small_and_comes_in_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client could fill the memory of a process that trades, or hold a connection for ever."""
    monkeypatch.setattr(guard, "BODY_DEADLINE_S", 0.05)
    assert (await site.ask(ALIVE, "POST", data=b"x" * (BODY_BYTES_MAX + 1)))[0] == 413

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES_MAX // 1024 + 2):
            yield b"x" * 1024

    assert (await site.ask(ALIVE, "POST", data=endless()))[0] == 413
    assert (await site.ask(ALIVE, "POST", data=b"x", headers={"Content-Encoding": "gzip"}))[0] == 415
    slow = b"POST /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 9\r\n\r\nx"
    assert (await site.raw(slow)).startswith(b"HTTP/1.1 408")


async def test_slow_bodies_keep_nobody_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody who reaches the port could keep the owner from his kill switch."""
    held, full, read = [], asyncio.Event(), guard._read

    async def counted(request: web.Request) -> None:
        held.append(request)
        if len(held) >= CONNECTIONS_MAX:
            full.set()
        await read(request)

    monkeypatch.setattr(guard, "_read", counted)
    async with AsyncExitStack() as stack, asyncio.timeout(60):
        for _ in range(CONNECTIONS_MAX):
            _, writer = await asyncio.open_connection("127.0.0.1", site.port)
            stack.callback(writer.close)
            writer.write(b"POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{")
        await full.wait()
        assert (await site.ask(ALIVE))[0] == 200


async def test_what_goes_wrong_is_a_problem_without_a_word_of_the_request(site: Site) -> None:
    """A token in the wrong place would be repeated in an answer or in the log, or a traceback would go out."""
    for method, path, status in (("GET", "/s3cr3t?s3cr3t", 404), ("POST", ALIVE, 405), ("TRACE", ALIVE, 405)):
        async with site.client.request(method, site.url(path), headers={"Authorization": "Bearer s3cr3t"}) as answer:
            assert answer.status == status
            assert answer.content_type == "application/problem+json"
            told = await answer.json(content_type=None)
        assert told.keys() >= {"type", "title", "status", "detail"}
        assert "s3cr3t" not in str(told).lower()
    assert "s3cr3t" not in "".join(site.logged).lower()
    assert "an unknown path" in "".join(site.logged)


# --- parts made for a test --------------------------------------------------------------------------------------------


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> dict[str, asyncio.Event]:
    """One with handlers that fail, hang and act."""
    seen = {"go on": asyncio.Event(), "done": asyncio.Event()}

    async def fails(_: web.Request) -> web.Response:
        raise RuntimeError("s3cr3t of ours")

    async def hangs(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def acts(_: web.Request) -> web.Response:
        await seen["go on"].wait()
        seen["done"].set()
        return web.Response()

    @streams
    async def flows(_: web.Request) -> web.Response:
        await seen["go on"].wait()
        return web.Response()

    def routes(app: web.Application, _: Ground) -> None:
        app.add_routes(
            [web.get("/fails", fails), web.get("/hangs", hangs), web.post("/acts", acts), web.get("/flows", flows)]
        )

    monkeypatch.setattr(tradebot.web.serving, "PARTS", (routes,))
    monkeypatch.setattr(guard, "ANSWER_DEADLINE_S", 0.02)
    return seen


async def test_a_mistake_of_ours_is_logged_and_not_shown(part: dict[str, asyncio.Event], open_site: OpenSite) -> None:
    """A stranger would read the insides of the bot, and its owner would not."""
    site = await open_site()
    status, told = await site.ask("/fails")
    assert (status, "s3cr3t" in str(told)) == (500, False)
    assert "s3cr3t of ours" in "".join(site.logged)


async def test_a_question_ends_in_time_and_an_act_is_done_to_its_end(
    part: dict[str, asyncio.Event], open_site: OpenSite
) -> None:
    """A sale would be given up half-way because a browser was impatient, or a question would hold its connection for ever."""
    site = await open_site()
    status, told = await site.ask("/hangs")
    assert (status, "Ask for less" in told["detail"]) == (503, True)
    assert (await site.ask("/acts", "POST"))[0] == 504
    flowing = asyncio.create_task(site.ask("/flows"))
    assert not part["done"].is_set()
    part["go on"].set()
    async with asyncio.timeout(30):
        await part["done"].wait()
        assert (await flowing)[0] == 200


# --- port and password ------------------------------------------------------------------------------------------------


def test_a_port_that_another_has_is_said_with_its_section() -> None:
    """The owner would look for the mistake at the webhook."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with ExitStack() as stack, pytest.raises(ConfigError, match=r"^\[web\] cannot listen on 127\.0\.0\.1:"):
            stack.enter_context(take_port("web", "127.0.0.1", other.getsockname()[1]))


async def test_the_password_is_known_plain_and_hashed() -> None:
    """The owner would be locked out, or anybody let in."""
    kept = hashed(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    for options in (WebOptions(password=PASSWORD), WebOptions(password_hash=kept)):
        password = Password(options)
        assert await password.matches(PASSWORD)
        assert not await password.matches(PASSWORD + " ")
        assert not await password.matches("\ud800")
        assert PASSWORD not in repr(options)
        assert kept not in repr(options)
