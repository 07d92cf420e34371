"""contractDetails of a stock, as recorded, with trading hours of the days around now.

Hours are New York's: 04:00–20:00 to trade, 09:30–16:00 liquid, closed on Saturday, Sunday and the exchange's holidays.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from tradebot.nyse import CLOSURES
from tradebot.simgateway.catalogue import VENUES
from tradebot.simgateway.model import Listing
from tradebot.simgateway.replies import MARKET_RULE, Fields

ORDER_TYPES = (
    "ACTIVETIM,AD,ADJUST,ALERT,ALGO,ALLOC,AON,AVGCOST,BASKET,BENCHPX,CASHQTY,COND,CONDORDER,DARKONLY,DARKPOLL,DAY,DEACT,"
    "DEACTDIS,DEACTEOD,DIS,DUR,GAT,GTC,GTD,GTT,HID,IBKRATS,ICE,IMB,IOC,LIT,LMT,LOC,MIDPX,MIT,MKT,MOC,MTL,NGCOMB,NODARK,"
    "NONALGO,OCA,OPG,OPGREROUT,PEGBENCH,PEGMID,POSTATS,POSTONLY,PREOPGRTH,PRICECHK,REL,REL2MID,RELPCTOFS,RPI,RTH,SCALE,"
    "SCALEODD,SCALERST,SIZECHK,SNAPMID,SNAPMKT,SNAPREL,STP,STPLMT,SWEEP,TRAIL,TRAILLIT,TRAILLMT,TRAILMIT,WHATIF"
)
DAYS = 6
_CLOSED = frozenset(day for days in CLOSURES.values() for day in days.split())


def contract_details(version: int, req_id: int, listing: Listing, exchange: str, today: date) -> Fields:
    """One contractDetails message. ``today`` is New York's date."""
    rules = ",".join([str(MARKET_RULE)] * len(VENUES))
    secids = ["1", "ISIN", listing.isin] if listing.isin else ["0"]
    return [
        "10", *(["8"] if version < 164 else []), str(req_id), listing.symbol, "STK", "", "0", "", exchange, "USD",
        listing.symbol, listing.trading_class, listing.trading_class, str(listing.con_id), "0.01",
        *(["100"] if version < 164 else []), "", ORDER_TYPES, ",".join(VENUES), "1", "0", listing.name, listing.primary, "",
        listing.industry, listing.category, listing.subcategory, "US/Eastern", hours(today, "0400", "2000"),
        hours(today, "0930", "1600"), "", "", *secids, "1", "", "", rules, "", listing.kind,
        *(["1"] if version == 163 else []), *(["1", "1", "100", ""] if version >= 164 else []),
    ]  # fmt: skip


@lru_cache(maxsize=16)
def hours(today: date, opens: str, closes: str) -> str:
    """Six days of sessions in IB's notation."""
    days = [today + timedelta(days=ahead) for ahead in range(DAYS)]
    return ";".join(_day(day, opens, closes, closed_all_day(day)) for day in days)


def closed_all_day(day: date) -> bool:
    """Whether the exchange has no session on a day."""
    return day.weekday() > 4 or f"{day:%Y%m%d}" in _CLOSED


def _day(day: date, opens: str, closes: str, closed: bool) -> str:
    text = f"{day:%Y%m%d}"
    return f"{text}:CLOSED" if closed else f"{text}:{opens}-{text}:{closes}"
