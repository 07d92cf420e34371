"""A message as it is read before anything is judged: what it says without its secrets, and whether one is right. Pure.

Rules:
- A "secret" in the message counts alone; fields of the other names may be something else, so beside them the address counts too.
  A message in plain words carries it in the address or in a line of its own, `secret=…`.
- Which secret opens depends on whose the alert is (`domain/addressee.py`). Where that cannot be told, any of them lets its sender
  hear which strategies there are, and has what cannot be read kept; who has none hears nothing of strategies.
- What is kept, logged and answered is made of the message without its secrets.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tradebot.domain.addressee import addressee, named_in
from tradebot.domain.payload.message import SECRET_NAMES, Message, signed
from tradebot.domain.strategies import Strategies
from tradebot.errors import PayloadError
from tradebot.webhook.access import Secrets, words_in

# What other bots call the secret, beside the names that are understood.
_OTHER_SECRETS = ("password", "webhook_secret", "pass")


@dataclass(frozen=True, slots=True)
class Read:
    """An alert's message as far as it could be read. No secret is left in it."""

    body: bytes
    content: Message | None
    unreadable: str | None  # why there is no content
    strategy: str | None  # that the address names
    authentic: bool
    secret_fields: Collection[str] = ()  # those that held the secret
    opens_another: bool = False  # not authentic, but its secret is another strategy's
    gave_secret: bool = False  # a right one or a wrong one
    only_in_url: bool = False  # not authentic: the address has the right secret, and the message a wrong one


def read(body: bytes, path: str | None, in_url: Sequence[str], *, secrets: Secrets, strategies: Strategies) -> Read:
    """`path`: the strategy that the address names; `in_url`: secrets in the query."""
    clean, strategy = secrets.cut(body), None if path is None else secrets.cut_text(path)
    try:
        given, words = signed(body)
        content, _ = signed(clean)
    except PayloadError as error:
        lock = None if strategy is None else _lock(strategies, strategy, Message({}))
        opens = [secrets.match(word, lock) for word in in_url] + [secrets.match_in(body, lock)]
        gave = any(map(_is_word, (*in_url, *words_in(body))))
        return Read(clean, None, secrets.cut_text(str(error)), strategy, authentic=any(opens), gave_secret=gave)
    fields, lock = given.fields or {}, _lock(strategies, strategy, content)
    names = ["secret"] if "secret" in fields else [name for name in SECRET_NAMES if name in fields]
    holding = [name for name in names if secrets.match(fields[name], lock)]
    beside = [secrets.match(word, lock) for word in (*words, *([] if "secret" in fields else in_url))]
    authentic = bool(holding) or any(beside)
    only_in_url = not authentic and any([secrets.match(word, lock) for word in in_url])  # noqa: C419 - each is compared
    tried = [*(fields[name] for name in names), *words, *in_url]
    opens_another = not authentic and any([secrets.match(word, None) for word in tried])  # noqa: C419 - each is compared
    gave = any(map(_is_word, tried))
    return Read(clean, content, None, strategy, authentic, holding, opens_another, gave, only_in_url)


def _is_word(given: object) -> bool:
    return isinstance(given, (str, bytes)) and bool(given.strip())


def no_secret(message: Read) -> str:
    """Why a message that can be read has no right secret; never quotes it."""
    if message.only_in_url:
        return (
            'The "secret" in the message is wrong, and counts before the one in the address, which is right. Correct it, or'
            " take it out of the message."
        )
    if message.opens_another:
        return (
            "The secret opens another strategy than the one that the alert is for. A strategy with a secret of its own"
            " ([strategies.NAME] secret) takes that alone; the others take what [webhook] of the configuration says."
        )
    fields = (message.content.fields if message.content else None) or {}
    other = next((name for name in _OTHER_SECRETS if name in fields and not fields.keys() & {*SECRET_NAMES}), None)
    if other is not None:
        return f'The secret is missing or wrong: the field "{other}" must be called "secret".'
    return (
        'The secret is missing or wrong. Write "secret": "…" into the alert\'s message, with what [webhook] of the'
        " configuration says, or the strategy's own section."
    )


def _lock(strategies: Strategies, path: str | None, content: Message) -> str | None:
    """The strategy whose secret opens; None, any, where it cannot be told whose the alert is."""
    try:
        return addressee(strategies, path, named_in(content)).name
    except PayloadError:
        return None
