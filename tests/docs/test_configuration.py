"""The configuration's documents against the code: no key that is not told, none told that is not there."""

import re
from pathlib import Path

import pytest

from tradebot.config import Settings, keys, load
from tradebot.config.environment import SHORT_NAMES

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "config.toml.example").read_text("utf-8")
GUIDE = (ROOT / "docs" / "configuration.md").read_text("utf-8")
STRATEGY = "ema"
"""As the example has it; the guide writes NAME."""
CHANNEL = "email"
KEYS = list(keys([STRATEGY], [CHANNEL]))
NAMES = {key.name for key in KEYS}
WITHOUT_DEFAULT = {key.name for key in KEYS if key.field.default is None}


def lines_of_example() -> dict[str, str]:
    """Every key's line in the example, taken out of its comment, by the key's full name."""
    found, section = {}, ""
    for line in EXAMPLE.splitlines():
        if match := re.fullmatch(r"#?\[([a-z.]+)\]", line):
            section = match[1]
        elif match := re.match(r"#([a-z_]+) = ", line):
            found[f"{section}.{match[1]}"] = line[1:]
    return found


def test_the_example_has_every_key_once_and_no_other() -> None:
    """The owner could not find a key, or would set one that stops the start."""
    assert set(lines_of_example()) == NAMES
    assert len(re.findall(r"^#[a-z_]+ = ", EXAMPLE, re.MULTILINE)) == len(NAMES)


def test_the_example_as_it_stands_changes_nothing(tmp_path: Path) -> None:
    """Copying the example would already be a configuration of its own."""
    file = tmp_path / "config.toml"
    file.write_text(EXAMPLE)
    assert load(file, {}) == load(None, {})


def test_the_example_s_defaults_are_the_code_s(tmp_path: Path) -> None:
    """The owner would trust a limit that is not the one in force."""
    given: dict[str, list[str]] = {}
    for name, line in lines_of_example().items():
        section = given.setdefault(name.rpartition(".")[0], [])
        if name not in WITHOUT_DEFAULT:
            section.append(line.replace('mode = "simulated"', 'mode = "gateway"'))
    assert sum(map(len, given.values())) == len(NAMES) - len(WITHOUT_DEFAULT)
    file = tmp_path / "config.toml"
    needed = {"host": "localhost", "sender": "bot@localhost", "to": "me@localhost"}  # by a channel of this type
    given[f"channels.{CHANNEL}"] += [f'{key} = "{value}"' for key, value in needed.items()]
    file.write_text("\n".join(f"[{section}]\n" + "\n".join(lines) for section, lines in given.items()))
    alone = {"strategies": {STRATEGY: {}}, "channels": {CHANNEL: needed}}
    told, meant = load(file, {}).model_dump(), Settings.model_validate(alone).model_dump()
    assert told.pop("broker") == meant.pop("broker") | {"mode": "gateway"}
    assert told == meant


def test_the_guide_has_every_key_and_no_other() -> None:
    """docs/configuration.md would keep a key from the owner, or promise one that stops the start."""
    sections = re.split(
        r"^### \[([a-zA-Z.]+)\]$",
        GUIDE.replace("[strategies.NAME]", f"[strategies.{STRATEGY}]").replace(
            "[channels.NAME]", f"[channels.{CHANNEL}]"
        ),
        flags=re.MULTILINE,
    )[1:]
    told = [
        (f"{section}.{key}", default)
        for section, body in zip(sections[::2], sections[1::2], strict=True)
        for key, default in re.findall(r"^\| `([a-z_]+)` \| (.*?) \|", body, re.MULTILINE)
    ]
    assert [name for name, _ in told] == [key.name for key in KEYS]
    example = lines_of_example()
    for name, default in told:
        expected = "not set" if name in WITHOUT_DEFAULT else f"`{example[name].partition(' = ')[2]}`"
        assert default == expected, name


def test_the_guide_has_every_short_name_and_no_other() -> None:
    """A variable would be promised that nobody reads, or one kept from the owner."""
    told = dict(re.findall(r"^\| `([A-Z_]+)` \| `([a-z_.]+)` \|$", GUIDE, re.MULTILINE))
    assert told == {name: ".".join(path) for name, path in SHORT_NAMES.items()}


@pytest.mark.parametrize("document", ["docs/configuration.md", "tradebot.service"])
def test_every_credential_is_named_where_people_look_for_it(document: str) -> None:
    """A secret in a file under another name would not be read."""
    text = (ROOT / document).read_text("utf-8")
    wanted = {key.credential for key in KEYS if key.credential} - {"webhook_previous_secret"}
    assert {name for name in wanted if name in text} == wanted
