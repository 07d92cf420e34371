"""`tradebot run`: the daemon."""

import asyncio
import faulthandler
import gc
import signal
from typing import Annotated

import typer

from tradebot.cli.base import cli, exit_code, fail, loading
from tradebot.cli.settings import Config, settings_of
from tradebot.errors import LockHeld, TradebotError


@cli.command()
def run(
    config: Config = None,
    wait: Annotated[
        bool, typer.Option("--wait", metavar="", help="Wait for another instance to end, then take over.")
    ] = False,
) -> None:
    """Run the daemon until it is stopped (Ctrl-C, SIGTERM).

    Without any configuration everything is embedded and the broker is simulated; a banner says so.

    Examples: `tradebot run` · `tradebot run --config /etc/tradebot/config.toml`
    """
    with loading():
        from tradebot.cli import banner
        from tradebot.runtime import supervisor

        gc.freeze()  # nor later: each look through all of it would hold up whatever happens then

    faulthandler.enable()  # whoever ends a process that hangs (systemd does, by SIGABRT) finds where it stood
    settings = settings_of(config)
    try:
        asyncio.run(
            supervisor.run(settings, lambda webhook, web: banner.show(settings, webhook, config, web), wait=wait)
        )
    except* TradebotError as group:
        error = _innermost(group)
        hint = ", or take over when it ends: tradebot run --wait" if isinstance(error, LockHeld) else ""
        fail(f"{error}{hint}", exit_code(error))
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):  # it ends already: another one must not cut that short
            signal.signal(number, signal.SIG_IGN)


def _innermost(group: BaseExceptionGroup[TradebotError]) -> TradebotError:
    first = group.exceptions[0]
    return _innermost(first) if isinstance(first, BaseExceptionGroup) else first
