"""Telegram's updates read one by one: one that cannot be read takes no other along.

Rules: a batch is whatever has come since the last poll, and anybody can write to the bot: what a stranger sends must never hide
the owner's /kill beside it. Of an update that aiogram cannot read, the part that the chat acts on is kept: who, where, when, the
text or the button. If that cannot be read either, only its number is left, so that Telegram does not send it again.
"""

import json
from collections.abc import Mapping
from typing import Any

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.methods import GetUpdates, Response, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import Update
from loguru import logger
from pydantic import ValidationError

_CHAT = ("id", "type")
_USER = ("id", "is_bot", "first_name")
_MESSAGE = ("message_id", "date", "text", "message_thread_id", "is_topic_message")
_BUTTON = ("id", "chat_instance", "data")


class Session(AiohttpSession):
    """aiogram's, which would refuse a whole batch for one update."""

    def check_response(
        self, bot: Bot, method: TelegramMethod[TelegramType], status_code: int, content: str
    ) -> Response[TelegramType]:
        if isinstance(method, GetUpdates):
            content = _readable(content)
        return super().check_response(bot, method, status_code, content)


def _readable(content: str) -> str:
    """The answer with each update in a form that can be read. What is no list of updates is left as it is."""
    try:
        answer = json.loads(content)
        updates = [one for one in answer["result"] if isinstance(one["update_id"], int)]
    except (ValueError, TypeError, KeyError):
        return content
    return json.dumps({**answer, "result": [_or_less(update) for update in updates]})


def _or_less(update: Mapping[str, Any]) -> Mapping[str, Any]:
    if _is_readable(update):
        return update
    less = _less(update)
    kept = _is_readable(less)
    logger.warning(
        "Telegram: update {} cannot be read: {}", update["update_id"], "its text counts" if kept else "it is left out"
    )
    return less if kept else {"update_id": update["update_id"]}


def _is_readable(update: Mapping[str, Any]) -> bool:
    try:
        Update.model_validate(update)
    except ValidationError:
        return False
    return True


def _less(update: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"update_id": update["update_id"]}
    for kind in ("message", "edited_message"):
        if kind in update:
            kept[kind] = _message(update[kind])
    if isinstance(query := update.get("callback_query"), dict):
        message = {"message": _message(query["message"])} if "message" in query else {}
        kept["callback_query"] = _only(query, _BUTTON) | {"from": _only(query.get("from"), _USER)} | message
    return kept


def _message(message: object) -> dict[str, Any]:
    whole = message if isinstance(message, dict) else {}
    return _only(whole, _MESSAGE) | {"chat": _only(whole.get("chat"), _CHAT), "from": _only(whole.get("from"), _USER)}


def _only(fields: object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: fields[name] for name in names if name in fields} if isinstance(fields, dict) else {}
