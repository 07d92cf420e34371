"""`--config`, which most commands take, and the settings that it leads to."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tradebot.config import CONFIG_VARIABLE, Settings, load

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
    return load(config, os.environ)
