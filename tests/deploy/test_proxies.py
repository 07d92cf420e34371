"""The shipped configurations of nginx and Caddy, in front of the webhook: who gets through, and what is kept from the bot."""

import asyncio
import re
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path

import aiohttp
import pytest
import trustme

from tests.adapters.webhook.conftest import House, message
from tests.deploy.conftest import Start
from tests.deploy.proxies import NAME, SHIPPED, STRANGER, TRADINGVIEW, Nginx, TlsProxy, has_ipv6
from tests.servers import until
from tests.system.harness import SECRET, Daemon, running
from tradebot.webhook.routes import BODY_BYTES_MAX

FORGED = {"X-Forwarded-For": TRADINGVIEW, "X-Real-IP": TRADINGVIEW, "Forwarded": f"for={TRADINGVIEW}"}
TRADINGVIEW_WAITS_S = 3.0


async def ask(
    proxy: TlsProxy,
    body: object,
    path: str = "/webhook",
    *,
    method: str = "POST",
    caller: str = TRADINGVIEW,
    **headers: str,
) -> tuple[int, str, bool]:
    """Status, text, and whether the bot itself has answered: it speaks JSON, the proxies do not."""
    async with (
        proxy.caller(caller) as session,
        session.request(method, path, data=body, headers=headers, server_hostname=NAME) as answer,
    ):
        return answer.status, await answer.text(), answer.content_type == "application/json"


async def in_pieces() -> AsyncIterator[bytes]:
    """Too much, without saying so before."""
    for _ in range(BODY_BYTES_MAX // 1000 + 10):
        yield b" " * 1000


async def test_an_alert_from_tradingview_gets_through_and_nobody_elses(house: House, proxy: TlsProxy) -> None:
    """Every alert would be refused, or anybody could call the bot, by a header that he writes himself."""
    status, text, _ = await ask(proxy, message())
    assert (status, '"queued"' in text) == (200, True), text
    strangers = [STRANGER, *["::1"] * has_ipv6()]
    for stranger in strangers:
        for headers in ({}, FORGED, {"X-Forwarded-For": f"{TRADINGVIEW}, {TRADINGVIEW}"}):
            status, text, _ = await ask(proxy, message(alert_id="stranger"), caller=stranger, **headers)
            assert (status, f"The address {stranger} is not allowed" in text) == (403, True), text
    status, text, _ = await ask(proxy, message(alert_id="claims"), **FORGED | {"X-Forwarded-For": STRANGER})
    assert status == 200, text
    assert len(await house.alerts()) == 2


async def test_nothing_but_alerts_reaches_the_bot(house: House, proxy: TlsProxy) -> None:
    """What the bot is worth and does would be open to everybody, and so would be whatever it answers one day."""
    for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS"):
        status, _, bots = await ask(proxy, None, method=method)
        assert (status, bots) == (405, False), method
    inside = (
        "/webhook/",
        "/webhook/ema/",
        "/webhook/ema/health",
        "/webhook/EMA",
        "/webhook/.env",
        "/webhook/../health",
    )
    for path in ("/health", "/metrics", "/", "/webhooks", "/.env", *inside):
        for method in ("GET", "POST"):
            status, _, bots = await ask(proxy, None, path, method=method)
            assert (status, bots) == (404, False), (method, path)
    assert await house.alerts() == []


async def test_a_strategys_own_address_gets_through(house: House, proxy: TlsProxy) -> None:
    """Every alert of a strategy would be answered 404, before the bot hears of it."""
    status, text, _ = await ask(proxy, message(), "/webhook/main")
    assert (status, '"queued"' in text) == (200, True), text
    status, text, _ = await ask(proxy, message(), "/webhook/my-ema_2?x=1")
    assert (status, "There is no strategy" in text) == (400, True), text


async def test_a_message_that_is_too_large_ends_at_the_proxy(house: House, proxy: TlsProxy) -> None:
    """Strangers would fill the bot's memory; or a message that the bot takes would be refused before it."""
    padding = BODY_BYTES_MAX - len(message(comment=""))
    status, text, bots = await ask(proxy, message(comment="x" * padding))
    assert (status, bots) == (200, True), text
    status, _, bots = await ask(proxy, message(comment="x" * (padding + 1)))
    # Caddy passes on while it reads: where the bot is the quicker one it refuses by the length that was announced.
    assert (status, bots and isinstance(proxy, Nginx)) == (413, False)

    status, _, bots = await ask(proxy, in_pieces())
    assert (status, bots) == (413, False)
    assert len(await house.alerts()) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /webhook HTTP/1.1\r\nHo",
        b"POST /webhook HTTP/1.1\r\nHost: bot.example.com\r\nContent-Length: 99\r\n\r\n{",
    ],
)
async def test_a_slow_caller_is_cut_off(house: House, proxy: TlsProxy, sent: bytes) -> None:
    """Connections that never finish their request would pile up."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", proxy.port, ssl=proxy.trust(), server_hostname=NAME, local_addr=(TRADINGVIEW, 0)
    )
    writer.write(sent)
    async with asyncio.timeout(60):
        answered = await reader.read(1000)
    writer.close()
    assert answered.split(b" ")[:2][-1] in (b"", b"400", b"408"), answered
    assert (await ask(proxy, message()))[0] == 200


async def test_only_tls_of_today_is_spoken(proxy: TlsProxy) -> None:
    """The secret would travel in the clear, or as good as."""
    for version, works in (
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ):
        tls = proxy.trust()
        with nullcontext() if works else pytest.warns(DeprecationWarning, match="TLSv1_1"):
            tls.minimum_version = tls.maximum_version = version
        tls.set_ciphers("ALL:@SECLEVEL=0")  # whatever this machine's own OpenSSL refuses
        async with proxy.caller(tls=tls) as session:
            with nullcontext() if works else pytest.raises(aiohttp.ClientConnectorError):
                async with session.post("/webhook", data=message(), server_hostname=NAME) as answer:
                    assert answer.status == 200
                    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
                    assert not re.search(r"\d", answer.headers.get("Server", ""))
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"http://127.0.0.1:{proxy.plain_port}/webhook", headers={"Host": NAME}, allow_redirects=False
        ) as answer,
    ):
        assert answer.status == 308
        assert re.fullmatch(rf"https://{NAME}(:\d+)?/webhook", answer.headers["Location"])


async def test_the_proxy_answers_before_tradingview_hangs_up(
    tmp_path: Path, proxy_kind: type[TlsProxy], start: Start
) -> None:
    """An alert would be lost while the bot hangs or restarts, for TradingView sends again only what was answered with 5xx; or it
    would be traded twice; or the secret in an address would stand in a log."""
    daemon = Daemon.at(tmp_path, webhook__allowed_ips=TRADINGVIEW, webhook__trusted_proxies="127.0.0.1,::1")
    async with running(daemon):
        await daemon.ready()
        proxy = await start(daemon.port)
        alert = message(secret=..., alert_id="a-1")
        path = f"/webhook?secret={SECRET}"
        assert daemon.running is not None
        daemon.running.send_signal(signal.SIGSTOP)
        assert (await ask(proxy, alert, path))[0] == 504
        daemon.running.send_signal(signal.SIGCONT)

        async def taken() -> bool:
            status, text, _ = await ask(proxy, alert, path)
            return (status, '"duplicate"' in text or '"queued"' in text) == (200, True)

        await until(taken, "the alert that is sent again is taken")
        assert (await ask(proxy, in_pieces(), path))[0] == 413
        await daemon.kill()
        later = message(secret=..., alert_id="a-2")
        assert (await ask(proxy, later, path))[0] == 502
        await daemon.start()
        await daemon.listening()
        status, text, _ = await ask(proxy, later, path)
        assert (status, '"queued"' in text) == (200, True), text
        books = await daemon.books()
        assert len(books.alerts) == 2
        assert SECRET not in proxy.logs()
        assert "502" in proxy.logs()


@pytest.mark.parametrize("file", ["nginx.conf", "Caddyfile"])
def test_the_time_for_an_answer_ends_before_tradingviews(file: str) -> None:
    """TradingView would hang up without an answer, and not send again."""
    text = (SHIPPED / file).read_text("utf-8")
    connect = re.findall(r"(?:proxy_connect_timeout|dial_timeout) (\d+)s", text)
    answer = re.findall(r"(?:proxy_read_timeout|response_header_timeout) (\d+)ms", text)
    assert len(connect) == len(answer) == 1
    assert max(int(connect[0]), int(answer[0]) / 1000) < TRADINGVIEW_WAITS_S


async def test_tradingviews_certificate_can_be_asked_for(house: House, start: Start, tmp_path: Path) -> None:
    """Who turns the option on would still let in callers without the certificate, or with anybody's, or not TradingView."""
    issuer, other = trustme.CA(), trustme.CA()
    proxy = await start(house.port, client_ca=issuer)

    def shows(ca: trustme.CA | None, name: str = "TradingView Webhooks") -> ssl.SSLContext:
        tls = proxy.trust()
        if ca is not None:
            certificate = ca.issue_cert(
                "webhook-server@tradingview.com", common_name=name, organization_name="TradingView, Inc."
            )
            certificate.configure_cert(tls)
        return tls

    async def status(tls: ssl.SSLContext) -> int:
        try:
            async with (
                proxy.caller(tls=tls) as session,
                session.post("/webhook", data=message(), server_hostname=NAME) as answer,
            ):
                return answer.status
        except aiohttp.ClientError:
            return 0  # refused within TLS

    assert await status(shows(issuer)) == 200
    assert await status(shows(None)) == 403
    assert await status(shows(issuer, "Not TradingView Webhooks")) == 403
    assert await status(shows(other)) in (0, 400, 403)
    assert len(await house.alerts()) == 1


async def test_a_renewed_certificate_is_shown_after_a_reload(house: House) -> None:
    """nginx would show the old certificate until it expires, and TradingView would be kept out from then on."""
    proxy = Nginx(house.port)
    try:
        await proxy.start()
        before = await shown(proxy)
        proxy.new_certificate()
        assert await shown(proxy) == before
        proxy.reload()

        async def renewed() -> bool:
            return await shown(proxy) != before

        await until(renewed, "the new certificate is shown")
        assert (await ask(proxy, message()))[0] == 200
    finally:
        proxy.close()


async def shown(proxy: TlsProxy) -> bytes:
    """The certificate that a caller gets to see."""
    _, writer = await asyncio.open_connection("127.0.0.1", proxy.port, ssl=proxy.trust(), server_hostname=NAME)
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return bytes(certificate)
