"""A soak of any length: `python -m tests.soak [--minutes N] [--seed N]`. Prints the figures by quarter."""

import argparse
import asyncio
import tempfile
from dataclasses import astuple, fields
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.soak.soak import Figures, soak

parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
parser.add_argument("--minutes", type=float, default=30)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--realistic", action="store_true", help="the gateway has the realistic profile")
given = parser.parse_args()

with tempfile.TemporaryDirectory() as folder:
    soaked = asyncio.run(soak(Path(folder), minutes=given.minutes, seed=given.seed, realistic=given.realistic))
table = Table(
    title=f"{soaked.alerts} alerts, {soaked.stops} stops and {soaked.targets} targets filled, {soaked.faults} faults and "
    f"{soaked.days} nights in {given.minutes:g} minutes: the books agree"
)
for heading in ("quarter", *(field.name for field in fields(Figures))):
    table.add_column(heading, justify="right")
for number in range(4):
    table.add_row(str(number + 1), *(f"{value:g}" for value in astuple(soaked.quarter(number))))
Console().print(table)
