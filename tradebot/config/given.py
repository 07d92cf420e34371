"""What the sources gave, before it is checked: one tree, and where each value in it came from."""

from dataclasses import dataclass, field

from tradebot.config.environment import Path_
from tradebot.config.secrets import masked

Tree = dict[str, object]


@dataclass(slots=True)
class Given:
    """What all sources gave so far: a later value replaces an earlier one."""

    tree: Tree = field(default_factory=dict)
    origins: dict[Path_, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def put(self, path: Path_, value: object, origin: str) -> None:
        section = self.tree
        for name in path[:-1]:
            below = section.setdefault(name, {})
            if not isinstance(below, dict):
                return  # the file has a value where a section belongs: that is reported already
            section = below
        section[path[-1]] = value
        self.origins[path] = origin

    def get(self, *path: str) -> object:
        found: object = self.tree
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def named(self, section: str) -> tuple[str, ...]:
        """The names under a section whose parts the owner names: strategies, channels."""
        sections = self.get(section)
        return (
            tuple(name for name, keys in sections.items() if isinstance(keys, dict))
            if isinstance(sections, dict)
            else ()
        )

    def strategies(self) -> tuple[str, ...]:
        return self.named("strategies")

    def origin(self, *path: str) -> str:
        """Where the value came from; of a section: its first key."""
        below = (origin for each, origin in self.origins.items() if each[: len(path)] == path)
        return self.origins.get(path) or next(below, "configuration")


def shown(value: object) -> str:
    """A value as the file would write it, cut short, without anything that looks like a token or a password."""
    if isinstance(value, list | tuple):
        text = "[" + ", ".join(shown(each) for each in value) + "]"
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, str | dict):
        text = f'"{value}"'
    else:
        text = str(value)
    text = masked(text if text.isprintable() else text.encode("unicode_escape").decode())
    return text if len(text) <= 60 else text[:57] + "…"
