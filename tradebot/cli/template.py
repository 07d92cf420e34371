"""`tradebot template`: what to paste into TradingView's alert, for a strategy and a dialect."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote

import typer

from tradebot.cli import daemon_client
from tradebot.cli.base import cli
from tradebot.cli.sending import checked, of_strategy
from tradebot.cli.settings import Config, settings_of
from tradebot.cli.trading import named
from tradebot.config import WEBHOOK_SECRET_FILE, Settings
from tradebot.domain.alerts import Side
from tradebot.domain.payload.samples import ALERT_MESSAGE
from tradebot.domain.payload.templates import EXAMPLE_SIZE, STAND_IN, TEMPLATED, Kind, Template, says_exits, template
from tradebot.domain.strategies import ExitSource, Sizing, Strategy
from tradebot.errors import ConfigError

_EXAMPLE_URL = "https://bot.example.com/webhook"


def _dialect(text: str) -> str:
    if text not in TEMPLATED:
        raise typer.BadParameter(f"{text} is no dialect: write one of {', '.join(TEMPLATED)}")
    return text


@cli.command("template")
def template_(
    strategy: Annotated[str | None, typer.Option(metavar="NAME", help="Default: the only one, or main.")] = None,
    dialect: Annotated[
        str, typer.Option(metavar="NAME", parser=_dialect, help=f"{', '.join(TEMPLATED)}; default: own.")
    ] = "own",
    indicator: Annotated[
        bool, typer.Option("--indicator", metavar="", help="Only for an alert of an indicator.")
    ] = False,
    strategy_alert: Annotated[
        bool, typer.Option("--strategy-alert", metavar="", help="Only for an alert of a strategy.")
    ] = False,
    url: Annotated[
        str, typer.Option(metavar="URL", help="Your webhook's address, as TradingView reaches it.")
    ] = _EXAMPLE_URL,
    with_secret: Annotated[
        bool, typer.Option("--with-secret", metavar="", help="Show the secret, ready to paste.")
    ] = False,
    config: Config = None,
) -> None:
    """Show the message to paste into TradingView's alert, the webhook's URL, and the lines of Pine that send the same.

    Examples: `tradebot template` · `tradebot template --strategy ema --dialect traderspost --strategy-alert`
    """
    if indicator and strategy_alert:
        raise ConfigError("--indicator and --strategy-alert exclude each other: without either both are shown")
    settings = settings_of(config)
    one = chosen(settings, strategy)
    secret = daemon_client.secret(settings, one.name) if with_secret else STAND_IN
    kinds = [Kind.INDICATOR] if indicator else [Kind.STRATEGY] if strategy_alert else list(Kind)
    shown = [template(dialect, kind, one, secret) for kind in kinds]
    for line in _lines(settings, one, shown, url=checked(url), secret=secret):
        typer.echo(line)


def chosen(settings: Settings, name: str | None) -> Strategy:
    """The strategy of this name, or the one that an alert which names none belongs to. Raises ConfigError."""
    there_are = settings.strategies()
    found = there_are.named(named(settings, name)) if name is not None else there_are.default()
    if found is None:
        names = ", ".join(there_are.names)
        raise ConfigError(
            f"there are several strategies, and none is called main: say which one, --strategy NAME: {names}"
        )
    return found


def _lines(settings: Settings, strategy: Strategy, shown: list[Template], *, url: str, secret: str) -> Iterator[str]:
    in_url = shown[0].secret_in is None
    address = of_strategy(url, strategy.name if settings.strategy_sections else None)
    query = f"?secret={quote(secret, safe='')}" if in_url else ""
    yield f"Webhook URL, under Notifications{' (put in the name of your machine)' if url == _EXAMPLE_URL else ''}:"
    yield f"{address}{query}"
    if secret == STAND_IN:
        field = "in the URL" if in_url else f'in "{shown[0].secret_in}"'
        yield (
            f"Your secret belongs in the place of {STAND_IN}, {field}: {_where(settings, strategy)}; "
            "--with-secret shows it here."
        )
    for one in shown:
        yield ""
        yield from _kind(one, strategy)


def _kind(one: Template, strategy: Strategy) -> Iterator[str]:
    if one.kind is Kind.INDICATOR:
        yield "An alert of an indicator: one alert to buy, one to sell. Message:"
    elif ALERT_MESSAGE in one.messages.values():
        yield "An alert of a strategy: the script says what is sent (below). Message:"
    else:
        yield "An alert of a strategy: one alert for its entries and exits. Message:"
    for side, message in one.messages.items():
        if side is not None:
            yield f"to {'buy' if side is Side.BUY else 'sell'}:"
        yield message
    if strategy.sizing is Sizing.ALERT and one.kind is Kind.INDICATOR:
        yield f"Replace {EXAMPLE_SIZE} by the shares that you want."
    if strategy.exits is ExitSource.ALERT:
        yield _exits(one, strategy)
    yield ""
    if one.kind is Kind.INDICATOR:
        yield 'Or from the script, in Pine 5 and 6; as the alert\'s condition choose "Any alert() function call":'
    else:
        yield f"Or from the script, in Pine 5 and 6; as the alert's message write {ALERT_MESSAGE}:"
    yield from one.pine.splitlines()  # without indentation: Pine minds it


def _exits(one: Template, strategy: Strategy) -> str:
    """What stands for the stop and the target, and what becomes of them."""
    if not says_exits(one.dialect, strategy):
        return f"This dialect cannot say a stop or a target: what it buys has the strategy's own of [strategies.{strategy.name}]."
    if any("{{plot_0}}" in message for message in one.messages.values()):
        percent = ', or write "5%" and "10%" in their places' if one.dialect in ("own", "keyvalue") else ""
        plots = "{{plot_0}} and {{plot_1}} are the script's first two plots"
        where = f"{plots}: plot the stop and the target there{percent}."
    else:
        where = "stopPrice and targetPrice are the script's."
    return f"{where} They leave with the entry and work at IB; in an alert that sells they mean nothing."


def _where(settings: Settings, strategy: Strategy) -> str:
    if strategy.name in settings.own_secrets():
        return f"what [strategies.{strategy.name}] secret says"
    return "what [webhook] secret says" if settings.webhook.secret else f"the line in {WEBHOOK_SECRET_FILE}"
