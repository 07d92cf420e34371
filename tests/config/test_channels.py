"""`[channels.NAME]`: each mistake is one line that says what to do, and no line holds a secret."""

from pathlib import Path

import pytest

from tradebot.config import Settings, load
from tradebot.domain.event_groups import KINDS, EventGroup
from tradebot.domain.events import EventKind, Severity
from tradebot.errors import ConfigError

HOOK = "https://hooks.slack.com/services/T0123/B0123/abcdefghijklmnopqrstuvwx"
KEY = "a3f1c09be77d4421"
MAIL = '[channels.email]\nhost = "smtp.example.com"\nsender = "bot@example.com"\nto = ["me@example.com"]\n'


def read(folder: Path, text: str, env: dict[str, str] | None = None) -> Settings:
    file = folder / "config.toml"
    file.write_text(text)
    return load(file, env or {})


def refused(folder: Path, text: str, env: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as error:
        read(folder, text, env)
    return str(error.value)


def test_several_channels_each_with_its_choice(tmp_path: Path) -> None:
    """The owner could have one Slack only, or would be told everywhere of everything."""
    text = f"""{MAIL}severity = "warning"
    [channels.team]
    type = "slack"
    url = "{HOOK}"
    kinds = ["fills", "reports"]
    [channels.ops]
    type = "slack"
    url = "{HOOK}2"
    severity = "critical"
    """
    sections = read(tmp_path, text).channel_sections
    kinds = {name: section.type_of(name) for name, section in sections.items()}
    assert kinds == {"email": "email", "team": "slack", "ops": "slack"}
    wanted = {name: section.wanted() for name, section in sections.items()}
    assert wanted["email"].severities == {Severity.WARNING, Severity.CRITICAL}
    assert wanted["email"].kinds is None
    assert wanted["team"].kinds == {*KINDS[EventGroup.FILLS], *KINDS[EventGroup.REPORTS]}
    assert EventKind.BUY_FILLED in (wanted["team"].kinds or ())
    assert wanted["ops"].severities == {Severity.CRITICAL}


def test_a_variable_or_a_credential_gives_a_channel_its_secret(tmp_path: Path) -> None:
    """A password would have to stand in the file; and a slip in a variable's name would make a channel."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "channels_team_url").write_text(f"{HOOK}\n")
    text = MAIL + '[channels.team]\ntype = "slack"\n'
    env = {
        "TRADEBOT_CHANNELS__EMAIL__PASSWORD": "abcd efgh",
        "TRADEBOT_CHANNELS__EMAIL__USER": "bot",
        "TRADEBOT_CHANNELS__EMAIL__TO": "me@example.com, you@example.com",
        "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"),
    }
    settings = read(tmp_path, text, env)
    assert settings.channel_sections["email"].to == ("me@example.com", "you@example.com")
    assert {"abcd efgh", HOOK, HOOK.rpartition("/")[2]} <= set(settings.secrets())
    assert "unknown variable" in refused(tmp_path, text, {**env, "TRADEBOT_CHANNELS__TEEM__URL": HOOK})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[channels.ops]\n" + f'url = "{HOOK}"', "channels.ops.type: is missing"),
        ('[channels.slack]\nseverity = "warning"', "channels.slack.url: is missing: a channel of type slack needs it"),
        ('[channels.ops]\ntype = "pager"', 'channels.ops.type = "pager"'),
        (f'[channels.slack]\nurl = "{HOOK}"\nhost = "here"', "channels.slack.host"),
        (f'[channels.webhook]\nurl = "{HOOK}"', "channels.webhook.secret: is missing"),
        (f'[channels.webhook]\nurl = "{HOOK}"\nsecret = "short"', "channels.webhook.secret"),
        ('[channels.slack]\nurl = "ftp://host/a"', "allowed are https://… and http://…"),
        ('[channels.slack]\nurl = "hooks.slack.com/services/T0123"', "allowed is an address"),
        (f'[channels.slack]\nurl = "{HOOK}"\nkinds = ["fils"]', 'channels.slack.kinds = ["fils"]'),
        (f'[channels.slack]\nurl = "{HOOK}"\nkinds = []', "one at least"),
        (f'[channels.slack]\nurl = "{HOOK}"\nseverity = "loud"', 'allowed are "info", "warning", "critical"'),
        (f'[channels.telegram]\ntype = "slack"\nurl = "{HOOK}"', "is there already"),
        (f'[channels.Ops]\ntype = "slack"\nurl = "{HOOK}"', "is no name of a channel"),
        (
            f'[channels.a-b]\ntype="slack"\nurl="{HOOK}"\n[channels.a_b]\ntype="slack"\nurl="{HOOK}"',
            "the same variables",
        ),
        (MAIL + 'user = "me"', "channels.email.password: is missing"),
        (MAIL + 'password = "abcd"', "channels.email.user: is missing"),
        (MAIL + 'user = "me"\npassword = "abcd"\ntls = "none"', "would send the password for all to read"),
        (MAIL.replace('["me@example.com"]', '"nobody"'), "allowed is an e-mail address"),
        ("[channels]\nslack = 1", "belongs to a channel: write [channels.NAME]"),
        (f'[channels.slack]\nlink = "{HOOK}"\nurl = "{HOOK}"', "channels.slack.link"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(tmp_path: Path, text: str, line: str) -> None:
    """The owner believes that he will be told, and the start says nothing; or his secret stands in the journal."""
    said = refused(tmp_path, text)
    assert line in said
    assert len(said.splitlines()) == 1
    assert HOOK not in said
    assert "abcd" not in said


def test_what_is_secret_in_an_address_is_known(tmp_path: Path) -> None:
    """A library's error would carry a part of it into the log."""
    text = f'[channels.webhook]\nurl = "https://me:pass-word@host.example.com/in?token={KEY}0123"\nsecret = "{KEY}"\n'
    secrets = set(read(tmp_path, text).secrets())
    assert {"pass-word", f"{KEY}0123", KEY, f"in?token={KEY}0123"} <= secrets
    assert not {"host.example.com", "in", "me"} & secrets
