"""`tradebot lint-alert`: what the bot makes of an alert's message, without a daemon and without sending anything."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tradebot.cli import as_json, daemon_client
from tradebot.cli.alert import price_of
from tradebot.cli.base import FAILED, cli, do
from tradebot.cli.settings import Config, settings_of
from tradebot.cli.template import chosen
from tradebot.config import Settings
from tradebot.domain.alert_report import AlertReport
from tradebot.domain.instructions import stored
from tradebot.domain.payload.lint import Linted, lint
from tradebot.domain.payload.notes import NoteCode
from tradebot.domain.payload.samples import Occasion, fill
from tradebot.domain.strategies import Strategy
from tradebot.errors import ConfigError, LedgerUnavailable, MigrationError
from tradebot.trading.rehearsal import Setup, by_the_books
from tradebot.words import alert_report as words
from tradebot.words import instructions

BYTES_MAX = 16 * 1024
"""A larger message the webhook does not take."""
_OCCASIONS = {
    Occasion.CONDITION: "The alert",
    Occasion.ENTRY: "As the alert of an order that opens",
    Occasion.EXIT: "As the alert of an order that closes",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One message with what would become of it."""

    linted: Linted
    report: AlertReport | None

    @property
    def accepted(self) -> bool:
        noted = any(note.refuses for note in self.linted.notes)
        return not noted and self.report is not None and self.report.not_honoured is None and not self.linted.refused


@cli.command("lint-alert")
def lint_alert(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The alert's message; - reads standard input.")],
    strategy: Annotated[
        str | None, typer.Option(metavar="NAME", help="As if sent to /webhook/NAME; default: to /webhook.")
    ] = None,
    price: Annotated[
        str | None, typer.Option(metavar="USD", help="What to compute with in place of the alert's own price.")
    ] = None,
    document: Annotated[bool, typer.Option("--json", metavar="", help="One JSON document instead of a page.")] = False,
    config: Config = None,
) -> None:
    """Say how an alert's message is read, field by field, what would be done, and what would be refused.

    TradingView's placeholders are filled in by example. Nothing is sent, and nothing stored.

    Examples: `tradebot lint-alert message.json` · `tradebot lint-alert - --strategy ema < message.json`

    Exit code 0 when the alert would be accepted, 1 when it would be refused, 2 for wrong usage or configuration.
    """
    settings = settings_of(config)
    if strategy is not None:
        chosen(settings, strategy)
    do(_lint(settings, _read(file), strategy, price_of(price), document=document))


def _read(file: str) -> str:
    try:
        raw = b"".join(sys.stdin.buffer) if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    if len(raw) > BYTES_MAX:
        raise ConfigError(
            f"{file} is larger than {BYTES_MAX // 1024} KiB: no alert is, and the webhook takes none that is"
        )
    return raw.decode("utf-8-sig", "replace")


async def _lint(settings: Settings, text: str, path: str | None, price: Decimal | None, *, document: bool) -> int:
    verdicts, books = [], ""
    for filled in fill(text):
        linted = lint(filled, settings.strategies(), path, lambda whose: _accepted(settings, whose))
        report = None
        if linted.instruction is not None and linted.strategy is not None:
            report, books = await _report(settings, linted, linted.strategy, price)
        verdicts.append(Verdict(linted, report))
    accepted = all(verdict.accepted for verdict in verdicts)
    secrets = _secrets(settings)
    if document:
        as_json.show(_redacted({"accepted": accepted, "messages": [_document(one) for one in verdicts]}, secrets))  # type: ignore[arg-type]
    else:
        _page(verdicts, books, secrets, path, several=len(settings.strategies().names) > 1)
    return 0 if accepted else FAILED


async def _report(
    settings: Settings, linted: Linted, strategy: Strategy, price: Decimal | None
) -> tuple[AlertReport, str]:
    """With where its figures are from."""
    assert linted.instruction is not None, "only what is understood is judged"
    instruction = linted.instruction
    if linted.filled.samples:  # an example's time would be overtaken by every exit since
        instruction = replace(instruction, alert_time=None)
    trading = settings.trading
    setup = Setup(trading.defaults.limits(), trading.fixed_limits(), trading.open_hours(), trading.fractional)
    now = datetime.now(UTC)
    try:
        async with daemon_client.open_database(settings) as ledger:
            found = await by_the_books(ledger, instruction, strategy, setup, now, price=price)
    except (LedgerUnavailable, MigrationError) as error:
        found = await by_the_books(None, instruction, strategy, setup, now, price=price)
        return found, f"The limits are the configuration's, and what is held is not known: {error}."
    return found, "Limits and positions are those of the database."


# --- the secret -----------------------------------------------------------------------------------------------------


def _accepted(settings: Settings, strategy: Strategy) -> tuple[str, ...]:
    """None where neither the configuration nor a daemon has made one."""
    try:
        secret = daemon_client.secret(settings, strategy.name)
    except ConfigError:
        return ()
    return settings.accepted_secrets(secret)[strategy.name]


def _secrets(settings: Settings) -> list[str]:
    """Whatever must not be shown, wherever it stands; the longer first, for one may begin with the other."""
    accepted = [word for strategy in settings.strategies() for word in _accepted(settings, strategy)]
    return sorted({*settings.secrets(), *accepted}, key=len, reverse=True)


def _redacted(value: object, secrets: list[str]) -> object:
    match value:
        case str():
            for secret in secrets:
                value = value.replace(secret, "***")
            return value
        case Mapping():
            return {name: _redacted(each, secrets) for name, each in value.items()}
        case list() | tuple():
            return [_redacted(each, secrets) for each in value]
    return value


# --- what is shown --------------------------------------------------------------------------------------------------


def _document(one: Verdict) -> Mapping[str, object]:
    linted, report = one.linted, one.report
    fields = [
        {"field": f, "written": written, "means": means, "read_as": read_as}
        for f, written, means, read_as in map(words.reading, linted.readings)
    ]
    return {
        "occasion": linted.filled.occasion,
        "accepted": one.accepted,
        "samples": linted.filled.samples,
        "dialect": linted.dialect.name if linted.dialect else None,
        "decided_by": linted.decided_by,
        "strategy": linted.strategy.name if linted.strategy else None,
        "instruction": stored(linted.instruction) if linted.instruction else None,
        "fields": fields,
        "refused": list(_refused(one)),
        "report": words.lines(report, name_strategy=True) if report else [],
        "notes": [{"code": note.code, "text": words.note(note), "refuses": note.refuses} for note in linted.notes],
    }


def _refused(one: Verdict) -> Iterator[str]:
    """Why it would not be taken, reason by reason."""
    yield from one.linted.refused
    if one.report is not None and one.report.not_honoured is not None:
        yield one.report.not_honoured
    yield from (words.note(note) for note in one.linted.notes if note.refuses)


def _headline(one: Verdict) -> str:
    """What the webhook would do first: without the secret it looks at nothing else."""
    if any(note.code is NoteCode.UNSIGNED for note in one.linted.notes):
        return "REFUSED (401), the secret is missing"
    return "accepted" if one.accepted else "REFUSED"


def _fields(linted: Linted) -> Iterator[str]:
    """A line each, however long: it may be what one looks for."""
    rows = [words.reading(each) for each in linted.readings]
    name, written = (max((len(row[n]) for row in rows), default=0) for n in (0, 1))
    for row in rows:
        read_as = f"{row[3]}. " if row[3] else ""
        yield f"  {row[0]:<{name}}  {row[1]:<{written}}  {read_as}{row[2]}".rstrip()


def _chosen_by(linted: Linted, path: str | None) -> str:
    """How the strategy was found."""
    if path is not None:
        return f"by the address /webhook/{path}"
    named = linted.instruction is not None and linted.instruction.strategy is not None
    return "by the message" if named else "for neither address nor message name one"


def _page(verdicts: list[Verdict], books: str, secrets: list[str], path: str | None, *, several: bool) -> None:
    out = Console(markup=False, highlight=False, soft_wrap=True)

    def say(text: str = "", style: str = "") -> None:
        out.print(str(_redacted(text, secrets)), style=style)

    def say_notes(of: Linted, *, refusing: bool) -> None:
        for note in of.notes:
            if note.refuses is refusing:
                say(words.note(note), "bold" if refusing else "")

    for one in verdicts:
        linted = one.linted
        if one is not verdicts[0]:
            say()
        say(f"{_OCCASIONS[linted.filled.occasion]}: {_headline(one)}", "bold")
        for placeholder, sample in linted.filled.samples.items():
            if one is verdicts[0] or verdicts[0].linted.filled.samples[placeholder] != sample:
                say(f"  {placeholder} becomes for instance {sample or 'nothing'}")
        if linted.dialect is not None:
            if several and linted.strategy is not None:
                say(f"Strategy: {linted.strategy.name}, {_chosen_by(linted, path)}")
            why = f", by {', '.join(linted.decided_by)}" if linted.decided_by else ""
            say(f"Read as {instructions.dialect(linted.dialect.name)} ({linted.dialect.title}){why}")
        for line in _fields(linted):
            say(line)
        for reason in linted.refused:
            say(f"It would be refused: {reason}")
        say_notes(linted, refusing=True)
        if one.report is not None:
            for line in words.lines(one.report, name_strategy=False):
                say(line)
        say_notes(linted, refusing=False)
    if books:
        say()
        say(books, "dim")
