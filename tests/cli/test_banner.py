"""The banner: every simulated part named, lines that can be pasted, never a secret."""

from pathlib import Path

import pytest

from tradebot.cli import banner
from tradebot.config import load
from tradebot.listener import take_port
from tradebot.webhook import Webhook

SECRET = "canary-webhook-secret-0123456789"
HERE = Webhook("127.0.0.1", 8000, "127.0.0.1")
REAL = {
    "TRADEBOT_WEBHOOK__SECRET": SECRET,
    "TRADEBOT_BROKER__MODE": "gateway",
    "TRADEBOT_DATABASE__URL": "postgresql://bot:canary-password@localhost/bot",
    "TRADEBOT_QUEUE__URL": "redis://:canary-password@localhost/0",
    "TRADEBOT_TELEGRAM__BOT_TOKEN": "123456789:canary-token-canary-token-canary-to",
    "TRADEBOT_TELEGRAM__CHAT_ID": "1",
    "TRADEBOT_TELEGRAM__USER_IDS": "1",
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_configuration_every_part_is_named() -> None:
    """Broken, somebody takes invented fills for real ones."""
    settings = load(None, {})
    said = banner.text(settings, HERE)
    for part in (
        "simulated gateway",
        "SQLite",
        "queue: embedded",
        "hours: always",
        "price collar: off",
        "Telegram: off",
    ):
        assert part in said
    for part in settings.simulated_parts():
        assert f"• {part}" in said
    assert "Try it" in said
    assert "tradebot price AAPL 200\n" in said
    assert "REAL" not in said


def test_where_the_dashboard_is_is_said_where_there_is_one() -> None:
    """The owner would look for its address in the documentation, or try one where nothing listens."""
    env = {"TRADEBOT_WEB__PASSWORD": "canary-password-0123456789"}
    with take_port("web", "127.0.0.1", 0) as port:
        assert f"Dashboard at http://127.0.0.1:{port.port}/\n" in banner.text(load(None, env), HERE, web=port)
    assert "Dashboard" not in banner.text(load(None, {}), HERE)


def test_with_everything_real_it_says_so() -> None:
    """Broken, a banner that always warns is not read any more; or the owner tries it out with real money, unwarned."""
    said = banner.text(load(None, REAL), HERE)
    assert "Nothing is simulated." in said
    assert "becomes a REAL order at IB" in said
    assert "Try it" not in said
    assert "tradebot price" not in said
    assert "canary" not in said


@pytest.mark.parametrize(
    "taken", [name for name in REAL if name not in ("TRADEBOT_TELEGRAM__CHAT_ID", "TRADEBOT_TELEGRAM__USER_IDS")]
)
def test_one_part_less_is_named_alone(taken: str) -> None:
    """Broken, a part that is not real hides behind those that are."""
    related = "TRADEBOT_TELEGRAM" if "TELEGRAM" in taken else taken
    said = banner.text(load(None, {name: value for name, value in REAL.items() if not name.startswith(related)}), HERE)
    assert "SIMULATED, EMBEDDED OR OFF" in said
    assert said.count("•") == (3 if taken == "TRADEBOT_BROKER__MODE" else 1)
    assert "canary" not in said


def test_the_lines_name_what_is_needed() -> None:
    """Broken, the pasted line reaches another daemon than the one that printed it."""
    said = banner.text(load(None, {"TRADEBOT_WEBHOOK__PORT": "0"}), Webhook("::", 4711, "::"), Path("/etc/my bot.toml"))
    assert "alert BUY AAPL --config '/etc/my bot.toml' --url http://[::1]:4711/webhook" in said.replace(
        "'http", "http"
    ).replace("hook'", "hook")
    assert "curl http://[::1]:4711/webhook -d" in said


def test_with_strategies_each_address_is_named_and_the_lines_can_be_pasted() -> None:
    """Broken, the owner does not know where his alerts go, and the first line that he tries is refused."""
    env = {"TRADEBOT_STRATEGIES__EMA__ENABLED": "true", "TRADEBOT_STRATEGIES__RSI__SECRET": SECRET}
    said = banner.text(load(None, env), HERE)
    for line in (
        "  http://127.0.0.1:8000/webhook/ema\n",
        "  http://127.0.0.1:8000/webhook/rsi\n",
        "alert BUY AAPL --strategy ema\n",
        'curl http://127.0.0.1:8000/webhook/ema -d "{\\"secret\\": \\"$(cat data/webhook_secret)',
    ):
        assert line in said
    alone = banner.text(load(None, {"TRADEBOT_STRATEGIES__RSI__SECRET": SECRET}), HERE)
    assert "--strategy" not in alone
    assert 'curl http://127.0.0.1:8000/webhook -d "{\\"secret\\": \\"YOUR-SECRET' in alone
    assert "canary" not in said + alone
    sized = banner.text(load(None, {"TRADEBOT_STRATEGIES__RSI__SIZING": "alert"}), HERE)
    assert "alert BUY AAPL --quantity 1\n" in sized
    assert '\\"quantity\\": \\"1\\"' in sized
