"""E-mail, by a mail server that takes messages from the owner: STARTTLS, TLS or neither, with a login or without.

Rules: the subject is the message's first line; each message stands in plain text and in simple HTML. What the server will never
take (5xx of a recipient or of a message) is a refusal; a login that is wrong is not: what waits is sent when it is right.
"""

import asyncio
import html
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib
from loguru import logger

from tradebot.domain.events import Event, Severity
from tradebot.domain.strategies import Strategies
from tradebot.notify.channel import CRITICALS_FIRST, NotDelivered
from tradebot.notify.folding import Folded, Paragraph, fold
from tradebot.notify.http import words_of
from tradebot.ports import Beat

LENGTH_MAX = 20_000
PACE_S = 15.0
TIMEOUT_S = 15.0
"""Of each answer; the whole has the outbox's."""
GOODBYE_S = 3.0
_COLOURS = {Severity.CRITICAL: "#b3261e", Severity.WARNING: "#8a5a00", Severity.INFO: "#1b5e20"}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where messages are handed in, and by whom. `tls`: "starttls", "tls" or "none"."""

    host: str
    port: int
    tls: str
    user: str | None
    password: str | None
    sender: str
    to: Sequence[str]

    def without_secret(self, text: str) -> str:
        return text.replace(self.password, "***") if self.password else text


class MailChannel:
    """See `tradebot.notify.channel.Channel`."""

    def __init__(self, name: str, server: MailServer, strategies: Strategies) -> None:
        self.name, self.lanes, self.pace_s, self.keeps_all = name, CRITICALS_FIRST, PACE_S, False
        self._server, self._strategies = server, strategies
        self._tls: ssl.SSLContext | None = None

    def fold(self, events: Sequence[Event], now: datetime) -> Folded:
        return fold(events, now, self._strategies, length_max=LENGTH_MAX)

    async def send(self, message: Folded, beat: Beat) -> None:
        try:
            async with self._connected() as client:
                not_taken, _ = await client.send_message(mail(message, self._server.sender, self._server.to))
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise self._not_delivered(error) from None
        if not_taken:  # the others have it
            logger.warning("{}: the mail server takes nothing for {}", self.name, ", ".join(not_taken))

    async def check(self) -> str:
        try:
            async with self._connected() as client:
                await client.noop()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise self._not_delivered(error) from None
        login = f", and takes {self._server.user}'s password" if self._server.user else ""
        return f"{self._server.host}:{self._server.port} answers{login}; no message was sent"

    async def close(self) -> None:
        pass

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """The library's own way out says goodbye even when it is cancelled, and waits for a server that hangs."""
        server = self._server
        if self._tls is None and server.tls != "none":
            self._tls = await asyncio.to_thread(ssl.create_default_context)  # reads all certificates there are
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            tls_context=self._tls,
            timeout=TIMEOUT_S,
        )
        try:
            await client.connect()
            yield client
            with suppress(aiosmtplib.SMTPException, OSError):  # it has taken the message
                await client.quit(timeout=GOODBYE_S)
        finally:
            client.close()

    def _not_delivered(self, error: Exception) -> NotDelivered:
        cause = error.__cause__ or error.__context__
        match error:
            case aiosmtplib.SMTPRecipientsRefused(recipients=[first, *_]):
                return self._answered(first)
            case aiosmtplib.SMTPResponseException():
                return self._answered(error)
            case aiosmtplib.SMTPTimeoutError():
                why = f"the mail server gives no answer within {TIMEOUT_S:g} s"
            case _ if isinstance(error, ssl.SSLError) or isinstance(cause, ssl.SSLError):
                why = "the mail server's certificate is not valid for its name, or it speaks no TLS there"
            case aiosmtplib.SMTPServerDisconnected():
                why = "the mail server broke the connection"
            case aiosmtplib.SMTPNotSupported():
                why = f"the mail server cannot do what is asked: {error}"
            case _:
                why = words_of(cause if isinstance(cause, OSError) else error, TIMEOUT_S)
        return NotDelivered(self._server.without_secret(why))

    def _answered(self, error: aiosmtplib.SMTPResponseException) -> NotDelivered:
        said = self._server.without_secret(" ".join(str(error.message).split()))[:120]
        login = isinstance(error, aiosmtplib.SMTPAuthenticationError)
        of_message = not login and error.code >= 500
        return NotDelivered(f"the mail server answers {error.code} {said}".rstrip(), is_refused=of_message)


def mail(message: Folded, sender: str, to: Sequence[str]) -> EmailMessage:
    """The message as it is handed in."""
    first, last = message.events[0], message.events[-1]
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, ", ".join(to), message.title
    made["Date"] = format_datetime(last.at.astimezone(UTC))
    made["Message-ID"] = f"<tradebot.{first.id}.{last.id}.{last.at:%Y%m%dT%H%M%S}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    if message.is_critical:
        made["Importance"], made["X-Priority"] = "high", "1"
    made.set_content("\n\n".join(paragraph.text for paragraph in message.paragraphs) + "\n")
    made.add_alternative(_html(message.paragraphs), subtype="html")
    return made


def _html(paragraphs: Sequence[Paragraph]) -> str:
    return "<html><body>\n" + "\n".join(map(_html_of, paragraphs)) + "\n</body></html>\n"


def _html_of(one: Paragraph) -> str:
    lines = "".join(f"<br>{html.escape(line)}" for line in one.lines)
    colour = _COLOURS.get(one.severity, "#000000")
    return f'<p style="font-family:sans-serif"><b style="color:{colour}">{html.escape(one.title)}</b>{lines}</p>'
