"""`--config`, which most commands take, and the settings that it leads to."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tradebot.config import CONFIG_VARIABLE, Settings, load
from tradebot.words import zone

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar=CONFIG_VARIABLE,
        help="Configuration file; default: config.toml here, if any.",
    ),
]


def settings_of(config: Path | None) -> Settings:
    """Everything that this process shows is in the owner's time zone from here on."""
    settings = load(config, os.environ)
    zone.use(settings.owner.zone())
    return settings
