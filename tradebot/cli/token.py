"""`tradebot token`: who may use the API. The token is shown once; the database keeps its id, scope and end."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from tradebot.cli import as_json, daemon_client, tables
from tradebot.cli.base import FAILED, Commands, cli, do
from tradebot.cli.settings import Config, settings_of
from tradebot.cli.trading import ACTOR
from tradebot.config import Settings, api_key
from tradebot.domain.api_access import ApiToken, Scope
from tradebot.operations import api_tokens as operations
from tradebot.queries.api_tokens import api_tokens
from tradebot.web.tokens import new_id, signed

token_cli = typer.Typer(
    cls=Commands,
    help="Make a token of the API, list or revoke them. Example: `tradebot token --scope read --days 30 --name grafana`",
    invoke_without_command=True,
)
cli.add_typer(token_cli, name="token")


def _scope(text: str) -> Scope:
    try:
        return Scope(text.lower())
    except ValueError:
        raise typer.BadParameter(f"{text} is no scope: write one of {', '.join(Scope)}") from None


@token_cli.callback()
def token(
    context: typer.Context,
    scope: Annotated[
        Scope, typer.Option(metavar="SCOPE", parser=_scope, help="read, trade or admin; each includes those before it.")
    ] = Scope.READ,
    days: Annotated[
        int, typer.Option(metavar="DAYS", min=1, max=operations.DAYS_MAX, help="How long it is good.")
    ] = 30,
    name: Annotated[str, typer.Option(metavar="NAME", help="Your word for whoever gets it.")] = "command line",
    config: Config = None,
) -> None:
    """Make a token of the API, list or revoke them. Example: `tradebot token --scope read --days 30 --name grafana`"""
    if context.invoked_subcommand is None:
        if not 1 <= len(name) <= 60 or not name.isprintable():
            raise typer.BadParameter("--name takes 1 to 60 characters that can be printed")
        do(_make(settings_of(config), scope, timedelta(days=days), name))


async def _make(settings: Settings, scope: Scope, lasts: timedelta, name: str) -> int:
    """The token alone goes to standard output: it may be put into a variable. Raises ConfigError, LedgerUnavailable."""
    async with daemon_client.open_database(settings) as ledger:
        key = api_key()
        made = await operations.make(ledger, new_id(), name, scope, actor=ACTOR, now=datetime.now(UTC), lasts=lasts)
    told = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
    told.print(
        f"Token {made.id} ({name}): scope {scope}, good until {made.expires_at:%Y-%m-%d %H:%M} UTC. It is shown once:"
    )
    typer.echo(signed(made, key))
    if not settings.web.on:
        told.print("The API is off: set password under [web] in the file, and restart.")
    return 0


@token_cli.command("list")
def token_list(
    document: as_json.Json = False,
    config: Config = None,
) -> None:
    """List the tokens that were made, with their ends. Example: `tradebot token list`"""
    do(_list(settings_of(config), document=document))


async def _list(settings: Settings, *, document: bool) -> int:
    """Raises LedgerUnavailable."""
    async with daemon_client.open_database(settings) as ledger:
        found = await api_tokens(ledger)
    now = datetime.now(UTC)
    if document:
        as_json.show({"tokens": [{**as_json.plain(one), "good": one.is_good(now)} for one in found]})
    elif not found:
        typer.echo("No token was made.")
    else:
        rows = [(one.id, one.label, str(one.scope), f"{one.made_at:%Y-%m-%d}", _state(one, now)) for one in found]
        tables.show(Console(markup=False, highlight=False), ("id", "name", "scope", "made", "state"), rows)
    return 0


def _state(token: ApiToken, now: datetime) -> str:
    if token.revoked_at is not None:
        return f"revoked {token.revoked_at:%Y-%m-%d}"
    return f"{'good until' if token.is_good(now) else 'expired'} {token.expires_at:%Y-%m-%d %H:%M} UTC"


@token_cli.command("revoke")
def token_revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As `tradebot token list` shows it.")],
    config: Config = None,
) -> None:
    """Revoke a token: from the next request on it opens nothing. Example: `tradebot token revoke 5f3a9c0d1e2b`"""
    settings = settings_of(config)

    async def revoke() -> ApiToken | None:
        async with daemon_client.open_database(settings) as ledger:
            return await operations.revoke(ledger, token_id, actor=ACTOR, now=datetime.now(UTC))

    gone = asyncio.run(revoke())
    if gone is None:
        typer.echo("There is no token of this id that was good. `tradebot token list` shows them.", err=True)
        raise typer.Exit(FAILED)
    typer.echo(f"Token {gone.id} ({gone.label}) is revoked: it opens nothing any more.")
