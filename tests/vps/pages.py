"""The shell blocks of a page of the documents.

Rules: a block opened with ```sh is run as it stands, each in a shell of its own, so that a person may pause between any two.
A block opened with ```sh not run: REASON is one that only a person or the outside world can do. Other blocks are shown: what a
program prints, a file, a message.
"""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Block:
    page: str
    heading: str
    line: int
    kind: str  # what stands behind the opening ```
    text: str

    @property
    def runs(self) -> bool:
        return self.kind == "sh"

    @property
    def reason(self) -> str:
        """Why it is not run; empty for what is."""
        return self.kind.partition("not run:")[2].strip()

    def __str__(self) -> str:
        return f"{self.page}:{self.line} {self.heading}"


def blocks(page: Path) -> list[Block]:
    """Every fenced block of the page, in order."""
    found: list[Block] = []
    heading, kind, began, lines = "", None, 0, list[str]()
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        if kind is not None:
            if line.strip() == "```":
                found.append(Block(page.name, heading, began, kind, "\n".join(lines) + "\n"))
                kind = None
            else:
                lines.append(line)
        elif match := re.match(r"```(.*)$", line):
            kind, began, lines = match[1].strip(), number, []
        elif line.startswith("#"):
            heading = line.lstrip("# ")
    return found
