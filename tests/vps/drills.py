"""What is done to a machine in its life, with alerts coming in all the time; and what must be true of every one of them then."""

import asyncio
import json
import re
import time
from dataclasses import dataclass

from tests.vps import stage
from tests.vps.followed import Failed, Steps, do
from tests.vps.machine import Machine
from tests.vps.outside import DOMAIN, TRADINGVIEW
from tests.vps.pages import blocks

RECORD = "srv/sent.jsonl"
DATABASE = "/var/lib/tradebot/data/tradebot.db"
SOURCE = "cd /usr/local/src/tradebot"
ENDED = {"EXECUTED", "BLOCKED", "FAILED", "EXPIRED", "CLEARED", "REJECTED"}
STATES = f"""python3 - <<'END'
import json, sqlite3
rows = sqlite3.connect("file:{DATABASE}?mode=ro", uri=True).execute("SELECT raw_body, status FROM alert_log").fetchall()
found = {{}}
for body, status in rows:
    try:
        found[json.loads(body)["alert_id"]] = status
    except (ValueError, KeyError, TypeError):
        pass
print(json.dumps(found))
END"""


@dataclass
class Drills:
    machine: Machine
    steps: Steps
    backup: str = ""  # the file that is restored
    backed_up_at: float = 0.0
    stopped_at: float = 0.0  # for the restore
    said_missing: int = 0  # alerts, by restore's own words

    async def all(self) -> None:
        part = "drills"
        async with self.steps.step(part, "doctor is green"):
            await self._do(f"tradebot doctor --public https://{DOMAIN}", 120)
        async with self.steps.step(part, "the unit says what it does"):
            await self._unit_speaks()
        async with self.steps.step(part, "alerts come in from now on"):
            await self._alerts_begin()
        async with self.steps.step(part, "kill -9: started again"):
            await self._killed()
        async with self.steps.step(part, "stands still: the watchdog starts it again"):
            await self._stopped()
        async with self.steps.step(part, "backup, and the timer's"):
            await self._backed_up()
        async with self.steps.step(part, "the page's rehearsal of a restore"):
            await self._rehearsed()
        async with self.steps.step(part, "update to a newer commit"):
            newer = stage.publish_newer(self.machine.root, 1)
            await self._do(f"{SOURCE} && git pull && make deploy", 600)
            assert newer in await self._version(), f"{newer} does not run"
            await self._alerts_go_on()
        async with self.steps.step(part, "rollback, its step of the tables taken back"):
            await self._do(f"{SOURCE} && make rollback YES=1", 300)
            assert newer not in await self._version(), f"{newer} still runs"
            assert "rehearsal_1" not in await self._tables()
            await self._alerts_go_on()
        async with self.steps.step(part, "restore of the backup"):
            await self._restored()
        async with self.steps.step(part, "every alert that was taken is there, and done"):
            await self._nothing_lost()
        async with self.steps.step(part, "doctor is green at the end"):
            await self._do(f"tradebot doctor --public https://{DOMAIN}", 120)

    async def _do(self, script: str, timeout_s: float = 60) -> str:
        return await do(self.machine, self.steps, script, timeout_s)

    async def _unit_speaks(self) -> None:
        status = await self._do("systemctl show --property=StatusText --value tradebot")
        assert status.strip(), "no STATUS line"
        await self._do("systemctl status --no-pager tradebot | grep -F 'Status:'")
        await self._do("systemd-analyze security --no-pager --threshold=15 tradebot")
        await self._do("journalctl --no-pager -p warning -u tradebot")

    async def _alerts_begin(self) -> None:
        sender = f"python3 /srv/inside/sender.py {DOMAIN} {TRADINGVIEW} {stage.AUTHORITY}"
        await self._do(
            f"systemd-run --unit=sender {sender} /etc/tradebot/credentials/webhook_secret /{RECORD}",
        )
        await self._alerts_go_on()

    def _taken(self) -> dict[str, float]:
        """The alerts that were answered 200, and when."""
        record = self.machine.root / RECORD
        lines = record.read_text().splitlines(keepends=True) if record.exists() else []
        sent = [json.loads(line) for line in lines if line.endswith("\n")]
        return {one["alert_id"]: one["at"] for one in sent if one["status"] == 200}

    async def _alerts_go_on(self, more: int = 4) -> None:
        """Until some more are taken."""
        before = len(self._taken())
        async with asyncio.timeout(90):
            while len(self._taken()) < before + more:
                await asyncio.sleep(0.2)

    async def _version(self) -> str:
        return await self._do("readlink -f /opt/tradebot/current; tradebot --version")

    async def _tables(self) -> str:
        return await self._do(
            f'python3 -c \'import sqlite3; print(sqlite3.connect("file:{DATABASE}?mode=ro", uri=True)'
            f'.execute("SELECT name FROM sqlite_master").fetchall())\''
        )

    async def _main_pid(self) -> int:
        return int(await self._do("systemctl show --property=MainPID --value tradebot"))

    async def _another_runs(self, before: int, within_s: float) -> None:
        async with asyncio.timeout(within_s):
            while True:
                state = (await self.machine.sh("systemctl show --property=ActiveState --value tradebot")).output.strip()
                if state == "active" and await self._main_pid() not in {0, before}:
                    return
                await asyncio.sleep(0.5)

    async def _killed(self) -> None:
        pid = await self._main_pid()
        await self._do("systemctl kill --kill-whom=main --signal=KILL tradebot")
        await self._another_runs(pid, 90)
        await self._alerts_go_on()

    async def _stopped(self) -> None:
        pid = await self._main_pid()
        await self._do("systemctl kill --kill-whom=main --signal=STOP tradebot")
        await self._another_runs(pid, 240)
        await self._do("journalctl --no-pager -u tradebot | grep -i 'watchdog timeout'")
        await self._alerts_go_on()

    async def _backed_up(self) -> None:
        await self._do(
            "systemctl is-enabled tradebot-backup.timer && systemctl list-timers --no-pager tradebot-backup.timer"
        )
        await self._do("systemctl start tradebot-backup.service")
        self.backed_up_at = time.time()
        await self._do("tradebot backup")
        self.backup = (await self._do("ls -1t /var/backups/tradebot/tradebot-*.db | head -n 1")).strip()
        await self._alerts_go_on()

    async def _rehearsed(self) -> None:
        """As the page says, with the name of the backup that is there; nothing of it is the running bot's."""
        page = stage.WORK_TREE / "docs" / "backup.md"
        [block] = [block for block in blocks(page) if block.heading == "A rehearsal"]
        before = await self._main_pid()
        said = await self._do(re.sub(r"/var/backups/tradebot/tradebot-\S+\.db", self.backup, block.text), 120)
        assert "The backup is whole." in said
        assert await self._main_pid() == before
        await self._alerts_go_on()

    async def _restored(self) -> None:
        refused = await self.machine.sh(f"tradebot restore --yes {self.backup}")
        assert refused.code, "restored under a running daemon"
        await self._do("systemctl stop tradebot")
        self.stopped_at = time.time()
        said = await self._do(f"tradebot restore --yes {self.backup}")
        told = re.search(r"Missing afterwards: ([\d,]+) alerts", said)
        self.said_missing = int(told[1].replace(",", "")) if told else 0
        await self._do("systemctl start tradebot")
        await self._alerts_go_on()
        # IB's orders since the backup: the bot asks whether they are known, once it has compared.
        await self._do(
            "until curl -s http://127.0.0.1:8000/health | grep 'Orders of another database are at IB'; do sleep 0.5; done",
            90,
        )
        await self._do("tradebot resume --everything")

    async def _nothing_lost(self) -> None:
        """Missing may only be what came after the backup and before the stop for its restore: restore has said so."""
        await self._do("systemctl stop sender")
        taken = self._taken()
        promised = {alert for alert, at in taken.items() if not self.backed_up_at <= at <= self.stopped_at}
        deadline = time.monotonic() + 120
        while True:
            states = json.loads(await self._do(STATES))
            open_ = {alert: states.get(alert, "missing") for alert in promised if states.get(alert) not in ENDED}
            if not open_:
                break
            if time.monotonic() > deadline:
                raise Failed(f"{len(open_)} of {len(promised)} alerts: {dict(sorted(open_.items())[:10])}")
            await asyncio.sleep(1)
        counts = {state: sum(states[alert] == state for alert in promised) for state in ENDED}
        counted = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
        missing = len(taken.keys() - states.keys())
        assert missing <= self.said_missing, f"{missing} alerts are gone, and restore spoke of {self.said_missing}"
        self.steps.told(
            "drills",
            "alerts",
            f"{len(taken)} taken: {counted}; {missing} from after the backup are gone, as restore said",
        )


async def on_servers(machine: Machine, steps: Steps) -> None:
    """The same bot on PostgreSQL and Redis, where the pages have put it."""
    part = "on PostgreSQL"
    async with steps.step(part, "an alert is taken and done"):
        await do(machine, steps, "tradebot alert BUY IBM && tradebot alert SELL IBM")
    async with steps.step(part, "backup and restore"):
        await do(
            machine,
            steps,
            """
            tradebot backup
            systemctl stop tradebot
            tradebot restore --yes "$(ls -1t /var/backups/tradebot/tradebot-*.dump | head -n 1)"
            systemctl start tradebot
            tradebot resume --everything
            """,
            120,
        )
    async with steps.step(part, "doctor is green"):
        await do(machine, steps, f"tradebot doctor --public https://{DOMAIN}", 120)
