"""`tradebot password`: what the configuration takes in place of the dashboard's password."""

import sys

import typer

from tradebot.cli.base import cli
from tradebot.config.secrets import weakness
from tradebot.web.passwords import hashed


@cli.command("password")
def password() -> None:
    """Make of the dashboard's password what web.password_hash takes. Example: `tradebot password`"""
    if sys.stdin.isatty():
        given = typer.prompt("Password of the dashboard", hide_input=True, confirmation_prompt=True, err=True)
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    if weak := weakness(given):
        raise typer.BadParameter(f"the password {weak}")
    typer.echo(hashed(given))
