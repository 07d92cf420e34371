"""What is worth saying of a message beside what it asks for: its secret, its names, its placeholders. Pure.

Rules: a note refuses where the webhook would refuse the alert for it. No value of a field that may hold a secret is in any note.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tradebot.domain.payload.fields import plain
from tradebot.domain.payload.message import BLANKS, SECRET_NAMES
from tradebot.domain.payload.samples import ALERT_MESSAGE, Filled
from tradebot.domain.payload.templates import STAND_IN


class NoteCode(StrEnum):
    """What is noted."""

    UNKNOWN_PLACEHOLDER = "unknown_placeholder"  # written, meant
    IN_THE_SCRIPT = "in_the_script"  # the message is what the script says
    AUTHENTIC = "authentic"  # field: it holds the secret
    STAND_IN = "stand_in"  # field: a word that stands for the secret
    UNSIGNED = "unsigned"  # there is no secret in it
    NOT_COMPARED = "not_compared"  # field: there is no secret here to compare it with
    NOT_AUTHENTIC = "not_authentic"  # field: another secret
    BROKEN_LINE = "broken_line"  # field: a line break stands in it
    MISNAMED = "misnamed"  # field, meant
    MISSPELT = "misspelt"  # field, meant
    PASSED_OVER = "passed_over"  # fields that are not known
    NOT_USED = "not_used"  # fields that are known and change nothing
    TEST = "test"  # judged and told, never sent


REFUSING = frozenset(
    {NoteCode.IN_THE_SCRIPT, NoteCode.UNSIGNED, NoteCode.NOT_AUTHENTIC, NoteCode.BROKEN_LINE, NoteCode.MISNAMED}
)
"""The webhook would not take the message as it stands. One that stands for the secret is not held against a template."""


@dataclass(frozen=True, slots=True)
class Note:
    """One of them, with its facts."""

    code: NoteCode
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def refuses(self) -> bool:
        return self.code in REFUSING


_OTHER_SECRET_WORDS = ("password", "webhook_secret", "pass", "api_key", "apikey")
_STAND_INS = re.compile(
    rf"\.\.\.|…|\*+|{STAND_IN}|(the|your)[ _-]?(webhook[ _-])?(secret|passphrase|token|key).*|<.*>", re.I
)
_BROKEN = re.compile(r'"(secret|passphrase|key|token)"\s*:\s*"[^"\\\r\n]*[\r\n]')


def of_text(filled: Filled) -> Iterator[Note]:
    """What the text alone tells, whether or not it can be read."""
    if filled.template.strip() == ALERT_MESSAGE:
        yield Note(NoteCode.IN_THE_SCRIPT)
    for written, meant in filled.unknown.items():
        yield Note(NoteCode.UNKNOWN_PLACEHOLDER, {"written": written, "meant": meant})
    if broken := _BROKEN.search(filled.text):
        yield Note(NoteCode.BROKEN_LINE, {"field": broken[1]})


def of_secret(fields: Mapping[str, object], accepted: Collection[str]) -> Note:
    """Whether the message carries one of the secrets that are accepted; none: there is none here to compare with."""
    there = [name for name in SECRET_NAMES if name in fields]
    if not there:
        other = next((name for name in fields if name.lower() in _OTHER_SECRET_WORDS), None)
        if other is None:
            return Note(NoteCode.UNSIGNED)
        return Note(NoteCode.MISNAMED, {"field": other, "meant": SECRET_NAMES[0]})
    words = [word for name in there if isinstance(word := fields[name], str)]
    if {word.strip(BLANKS) for word in words} & {word.strip(BLANKS) for word in accepted}:
        return Note(NoteCode.AUTHENTIC, {"field": there[0]})
    return Note(_not_opening(words[0] if words else "", compared=bool(accepted)), {"field": there[0]})


def _not_opening(word: str, *, compared: bool) -> NoteCode:
    if _STAND_INS.fullmatch(word.strip()):
        return NoteCode.STAND_IN
    if re.search(r"[\r\n]", word.strip()):
        return NoteCode.BROKEN_LINE
    return NoteCode.NOT_AUTHENTIC if compared else NoteCode.NOT_COMPARED


def of_names(written: Collection[str], known: Collection[str]) -> Iterator[Note]:
    """Of fields that nobody reads: which one was probably meant, by the names that the dialect knows."""
    by_plain = {plain(name): name for name in known}
    others: list[str] = []
    for name in written:
        leaf = plain(name.rpartition(".")[2])
        near = difflib.get_close_matches(leaf, by_plain, 1, cutoff=0.8)
        if near:
            yield Note(NoteCode.MISSPELT, {"field": name, "meant": by_plain[near[0]]})
        else:
            others.append(name)
    if others:
        yield Note(NoteCode.PASSED_OVER, {"fields": ", ".join(others)})
