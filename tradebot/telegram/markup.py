"""HTML for Telegram: everything from outside is escaped, and a message never grows longer than Telegram takes."""

import html
import re
from collections.abc import Iterable, Sequence

from tradebot.words.in_chat import in_chat
from tradebot.words.said import WIDTH

LENGTH_MAX = 4000
"""Telegram takes 4,096 characters after its entities are parsed; counted with them, this is on the safe side."""
Buttons = Sequence[Sequence[tuple[str, str]]]
"""Rows of (label, callback data of at most 64 bytes)."""
_CODE = re.compile(r"`([^`\n]+)`")


def esc(value: object) -> str:
    return html.escape(str(value), quote=False)


def bold(value: object) -> str:
    return f"<b>{esc(value)}</b>"


def italic(value: object) -> str:
    return f"<i>{esc(value)}</i>"


def prose(text: str, length_max: int = 1500) -> str:
    """A sentence from the services, as the chat says it: escaped, its `code` shown as such, cut where somebody sent a novel."""
    text = in_chat(text)
    if len(text) > length_max:
        text = text[: length_max - 1] + "…"
    return _CODE.sub(r"<code>\1</code>", esc(text))


def headed(text: str, otherwise: str) -> str:
    """Sentences under a first line that a lock screen shows whole: the first of them where it is short, else `otherwise`."""
    first, *rest = re.split(r"(?<=[.?!]) ", text, maxsplit=1)
    if len(first) <= WIDTH:
        return lines(bold(first), *map(prose, rest))
    return lines(bold(otherwise), prose(text.removeprefix(otherwise.partition(" ")[0]).lstrip()))


def did_not_work(why: str) -> str:
    """Of what was asked for and could not be done."""
    return lines(bold("⚠️ That did not work"), prose(why))


def lines(*parts: str | None) -> str:
    """One line each; None is left out, "" is an empty line."""
    return "\n".join(part for part in parts if part is not None)


def fit(text: str) -> str:
    """Cut at a line's end: tags are opened and closed within a line, a table's excepted."""
    if len(text) <= LENGTH_MAX:
        return text
    kept = text[: LENGTH_MAX - 10].rpartition("\n")[0]
    open_ = "</pre>" if kept.count("<pre>") > kept.count("</pre>") else ""
    return f"{kept}{open_}\n…"


def first(rows: Iterable[str], count: int, left: int) -> list[str]:
    """The first rows, and how many more there are."""
    shown = list(rows)[:count]
    return [*shown, f"… and {left} more"] if left > 0 else shown


def plain(text: str) -> str:
    """What a person sees of it."""
    return html.unescape(re.sub(r"<[^>]+>", "", text))
