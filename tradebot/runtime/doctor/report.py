"""What the doctor found: lines in sections. Pure.

Rules: a line says what was checked, how it is, what was found and, unless it is well, what to do about it. What could not be
looked at has its line all the same, as not checked: what is missing from a report would pass for well. No line holds a secret.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"  # the bot runs; a person should look
    FAILURE = "failure"  # the bot does not run, does not trade, or is not safe
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Line:
    """One check."""

    check: str
    status: Status
    found: str
    fix: str = ""


@dataclass(slots=True)
class Section:
    """The checks about one thing, each of which gets its line, in the order in which they stand here."""

    title: str
    checks: Sequence[str]
    clean: Callable[[str], str] = str
    _lines: dict[str, Line] = field(default_factory=dict)

    def ok(self, check: str, found: str) -> None:
        self._say(Line(check, Status.OK, found))

    def warn(self, check: str, found: str, fix: str) -> None:
        self._say(Line(check, Status.WARNING, found, fix))

    def fail(self, check: str, found: str, fix: str) -> None:
        self._say(Line(check, Status.FAILURE, found, fix))

    def skip(self, check: str, why: str) -> None:
        self._say(Line(check, Status.NOT_CHECKED, why))

    def has(self, check: str) -> bool:
        return check in self._lines

    def complaint(self, check: str, error: Exception) -> None:
        """An error that ends with its own remedy, as those of this program do: `what happened: what to do`."""
        found, _, fix = str(error).rpartition(": ")
        self.fail(check, found or fix, fix)

    def unforeseen(self, error: BaseException) -> None:
        """A defect of the doctor's own, which must not hide what the other checks found."""
        check = next((each for each in self.checks if each not in self._lines), self.checks[-1])
        self.fail(check, f"could not be looked at: {error!r}", "report this, with the line")

    def end(self, *, in_time: bool, deadline_s: float) -> None:
        """Gives each check that has no line yet its own: the first is what hung, and the others waited for it."""
        for check in self.checks:
            if check in self._lines:
                continue
            if in_time:
                self.skip(check, "what failed above comes first")
            else:
                self.fail(check, f"no end within {deadline_s:g} s", "look whether its server hangs, and at the network")
                in_time = True

    @classmethod
    def of(cls, title: str, lines: Sequence[Line]) -> "Section":
        """A section that is complete; a check may have several lines."""
        names = [f"{number} {line.check}" for number, line in enumerate(lines)]
        return cls(title, names, _lines=dict(zip(names, lines, strict=True)))

    @property
    def lines(self) -> Sequence[Line]:
        return [self._lines[check] for check in self.checks if check in self._lines]

    def _say(self, line: Line) -> None:
        assert line.check in self.checks, line.check
        self._lines[line.check] = replace(line, found=self.clean(line.found))


@dataclass(frozen=True, slots=True)
class Report:
    """All sections. `took_s`: seconds. `late`: something hung, and may hang still."""

    version: str
    at: datetime
    sections: Sequence[Section]
    took_s: float = 0.0
    late: bool = False
    wrong_configuration: bool = False

    @property
    def lines(self) -> Iterator[Line]:
        return (line for section in self.sections for line in section.lines)

    def count(self, status: Status) -> int:
        return sum(line.status is status for line in self.lines)

    @property
    def exit_code(self) -> int:
        """0: nothing failed · 1: something did · 2: the configuration itself is wrong."""
        return 2 if self.wrong_configuration else int(self.count(Status.FAILURE) > 0)

    def document(self) -> Mapping[str, object]:
        """The same as JSON."""
        return {
            "version": self.version,
            "at": self.at.isoformat(),
            "ok": self.exit_code == 0,
            "exit_code": self.exit_code,
            "took_s": round(self.took_s, 2),
            "checks": [
                {
                    "section": section.title,
                    "check": line.check,
                    "status": line.status.value,
                    "found": line.found,
                    "fix": line.fix,
                }
                for section in self.sections
                for line in section.lines
            ],
        }
