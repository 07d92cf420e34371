"""The lists of the command line where there are several strategies, and their JSON, which says whose a row is everywhere."""

import asyncio
import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.adapters.database.samples import a_lot, an_alert, an_execution
from tests.backup.conftest import books
from tests.cli.conftest import Type
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.instructions import Instruction, PositionTarget, Size, SizeKind, Target, Verb, stored
from tradebot.domain.trades import NewTrade, OrderRole, TradeStatus

TWO = '[strategies.ema]\nmax_open_positions = 3\n[strategies.swing]\nsizing = "shares"\nsize = 5\n'


async def two_strategies(folder: Path) -> None:
    """ema has sold 10 and holds 10, swing holds 10: of one stock, today."""
    now = datetime.now(UTC)
    asked = Instruction(
        "traderspost",
        Verb.BUY,
        "AAPL",
        size=Size(SizeKind.SHARES, Decimal(10)),
        target=PositionTarget(Target.LONG, Decimal(20), Target.LONG, Decimal(10)),
    )
    async with books(f"sqlite:///{folder}/data/tradebot.db") as made:
        trades = []
        for name, side in (("ema", Side.BUY), ("ema", Side.SELL), ("swing", Side.BUY)):
            alert = an_alert(strategy=name, action=side, dialect=asked.dialect, instruction=stored(asked))
            alert_id = await made.insert_alert(alert)
            assert alert_id is not None
            trades.append(await made.insert_trade(an_order(alert_id, name, side, now)))
        for number, owner in enumerate(trades, start=1):
            trade = await made.trade(owner)
            assert trade is not None
            done = replace(
                trade, status=TradeStatus.FILLED, filled_qty=Decimal(10), avg_fill_price=Decimal(187), finished_at=now
            )
            await made.save_trade(done)
            await made.put_execution(owner, an_execution(f"0000e0d5.{number}.01", order_ref=trade.order_ref, time=now))
            await made.move_alert(trade.alert_id, (AlertStatus.RECEIVED,), AlertStatus.EXECUTED, None)
        bought, sold, other = trades
        closed = a_lot(bought, sold, exit_time=now, pnl=Decimal(12), strategy="ema")
        await made.rewrite_lots("ema", "AAPL", [closed, a_lot(bought, strategy="ema")], closed_by=[sold])
        await made.rewrite_lots("swing", "AAPL", [a_lot(other, strategy="swing")])


def an_order(alert_id: int, strategy: str, side: Side, at: datetime) -> NewTrade:
    return NewTrade(
        alert_id=alert_id,
        ticker="AAPL",
        con_id=265598,
        side=side,
        role=OrderRole.ENTRY if side is Side.BUY else OrderRole.EXIT,
        requested_qty=Decimal(10),
        order_ref=f"tb-{alert_id}-0badcafe",
        ib_position_before=Decimal(0),
        reserved=Decimal(0),
        decision={},
        created_at=at,
        strategy=strategy,
    )


@pytest.fixture
def several(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(TWO)
    asyncio.run(two_strategies(tmp_path))
    return tmp_path


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """The same books, read with a file that names no strategy."""
    asyncio.run(two_strategies(tmp_path))
    return tmp_path


@pytest.mark.parametrize("command", ["alerts", "orders", "positions", "pnl"])
def test_a_table_has_a_column_for_the_strategy(several: Path, typed: Type, command: str) -> None:
    """The owner could not tell which strategy holds, ordered or won what; or a filter would show the others' too."""
    told = typed(command)
    assert told.code == 0, told.all
    head, *rows = told.out.splitlines()
    assert "strategy" in head or "strategy" in rows[0], told.out
    assert ("ema" in told.out, "swing" in told.out) == (True, True), told.out
    mine = typed(command, "--strategy", "swing")
    assert ("ema" in mine.out, "swing" in mine.out) == (False, True), mine.out


@pytest.mark.parametrize(
    "command", ["alerts", "orders", "positions", "pnl", "jobs", "deliveries", "stats", "performance"]
)
def test_a_table_fits_a_terminal_of_eighty_columns(
    several: Path, typed: Type, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Figures ran over the edge, or were cut off, on the width that every terminal opens with."""
    monkeypatch.setenv("COLUMNS", "80")
    told = typed(command)
    assert told.code == 0, told.all
    assert max(map(len, told.out.splitlines())) <= 80, told.out
    assert "…" not in told.out


def test_results_are_told_for_each_and_added_up(several: Path, typed: Type) -> None:
    """The sum would stand for one strategy, or be missing."""
    rows = [line.split() for line in typed("pnl", "--days", "2").out.splitlines()]
    assert [row[-7:-5] for row in rows[-3:]] == [["ema", "+$12.00"], ["swing", "+$0.00"], ["all", "+$12.00"]]
    told = typed("positions").out
    assert "By strategy: ema +$12.00, swing +$0.00." in told


def test_the_json_always_says_whose_it_is(one: Path, typed: Type) -> None:
    """A program would have to read the configuration to know how a document is to be read."""
    told = {command: json.loads(typed(command, "--json").out) for command in ("alerts", "orders", "positions", "pnl")}
    assert [row["strategy"] for row in told["alerts"]["alerts"]] == ["ema", "ema", "swing"]
    assert [row["strategy"] for row in told["orders"]["orders"]] == ["ema", "ema", "swing"]
    assert [row["strategy"] for row in told["positions"]["positions"]] == ["ema", "swing"]
    assert told["positions"]["realised_today_by_strategy"] == {"ema": "12", "swing": "0"}
    assert told["pnl"]["by_strategy"]["ema"]["total"]["net"] == "12"
    executions = json.loads(typed("export", "--json", "--what", "executions").out)["executions"]
    assert [row["strategy"] for row in executions] == ["ema", "ema", "swing"]


def test_where_there_is_one_strategy_tables_are_as_before(one: Path, typed: Type) -> None:
    """Who has one strategy would get a column that says the same in each row, and his spreadsheet another one."""
    for command in ("alerts", "orders", "positions", "pnl", "status"):
        assert "strategy" not in typed(command).out, command
    assert "strategy" not in typed("export", "--what", "executions").out.splitlines()[0]


def test_an_export_of_one_strategy(several: Path, typed: Type) -> None:
    """The tax return of one would have the others' trades."""
    for what in ("lots", "trades", "executions"):
        told = typed("export", "--what", what, "--strategy", "ema")
        assert {row["strategy"] for row in csv.DictReader(io.StringIO(told.out))} == {"ema"}, what


@pytest.mark.parametrize("command", ["alerts", "orders", "positions", "pnl", "export", "status"])
def test_a_name_that_there_is_not_is_refused(several: Path, typed: Type, command: str) -> None:
    """A typo would look like a strategy that has never traded."""
    told = typed(command, "--strategy", "emma")
    assert told.code == 2, told.all
    assert "there is no strategy emma among those that there are: ema, swing" in told.err.replace("\n", " ")


def test_status_has_a_line_for_each(several: Path, typed: Type) -> None:
    """What one strategy has used of its limits could be read nowhere beside the daemon."""
    told = typed("status")
    [ema] = [line.split() for line in told.out.splitlines() if line.startswith("ema ") and " on " in line]
    assert ema[1:5] == ["on", "1", "of", "3"]
    assert "swing" in told.out
    assert "swing" not in typed("status", "--strategy", "ema").out


async def _for_nobody(folder: Path) -> None:
    async with books(f"sqlite:///{folder}/data/tradebot.db") as made:
        refused = an_alert(
            ticker=None,
            action=None,
            instruction=None,
            idempotency_key="id@ema:mine",
            raw_body=b'{"strategy": "nope", "action": "BUY", "ticker": "AAPL"}',
            status=AlertStatus.REJECTED,
            reason='There is no strategy "nope".',
        )
        await made.insert_alert(refused)


def test_an_alert_for_nobody_is_listed_with_the_name_it_carried(several: Path, typed: Type) -> None:
    """A slip in a strategy's name is looked for among the alerts of another one, under whose name it stands."""
    asyncio.run(_for_nobody(several))
    row = next(line for line in typed("alerts").out.splitlines() if line.split()[0] == "4")
    assert "nope" in row
    assert "main" not in row
    told = typed("trace", "mine")  # by its own "alert_id", which stands behind its strategy's name
    assert told.out.startswith("Alert 4: "), told.all
    assert "strategy nope" in " ".join(told.out.split())


def test_a_trace_says_what_was_understood(several: Path, typed: Type) -> None:
    """Nobody could see how a foreign message was read."""
    told = " ".join(typed("trace", "1").out.split())
    assert "BUY AAPL at $187.32; 10 shares; wants to be long 20 afterwards, long 10 before;" in told
    assert "strategy ema; read as traderspost" in told
    assert json.loads(typed("trace", "1", "--json").out)["alert"]["instruction"]["size"] == {
        "kind": "shares",
        "value": "10",
    }
