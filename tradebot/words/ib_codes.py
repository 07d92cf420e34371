"""What to do about IB's message codes, in plain words. Pure.

Source: IBKR's page "Message Codes", and reports of users where it is silent (451, 460); `docs/troubleshooting.md` has the same
as a table, and says which is which. Rules: IB's own words come first and are never replaced; a code that is not here
says nothing.
"""

import re
from collections.abc import Mapping

PRECAUTIONS = (
    "It is a limit of TWS or IB Gateway itself: raise it there under Global Configuration, Presets, Stocks, Precautionary "
    "Settings, or tick “Bypass Order Precautions for API Orders” under Global Configuration, API, Precautions"
)
_PERMISSIONS = "Look at the account's trading permissions in IB's Client Portal (Settings, Trading Permissions)"
_ATTRIBUTE = (
    "This gateway refuses an attribute of the order that the API's library sends: install the current stable IB Gateway, "
    "and report it with its version"
)
_FRACTIONS = "IB takes no fractions of this share over the API: set fractional = false under [trading]"
_ADVISOR = "The login manages several accounts: set [broker] account to the one client account to trade"
_NO_MARKET_ORDERS = "IB takes no market orders of this stock just now: look at it in TWS"

_BY_CODES: Mapping[tuple[int, ...], str] = {
    (103,): (
        "Another program uses tradebot's client id, or the gateway's order ids went back: give tradebot a client_id of its own "
        "under [broker] while no order works, and restart it"
    ),
    (109, 163, 164, 382, 383, 451, 10311, 10329): PRECAUTIONS,
    (110, 111, 113, 140, 141, 145, 355, 10250): (
        "IB does not take the order in this form: compare with an order of your own in TWS, and report it"
    ),
    (132, 332, 435, 436): _ADVISOR,
    (133,): "IB could not take the order just now: look at the gateway's connection, then send the alert again",
    (154,): "The stock is halted: send the alert again when it trades",
    (203, 412, 460, 10015, 10248): _PERMISSIONS,
    (387, 396, 397): _NO_MARKET_ORDERS,
    (388,): "Raise the amount with /set_amount in the chat",
    (426,): "The account holds fewer shares than the order sells: compare with TWS",
    (438,): "TWS or IB Gateway is locked: unlock it",
    (10234, 10235): "Set the decision maker in TWS or IB Gateway (Global Configuration, Orders, MiFID)",
    (10242, 10243, 10245, 10246, 10247, 10249, 10251, 10252, 10318): _FRACTIONS,
    (10268, 10269, 10270, 10340): _ATTRIBUTE,
    (10335,): "Put the presets right in TWS or IB Gateway (Global Configuration, Presets, Stocks)",
}
_NOT_SUBSCRIBED = (
    "the account has no market data for it. Subscribe at IB (Client Portal, Settings, Market Data Subscriptions; a paper account "
    "shares its live account's), accept the agreement for API use there, then log the gateway in again"
)
_TAKEN = 10197
_NO_DATA: Mapping[tuple[int, ...], str] = {
    (_TAKEN,): (
        "another login of the same IB user has taken the market data (TWS, the phone app or the web, or the live account beside "
        "its paper account). Log out there, or give tradebot a user name of its own"
    ),
    (354, 10089, 10090, 10091, 10167, 10168, 10186): _NOT_SUBSCRIBED,
}
NO_DATA: Mapping[int, str] = {code: what for codes, what in _NO_DATA.items() for code in codes}
ADVICE: Mapping[int, str] = {code: what for codes, what in _BY_CODES.items() for code in codes}
_NO_REASON = re.compile(r"\s*-?\s*reason:\s*$")
_SAID = re.compile(r"IB (\d+): (.*)", re.DOTALL)


def whole(said: str) -> str:
    """IB's words without the "reason:" at their end, behind which it gives none."""
    return _NO_REASON.sub("", said)


def no_data(code: int) -> str:
    """Why there is no price, and what to do about it."""
    return NO_DATA.get(code, "look at the account's market data in TWS")


def no_data_in_short(code: int) -> str:
    """What to do about it, for a message."""
    if code == _TAKEN:
        return "Log out of TWS, the app or the web, or give tradebot a user name of its own"
    if code in NO_DATA:
        return "Subscribe at IB: Client Portal, Settings, Market Data Subscriptions"
    return "Look at the account's market data in TWS"


def advice(said: str) -> str | None:
    """What to do about IB's words as an order's row has them ("IB 383: …"); None where there is nothing to add."""
    match = _SAID.fullmatch(said)
    if match is None:
        return None
    code, text = int(match[1]), match[2].lower()
    if "read-only" in text:
        return "Untick Read-Only API in IB Gateway (Configure, Settings, API, Settings)"
    if "precaution" in text:
        return PRECAUTIONS
    return ADVICE.get(code)
