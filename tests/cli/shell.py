"""The command line as a person at a terminal meets it: processes of `tradebot`, in a folder of their own."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.system.harness import ROOT

DEADLINE_S = 120.0


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err

    @property
    def words(self) -> str:
        """All of it as if no line had been broken."""
        return " ".join(self.all.split())


async def tradebot(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, typed: str = "", **settings: str
) -> Ran:
    """Runs it to its end. `settings` are `section__key="value"`. Whatever happens, nobody is ever shown a traceback."""
    given = {f"TRADEBOT_{key.upper()}": value for key, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tradebot", *arguments),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "200", **(env or {}), **given},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(typed.encode()), DEADLINE_S)
    assert process.returncode is not None
    ran = Ran(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))
    assert "Traceback" not in ran.all, ran.all
    return ran
