"""Each type of channel against a real server: what arrives there, and what becomes of a server that fails in its own way."""

import asyncio
import json
import re
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.facts import NOON, bought, every_kind
from tests.receivers import MailBox, Receiver, dies, hangs, mail_server, receiver, says, silent_server
from tradebot.domain.events import Event, EventKind, Facts, OtherFacts, Severity
from tradebot.domain.facts.alerts import AlertRejected
from tradebot.domain.strategies import Strategies
from tradebot.errors import ConfigError
from tradebot.notify import http, mail
from tradebot.notify.by_apprise import AppriseChannel
from tradebot.notify.channel import NotDelivered
from tradebot.notify.discord import DiscordChannel
from tradebot.notify.folding import TITLE_MAX
from tradebot.notify.http import Http
from tradebot.notify.mail import MailChannel, MailServer
from tradebot.notify.slack import SlackChannel
from tradebot.notify.webhook import WebhookChannel
from tradebot.runtime.clock import SystemClock

ONE = Strategies()
SECRET = "6f1d3c5ab4970e28"
TOKEN = "/services/T0123/B0123/abcdefghijklmnopqrstuvwx"


def no_beat() -> None:
    pass


def event(facts: Facts | OtherFacts, number: int = 7, at: datetime = NOON) -> Event:
    return Event(facts, at, alert_id=3, id=number)


FILL, UNKNOWN = event(bought("AAPL")), event(every_kind()[EventKind.ORDER_UNKNOWN], 8)
HOSTILE = event(AlertRejected("<!channel> @everyone *b* <b>&"), 9)


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    async with receiver() as opened:
        yield opened


async def sent(channel: Any, *events: Event) -> None:
    try:
        await channel.send(channel.fold(events, NOON), no_beat)
    finally:
        await channel.close()


async def failed(channel: Any, *events: Event) -> NotDelivered:
    with pytest.raises(NotDelivered) as error:
        await sent(channel, *(events or (FILL,)))
    assert TOKEN not in error.value.why
    assert "127.0.0.1" not in error.value.why
    return error.value


# --- Slack, Discord -------------------------------------------------------------------------------------------------


async def test_slack_gets_one_message_of_a_burst(there: Receiver) -> None:
    """Ten fills would be ten rings; or a stranger's alert would ring at everybody's."""
    await sent(SlackChannel("team", there.url + TOKEN, ONE), FILL, UNKNOWN, HOSTILE)
    [got] = there.got
    assert (got.method, got.path, got.headers["Content-Type"]) == ("POST", TOKEN, "application/json")
    text = json.loads(got.body)["text"]
    assert text.startswith("*")
    assert text.index("Bought 10 AAPL") < text.index("is UNKNOWN") < text.index("&lt;!channel&gt;")
    assert "<!channel>" not in text


async def test_discord_gets_no_more_than_it_takes(there: Receiver) -> None:
    """Discord refuses a text of 2,000 characters and one, and all behind it would wait for ever."""
    there.usual = says(204)
    channel = DiscordChannel("chat", there.url + TOKEN, ONE)
    await sent(channel, event(AlertRejected("*" * 5000), 9), FILL)
    await sent(channel, HOSTILE)
    long, hostile = (json.loads(got.body) for got in there.got)
    assert len(long["content"]) <= 2_000
    assert hostile["allowed_mentions"] == {"parse": []}
    assert "\\*b\\*" in hostile["content"]


@pytest.mark.parametrize(
    ("answer", "why", "retry_after_s", "is_refused"),
    [
        (says(429, "rate_limited", Retry_After="30"), "HTTP 429 (rate_limited)", 30, False),
        (says(404, "no_service"), "HTTP 404 (no_service)", None, True),
        (says(410, "channel_is_archived"), "HTTP 410 (channel_is_archived)", None, True),
        (says(500, "<html>a page</html>"), "HTTP 500", None, False),
        (says(302, "", Location="http://elsewhere/"), "HTTP 302", None, True),
        (dies(after_the_status=False), "the connection broke before an answer came", None, False),
        (hangs(), "no answer within 0.3 s", None, False),
    ],
    ids=["too many", "gone", "archived", "broken", "moved", "dies", "hangs"],
)
async def test_slack_in_trouble(
    there: Receiver, answer: Any, why: str, retry_after_s: float | None, is_refused: bool
) -> None:
    """What Slack will never take would be tried for ever, or what it takes later would be given up."""
    there.answers.append(answer)
    channel = SlackChannel("team", there.url + TOKEN, ONE)
    channel._http = Http(timeout_s=0.3 if "0.3" in why else 60)
    error = await failed(channel)
    assert (error.why, error.retry_after_s, error.is_refused) == (why, retry_after_s, is_refused)


async def test_discord_in_trouble(there: Receiver) -> None:
    """Discord counts who asks again too early; and tells in its own words what is wrong."""
    there.answers += [
        says(429, '{"message": "You are being rate limited.", "retry_after": 0.75, "global": false}'),
        says(404, '{"message": "Unknown Webhook", "code": 10015}'),
        says(400, "not JSON at all"),
    ]
    channel = DiscordChannel("chat", there.url + TOKEN, ONE)
    limited, gone, odd = [await failed(channel) for _ in range(3)]
    assert (limited.retry_after_s, limited.is_refused) == (0.75, False)
    assert (gone.why, gone.is_refused) == ("HTTP 404 (Unknown Webhook)", True)
    assert (odd.why, odd.is_refused) == ("HTTP 400", True)


async def test_an_answer_that_dies_in_the_middle_was_one(there: Receiver) -> None:
    """What was taken would be sent again and again."""
    there.answers.append(dies(after_the_status=True))
    await sent(SlackChannel("team", there.url + TOKEN, ONE), FILL)
    assert len(there.got) == 1


async def test_nobody_there_and_a_stranger_s_certificate() -> None:
    """The owner could not tell a wrong address from a broken network, or his messages would go to whoever answers."""
    assert (await failed(SlackChannel("team", f"http://127.0.0.1:1{TOKEN}", ONE))).why.startswith(
        "not reached: Connect"
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with receiver(context) as there:
        error = await failed(SlackChannel("team", there.url + TOKEN, ONE))
        assert error.why == "its certificate is not valid for this address"
        with pytest.raises(NotDelivered, match="certificate"):
            await http.connect(there.url + TOKEN)
        assert there.got == []


async def test_a_check_sends_nothing(there: Receiver) -> None:
    """The doctor would ring at everybody's, or call well what is not there."""
    assert "no message was sent" in await SlackChannel("team", there.url + TOKEN, ONE).check()
    assert there.got == []
    there.usual = says(200, '{"name": "alerts"}')
    discord = DiscordChannel("chat", there.url + TOKEN, ONE)
    assert await discord.check() == "webhook 'alerts'; no message was sent"
    assert [got.method for got in there.got] == ["GET"]
    await discord.close()
    with pytest.raises(NotDelivered, match="not reached"):
        await WebhookChannel("hook", "http://127.0.0.1:1/in", SECRET, ONE, SystemClock()).check()


# --- webhook --------------------------------------------------------------------------------------------------------


async def test_a_webhook_tells_programs_everything_signed(there: Receiver) -> None:
    """A receiver could not tell the bot's word from a stranger's, nor a message that comes twice from two."""
    channel = WebhookChannel("hook", f"{there.url}/in", SECRET, ONE, SystemClock())
    await sent(channel, FILL, UNKNOWN)
    await sent(channel, FILL)
    first, again = there.got
    document = json.loads(first.body)
    assert document["kind"] == "buy_filled"
    assert (document["severity"], document["id"], document["at"]) == ("INFO", 7, NOON.isoformat())
    assert "Bought 10 AAPL" in document["text"]
    assert document["facts"]["ticker"] == "AAPL"
    assert document["facts"]["filled_qty"] == "10"
    assert document["delivery"] == first.headers["X-Tradebot-Delivery"] == again.headers["X-Tradebot-Delivery"]
    assert again.body == first.body
    assert is_genuine(SECRET, first.headers, first.body)
    assert not is_genuine(SECRET, first.headers, first.body.replace(b"10", b"11"))
    assert not is_genuine(SECRET[::-1], first.headers, first.body)
    old = {**first.headers, "X-Tradebot-Timestamp": str(int(first.headers["X-Tradebot-Timestamp"]) - 600)}
    assert not is_genuine(SECRET, old, first.body)


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """As docs/channels.md tells receivers to check: its own lines."""
    page = (Path(__file__).parents[3] / "docs" / "channels.md").read_text("utf-8")
    [lines] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    found: dict[str, Any] = {}
    exec(lines, found)
    return bool(found["is_genuine"](secret, headers, body))


async def test_every_kind_has_its_document(there: Receiver) -> None:
    """One kind's facts would be no JSON, and everything behind it would wait."""
    channel = WebhookChannel("hook", f"{there.url}/in", SECRET, ONE, SystemClock())
    stranger = OtherFacts("of_tomorrow", Severity.WARNING, {"ticker": "AAPL", "code": "odd"})
    kinds: list[Facts | OtherFacts] = [*every_kind().values(), stranger]
    for number, facts in enumerate(kinds):
        call = channel.fold([event(facts, number)], NOON)
        document = json.loads(call.body)
        assert (document["kind"], document["id"]) == (facts.kind, number)
        assert document["text"]
    assert (document["code"], document["facts"]) == ("odd", {"ticker": "AAPL", "code": "odd"})


# --- mail -----------------------------------------------------------------------------------------------------------


def server_of(box: MailBox, tls: str = "none", password: str | None = None) -> MailServer:
    user = box.user if password else None
    return MailServer(
        "localhost", box.port, tls, user, password, "bot@example.com", ("me@example.com", "you@example.com")
    )


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A mail server's, of an authority that this machine trusts for now."""
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return context


@pytest.mark.parametrize("tls", ["starttls", "tls", "none"])
async def test_a_mail_arrives(certificate: ssl.SSLContext, tls: str) -> None:
    """The owner's mail server takes nothing from the bot, or a password travels for all to read."""
    box = MailBox() if tls == "none" else MailBox("me", SECRET)
    context = None if tls == "none" else certificate
    async with mail_server(box, tls=context, at_once=tls == "tls"):
        channel = MailChannel("email", server_of(box, tls, box.password), ONE)
        assert "no message was sent" in await channel.check()
        await sent(channel, UNKNOWN, HOSTILE)
    [got] = box.got
    assert box.recipients == [["me@example.com", "you@example.com"]]
    assert got["From"] == "bot@example.com"
    assert got["Subject"].endswith("(and 1 more)")
    assert "BUY 10 AAPL is UNKNOWN" in got["Subject"]
    assert got["Importance"] == "high"
    plain, html = (part.get_content() for part in got.iter_parts())
    assert "<!channel> @everyone *b* <b>&" in plain
    assert "&lt;!channel&gt; @everyone *b* &lt;b&gt;&amp;" in html


async def test_a_subject_is_the_first_line_and_one_line(there: Receiver) -> None:
    """A stranger's alert would write headers of its own into a mail, or a subject would fill the screen."""
    channel = MailChannel("email", server_of(MailBox()), ONE)
    evil = event(AlertRejected("x\r\nBcc: all@example.com\r\n" + "y" * 500))
    made = mail.mail(channel.fold([evil], NOON), "bot@example.com", ["me@example.com"])
    assert made["Bcc"] is None
    assert len(made["Subject"]) <= TITLE_MAX
    assert mail.mail(channel.fold([FILL], NOON), "a@b.de", ["c@d.de"])["Subject"].startswith("🟢 Bought 10 AAPL")


@pytest.mark.parametrize(
    ("refuses", "why", "is_refused"),
    [
        ({"RCPT": "550 no such user"}, "the mail server answers 550 no such user", True),
        ({"DATA": "554 looks like spam"}, "the mail server answers 554 looks like spam", True),
        ({"DATA": "451 try later"}, "the mail server answers 451 try later", False),
    ],
)
async def test_a_mail_server_that_refuses(refuses: dict[str, str], why: str, is_refused: bool) -> None:
    """What waits would be given up at the first hiccup, or tried for ever."""
    async with mail_server(MailBox(refuses=refuses)) as box:
        error = await failed(MailChannel("email", server_of(box), ONE))
    assert (error.why, error.is_refused) == (why, is_refused)


async def test_a_wrong_password_and_a_wrong_certificate(certificate: ssl.SSLContext, monkeypatch: Any) -> None:
    """The password would go to whoever answers; and what waits would be given up for a slip that is soon mended."""
    async with mail_server(MailBox("me", SECRET), tls=certificate) as box:
        error = await failed(MailChannel("email", server_of(box, "starttls", SECRET[::-1]), ONE))
        assert error.why.startswith("the mail server answers 535")
        assert not error.is_refused
        assert SECRET[::-1] not in error.why
        monkeypatch.delenv("SSL_CERT_FILE")
        untrusted = await failed(MailChannel("email", server_of(box, "starttls", SECRET), ONE))
        assert "certificate is not valid" in untrusted.why
        with pytest.raises(NotDelivered, match="certificate"):
            await MailChannel("email", server_of(box, "starttls", SECRET), ONE).check()
    assert box.got == []


async def test_a_mail_server_that_hangs_or_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would learn why no mail comes."""
    monkeypatch.setattr(mail, "TIMEOUT_S", 0.3)
    async with silent_server() as port:
        error = await failed(MailChannel("email", server_of(MailBox(port=port)), ONE))
    assert error.why == "the mail server gives no answer within 0.3 s"
    assert (await failed(MailChannel("email", server_of(MailBox(port=1)), ONE))).why.startswith("not reached")


async def test_the_end_waits_for_no_mail_server_that_hangs_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon would not end before the service manager kills it, and with it whoever else has last words."""
    monkeypatch.setattr(mail, "TIMEOUT_S", 3600.0)
    async with mail_server(MailBox(hangs=True)) as box:
        sending = asyncio.create_task(sent(MailChannel("email", server_of(box), ONE), FILL))
        async with box.came:
            await asyncio.wait_for(box.came.wait(), 60)
        sending.cancel()
        ended, _ = await asyncio.wait([sending], timeout=60)
    assert ended
    assert sending.cancelled()


# --- folding --------------------------------------------------------------------------------------------------------


async def test_what_is_alike_is_counted_and_what_is_late_has_its_time() -> None:
    """A burst of refusals would push the fills off the screen; or news of the night would read as if it were of now."""
    channel = SlackChannel("team", "http://127.0.0.1:1/", ONE)
    facts = every_kind()[EventKind.ALERT_BLOCKED]
    blocked = [event(facts, number) for number in range(100)]
    message = channel.fold([*blocked, FILL], NOON.replace(hour=NOON.hour + 1))
    assert [one.id for one in message.events] == [*range(100), 7]
    assert len(message.paragraphs) == 2
    assert "And 99 more like it" in message.paragraphs[0].text
    assert "New York" in message.paragraphs[1].text
    assert message.title.endswith("(and 1 more)")
    assert message.title.startswith("🚫 "), "what matters is seen at a glance"
    assert message.paragraphs[1].title.startswith("🟢 Bought")
    misread = [event(AlertRejected("It says nothing."), number) for number in range(9)]
    assert "And 8 more like it." in channel.fold(misread, NOON).paragraphs[0].text, "none of them has a ticker"


# --- apprise --------------------------------------------------------------------------------------------------------


async def test_apprise_carries_a_message_by_its_own_address(there: Receiver) -> None:
    """The hundred services that tradebot has no channel of its own for would not be reached."""
    channel = AppriseChannel("other", there.url.replace("http://", "json://") + f"{TOKEN}/", ONE)
    assert "apprise knows the address" in await channel.check()
    await sent(channel, UNKNOWN, FILL)
    [got] = there.got
    document = json.loads(got.body)
    assert got.path == f"{TOKEN}/"
    assert "BUY 10 AAPL is UNKNOWN" in document["title"]
    assert "Bought 10 AAPL" in document["message"]
    assert document["type"] == "failure", "it is critical"


async def test_apprise_that_is_refused_or_hangs_is_not_delivered(there: Receiver) -> None:
    """What was never taken would count as delivered; or its thread would hold up the loop."""
    there.usual = says(500)
    address = there.url.replace("http://", "json://") + f"{TOKEN}/"
    assert (await failed(AppriseChannel("other", address, ONE))).why.startswith("JSON did not take it")
    there.usual = hangs()
    channel = AppriseChannel("other", f"{address}?rto=0.2&cto=0.2", ONE)
    assert not (await failed(channel)).is_refused


async def test_apprise_that_hangs_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that hangs for a day would have a thread more with every try, until the daemon has no room for orders."""
    channel = AppriseChannel("other", "json://127.0.0.1/", ONE)
    begun, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    times: list[int] = []

    def notify(**_: object) -> bool:
        times.append(1)
        loop.call_soon_threadsafe(begun.set)
        return may_end.wait(30)

    monkeypatch.setattr(channel._plugin, "notify", notify)
    hanging = asyncio.create_task(sent(channel, FILL))
    await begun.wait()
    hanging.cancel()  # as its time-out does
    await asyncio.gather(hanging, return_exceptions=True)
    assert "has not ended" in (await failed(channel)).why
    may_end.set()
    assert len(times) == 1


def test_apprise_that_cannot_work_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner believes that he will be told; or the line holds what nobody may read."""
    with pytest.raises(ConfigError, match=r"channels\.other\.url: apprise does not know") as error:
        AppriseChannel("other", f"nothing://{TOKEN}", ONE)
    assert TOKEN not in str(error.value)
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError, match=r"pip install 'tradebot\[apprise\]'"):
        AppriseChannel("other", "json://127.0.0.1/", ONE)
