"""Other people's servers: a receiver over HTTP and a mail server, which keep what came and fail as they are told to."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Got:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """`answers` come first, one a request, each as a status with headers and body; then 200 "ok", or 204 where that is usual."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answers: deque[Answer] = field(default_factory=deque)
    usual: Answer | None = None
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.got.append(Got(request.method, request.path_qs, dict(request.headers), await request.read()))
        async with self.came:
            self.came.notify_all()
        if self.answers:
            return await self.answers.popleft()(request)
        return await (self.usual or says(200, "ok"))(request)

    async def has(self, number: int) -> list[Got]:
        """Once so many have come."""
        async with self.came:
            await asyncio.wait_for(self.came.wait_for(lambda: len(self.got) >= number), 60)
        return self.got


def says(status: int, body: str = "", **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, headers={n.replace("_", "-"): v for n, v in headers.items()})

    return answer


def hangs() -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError("for ever")

    return answer


def dies(*, after_the_status: bool) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        if after_the_status:
            request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhal")
        request.transport.abort() if not after_the_status else request.transport.close()
        return web.Response()

    return answer


@asynccontextmanager
async def receiver(tls: ssl.SSLContext | None = None, usual: Answer | None = None) -> AsyncIterator[Receiver]:
    made = Receiver(usual=usual)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    made.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


# --- mail -----------------------------------------------------------------------------------------------------------


@dataclass
class MailBox:
    """What a mail server has taken, and how it fails: `refuses` by step (RCPT, DATA), with the whole answer."""

    user: str | None = None
    password: str | None = None
    port: int = 0
    got: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    """At DATA."""
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    # aiosmtpd calls these
    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "RCPT" in self.refuses:
            return self.refuses["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.hangs:
            async with self.came:
                self.came.notify_all()
            await asyncio.Event().wait()
        if "DATA" in self.refuses:
            return self.refuses["DATA"]
        assert isinstance(envelope.content, bytes)
        read: Any = message_from_bytes(envelope.content, policy=policy.default)
        self.got.append(read)
        self.recipients.append(list(envelope.rcpt_tos))
        async with self.came:
            self.came.notify_all()
        return "250 OK"

    def allowed(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        right = (
            isinstance(given, LoginPassword)
            and given.login.decode() == self.user
            and given.password.decode() == self.password
        )
        return AuthResult(success=right, handled=right)

    async def has(self, number: int) -> list[EmailMessage]:
        async with self.came:
            await asyncio.wait_for(self.came.wait_for(lambda: len(self.got) >= number), 60)
        return self.got


@asynccontextmanager
async def mail_server(
    box: MailBox, *, tls: ssl.SSLContext | None = None, at_once: bool = False
) -> AsyncIterator[MailBox]:
    """`at_once`: TLS from the first byte, else after STARTTLS."""
    login: dict[str, Any] = {"authenticator": box.allowed, "auth_required": not at_once} if box.user else {}

    def session() -> SMTP:
        return SMTP(
            box,
            hostname="localhost",
            tls_context=None if at_once else tls,
            require_starttls=tls is not None and not at_once,
            auth_require_tls=not at_once,
            loop=asyncio.get_running_loop(),
            **login,
        )

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=tls if at_once else None)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """Takes every connection and never says a word; its port."""
    writers: list[asyncio.StreamWriter] = []

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)  # open for as long as it is kept

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
