"""Daily prices of past sessions: one question, whose answer comes whole.

Rules: it waits until hardly anything else was asked, for no order needs it; adjusted for splits and dividends, which IB
gives only up to now; asked for in years, as IB wants what is longer than one. What was not answered in time, or is
waited for no longer, is called off, so that it does not come later: a message is written, and nothing waited for.
"""

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import ib_async

from tradebot.broker import client as tws
from tradebot.broker import translate
from tradebot.broker.orders import ib_contract
from tradebot.broker.requests import RequestRefused
from tradebot.broker.wrapper import Session
from tradebot.domain.brokerage import Contract
from tradebot.domain.daily_bars import DailyBar
from tradebot.errors import BrokerSilent, BrokerUnavailable

_DAILY_BARS = "daily bars"
_YEAR_SESSIONS = 250  # a few less than any year has
_NOTICES = frozenset(range(2100, 2200))
_PLACES = Decimal("0.0001")


async def daily_bars(session: Session, contract: Contract, sessions: int, timeout_s: float) -> Sequence[DailyBar]:
    """At least so many of them, in order. Raises BrokerUnavailable, BrokerSilent."""
    async with session.requests.alone(_DAILY_BARS):
        await tws.room_for_request(session.client, tws.HISTORY_MAX)
        req_id = session.client.getReqId()
        try:
            found = await session.requests.numbered(
                req_id,
                f"the daily prices of {contract.ticker}",
                lambda: _ask(session, req_id, contract, sessions),
                timeout_s,
                notices=_NOTICES,
            )
        except RequestRefused as refusal:
            raise BrokerUnavailable(f"IB gives no daily prices of {contract.ticker}: {refusal}") from refusal
        except (BrokerSilent, asyncio.CancelledError):
            with suppress(ConnectionError):  # the question went with its connection
                session.client.cancelHistoricalData(req_id)
            raise
        except ConnectionError as error:
            raise BrokerUnavailable(f"cannot ask for the daily prices of {contract.ticker}: {error}") from error
    return [bar for one in found if (bar := _bar(contract.ticker, one)) is not None]


def _ask(session: Session, req_id: int, contract: Contract, sessions: int) -> None:
    years = max(1, math.ceil(sessions / _YEAR_SESSIONS))
    wanted = ib_contract(contract)
    session.client.reqHistoricalData(req_id, wanted, "", f"{years} Y", "1 day", "ADJUSTED_LAST", 1, 1, False, [])


def _bar(ticker: str, told: ib_async.BarData) -> DailyBar | None:
    """None for what is no price: it would be taken for a return."""
    prices = [translate.decimal(each) for each in (told.open, told.high, told.low, told.close)]
    known = [price.quantize(_PLACES) for price in prices if price is not None and price > 0]
    if len(known) < len(prices):
        return None
    day = datetime.strptime(str(told.date)[:8], "%Y%m%d").replace(tzinfo=UTC).date()
    return DailyBar(ticker, day, *known)
