"""`tradebot token` and `tradebot password`, typed."""

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Type
from tradebot.web.ground import WebOptions
from tradebot.web.passwords import Password


def test_a_token_is_made_listed_and_revoked(typed: Type, tmp_path: Path) -> None:
    """The owner could give nobody access, would not see who has it, or could not take it back."""
    missing = typed("token")
    assert (missing.code, "there is no database" in missing.err) == (3, True), missing.all
    typed("migrate", "up")
    made = typed("token", "--scope", "trade", "--days", "2", "--name", "my script")
    token = made.out.strip()
    assert (made.code, token.count("."), len(made.out.splitlines())) == (0, 2, 1), made.all
    assert ("my script" in made.err, token in made.err) == (True, False)
    assert (tmp_path / "data" / "api_key").stat().st_mode & 0o077 == 0
    (listed,) = json.loads(typed("token", "list", "--json").out)["tokens"]
    assert (listed["label"], listed["scope"], listed["good"]) == ("my script", "trade", True)
    gone = typed("token", "revoke", listed["id"])
    assert (gone.code, "opens nothing any more" in gone.out) == (0, True), gone.all
    assert typed("token", "revoke", listed["id"]).code == 1
    shown = typed("token", "list").out
    assert ("my script" in shown, "revoked" in shown, token in shown) == (True, True, False)


@pytest.mark.parametrize("line", [["--scope", "root"], ["--days", "0"], ["--name", ""], ["--name", "a\nb"]])
def test_a_token_that_cannot_be_meant_is_not_made(typed: Type, line: list[str]) -> None:
    """A token would admit to something else than was asked, or would be nobody's."""
    typed("migrate", "up")
    assert typed("token", *line).code == 2
    assert "No token was made" in typed("token", "list").out


async def test_a_password_becomes_what_the_configuration_takes(typed: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner would be locked out, or would keep a password that is guessed."""

    def answer(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{text}\n"))

    answer("seven horses under the bridge")
    made = typed("password")
    assert made.code == 0, made.all
    assert await Password(WebOptions(password_hash=made.out.strip())).matches("seven horses under the bridge")
    answer("short")
    assert typed("password").code == 2
