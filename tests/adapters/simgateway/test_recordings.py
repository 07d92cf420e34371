"""The gateway's bytes against traffic that a real gateway sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tradebot.simgateway import replies
from tradebot.simgateway.catalogue import Catalogue
from tradebot.simgateway.details import contract_details
from tradebot.simgateway.model import Execution, Listing, Order, Position, Ticket
from tradebot.simgateway.wire import frame

RECORDINGS = Path(__file__).parent / "recordings"
AT = datetime(2025, 4, 15, 18, 38, 31, tzinfo=UTC)
ACCOUNT = "DU1234567"
AAPL = Catalogue().by_symbol["AAPL"]
PLACED = Order(600745656, Ticket(100, 5, 265598, "AAPL", "BUY", Decimal(100), "MKT"), AT)
PRICE = Decimal("201.94")
FILLED = replace(PLACED, status="Filled", filled=Decimal(100), avg_price=PRICE, last_price=PRICE)
EXECUTION = Execution(
    "0000e0d5.67fe667b.01.01", 600745656, Decimal(100), PRICE, AT, "IEX", Decimal(1), Decimal(100), PRICE
)


def lines(name: str) -> list[list[str]]:
    return [line.split("|")[:-1] for line in (RECORDINGS / name).read_text().splitlines()]


def raw(beginning: str) -> list[str]:
    """Every recorded message with this beginning, fields separated by a bar."""
    text = (RECORDINGS / "rust-ibapi-v173.yaml").read_text()
    found = [line.split('"')[1].replace("\\0", "|") for line in text.splitlines() if "raw: " in line]
    return [body for body in found if body.startswith(beginning)]


def sent(fields: list[str]) -> str:
    """A message's bytes without their length, fields separated by a bar."""
    return frame(fields)[4:].decode("ascii").replace("\0", "|")


def test_handshake_and_ids() -> None:
    """The opening would differ from a real gateway's."""
    version, start, accounts, next_id = lines("market-order-aapl-v173.txt")[:4]
    assert len(replies.handshake(173, AT)) == len(version)
    assert start == ["71", "2", "28", ""]
    assert (replies.managed_accounts(ACCOUNT), replies.next_valid_id(5)) == (accounts, next_id)


@pytest.mark.parametrize(("line", "order"), [(4, PLACED), (7, FILLED)])
def test_open_order(line: int, order: Order) -> None:
    """Field for field, openOrder would not be what clients decode."""
    recorded = lines("market-order-aapl-v173.txt")[line]
    assert len(recorded) == 136
    assert replies.open_order(173, ACCOUNT, order, AAPL) == recorded


@pytest.mark.parametrize(("line", "order"), [(5, PLACED), (8, FILLED)])
def test_order_status(line: int, order: Order) -> None:
    """Field for field, orderStatus would not be what clients decode."""
    assert replies.order_status(order) == lines("market-order-aapl-v173.txt")[line]


def test_execution() -> None:
    """Field for field, execDetails would not be what clients decode."""
    mine = replies.execution(173, -1, EXECUTION, PLACED, account=ACCOUNT, listing=AAPL, when="20250415  19:38:31")
    assert mine == lines("market-order-aapl-v173.txt")[6]


def test_commission_of_an_opening_trade() -> None:
    """An unset result would read as zero profit."""
    unset = "1.7976931348623157E308"
    assert replies.commission_report(EXECUTION) == ["59", "1", EXECUTION.exec_id, "1.0", "USD", unset, unset, ""]


def test_cancel() -> None:
    """A cancel would be reported otherwise than recorded."""
    order = Order(71270927, Ticket(100, 41, 265598, "AAPL", "BUY", Decimal(100), "LMT"), AT, status="Cancelled")
    assert "|".join(replies.order_status(order)) == "3|41|Cancelled|0|100|0|71270927|0|0|100||0"
    assert (
        "|".join(replies.error(173, 41, 202, "Order Canceled - reason:")) + "|"
        == "4|2|41|202|Order Canceled - reason:||"
    )


@pytest.mark.parametrize(("line", "venue", "differs"), [(0, "SMART", set()), (1, "AMEX", {15, 26, 27})])
def test_contract_details(line: int, venue: str, differs: set[int]) -> None:
    """Field for field, contractDetails would not be what clients decode (a venue's own order types and hours aside)."""
    recorded = lines("contract-details-tsla.txt")[line]
    mine = contract_details(173, 9001, Catalogue().by_symbol["TSLA"], venue, date(2022, 12, 29))
    assert len(mine) == len(recorded)
    assert {place for place, pair in enumerate(zip(mine, recorded, strict=True)) if pair[0] != pair[1]} == differs


def test_position() -> None:
    """Bytes of a position would differ from a real gateway's."""
    held = Position(265598, "AAPL", Decimal(-110), Decimal("201.8829709"))
    assert [sent(replies.position("ACCOUNT_ID", held, AAPL))] == raw("61|3|ACCOUNT_ID|265598")
    assert sent(replies.end(62)) in raw("62|1|")


def test_account_summary() -> None:
    """Bytes of the account summary would differ from a real gateway's."""
    pairs = [("GrossPositionValue", "23172.60"), ("NetLiquidation", "246447.83"), ("TotalCashValue", "269339.33")]
    assert [sent(replies.summary(9000, "ACCOUNT_ID", tag, value, "USD")) for tag, value in pairs] == raw("63|")
    assert [sent(replies.end(64, 9000))] == raw("64|")


def test_time_and_accounts() -> None:
    """Bytes of the simplest answers would differ from a real gateway's."""
    assert sent(replies.current_time(datetime.fromtimestamp(1752606307, UTC))) in raw("49|1|1")
    assert [sent(replies.managed_accounts("ACCOUNT_ID"))] == raw("15|")


@pytest.mark.parametrize(("version", "count"), [(157, 128), (158, 129), (160, 130), (162, 131), (170, 136), (177, 135)])
def test_open_order_by_version(version: int, count: int) -> None:
    """A version would send fields that its clients do not expect, or too few."""
    assert len(replies.open_order(version, ACCOUNT, PLACED, AAPL)) == count


def test_extra_listing() -> None:
    """A configured ticker would not replace or join the well-known ones."""
    extra = Listing("ZZZ", 1, Decimal(5))
    catalogue = Catalogue((extra, replace(AAPL, price=Decimal(1))))
    assert catalogue.find(0, "ZZZ", "SMART", "", "USD") is extra
    assert catalogue.by_con_id[265598].price == 1
