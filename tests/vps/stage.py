"""What the pages find around them: a repository to clone, a gateway, Telegram, a certificate authority, an exchange that is open.

Each stands in for something that only a person or the outside world has. Nothing of it is in the pages.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.vps.followed import Failed, Steps, do
from tests.vps.machine import Machine
from tests.vps.outside import DOMAIN, TRADINGVIEW
from tests.vps.pages import Block

WORK_TREE = Path(__file__).parents[2]
TELEGRAM_PORT = 8081
GATEWAY_STATE = "/srv/gateway.jsonl"
ELSEWHERE = {
    "TRADEBOT_TRADING__HOURS": "always",  # the exchange is open, whatever the day
    "TRADEBOT_TELEGRAM__API_URL": f"http://127.0.0.1:{TELEGRAM_PORT}",
}
CHECKLIST = {
    "ETC": "/etc/tradebot",
    "NAME": DOMAIN,
    "HERE": "http://127.0.0.1:8000",
    "URL": f"https://{DOMAIN}/webhook",
}
"""What the checklist has set in the shell that it is typed in."""
AUTHORITY = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"
OWN_AUTHORITY = """
[Service]
RuntimeDirectory=caddy-own
ExecStart=
ExecStart=/bin/sh /srv/inside/caddy.sh run --environ
ExecReload=
ExecReload=/bin/sh /srv/inside/caddy.sh reload --force
"""


def serve_repository(root: Path) -> None:
    """What is committed in the work tree, where the pages' address leads; a branch of it that is one step newer can be pushed."""
    served = root / "srv/tradebot.git"
    _git("clone", "--quiet", "--bare", "--no-hardlinks", str(WORK_TREE), str(served))
    head = _git("-C", str(WORK_TREE), "rev-parse", "HEAD").strip()
    _git("-C", str(served), "update-ref", "refs/heads/main", head)
    _git("-C", str(served), "symbolic-ref", "HEAD", "refs/heads/main")
    shutil.copytree(Path(__file__).parent / "inside", root / "srv/inside")
    for unit in ("tradebot", "tradebot-backup"):
        folder = root / f"etc/systemd/system/{unit}.service.d"
        folder.mkdir(parents=True)
        lines = "".join(f"Environment={name}={value}\n" for name, value in ELSEWHERE.items())
        (folder / "elsewhere.conf").write_text(f"[Service]\n{lines}")
    caddy = root / "etc/systemd/system/caddy.service.d"
    caddy.mkdir(parents=True)
    (caddy / "own-authority.conf").write_text(OWN_AUTHORITY)


def publish_newer(root: Path, number: int) -> str:
    """One commit more, with a step of the tables that can be taken back; its short name."""
    served, tree = root / "srv/tradebot.git", root / f"srv/newer-{number}"
    _git("clone", "--quiet", str(served), str(tree))
    newest = max(int(file.name[:4]) for file in (tree / "migrations").glob("[0-9]*.sql"))
    table = f"rehearsal_{number}"
    (tree / f"migrations/{newest + 1:04}_{table}.up.sql").write_text(f"CREATE TABLE {table} (id BIGINT NOT NULL);\n")
    (tree / f"migrations/{newest + 1:04}_{table}.down.sql").write_text(
        f"-- Nothing is lost: {table} is empty.\n\nDROP TABLE {table};\n"
    )
    _git("-C", str(tree), "add", "--all")
    _git(
        "-C",
        str(tree),
        "-c",
        "user.name=you",
        "-c",
        "user.email=you@example.com",
        "commit",
        "--quiet",
        "--message",
        "Newer",
    )
    _git("-C", str(tree), "push", "--quiet", "origin", "HEAD:main")
    return _git("-C", str(tree), "rev-parse", "--short", "HEAD").strip()


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


@dataclass
class Surroundings:
    """Starts each of them before the first block that needs it."""

    machine: Machine
    steps: Steps

    async def before(self, block: Block) -> None:
        if block.page == "deployment.md" and "PostgreSQL" in block.heading:
            await do(
                self.machine, self.steps, "curl -fsS -X POST -d '{}' http://127.0.0.1:4003/midnight"
            )  # a day without orders
        if block.page != "setup.md":
            return
        if "IB Gateway" in block.heading:
            await self._once(
                "ib-gateway",
                f"/opt/tradebot/current/bin/tradebot simgateway --port 4002 --control-port 4003 --state {GATEWAY_STATE}",
            )
            await self._waits_for(4002)
        if "Telegram" in block.heading:
            await self._once("telegram", f"python3 /srv/inside/telegram.py {TELEGRAM_PORT}")
            await self._waits_for(TELEGRAM_PORT)
        if "Start" in block.heading:
            await self._trust_the_authority()

    async def _once(self, unit: str, command: str) -> None:
        done = await self.machine.sh(
            f"systemctl is-active {unit} || systemd-run --unit={unit} -p WorkingDirectory=/srv {command}"
        )
        if done.code:
            raise Failed(f"{unit} does not start: {done.output}")

    async def _waits_for(self, port: int) -> None:
        await do(self.machine, self.steps, f"until ss -ltnH 'sport = :{port}' | grep -q .; do sleep 0.2; done")

    async def _trust_the_authority(self) -> None:
        """The proxy's certificate is good here, and TradingView has its address."""
        await do(
            self.machine,
            self.steps,
            f"""
            until test -s {AUTHORITY}; do sleep 0.2; done
            cp {AUTHORITY} /usr/local/share/ca-certificates/own-authority.crt && update-ca-certificates
            ip address replace {TRADINGVIEW}/32 dev lo
            until curl -sS -o /dev/null https://{DOMAIN}/; do sleep 0.2; done
            """,
            60,
        )
