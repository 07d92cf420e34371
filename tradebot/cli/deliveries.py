"""`tradebot deliveries` and `tradebot channels`: what became of the messages, and whether a channel takes one."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from tradebot.cli import as_json, daemon_client, tables
from tradebot.cli.base import FAILED, Commands, cli, do
from tradebot.cli.settings import Config, settings_of
from tradebot.config import Settings
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.delivery import STATES
from tradebot.domain.events import Event, OtherFacts, Severity
from tradebot.errors import ConfigError
from tradebot.notify.channel import NotDelivered
from tradebot.queries.deliveries import ListedDelivery, newest_deliveries
from tradebot.runtime.channels import channels_of
from tradebot.runtime.clock import SystemClock
from tradebot.runtime.log import visible
from tradebot.words import figures, zone
from tradebot.words.told import told

TRY_WITHIN_S = 30.0
_NAMES: Mapping[str, str] = {"PENDING": "waiting", "DELIVERED": "delivered", "FAILED": "given up"}
_TYPED = {name.split()[0]: state for state, name in _NAMES.items()}
channels_cli = typer.Typer(cls=Commands, help="Try a configured channel.", no_args_is_help=True)
cli.add_typer(channels_cli, name="channels")


def _state(text: str) -> str:
    try:
        return _TYPED[text.lower()]
    except KeyError:
        raise typer.BadParameter(f"{text} is none: write one of {', '.join(_TYPED)}") from None


@cli.command()
def deliveries(
    number: Annotated[int, typer.Option("--number", "-n", metavar="N", min=1, max=100_000, help="How many.")] = 20,
    channel: Annotated[str | None, typer.Option(metavar="NAME", help="telegram, log, or as the file names it.")] = None,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", parser=_state, help="waiting, delivered, given.")
    ] = None,
    document: as_json.Json = False,
    config: Config = None,
) -> None:
    """List the newest deliveries, the newest last: event, channel, what became of it, attempts, and the last error.

    Examples: `tradebot deliveries` · `tradebot deliveries --channel team --state waiting`
    """
    settings = settings_of(config)
    do(_deliveries(settings, number, channel, STATES if state is None else (state,), document=document))


async def _deliveries(
    settings: Settings, number: int, channel: str | None, states: tuple[str, ...], *, document: bool
) -> int:
    """Raises LedgerUnavailable, MigrationError, ConfigError."""
    async with daemon_client.open_database(settings) as ledger:
        found = await newest_deliveries(ledger, number, channel=channel, states=states)
    if document:
        as_json.show({"deliveries": [_fields(one) for one in found]})
        return 0
    rows = [
        (
            str(one.event.id),
            figures.local(one.event.at),
            one.delivery.channel,
            _NAMES.get(one.delivery.state, one.delivery.state),
            str(one.delivery.attempts),
            visible(one.delivery.error or ""),
            visible(told(one.event).splitlines()[0]),
        )
        for one in found
    ]
    when = "happened" if zone.owners() is NEW_YORK else f"happened\n({zone.owners()})"
    headings = ("event", when, "channel", "state", "attempts", "last error", "what")
    out = Console(markup=False, highlight=False)
    if rows:
        tables.show(out, headings, rows, right=("event", "attempts"))
    else:
        out.print("There is no such delivery.")
    return 0


def _fields(one: ListedDelivery) -> Mapping[str, object]:
    return {**as_json.plain(one.delivery), "at": one.event.at, "kind": one.event.kind, "text": told(one.event)}


@channels_cli.command("test")
def try_channel(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As the configuration names it.")], config: Config = None
) -> None:
    """Send a test message by a configured channel, from here and at once. Example: `tradebot channels test team`"""
    settings = settings_of(config)
    if name not in settings.channel_sections:
        known = ", ".join(settings.channel_sections) or "there is none"
        raise ConfigError(f"no channel is called {name}; the configuration names: {known}")
    do(_try(settings, name))


async def _try(settings: Settings, name: str) -> int:
    """Raises ConfigError."""
    clock = SystemClock()
    [channel] = [one for one in channels_of(settings, clock) if one.name == name]
    text = f"Test message of tradebot: channel {name} works."
    event = Event(OtherFacts("channel_test", Severity.INFO), datetime.now(UTC), text=text)
    out = Console(markup=False, highlight=False, soft_wrap=True)
    try:
        async with asyncio.timeout(TRY_WITHIN_S):
            await channel.send(channel.fold([event], clock.now()), lambda: None)
    except (NotDelivered, TimeoutError) as error:
        out.print(f"{name}: {error or f'no answer within {TRY_WITHIN_S:g} s'}")
        return FAILED
    finally:
        await channel.close()
    out.print(f"{name}: taken. Look whether it has arrived.")
    return 0
