"""Follows pages in the machine, block by block, and keeps a row of each step: what, how long, and whether it worked."""

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table

from tests.table import CONSOLE, say
from tests.vps.machine import Done, Machine
from tests.vps.pages import Block, blocks

BLOCK_S = 900.0
"""A block installs packages at the most."""


class Failed(Exception):
    """A step was not as promised; nothing after it means anything."""


@dataclass
class Steps:
    """What was done so far."""

    log: Path
    go_on: bool = False  # after a step that failed, to see what else does
    rows: list[tuple[str, str, float, str]] = field(default_factory=list)  # part, step, seconds, how it ended

    @asynccontextmanager
    async def step(self, part: str, name: str) -> AsyncIterator[None]:
        began = time.monotonic()
        try:
            yield
        except (AssertionError, OSError, TimeoutError, Failed) as error:
            self._row(part, name, time.monotonic() - began, f"FAILED: {error or type(error).__name__}")
            if not self.go_on:
                raise Failed(name) from error
        else:
            self._row(part, name, time.monotonic() - began, "ok")

    def told(self, part: str, name: str, how: str) -> None:
        """A step that is not done here, and why."""
        self._row(part, name, 0.0, how)

    def _row(self, part: str, name: str, seconds: float, how: str) -> None:
        self.rows.append((part, name, seconds, how))
        say(f"{seconds:6.1f} s  {part}: {name}: {how[-3000:]}")

    def write(self, title: str, done: Done) -> None:
        with self.log.open("a") as out:
            out.write(f"\n##### {title} ({done.seconds:.1f} s, exit {done.code})\n{done.output}\n")

    @property
    def well(self) -> bool:
        return not any(how.startswith("FAILED") for *_, how in self.rows)

    def show(self) -> None:
        table = Table(title="what was done in the clean root")
        for title in ("part", "step", "seconds", "how"):
            table.add_column(title, justify="right" if title == "seconds" else "left")
        for part, name, seconds, how in self.rows:
            table.add_row(part, name, f"{seconds:.1f}", how.splitlines()[0][:100])
        CONSOLE.print(table)


async def do(machine: Machine, steps: Steps, script: str, timeout_s: float = 60, *, code: int = 0) -> str:
    """Runs it and returns what it said; fails unless it ends with `code`."""
    done = await machine.sh(script, timeout_s)
    steps.write(script, done)
    if done.code != code:
        raise Failed(f"exit code {done.code} instead of {code}\n$ {script.strip()}\n{done.output.strip()[-2500:]}")
    return done.output


Before = Callable[[Block], Awaitable[None]]


async def follow(machine: Machine, steps: Steps, page: Path, before: Before) -> None:
    """Every block of the page in order. `before` each block, what stands for the outside world may get ready."""
    for block in blocks(page):
        name = f"{block.heading} ({block.line})"
        if block.runs:
            async with steps.step(page.name, name):
                await before(block)
                said = await do(machine, steps, block.text, BLOCK_S)
                if lacking := [words for words in promised(block.text) if words not in " ".join(said.split())]:
                    raise Failed(f"it does not print {', '.join(lacking)}:\n{said.strip()[-2000:]}")
        elif block.reason:
            steps.told(page.name, name, f"not run: {block.reason}")


def promised(script: str) -> list[str]:
    """What a block says that it prints, in lines `# prints: words · words`."""
    lines = re.findall(r"^# prints: (.+)$", script, re.MULTILINE)
    return [" ".join(words.split()) for line in lines for words in line.split("·")]
