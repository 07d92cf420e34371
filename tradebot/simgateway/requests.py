"""What clients ask for: the field lists of the messages this gateway understands, per server version.

A row of the table names the fields in the order in which they travel. ``version`` is the message's own version number,
which newer messages lack. Where a block is only there under a condition (placeOrder is full of them), a function reads it.
A message that is not in the table, or that does not fit its row, is a BadRequest: it is journalled and answered with
error 321, never a reason to fail. ibapi's ``client.py`` and ib_async's ``client.py`` are the source of every list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tradebot.simgateway.wire import Message, parse_decimal

CONTRACT = "conId symbol secType lastTradeDate strike right multiplier exchange primaryExchange currency localSymbol tradingClass"


@dataclass(frozen=True)
class Request:
    """A message taken apart: its name in the API and its fields by name, as text."""

    name: str
    fields: dict[str, str]

    def text(self, field: str) -> str:
        return self.fields.get(field, "")

    def integer(self, field: str) -> int:
        return int(self.fields[field] or 0)

    def decimal(self, field: str) -> Decimal | None:
        return parse_decimal(self.fields[field])

    def flag(self, field: str) -> bool:
        return self.text(field) not in ("", "0", "False")


class BadRequest(Exception):
    """A message that cannot be understood."""


# id: (name, fields). The first field is the message's version unless the row begins with "-".
SHAPES: dict[int, tuple[str, str]] = {
    2: ("cancelMktData", "reqId"),
    5: ("reqOpenOrders", ""),
    6: ("reqAccountUpdates", "subscribe account"),
    7: ("reqExecutions", "reqId clientId account time symbol secType exchange side"),
    8: ("reqIds", "count"),
    25: ("cancelHistoricalData", "reqId"),
    14: ("setServerLogLevel", "level"),
    15: ("reqAutoOpenOrders", "bind"),
    16: ("reqAllOpenOrders", ""),
    17: ("reqManagedAccts", ""),
    49: ("reqCurrentTime", ""),
    58: ("reqGlobalCancel", ""),
    59: ("reqMarketDataType", "type"),
    61: ("reqPositions", ""),
    62: ("reqAccountSummary", "reqId group tags"),
    63: ("cancelAccountSummary", "reqId"),
    64: ("cancelPositions", ""),
    76: ("reqAccountUpdatesMulti", "reqId account model ledger"),
    77: ("cancelAccountUpdatesMulti", "reqId"),
    81: ("reqMatchingSymbols", "- reqId pattern"),
    91: ("reqMarketRule", "- ruleId"),
    92: ("reqPnL", "- reqId account model"),
    93: ("cancelPnL", "- reqId"),
    94: ("reqPnLSingle", "- reqId account model conId"),
    95: ("cancelPnLSingle", "- reqId"),
    99: ("reqCompletedOrders", "- apiOnly"),
}

# Where the id for an error lies (0 is the field after the message id), of the messages with a reader below and of those that
# this gateway does not simulate.
_REQ_ID_AT = {
    1: 1,
    3: 0,
    4: 1,
    9: 1,
    10: 1,
    11: 1,
    20: 0,
    22: 0,
    23: 1,
    50: 1,
    51: 1,
    52: 1,
    53: 1,
    54: 1,
    55: 1,
    56: 1,
    57: 1,
}
_REQ_ID_AT |= {67: 1, 68: 1, 74: 1, 75: 1, 78: 0, 79: 0, 83: 0, 84: 0, 86: 0, 87: 0, 88: 0, 89: 0, 90: 0, 96: 0}
_REQ_ID_AT |= {97: 0, 98: 0, 100: 0, 101: 0, 102: 0, 103: 0, 104: 0, 21: 1, 19: 3}


def decode(message: Message, version: int) -> Request:
    """Take a message apart. Raises BadRequest."""
    if reader := _READERS.get(message.id):
        return _read(message, version, *reader)
    if message.id in SHAPES:
        name, shape = SHAPES[message.id]
        return _read(message, version, name, lambda take, _: _plain(take, shape))
    raise BadRequest(f"message {message.id} is not simulated")


def _read(message: Message, version: int, name: str, reader: Reader) -> Request:
    values = iter(message.fields)
    fields: dict[str, str] = {}

    def take(names: str) -> dict[str, str]:
        for field in names.split():
            try:
                fields[field] = next(values)
            except StopIteration:
                raise BadRequest(f"{name} ends before its field {field}") from None
        return fields

    try:
        reader(take, version)
    except ValueError as error:
        raise BadRequest(f"{name}: {error}") from None
    if left := len(list(values)):
        raise BadRequest(f"{name} has {left} more fields than version {version} knows")
    return Request(name, fields)


Take = Callable[[str], dict[str, str]]
Reader = Callable[[Take, int], None]


def _plain(take: Take, shape: str) -> None:
    names = shape.removeprefix("-")
    take(names if shape.startswith("-") else f"version {names}")


def _mkt_data(take: Take, _: int) -> None:
    fields = take(f"version reqId {CONTRACT}")
    if fields["secType"] == "BAG":
        _repeat(take, "legs", "legConId legRatio legAction legExchange")
    if take("deltaNeutral")["deltaNeutral"] == "1":
        take("dnConId dnDelta dnPrice")
    take("genericTicks snapshot regulatory options")


def _contract_details(take: Take, version: int) -> None:
    take(f"version reqId {CONTRACT} includeExpired secIdType secId")
    if version >= 176:
        take("issuerId")


def _historical_data(take: Take, _: int) -> None:
    fields = take(f"reqId {CONTRACT} includeExpired endDateTime barSize duration useRth show formatDate")
    if fields["secType"] == "BAG":
        _repeat(take, "legs", "legConId legRatio legAction legExchange")
    take("keepUpToDate options")


def _cancel_order(take: Take, version: int) -> None:
    take("version orderId")
    if version >= 169:
        take("manualCancelTime")


def _place_order(take: Take, version: int) -> None:
    fields = take(
        f"orderId {CONTRACT} secIdType secId action quantity orderType limit aux tif ocaGroup account openClose origin"
        " orderRef transmit parentId block sweep displaySize triggerMethod outsideRth hidden"
    )
    if fields["secType"] == "BAG":
        _repeat(take, "legs", "legConId legRatio legAction legExchange legOpenClose legSlot legLocation legExempt")
        _repeat(take, "orderLegs", "legPrice")
        _repeat(take, "smartParams", "paramTag paramValue")
    take("sharesAllocation discretionaryAmt goodAfter goodTill faGroup faMethod faPercentage")
    if version < 177:
        take("faProfile")
    take(
        "model shortSaleSlot designatedLocation exemptCode ocaType rule80A settlingFirm allOrNone minQty percentOffset"
        " eTradeOnly firmQuoteOnly nbboPriceCap auctionStrategy startingPrice stockRefPrice delta rangeLower rangeUpper"
        " overridePercentage volatility volatilityType dnOrderType dnAuxPrice"
    )
    if fields["dnOrderType"]:
        take("dnConId dnSettlingFirm dnAccount dnIntent dnOpenClose dnShortSale dnSlot dnLocation")
    take("continuousUpdate referencePriceType trailStop trailPercent scaleInitial scaleSubsequent scaleIncrement")
    if (parse_decimal(fields["scaleIncrement"]) or 0) > 0:
        take("scaleAdjust scaleInterval scaleProfit scaleReset scalePosition scaleFill scaleRandom")
    if take("scaleTable activeStart activeStop hedgeType")["hedgeType"]:
        take("hedgeParam")
    if take("optOutSmart clearingAccount clearingIntent notHeld deltaNeutral")["deltaNeutral"] == "1":
        take("dnContractId dnDelta dnPrice")
    if take("algoStrategy")["algoStrategy"]:
        _repeat(take, "algoParams", "paramTag paramValue")
    take("algoId whatIf miscOptions solicited randomizeSize randomizePrice")
    _place_order_tail(take, version, fields)


def _place_order_tail(take: Take, version: int, fields: dict[str, str]) -> None:
    kind = fields["orderType"].replace(" ", "")
    if kind == "PEGBENCH":
        take("refConId pegDecrease pegAmount refAmount refExchange")
    if take("conditions")["conditions"] not in ("", "0"):
        raise ValueError("conditional orders are not simulated")
    take(
        "adjustedType triggerPrice lmtOffset adjustedStop adjustedStopLimit adjustedTrail adjustedUnit extOperator softName"
        " softValue cashQty mifidMaker mifidAlgo mifidTrader mifidExecution noAutoPrice omsContainer discretionaryUpTo"
        " priceManagement"
    )
    for since, field in ((158, "duration"), (160, "postToAts"), (162, "autoCancelParent"), (166, "errorOverride")):
        if version >= since:
            take(field)
    if version >= 169:
        take("manualOrderTime")
    if version >= 170:
        if fields["exchange"] == "IBKRATS":
            take("minTradeQty")
        if kind == "PEGBEST" and take("minCompete competeOffset")["competeOffset"] == "Infinite":
            take("midWhole midHalf")
        if kind == "PEGMID":
            take("midWhole midHalf")


def _repeat(take: Take, count: str, names: str) -> None:
    times = int(take(count)[count] or 0)
    if not 0 <= times <= 100:
        raise ValueError(f"{count} is {times}")
    for _ in range(times):
        take(names)


def request_id(message: Message) -> int:
    """The id an error about this message is to carry; -1 where it has none."""
    shape = SHAPES.get(message.id, ("", ""))[1]
    place = 0 if shape.startswith("- reqId") else 1 if shape.startswith("reqId") else _REQ_ID_AT.get(message.id)
    try:
        return -1 if place is None else int(message.fields[place])
    except (IndexError, ValueError):
        return -1


_READERS: dict[int, tuple[str, Reader]] = {
    1: ("reqMktData", _mkt_data),
    3: ("placeOrder", _place_order),
    4: ("cancelOrder", _cancel_order),
    9: ("reqContractDetails", _contract_details),
    20: ("reqHistoricalData", _historical_data),
}
