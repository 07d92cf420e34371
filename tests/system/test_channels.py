"""The daemon with channels beside its log: whoever is dead, the others are told, trading goes on and the end comes."""

import hashlib
import hmac
import json
from pathlib import Path

from tests.receivers import hangs, receiver, silent_server
from tests.system.checker import check_secrets
from tests.system.harness import SECRET, Daemon, running

KEY = "6f1d3c5ab4970e28"
PATH = "/services/T0123/B0123/abcdefghijklmnopqrstuvwx"
PASSWORD = "a mail password"


async def test_a_dead_mail_server_and_a_hanging_slack_delay_nobody(tmp_path: Path) -> None:
    """A receiver that hangs would hold up orders, the other channels or the end; or its address would stand in the log."""
    daemon = Daemon.at(tmp_path, channels__email__password=PASSWORD)
    async with receiver() as hook, receiver(usual=hangs()) as slack, silent_server() as smtp_port, running(daemon):
        daemon.folder.mkdir(exist_ok=True)
        secrets = {"hook__url": hook.url + PATH, "hook__secret": KEY, "team__url": slack.url + PATH}
        daemon.env |= {f"TRADEBOT_CHANNELS__{name.upper()}": value for name, value in secrets.items()}
        (daemon.folder / "config.toml").write_text(f"""
        [channels.hook]
        type = "webhook"
        kinds = ["fills", "health"]
        [channels.team]
        type = "slack"
        [channels.email]
        host = "127.0.0.1"
        port = {smtp_port}
        tls = "tls"
        user = "me"
        sender = "bot@example.com"
        to = "me@example.com"
        """)
        await daemon.ready()
        await slack.has(1)
        alert_id = await daemon.alert("BUY", "AAPL")
        books = await daemon.ended(alert_id)
        while "buy_filled" not in [json.loads(got.body)["kind"] for got in hook.got]:
            await hook.has(len(hook.got) + 1)
        assert books.trade_of(alert_id).filled_qty > 0
        assert await daemon.stop() == 0, daemon.output[-3000:]
        kinds = {json.loads(got.body)["kind"] for got in hook.got}
    assert kinds == {"started", "buy_filled", "stopped"}
    for got in hook.got:
        signed = got.headers["X-Tradebot-Timestamp"].encode() + b"." + got.body
        expected = hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()
        assert got.headers["X-Tradebot-Signature"] == f"sha256={expected}"
    assert "channels hook, team, email" in daemon.output
    assert "Traceback" not in daemon.output
    await check_secrets(daemon, [SECRET, KEY, PASSWORD, PATH, PATH.rpartition("/")[2]])
