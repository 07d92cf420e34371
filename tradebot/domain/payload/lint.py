"""A message looked at from all sides, as `tradebot lint-alert` shows it: whose it is, in which dialect, field by field. Pure.

Rules: what is read is read by the same functions as an alert that has come; nothing of it is a second opinion. It goes on as far
as it can, so that a person learns of everything at once.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tradebot.domain.addressee import addressee
from tradebot.domain.instructions import Instruction
from tradebot.domain.payload import notes
from tradebot.domain.payload.dialect import Dialect
from tradebot.domain.payload.dialects import DIALECTS, dialect_of, understand
from tradebot.domain.payload.fields import plain
from tradebot.domain.payload.message import SECRET_NAMES, Message, named_strategy, signed
from tradebot.domain.payload.notes import Note, NoteCode
from tradebot.domain.payload.readings import Reading, Use, decided_by, known_names, leaves, readings
from tradebot.domain.payload.samples import Filled
from tradebot.domain.strategies import Strategies, Strategy
from tradebot.errors import PayloadError

T = TypeVar("T")
Accepted = Callable[[Strategy], Collection[str]]
"""The secrets that a strategy's alerts may carry; none where they are not known here."""


@dataclass(frozen=True, slots=True)
class Linted:
    """One message, as far as it can be read."""

    filled: Filled
    notes: tuple[Note, ...]
    refused: tuple[str, ...] = ()  # why it would not be taken, for people
    dialect: Dialect | None = None
    decided_by: tuple[str, ...] = ()  # the fields that make it this dialect
    strategy: Strategy | None = None
    instruction: Instruction | None = None
    readings: tuple[Reading, ...] = ()


def lint(filled: Filled, strategies: Strategies, path: str | None, accepted: Accepted) -> Linted:
    """`path`: the strategy that the address names."""
    said = list(notes.of_text(filled))
    if any(note.code is NoteCode.IN_THE_SCRIPT for note in said):
        return Linted(filled, tuple(said))
    try:
        message, words = signed(filled.text.encode("utf-8", "surrogatepass"))
    except PayloadError as error:
        return Linted(filled, tuple(said), (str(error),))
    refused: list[str] = []
    strategy = _try(lambda: addressee(strategies, path, named_strategy(message)), refused)
    dialect = _try(lambda: dialect_of(message), refused)
    instruction = None if dialect is None else _try(lambda: understand(message).instruction, refused)
    said.append(notes.of_secret(_secrets(message, words), accepted(strategy) if strategy is not None else ()))
    if dialect is None:
        said += _strange(message)
        return Linted(filled, tuple(said), tuple(refused), strategy=strategy)
    fields = readings(message, dialect, instruction.unused if instruction else ())
    said += _of_fields(dialect, fields)
    said += [Note(NoteCode.TEST)] if instruction is not None and instruction.test else []
    why = decided_by(message, dialect)
    return Linted(filled, tuple(said), tuple(refused), dialect, why, strategy, instruction, fields)


def _secrets(message: Message, words: Sequence[str]) -> Mapping[str, object]:
    """The fields; of plain words the line that stands beside them."""
    return message.fields or ({SECRET_NAMES[0]: words[0]} if words else {})


def _try(read: Callable[[], T], refused: list[str]) -> T | None:
    try:
        return read()
    except PayloadError as error:
        refused.append(str(error))
        return None


def _of_fields(dialect: Dialect, fields: tuple[Reading, ...]) -> Iterator[Note]:
    yield from notes.of_names([one.field for one in fields if one.use is Use.UNKNOWN], known_names(dialect))
    if unused := [one.field for one in fields if one.use is Use.NOT_USED]:
        yield Note(NoteCode.NOT_USED, {"fields": ", ".join(unused)})


def _strange(message: Message) -> Iterator[Note]:
    """Of a message in no dialect: what none of them knows is likely the mistake."""
    names = {name for dialect in DIALECTS.values() for name in known_names(dialect)}
    spelt = {plain(name) for name in names}
    written = [path for path, _ in leaves(message.fields or {}) if path not in SECRET_NAMES]
    strange = [path for path in written if plain(path.rpartition(".")[2]) not in spelt]
    yield from (note for note in notes.of_names(strange, names) if note.code is NoteCode.MISSPELT)
