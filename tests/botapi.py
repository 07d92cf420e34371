"""A Bot API server for the tests: long polling, buttons, photos, commands, Telegram's own refusals, and faults on demand.

Rules: as strict as Telegram where the bot could go wrong unnoticed: broken HTML, too long texts and button data are refused with
its own words; an update is gone once a higher offset asked for the next.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from aiohttp import web

from tradebot.ports import Clock
from tradebot.runtime.clock import SystemClock

TOKEN = "123456789:AAE-canary-telegram-token-0123456789ab"
OWNER = {"id": 4242, "is_bot": False, "first_name": "Ann", "last_name": "Owner <b>&"}
STRANGER = {"id": 666, "is_bot": False, "first_name": "Eve"}
CHAT = {"id": 4242, "type": "private", "first_name": "Ann"}
BOT = {"id": 123456789, "is_bot": True, "first_name": "tradebot", "username": "tradebot_test_bot"}
MESSAGES = ("sendMessage", "sendPhoto", "sendDocument", "editMessageText")
DEADLINE_S = 60.0
FIRST_LINE_MAX = 40
"""Characters that a lock screen shows."""


@dataclass
class Sent:
    """A request of the bot's that was taken."""

    method: str
    fields: dict[str, Any]
    files: dict[str, bytes]
    message_id: int
    at: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    @property
    def text(self) -> str:
        return _text(self.fields)

    @property
    def buttons(self) -> dict[str, str]:
        """Label → data."""
        rows = json.loads(self.fields.get("reply_markup", "{}")).get("inline_keyboard", [])
        return {button["text"]: button["callback_data"] for row in rows for button in row}


@dataclass
class Fault:
    method: str
    times: int
    status: int = 200
    body: str = ""
    release: asyncio.Event | None = None  # set: the request hangs until then, and is then answered as ever


class BotApi:
    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.faults: list[Fault] = []
        self.asked: list[str] = []  # every method, answered or not
        self.port = 0
        self.clock: Clock = SystemClock()
        self._updates: list[dict[str, Any]] = []
        self._next_update = 1000
        self._dates: dict[int, int] = {}
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def too_wide(self) -> list[str]:
        """First lines of messages that a lock screen would cut off."""
        first = [_shown(one.fields).partition("\n")[0] for one in self.sent if one.method in MESSAGES]
        return [line for line in first if len(line) > FIRST_LINE_MAX]

    # --- what the test does -----------------------------------------------------------------------------------------

    async def say(
        self, text: str, *, user: dict[str, Any] = OWNER, chat: dict[str, Any] = CHAT, age_s: int = 0,
        kind: str = "message", update_id: int | None = None,
    ) -> int:  # fmt: skip
        """Somebody writes; returns the update's id."""
        entities = (
            [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}] if text[:1] == "/" else []
        )
        number = self._next_update if update_id is None else update_id
        # Delivered again, it is the same message, of the same time.
        at = self._dates.setdefault(number, int(self.clock.now().timestamp()) - age_s)
        message = {"message_id": number + 50_000, "date": at, "chat": chat, "from": user, "text": text}
        return await self._update({kind: message | {"entities": entities}}, update_id)

    async def update(self, **content: Any) -> int:
        """An update as it is, readable or not."""
        return await self._update(content, None)

    async def press(
        self, message: Sent, label: str, *, user: dict[str, Any] = OWNER, chat: dict[str, Any] = CHAT, data: str = ""
    ) -> int:
        """Somebody presses a button of this message."""
        shown = {"message_id": message.message_id, "date": 1, "chat": chat, "from": BOT, "text": message.text or "…"}
        query = {"id": str(self._next_update), "from": user, "message": shown, "chat_instance": "1"}
        return await self._update({"callback_query": query | {"data": data or message.buttons[label]}}, None)

    async def heard(self, fits: str | Callable[[Sent], bool], after: int = 0, deadline_s: float = DEADLINE_S) -> Sent:
        """The first message, from number `after` on, that fits, or contains this text."""

        def found() -> Sent | None:
            test = fits if callable(fits) else lambda sent: fits in sent.text
            return next((sent for sent in self.sent[after:] if test(sent)), None)

        try:
            async with asyncio.timeout(deadline_s), self._changed:
                await self._changed.wait_for(found)
        except TimeoutError:
            told = "\n---\n".join(f"{one.method}: {one.text}" for one in self.sent[after:])
            raise AssertionError(f"never heard {fits!r}; heard:\n{told}") from None
        answer = found()
        assert answer is not None
        return answer

    async def ask(
        self, text: str, fits: str | Callable[[Sent], bool] = "", deadline_s: float = DEADLINE_S, **more: Any
    ) -> Sent:
        """Says it and returns the answer that fits."""
        mark = len(self.sent)
        await self.say(text, **more)
        return await self.heard(fits or (lambda sent: sent.method == "sendMessage"), mark, deadline_s)

    async def pressed(self, message: Sent, label: str, fits: str | Callable[[Sent], bool] = "", **more: Any) -> Sent:
        mark = len(self.sent)
        await self.press(message, label, **more)
        return await self.heard(fits or (lambda sent: sent.method in ("sendMessage", "editMessageText")), mark)

    def refuse(self, method: str, status: int, description: str, times: int = 1, **parameters: Any) -> None:
        """The next requests of this method ("" = any) are answered so."""
        answer = {"ok": False, "error_code": status, "description": description}
        body = json.dumps(answer | ({"parameters": parameters} if parameters else {}))
        self.faults.append(Fault(method, times, status, body))

    def garble(self, method: str, times: int = 1) -> None:
        self.faults.append(Fault(method, times, 200, "<html>" + "x" * 5000))

    def stall(self, method: str, times: int = 1) -> asyncio.Event:
        """The next requests hang until the returned event is set."""
        self.faults.append(Fault(method, times, release=asyncio.Event()))
        release = self.faults[-1].release
        assert release is not None
        return release

    async def until_taken(self, update_id: int) -> None:
        """Returns when the bot has asked for what comes after this update."""
        async with asyncio.timeout(DEADLINE_S), self._changed:
            await self._changed.wait_for(lambda: all(update["update_id"] > update_id for update in self._updates))

    async def until_asked(self, method: str, count: int) -> None:
        """Returns when this method has been asked for so often in all."""
        async with asyncio.timeout(DEADLINE_S), self._changed:
            await self._changed.wait_for(lambda: self.asked.count(method) >= count)

    async def up(self) -> None:
        app = web.Application(client_max_size=50 * 2**20)
        app.router.add_post("/bot{token}/{method}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def down(self) -> None:
        """Gone, with its connections; `up` brings it back on the same port."""
        assert self._runner is not None
        await self._runner.cleanup()

    # --- what the bot sees ------------------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        fields, files = await _form(request)
        async with self._changed:
            self.asked.append(method)
            self._changed.notify_all()
        if (faulty := await self._fault(method)) is not None:
            return faulty
        if (token := request.match_info["token"]) != TOKEN:
            of_its_form = len(token) == len(TOKEN)
            return _refusal(401, "Unauthorized") if of_its_form else _refusal(404, "Not Found")
        if method in ("getMe", "getChat"):
            return _done(BOT) if method == "getMe" else _chat(fields)
        if method == "getUpdates":
            return _done(await self._poll(int(fields.get("offset", 0)), int(fields.get("timeout", 0))))
        if method in MESSAGES and (wrong := _wrong(fields, photo=method in ("sendPhoto", "sendDocument"))):
            return _refusal(400, f"Bad Request: {wrong}")
        sent = Sent(method, fields, files, int(fields.get("message_id") or len(self.sent) + 1))
        async with self._changed:
            self.sent.append(sent)
            self._changed.notify_all()
        shown = {"message_id": sent.message_id, "date": 1, "chat": CHAT, "from": BOT, "text": "…"}
        return _done(shown if method in MESSAGES else True)

    async def _fault(self, method: str) -> web.Response | None:
        fault = next((one for one in self.faults if one.method in ("", method)), None)
        if fault is None:
            return None
        fault.times -= 1
        if not fault.times:
            self.faults.remove(fault)
        if fault.release is None:
            return web.Response(status=fault.status, text=fault.body, content_type="application/json")
        await fault.release.wait()
        return None

    async def _poll(self, offset: int, timeout_s: int) -> list[dict[str, Any]]:
        async with self._changed:
            self._updates = [update for update in self._updates if update["update_id"] >= offset]
            self._changed.notify_all()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait_for(lambda: bool(self._updates))
            except TimeoutError:
                return []
            return list(self._updates)

    async def _update(self, content: dict[str, Any], update_id: int | None) -> int:
        if update_id is None:
            update_id = self._next_update
            self._next_update += 1
        async with self._changed:
            self._updates.append({"update_id": update_id, **content})
            self._changed.notify_all()
        return update_id


async def _form(request: web.Request) -> tuple[dict[str, Any], dict[str, bytes]]:
    fields, files = {}, {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files[name] = value.file.read()
        else:
            fields[name] = value
    return fields, files


def _chat(fields: dict[str, Any]) -> web.Response:
    if fields.get("chat_id") == str(CHAT["id"]):
        return _done(CHAT)
    return _refusal(400, "Bad Request: chat not found")


def _wrong(fields: dict[str, Any], *, photo: bool) -> str | None:
    """What Telegram would refuse of a message, in its words."""
    if fields.get("chat_id") != str(CHAT["id"]):
        return "chat not found"
    parser = _parsed(fields)
    if parser is not None and (parser.open or parser.wrong):
        return f"can't parse entities: {parser.wrong or parser.open}"
    shown = _shown(fields)
    if (not shown.strip() and not photo) or len(shown) > (1024 if photo else 4096):
        return "message text is empty, or too long"
    for row in json.loads(fields.get("reply_markup", "{}")).get("inline_keyboard", []):
        if any(not 1 <= len(button["callback_data"].encode()) <= 64 for button in row):
            return "BUTTON_DATA_INVALID"
    return None


def _parsed(fields: dict[str, Any]) -> "_Html | None":
    """None of plain words."""
    if fields.get("parse_mode") != "HTML":
        return None
    parser = _Html()
    parser.feed(_text(fields))
    parser.close()
    return parser


def _shown(fields: dict[str, Any]) -> str:
    """What a person sees of it."""
    parser = _parsed(fields)
    return _text(fields) if parser is None else parser.shown


def _text(fields: dict[str, Any]) -> str:
    return str(fields.get("text") or fields.get("caption") or "")


class _Html(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.wrong = ""
        self.shown = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("b", "i", "code", "pre") or attrs:
            self.wrong = f"unsupported start tag {tag!r}"
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong = f"unmatched end tag {tag!r}"

    def handle_data(self, data: str) -> None:
        self.shown += data


def _done(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _refusal(status: int, description: str) -> web.Response:
    return web.json_response({"ok": False, "error_code": status, "description": description}, status=status)


@asynccontextmanager
async def bot_api() -> AsyncIterator[BotApi]:
    """Whatever the test is about, no message that it has brought about may have a first line that is cut off."""
    api = BotApi()
    await api.up()
    try:
        yield api
        assert not api.too_wide, api.too_wide
    finally:
        for fault in api.faults:
            if fault.release is not None:
                fault.release.set()
        await api.down()
