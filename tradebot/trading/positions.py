"""The books against IB, contract by contract.

Rules: more at IB than in the books is the owner's: reported once per change, never touched. Less at IB is a mismatch: reported
once per change and by every position sync, and BUYs of the ticker are blocked by the risk rules until both agree. A split that is
recognised is neither: it is reported like a mismatch, and waits for the owner's word. A contract that IB calls otherwise than the
books do is reported once. A contract whose order is in flight, UNKNOWN or just filled is not compared: IB's position may trail.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.corporate_actions import SEEN_BEFORE_KEY, Before, seen_before, seen_before_text
from tradebot.domain.events import Facts, NewEvent
from tradebot.domain.facts.account import Mismatch, OwnerHoldings, Renamed, SplitSeen
from tradebot.domain.lots import LotStatus
from tradebot.domain.positions import TOLD_KEY, Position, compare, name_key
from tradebot.ports import Books
from tradebot.trading.corporate_actions import moving_contracts, unanswered_splits


async def tell_differences(
    books: Books, broker_positions: Mapping[int, BrokerPosition], now: datetime, *, mismatches_again: bool = False
) -> list[Position]:
    """Adds an event for each difference that was not reported yet as it stands; returns what was compared, splits excepted."""
    moving = await moving_contracts(books, now)
    lots = await books.lots(LotStatus.OPEN)
    rows = [row for row in compare(lots, broker_positions) if row.con_id not in moving]
    splits = await unanswered_splits(books, lots, broker_positions, now)
    explained = {con_id for split in splits for con_id in (split.con_id, split.new_con_id)}
    found: dict[str, tuple[str, Facts]] = {f"split {one.con_id}": (one.key, SplitSeen(one)) for one in splits}
    for row in rows:
        if row.booked != row.at_ib and row.con_id not in explained:
            facts = Mismatch(row) if row.missing else OwnerHoldings(row)
            found[str(row.con_id)] = f"{row.booked:f}/{row.at_ib:f}", facts
    for con_id, ticker in {lot.con_id: lot.ticker for lot in lots}.items():
        held = broker_positions.get(con_id)
        if held is not None and held.ticker != ticker:
            found[name_key(con_id)] = held.ticker, Renamed(ticker, held.ticker, con_id)
    await _remember(books, [row for row in rows if row.con_id not in explained], broker_positions, now)
    await _tell(books, found, {str(row.con_id) for row in rows}, now, again=mismatches_again, moving=bool(moving))
    return [row for row in rows if row.con_id not in explained]


async def _remember(
    books: Books, rows: Sequence[Position], broker_positions: Mapping[int, BrokerPosition], now: datetime
) -> None:
    """What IB holds of the bot's contracts now: a split that comes over night shows against it. What is in motion stays."""
    stored = await books.settings()
    seen = seen_before(stored)
    for row in rows:
        held = broker_positions.get(row.con_id)
        if row.booked and held is not None and held.avg_cost is not None:
            seen[row.con_id] = Before(row.booked, held.qty, held.avg_cost)
        elif not row.booked:
            seen.pop(row.con_id, None)
    text = seen_before_text(seen)
    if text != stored.get(SEEN_BEFORE_KEY, "{}"):
        await books.put_setting(SEEN_BEFORE_KEY, text, "bot", now)


async def _tell(
    books: Books,
    found: Mapping[str, tuple[str, Facts]],
    compared: set[str],
    now: datetime,
    *,
    again: bool,
    moving: bool,
) -> None:
    told_before: dict[str, str] = json.loads((await books.settings()).get(TOLD_KEY, "{}"))
    for key, (as_it_stands, facts) in found.items():
        if as_it_stands != told_before.get(key) or (again and isinstance(facts, Mismatch | SplitSeen)):
            await books.add_event(NewEvent(facts, now))
    told_now = {key: as_it_stands for key, (as_it_stands, _) in found.items()}
    told_now |= {key: told for key, told in told_before.items() if key not in compared | set(found) and moving}
    if told_now != told_before:
        await books.put_setting(TOLD_KEY, json.dumps(told_now), "bot", now)
