"""The daemon and the simulated gateway as processes, and what a test does to them."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from tests.faketime import clear_up
from tests.servers import free_port
from tradebot.database import open_ledger
from tradebot.domain.alerts import Alert, AlertStatus
from tradebot.domain.brokerage import Execution
from tradebot.domain.events import Event
from tradebot.domain.lots import CorporateAction, Lot, LotStatus
from tradebot.domain.trades import Trade

T = TypeVar("T")
SECRET = "canary-webhook-secret-0123456789"
DEADLINE_S = 120.0
RESENDS = 20
CHANNELS = ("owner", "log", "telegram")
ROOT = Path(__file__).parents[2]
"""The tree under test: its processes import from here, wherever it lies."""


async def until(
    look: Callable[[], Awaitable[T | None]], what: str, deadline_s: float = DEADLINE_S, *, every_s: float = 0.05
) -> T:
    """The first true answer; fails with `what` was waited for, and the last answer, when none comes in time."""
    answer = None
    try:
        async with asyncio.timeout(deadline_s):
            while not (answer := await look()):
                await asyncio.sleep(every_s)
            return answer
    except TimeoutError:
        raise AssertionError(f"waited {deadline_s:.0f} s in vain for {what}; last answer: {answer!r}") from None


@dataclass
class Process:
    """A `tradebot` command in a folder of its own; its output goes to a file there."""

    arguments: list[str]
    folder: Path
    env: dict[str, str]
    name: str
    running: asyncio.subprocess.Process | None = None
    module: str = "tradebot"

    @property
    def surroundings(self) -> dict[str, str]:
        """The environment of the process, and nothing else of this one's."""
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **self.env}

    @property
    def output(self) -> str:
        file = self.folder / f"{self.name}.out"
        return file.read_text() if file.exists() else ""

    async def start(self) -> None:
        self.clear_up()
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{self.name}.out").open("ab") as out:
            self.running = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self.module, *self.arguments),
                cwd=self.folder,
                env=self.surroundings,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    async def end(self, number: signal.Signals) -> int:
        """Sends a signal and waits for the end; returns the exit code."""
        assert self.running is not None
        if self.running.returncode is None:
            with suppress(ProcessLookupError):
                # Not `send_signal`: it takes the exit code of a process that has just ended, and asyncio waits for it in vain.
                os.kill(self.running.pid, number)
        return await asyncio.wait_for(self.running.wait(), DEADLINE_S)

    def clear_up(self) -> None:
        """After the process, however it has ended."""
        if self.running is not None:
            clear_up(self.running.pid)

    async def kill(self) -> None:
        await self.end(signal.SIGKILL)

    async def stop(self) -> int:
        return await self.end(signal.SIGTERM)


@dataclass
class Gateway(Process):
    """A stand-alone simulated gateway with its control port."""

    port: int = field(default_factory=free_port)
    control_port: int = field(default_factory=free_port)

    @classmethod
    def at(cls, folder: Path, *, realistic: bool = False) -> "Gateway":
        gateway = cls([], folder, {}, "gateway")
        ports = ["--port", str(gateway.port), "--control-port", str(gateway.control_port)]
        gateway.arguments = ["simgateway", *ports, "--state", "gateway.jsonl", "--seed", "7"]
        gateway.arguments += ["--realistic"] * realistic
        return gateway

    async def ready(self) -> None:
        await self.start()
        await until(self._answers, "the simulated gateway to listen", every_s=0.1)

    async def _answers(self) -> bool:
        assert self.running is not None
        assert self.running.returncode is None, f"the simulated gateway ended: {self.output}"
        try:
            await self.control("GET", "/state")
        except aiohttp.ClientError:
            return False
        return True

    async def control(self, method: str, path: str, **body: object) -> Any:
        url = f"http://127.0.0.1:{self.control_port}{path}"
        async with aiohttp.ClientSession() as session, session.request(method, url, json=body or None) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def fault(self, name: str, **parameters: object) -> None:
        await self.control("POST", "/faults", fault=name, **parameters)

    async def orders(self) -> list[dict[str, Any]]:
        state = await self.control("GET", "/state")
        return list(state["orders"])

    async def position(self, symbol: str) -> str:
        state = await self.control("GET", "/state")
        return next((one["quantity"] for one in state["positions"] if one["symbol"] == symbol), "0")

    async def received(self) -> list[dict[str, str]]:
        """Every order that ever reached the gateway, taken or not, as its journal has it."""
        lines = await self.control("GET", "/journal")
        return [line["fields"] for line in lines if line["kind"] == "received" and line["message"] == "placeOrder"]

    async def working(self) -> bool:
        """Whether any order can still fill."""
        return any(order["status"] in ("PreSubmitted", "Submitted", "PendingCancel") for order in await self.orders())


@dataclass
class Daemon(Process):
    """The daemon, its webhook and a view of its database."""

    port: int = field(default_factory=free_port)
    database: str = ""

    @classmethod
    def at(cls, folder: Path, *, gateway: Gateway | None = None, **settings: str) -> "Daemon":
        """`settings` are `section__key="value"`; without a gateway the daemon runs its own."""
        daemon = cls(["run"], folder, {}, "daemon")
        given = {"webhook__port": str(daemon.port), "webhook__secret": SECRET, **settings}
        if gateway is not None:
            given |= {"broker__mode": "gateway", "broker__port": str(gateway.port), "trading__hours": "always"}
            given |= {"trading__price_collar_pct": "0", "broker__restart_window": "00:00-00:00"}  # at any time of day
        daemon.env = {f"TRADEBOT_{key.upper()}": value for key, value in given.items()}
        daemon.database = settings.get("database__url", f"sqlite:///{folder}/data/tradebot.db")
        return daemon

    async def ready(self) -> None:
        """Starts and waits until orders may leave."""
        await self.start()
        await self.well()

    async def well(self) -> None:
        await until(self._is_well, f"a healthy daemon; it printed {self.output}", every_s=0.2)

    async def listening(self) -> None:
        await until(self.health, f"the webhook to listen; it printed {self.output}", every_s=0.1)

    async def _is_well(self) -> bool:
        assert self.running is not None
        assert self.running.returncode is None, f"the daemon ended: {self.output}"
        return (await self.health() or {}).get("status") == 200

    async def health(self, *, patient: bool = True) -> dict[str, Any] | None:
        """Its answer with the HTTP status; None when nobody listens. Who is `patient` asks again when he has asked too often."""
        url = f"http://127.0.0.1:{self.port}/health"
        while True:
            try:
                async with aiohttp.ClientSession() as session, session.get(url) as answer:
                    told = {"status": answer.status, **await answer.json()}
            except aiohttp.ClientError:
                return None
            if told["status"] != 429 or not patient:
                return told
            await asyncio.sleep(1)

    async def post(self, **fields: str) -> tuple[int, dict[str, Any]]:
        return await self.message(json.dumps({"secret": SECRET, **fields}))

    async def message(self, body: str, path: str = "/webhook") -> tuple[int, dict[str, Any]]:
        """A body as it is."""
        url = f"http://127.0.0.1:{self.port}{path}"
        async with aiohttp.ClientSession() as session, session.post(url, data=body.encode()) as answer:
            return answer.status, await answer.json()

    async def resent(self, **fields: str) -> tuple[int, dict[str, Any]]:
        """As TradingView sends: again when a busy machine could not store it in time."""
        for _ in range(RESENDS):
            status, body = await self.post(**fields)
            if status != 503:
                break
            await asyncio.sleep(1)
        return status, body

    async def alert(self, action: str, ticker: str, **fields: str) -> int:
        """An alert that must be taken; returns its id."""
        status, body = await self.resent(action=action, ticker=ticker, **fields)
        assert (status, body.get("status") in ("queued", "duplicate")) == (200, True), body
        return int(body["alert_id"])

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Another `tradebot` command with the same configuration: exit code and output."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self.module, *arguments),
            cwd=self.folder,
            env=self.surroundings,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
        assert process.returncode is not None
        return process.returncode, out.decode()

    async def books(self) -> "BooksNow":
        async with open_ledger(self.database) as ledger, ledger.read() as books:
            trades = await books.trades()
            return BooksNow(
                alerts={alert.id: alert for alert in await books.alerts(tuple(AlertStatus))},
                trades=list(trades),
                decisions={trade.id: await books.decision(trade.id) or {} for trade in trades},
                lots=list(await books.lots()),
                actions=[
                    action
                    for strategy, ticker in {(one.strategy, one.ticker) for one in trades}
                    for action in await books.corporate_actions(strategy, ticker)
                ],
                events=list(await books.events(limit=100_000)),
                untold={event.id for name in CHANNELS for event in await books.undelivered(name, 100_000)},
                executions={trade.id: list(await books.executions(trade.id)) for trade in trades},
            )

    async def ended(self, *alert_ids: int, deadline_s: float = DEADLINE_S) -> "BooksNow":
        """The books once all these alerts have reached an end (PENDING and UNKNOWN are ends to wait for here)."""

        async def look() -> bool:
            async with open_ledger(self.database) as ledger, ledger.read() as books:
                on_the_way = await books.alerts((AlertStatus.RECEIVED, AlertStatus.PROCESSING))
            return not {alert.id for alert in on_the_way} & set(alert_ids)

        what = f"the end of alerts {alert_ids}; the daemon printed {self.output[-3000:]}"
        await until(look, what, deadline_s, every_s=0.2)  # each look opens the database
        return await self.books()


@dataclass(frozen=True)
class BooksNow:
    alerts: dict[int, Alert]
    trades: list[Trade]
    decisions: dict[int, Mapping[str, object]]  # by trade
    lots: list[Lot]
    actions: list[CorporateAction]
    events: list[Event]
    untold: set[int]  # events that wait for any channel
    executions: dict[int, list[Execution]]

    def held(self, strategy: str, ticker: str) -> Decimal:
        """Shares in the strategy's open lots."""
        mine = [lot for lot in self.lots if (lot.strategy, lot.ticker) == (strategy, ticker)]
        return sum((lot.qty for lot in mine if lot.status is LotStatus.OPEN), Decimal(0))

    def trade_of(self, alert_id: int) -> Trade:
        """Its newest order."""
        return [trade for trade in self.trades if trade.alert_id == alert_id][-1]


@asynccontextmanager
async def running(*processes: Process) -> AsyncIterator[None]:
    """Whatever happens in the block, none of these outlives it."""
    try:
        yield
    finally:
        for process in processes:
            if process.running is not None and process.running.returncode is None:
                await process.kill()
            process.clear_up()
