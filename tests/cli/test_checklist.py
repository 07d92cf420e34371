"""docs/checklist.md, run: each line in an `sh` box prints the words that the page promises, beside a real daemon."""

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.botapi import CHAT, OWNER, TOKEN, bot_api
from tests.cli.proxied import proxy
from tests.system.harness import ROOT, SECRET, Daemon, Gateway, running, until

PAGE = (ROOT / "docs" / "checklist.md").read_text("utf-8")
PROMISE = "# prints: "
CONFIG = """
[webhook]
port = {port}
trusted_proxies = ["127.0.0.1"]
[broker]
mode = "gateway"
port = {gateway}
restart_window = "00:00-00:00"
[trading]
hours = "always"
price_collar_pct = 0
[telegram]
chat_id = {chat}
user_ids = [{owner}]
api_url = "http://127.0.0.1:{telegram}"
"""


def phases() -> dict[str, str]:
    """Each phase's text, by its heading."""
    parts = re.split(r"^## (\d+\. .+)$", PAGE, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def boxes(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def lines() -> Iterator[tuple[str, list[str]]]:
    """Each line to type, with the words that it must print."""
    for text in phases().values():
        for box in boxes(text):
            for line, promise in re.findall(rf"^(?!#)(.+)\n{PROMISE}(.+)$", box, re.MULTILINE):
                yield line, promise.split(" · ")


def test_sixteen_phases_each_with_what_verifies_it() -> None:
    """A phase is done by feeling, or a line of the page is never tried."""
    assert [int(heading.partition(".")[0]) for heading in phases()] == list(range(1, 17))
    for heading, text in phases().items():
        assert boxes(text) or "```text" in text, heading
    typed = [line for text in phases().values() for box in boxes(text) for line in box.splitlines() if line[0] != "#"]
    assert typed == [line for line, _ in lines()], "each line in an sh box has its promise"


def installed(folder: Path, daemon: Daemon, gateway: Gateway, telegram: int) -> dict[str, str]:
    """The machine of the page below this folder; returns what stands in for its paths and its `tradebot`."""
    etc, var, programs = (folder / name for name in ("etc", "var", "bin"))
    for each in (etc / "credentials", var, programs):
        each.mkdir(parents=True)
    ports = {"port": daemon.port, "gateway": gateway.port, "telegram": telegram}
    (etc / "config.toml").write_text(CONFIG.format(**ports, chat=CHAT["id"], owner=OWNER["id"]))
    (var / "config.toml").symlink_to(etc / "config.toml")
    for name, secret in (("webhook_secret", SECRET), ("telegram_bot_token", TOKEN)):
        file = etc / "credentials" / name
        file.write_text(secret)
        file.chmod(0o640)
    program = programs / "tradebot"
    program.write_text(f'#!/bin/sh\ncd {var} && exec {sys.executable} -m tradebot "$@"\n')
    program.chmod(0o755)
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "CREDENTIALS_DIRECTORY": str(etc / "credentials"),
        "COLUMNS": "200",
        "ETC": str(etc),
        "VAR": str(var),
        "NAME": "localhost",
        "HERE": f"http://127.0.0.1:{daemon.port}",
    }


async def typed(line: str, env: dict[str, str]) -> str:
    """What the line prints, as if no line of it had been broken. It must end well."""
    [first] = boxes(PAGE.partition("\n## ")[0])
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"{first}{line}"),
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(shell.communicate(), 120)
    assert shell.returncode == 0, f"{line}: {out.decode()}"
    return " ".join(out.decode().split())


async def test_each_line_prints_what_the_page_promises(tmp_path: Path) -> None:
    """Somebody follows the page, reads what it does not say, and trades on a machine that is not ready."""
    gateway, printed = Gateway.at(tmp_path / "gateway"), dict[str, str]()
    async with bot_api() as telegram:
        daemon = Daemon(["run"], tmp_path / "var", {}, "daemon")
        env = installed(tmp_path, daemon, gateway, telegram.port)
        daemon.env = env
        async with running(daemon, gateway), proxy(daemon, {"X-Forwarded-For": "203.0.113.9"}) as url:
            await gateway.ready()
            await daemon.ready()
            await until(lambda: _chats(daemon), "the chat to be served")
            for line, words in lines():
                if line not in printed:
                    printed[line] = await typed(line, {**env, "URL": url})
                for word in words:
                    assert " ".join(word.split()) in printed[line], f"{line}: {word!r} is not in: {printed[line]}"
                assert SECRET not in printed[line], line


async def _chats(daemon: Daemon) -> bool:
    health = await daemon.health()
    return bool(health and health["parts"]["telegram"].get("ok"))
