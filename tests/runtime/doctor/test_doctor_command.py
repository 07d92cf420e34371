"""The command itself, as a process: beside a daemon, and with everything hanging."""

import json
import socket

import pytest

from tests.cli.shell import Ran, tradebot
from tests.runtime.doctor.installation import OUR_ADDRESS, Installation, serve_proxy, told
from tests.servers import free_port
from tests.system.harness import Process, until
from tradebot.cli import daemon_client
from tradebot.database import open_ledger
from tradebot.runtime.doctor import Status


async def doctor(one: Installation, *arguments: str, **env: str) -> Ran:
    return await tradebot(one.folder, "doctor", "--config", str(one.file), *arguments, env={**one.env, **env})


async def test_all_is_well_beside_a_running_daemon(one: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken, a healthy installation is called ill, or the doctor disturbs the daemon that it looks at."""
    one.set("broker", restart_window="00:00-00:00")
    daemon = Process(["run", "--config", str(one.file)], one.folder, dict(one.env), "daemon")
    url = f"http://127.0.0.1:{one.webhook_port}/health"

    async def broker() -> object:
        parts = await daemon_client.health(url)
        well = parts and all(part.get("ok", True) for part in parts.values())
        return parts["broker"] if parts and well else None

    await daemon.start()
    try:
        before = await until(broker, f"a healthy daemon; it printed {daemon.output}")
        await serve_proxy(one, forwards={"X-Forwarded-For": OUR_ADDRESS}, days=90)
        ran = await doctor(one, "--json")
        assert (ran.code, ran.err) == (0, ""), ran.all
        checks = json.loads(ran.out)["checks"]
        assert [check for check in checks if check["status"] != "ok"] == []
        assert len(checks) == 24

        monkeypatch.setenv("SSL_CERT_FILE", str(one.folder / "certificate.pem"))
        outside = told(await one.examine())
        assert outside["Webhook: certificate"].found.endswith("89 days")
        assert f"has seen this machine as {OUR_ADDRESS}" in outside["Webhook: caller's address"].found
        assert outside["Webhook: outside"].fix == "TradingView calls ports 80 and 443 only"
        assert [line for line in outside.values() if line.status is not Status.OK] == [outside["Webhook: outside"]]

        assert await broker() == before  # the same connection to IB, and well
    finally:
        await daemon.kill()
    assert one.gateway.book.orders == {}
    asked = [line for line in one.gateway.store.lines if line["kind"] == "received"]
    assert [line["fields"]["whatIf"] for line in asked if line["message"] == "placeOrder"] == ["1", "1"]
    async with open_ledger(f"sqlite:///{one.database}") as ledger, ledger.read() as books:
        assert "doctor" not in await books.settings()
    assert [sent for sent in one.api.sent if "doctor" in sent.text] == []
    assert not any(secret in ran.all + str(outside) for secret in one.credentials.values())


async def test_everything_hangs(one: Installation) -> None:
    """Broken, somebody with a hanging server waits before a blank screen, and never learns which one it is."""
    ports = [free_port() for _ in range(4)]
    for port in (*ports, one.webhook_port):
        server = one.stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", port))
        server.listen()  # the system takes connections, and nobody answers on them
    postgres, redis, gateway, telegram = ports
    one.set("database", url=f"postgresql://tradebot@127.0.0.1:{postgres}/tradebot")
    one.set("queue", url=f"redis://127.0.0.1:{redis}/0")
    one.set("broker", port=gateway)
    one.set("telegram", api_url=f"http://127.0.0.1:{telegram}")
    ran = await doctor(one, "--json", "--live", "--public", f"https://127.0.0.1:{one.webhook_port}")
    report = json.loads(ran.out)
    assert (ran.code, ran.err, report["ok"]) == (1, "", False)
    assert report["took_s"] < 10
    status = {f"{check['section']}: {check['check']}": check["status"] for check in report["checks"]}
    hung = ("Database: connection", "Queue: connection", "Interactive Brokers: gateway", "Telegram: token")
    assert {status[name] for name in (*hung, "Webhook: port", "Webhook: outside")} == {"failure"}
    assert status["Interactive Brokers: orders"] == "not checked"
    assert status["This machine: time zones"] == "ok"
