"""`tradebot simgateway`: the simulated IB Gateway as a process of its own."""

import asyncio
import sys
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradebot.cli.base import cli
from tradebot.config import Settings
from tradebot.runtime import log

if TYPE_CHECKING:
    from tradebot.simgateway.switches import Switches


@cli.command()
def simgateway(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Port; IB Gateway's paper port by default.")
    ] = 4002,
    control_port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", min=0, max=65535, help="HTTP port for faults, quotes and the journal; off by default."
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File that keeps account, orders and executions; default: memory."),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(
            metavar="HH:MM-HH:MM", help="The exchange's hours in New York, on its days; without them it never closes."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="NUMBER", help="Makes the quotes' walk repeatable.")] = None,
    realistic: Annotated[
        bool, typer.Option("--realistic", help="The switches set as real gateways are: slow fills in pieces, and more.")
    ] = False,
    switch: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A switch of docs/simgateway.md, as read_only=true; again for more."),
    ] = None,
) -> None:
    """Run a simulated IB Gateway that speaks the TWS protocol. No real money, invented quotes.

    Example: `tradebot simgateway --port 4002 --state gateway.jsonl`, then `[broker] mode = "gateway"` with that port.
    """
    from tradebot.simgateway import GatewaySettings, serve

    log.setup(Settings().log, [], daemon=False)
    settings = GatewaySettings(
        host=host,
        port=port,
        control_port=control_port,
        state=state,
        seed=seed,
        session=_hours(session),
        switches=_switches(switch or [], realistic=realistic),
    )
    try:
        asyncio.run(serve(settings))
    except KeyboardInterrupt:
        sys.exit(0)


def _hours(text: str | None) -> tuple[time, time] | None:
    if text is None:
        return None
    try:
        opens, closes = (time.fromisoformat(each) for each in text.split("-"))
    except ValueError:
        opens = closes = time()
    if opens >= closes:
        raise typer.BadParameter(f"{text!r} is no session; one is 09:30-16:00", param_hint="--session")
    return opens, closes


def _switches(given: list[str], *, realistic: bool) -> "Switches":
    from tradebot.simgateway.switches import from_text

    try:
        return from_text(given, realistic=realistic)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--switch") from error
