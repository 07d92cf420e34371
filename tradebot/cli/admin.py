"""`tradebot migrate`: the tables of the database."""

import asyncio
from typing import Annotated

import typer

from tradebot.cli import daemon_client
from tradebot.cli.base import Commands, cli
from tradebot.cli.settings import Config, settings_of
from tradebot.database import is_new, open_instance_lock
from tradebot.database import migrate as migrations
from tradebot.errors import MigrationError

migrate_cli = typer.Typer(cls=Commands, help="Make, undo or show the database's tables.", no_args_is_help=True)
cli.add_typer(migrate_cli, name="migrate")


@migrate_cli.command("up")
def migrate_up(config: Config = None) -> None:
    """Bring the tables up to this program's version. Example: `tradebot migrate up`"""
    url = settings_of(config).database.url.get_secret_value()
    if not is_new(url):
        asyncio.run(_no_daemon_runs(url))
    done = asyncio.run(migrations.up(url))
    typer.echo("\n".join(f"applied {name}" for name in done) or "nothing to do: the tables are up to date")


@migrate_cli.command("down")
def migrate_down(
    steps: Annotated[int, typer.Option(min=1, help="How many migrations to undo.")] = 1,
    yes: Annotated[bool, typer.Option("--yes", metavar="", help="Do not ask.")] = False,
    config: Config = None,
) -> None:
    """Undo the newest migrations. Undoing the first DELETES all data. Example: `tradebot migrate down --steps 1`"""
    url = daemon_client.database(settings_of(config))
    asyncio.run(_no_daemon_runs(url))
    losses = asyncio.run(migrations.losses(url, steps))
    for name, lost in losses.items():
        typer.echo(f"undoing {name}: {lost}")
    if losses and not yes:
        typer.confirm("This deletes the data that those tables hold. Go on?", abort=True)
    asyncio.run(_no_daemon_runs(url))  # nor one that was started while this was asked
    done = asyncio.run(migrations.down(url, steps))
    typer.echo("\n".join(f"undone {name}" for name in done) or "nothing to undo")


async def _no_daemon_runs(url: str) -> None:
    """Raises LockHeld."""
    try:
        async with open_instance_lock(url):
            pass
    except MigrationError:
        pass  # tables that do not fit: no daemon of this version runs on them


@migrate_cli.command("status")
def migrate_status(config: Config = None) -> None:
    """Show which migrations are applied. Example: `tradebot migrate status`"""
    for one in asyncio.run(migrations.status(daemon_client.database(settings_of(config)))):
        typer.echo(f"{one.name}  {f'applied {one.applied_at:%Y-%m-%d %H:%M} UTC' if one.applied_at else 'not applied'}")
