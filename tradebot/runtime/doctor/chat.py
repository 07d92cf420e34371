"""Telegram: the token and the chat, asked for at the Bot API itself. No message is sent, and no update taken from the daemon."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from tradebot.runtime.doctor.report import Section
from tradebot.runtime.doctor.surroundings import Asked, Machine

TITLE = "Telegram"
TOKEN, CHAT = "token", "chat"
OFF = ("chat",)
CHECKS = (TOKEN, CHAT)
TIMEOUT_S = 4.0
_OUTGOING = "is the network up, and may this machine reach it (firewall, DNS)?"


def is_off(asked: Asked) -> bool:
    return asked.settings.telegram.bot_token is None


async def look(section: Section, asked: Asked, machine: Machine) -> float | None:
    """By how much this machine's clock is ahead of Telegram's; None where that is not known."""
    if is_off(asked):
        beside = ", ".join(asked.settings.channel_sections)
        told = (
            f"told by {beside}, and nothing can be done from a phone" if beside else "in the log alone: nobody is told"
        )
        section.warn("chat", f"off: what happens is {told}", "[telegram] bot_token and chat_id, as in docs/telegram.md")
        return None
    timeout = aiohttp.ClientTimeout(total=asked.within(TIMEOUT_S))
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            me, date = await _ask(session, asked, "getMe")
            ahead_s = _ahead_s(date, machine.now())
            if not _token(section, me):
                return ahead_s
            chat, _ = await _ask(session, asked, "getChat", chat_id=asked.settings.telegram.chat_id)
            _chat(section, chat, asked)
            return ahead_s
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        check = CHAT if section.has(TOKEN) else TOKEN
        reason = "no answer in time" if isinstance(error, TimeoutError) else _without_address(error)
        section.fail(check, f"{asked.settings.telegram.api_url}: {reason}", _OUTGOING)
        return None


async def _ask(
    session: aiohttp.ClientSession, asked: Asked, method: str, **fields: object
) -> tuple[Mapping[str, object], str | None]:
    """The answer, and the server's date. The address has the token in it, and is never shown."""
    telegram = asked.settings.telegram
    assert telegram.bot_token is not None, "only asked with a token"
    url = f"{telegram.api_url}/bot{telegram.bot_token.get_secret_value()}/{method}"
    async with session.post(url, data={name: str(value) for name, value in fields.items()}) as answer:
        told = await answer.json(content_type=None)
        if not isinstance(told, dict):
            raise ValueError("the answer is not Telegram's")  # noqa: TRY004  as JSON that cannot be read
        return told, answer.headers.get("Date")


def _without_address(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.os_error.strerror or 'cannot be reached'}"
    return "the answer is not Telegram's" if isinstance(error, ValueError) else type(error).__name__


def _token(section: Section, me: Mapping[str, object]) -> bool:
    if me.get("ok"):
        bot = me.get("result")
        name = bot.get("username") if isinstance(bot, dict) else None
        section.ok(TOKEN, f"@{name}" if name else "taken")
        return True
    section.fail(
        TOKEN,
        f"Telegram refuses the token: {me.get('description')}",
        "ask @BotFather for the token (/token) and put it into telegram_bot_token",
    )
    return False


def _chat(section: Section, answer: Mapping[str, object], asked: Asked) -> None:
    chat_id = asked.settings.telegram.chat_id
    if not answer.get("ok"):
        section.fail(
            CHAT,
            f"the bot does not reach chat {chat_id}: {answer.get('description')}",
            "press Start in the chat with the bot (or add it to the group), and compare [telegram] chat_id",
        )
        return
    chat = answer.get("result")
    facts = chat if isinstance(chat, dict) else {}
    name = facts.get("title") or facts.get("username") or facts.get("first_name") or "no name"
    section.ok(CHAT, f"{chat_id}, {facts.get('type', 'chat')} with {name}; no message was sent")


def _ahead_s(date: str | None, now: datetime) -> float | None:
    try:
        told = parsedate_to_datetime(date or "").astimezone(UTC)
    except ValueError:
        return None
    ahead = (now - told).total_seconds()
    return 0.0 if 0 <= ahead < 1 else float(round(ahead))  # it is told in whole seconds
