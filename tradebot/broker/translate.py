"""From ib_async's objects to the domain's. Pure.

Rules: floats become the Decimal a person would read (201.94, 100); IB's "unset" (the largest double) and NaN become None;
times become aware UTC. What is not a US stock's is None: the bot neither shows nor counts options, futures or currencies.
"""

import math
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import ib_async
from loguru import logger

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Execution, OrderReport, OrderState, Terms
from tradebot.domain.trades import OrderType, TimeInForce

_UNSET_ABOVE = 1e300
_STATES = {
    "PreSubmitted": OrderState.WORKING,
    "Submitted": OrderState.WORKING,
    "PendingSubmit": OrderState.WORKING,
    "PendingCancel": OrderState.WORKING,
    "ApiPending": OrderState.WORKING,
    "Filled": OrderState.FILLED,
    "Cancelled": OrderState.CANCELLED,
    "ApiCancelled": OrderState.CANCELLED,
    "Inactive": OrderState.INACTIVE,
}
_TIME = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})([ -]+)(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?: +(\S.*))?")
_TYPES = frozenset(kind.value for kind in OrderType)
_TIFS = frozenset(tif.value for tif in TimeInForce)
_EXECUTED = {"BOT": Side.BUY, "SLD": Side.SELL}


def decimal(value: float | Decimal | None) -> Decimal | None:
    """None for what IB did not set."""
    if value is None or not math.isfinite(value) or abs(float(value)) > _UNSET_ABOVE:
        return None
    return Decimal(int(value)) if value == int(value) else Decimal(str(value))


def number(text: str) -> Decimal | None:
    """An account value; IB sends empty strings for some."""
    try:
        return decimal(float(text))
    except ValueError:
        return None


def quantity(value: float | Decimal | None) -> Decimal:
    """A number of shares; nothing reported is 0."""
    return decimal(value) or Decimal(0)


def side(action: str) -> Side:
    """IB's action of an order: BUY, SELL, SSHORT."""
    return Side.BUY if action == "BUY" else Side.SELL


def order_state(status: str) -> OrderState:
    """A word of IB's that is not known ends nothing: it is WORKING, and logged."""
    if status not in _STATES:
        logger.warning("IB reports an order status that is not known: {!r}; taken as working", status)
    return _STATES.get(status, OrderState.WORKING)


def open_order(contract: ib_async.Contract, order: ib_async.Order, state: ib_async.OrderState) -> OrderReport | None:
    """An order from openOrder: fills come by orderStatus and executions only."""
    if contract.secType != "STK":
        return None
    return OrderReport(
        order_ref=order.orderRef,
        order_id=order.orderId,
        perm_id=order.permId,
        client_id=order.clientId,
        con_id=contract.conId,
        ticker=contract.symbol,
        side=side(order.action),
        qty=quantity(order.totalQuantity),
        filled=None,
        state=order_state(state.status),
        ib_status=state.status,
        detail=state.warningText,
        oca_group=order.ocaGroup,
        parent_id=order.parentId,
        terms=terms(order),
    )


def terms(order: ib_async.Order) -> Terms | None:
    """None for a type, or a time in force, that the bot does not place."""
    if order.orderType not in _TYPES or order.tif not in _TIFS:
        return None
    kind = OrderType(order.orderType)
    trails, limits = kind is OrderType.TRAILING_STOP, kind in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    stops = kind in (OrderType.STOP, OrderType.STOP_LIMIT)
    return Terms(
        type=kind,
        limit_price=decimal(order.lmtPrice) if limits else None,
        stop_price=decimal(order.trailStopPrice) if trails else decimal(order.auxPrice) if stops else None,
        trail_amount=decimal(order.auxPrice) or None if trails else None,
        trail_pct=decimal(order.trailingPercent) or None if trails else None,
        tif=TimeInForce(order.tif),
        good_till=_good_till(order.goodTillDate),
        outside_rth=order.outsideRth,
    )


def _good_till(text: str) -> datetime | None:
    """None also for what cannot be read: it is shown and compared, never sent back."""
    try:
        return execution_time(text, UTC) if text else None
    except ValueError:
        return None


def completed_order(
    contract: ib_async.Contract, order: ib_async.Order, state: ib_async.OrderState
) -> OrderReport | None:
    """An order from completedOrder, which carries no order id and no client, and quantity 0 when all of it filled."""
    if contract.secType != "STK":
        return None
    filled = decimal(order.filledQuantity)
    return OrderReport(
        order_ref=order.orderRef,
        order_id=0,
        perm_id=order.permId,
        client_id=None,
        con_id=contract.conId,
        ticker=contract.symbol,
        side=side(order.action),
        qty=quantity(order.totalQuantity) or filled or Decimal(0),
        filled=filled,
        state=order_state(state.status),
        ib_status=state.status,
        detail=state.completedStatus,
    )


def execution(contract: ib_async.Contract, fill: ib_async.Execution) -> Execution | None:
    """A fill, without its commission. Raises ValueError when it makes no sense."""
    if contract.secType != "STK":
        return None
    shares, price = decimal(fill.shares), decimal(fill.price)
    if fill.side not in _EXECUTED or shares is None or price is None:
        raise ValueError(f"execution {fill.execId} has side {fill.side!r}, shares {fill.shares}, price {fill.price}")
    return Execution(
        exec_id=fill.execId,
        order_ref=fill.orderRef,
        order_id=0 if fill.orderId >= 2**31 - 1 else fill.orderId,  # unset on manual orders
        perm_id=fill.permId,
        con_id=contract.conId,
        ticker=contract.symbol,
        side=_EXECUTED[fill.side],
        shares=shares,
        price=price,
        time=fill.time.astimezone(UTC),
    )


def gateway_zone(greeting: str, now: datetime) -> tzinfo:
    """The gateway's time zone from its greeting ("20250415 19:38:30 British Summer Time"), by name or by its clock.

    The name may be one that only Java knows. Then the clock tells: zones are whole quarters of an hour from UTC.
    """
    match = _TIME.fullmatch(greeting.strip())
    if not match:
        logger.warning(
            "The gateway's greeting has no time that can be read ({!r}): its times are taken as UTC", greeting
        )
        return UTC
    try:
        return ZoneInfo(match[8] or "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        ahead = _plain_time(match).replace(tzinfo=UTC) - now
    quarters = round(ahead / timedelta(minutes=15))
    if abs(quarters) > 15 * 4:
        logger.warning("The gateway's clock says {!r}, far from this machine's: its times are taken as UTC", greeting)
        return UTC
    return timezone(timedelta(minutes=15 * quarters))


def clock_ahead_s(greeting: str, zone: tzinfo, now: datetime) -> float | None:
    """By how many seconds `now` is ahead of the gateway's clock (negative: behind), to the second; None when it tells none."""
    match = _TIME.fullmatch(greeting.strip())
    if not match:
        return None
    ahead = (now - _plain_time(match).replace(tzinfo=zone)).total_seconds()
    # The greeting has whole seconds: what is less than one may be nothing.
    return 0.0 if 0 <= ahead < 1 else float(round(ahead))


def execution_time(text: str, zone: tzinfo) -> datetime:
    """When an execution happened, in UTC. Raises ValueError.

    IB writes "20250415  19:38:31" in the gateway's zone, newer gateways "20250415 14:38:31 US/Eastern", and
    "20250415-18:38:31" for UTC.
    """
    match = _TIME.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a time IB is known to write")
    place: tzinfo = zone
    if match[8]:
        try:
            place = ZoneInfo(match[8])
        except (ZoneInfoNotFoundError, ValueError, OSError):
            logger.warning("IB names a time zone that is not known here ({!r}): taken as the gateway's own", match[8])
    elif match[4] == "-":
        place = UTC
    return _plain_time(match).replace(tzinfo=place).astimezone(UTC)


def _plain_time(match: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(match[group]) for group in (1, 2, 3, 5, 6, 7))
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  the caller knows the zone
