"""One account as the gateway streams it: values, and positions with IB's prices.

Rules:
- Everything is unknown until the gateway has sent all of it on this connection, and while it says AccountReady=false.
- Values come one by one; a snapshot is taken when the gateway marks the end of a batch (accountDownloadEnd, and after that
  updateAccountTime). The snapshot's time moves only with a batch that has the cash: an order that filled after that time may
  not be in it.
- Only USD is spent. What comes in the account's base currency alone (NetLiquidation, BuyingPower) is unknown where that is
  another one. Settled USD are then the USD cash less all that has not settled in whatever currency, at IB's own rate: never too
  much.
- The account's type (AccountType or TradingType-S) is a cash account's where it says CASH ("CASH", "STKCASH"); a margin account's
  is "STKNOPT", "STKMRGN", "INDIVIDUAL" and the like.
- Quantities of positions are the positions stream's; the portfolio stream, up to three minutes late, gives prices.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from tradebot.broker.client import TwsClient
from tradebot.broker.translate import number
from tradebot.domain.brokerage import Account, BrokerPosition

_CURRENCY = "USD"
_CASH = "TotalCashBalance"
_ACCOUNT_TYPE_TAGS = ("AccountType", "TradingType-S")
_TOTAL, _SETTLED = "TotalCashValue", "SettledCash"
_IN_BASE_CURRENCY = ("NetLiquidation", _TOTAL, _SETTLED)
"""Tags that IB reports in the account's base currency, and in no other."""


class AccountBook:
    """What the gateway sent of one account on one connection."""

    def __init__(self, account: str) -> None:
        self.account = account
        self._values: dict[str, str] = {}
        self._base: dict[str, Decimal | None] = {}  # what came in the base currency only, where that is not USD
        self._base_currency: str | None = None
        self._daily_pnl: Decimal | None = None
        self._complete = False
        self._cash_told = False
        self._snapshot: Account | None = None
        self._position_report: dict[int, BrokerPosition] | None = None
        self._prices: dict[int, Decimal | None] = {}

    @property
    def ready(self) -> bool:
        return self._values.get("AccountReady", "true") != "false"

    def snapshot(self) -> Account | None:
        return replace(self._snapshot, daily_pnl=self._daily_pnl) if self.ready and self._snapshot else None

    def daily_pnl(self, amount: Decimal | None) -> None:
        """IB's own figure, which comes by a stream of its own."""
        self._daily_pnl = amount

    def forget_values(self) -> None:
        """What was sent is no longer known to hold; the gateway has been asked again."""
        self._complete, self._snapshot = False, None

    # values

    def value(self, tag: str, text: str, currency: str, account: str) -> None:
        """One value. Those without a currency (AccountType …) are kept too."""
        if account not in (self.account, ""):
            return
        if currency not in (_CURRENCY, ""):
            self._foreign(tag, number(text), currency)
            return
        self._values[tag] = text
        self._cash_told |= tag == _CASH
        if not self.ready:
            self._snapshot = None

    def _foreign(self, tag: str, amount: Decimal | None, currency: str) -> None:
        if tag in _IN_BASE_CURRENCY and currency != "BASE":
            self._base_currency = currency
            self._base[tag] = amount
        elif tag == _CASH and currency == "BASE":
            self._base[tag] = amount

    def _settled(self, cash: Decimal | None) -> Decimal | None:
        if self._base_currency is None:
            return number(self._values.get(_SETTLED, ""))
        total, settled = self._base.get(_TOTAL, self._base.get(_CASH)), self._base.get(_SETTLED)
        if cash is None or total is None or settled is None:
            return None
        if settled >= total:
            return cash
        rate = number(self._values.get("ExchangeRate", ""))  # of one USD in the base currency
        return cash - (total - settled) / rate if rate is not None and rate > 0 else None

    def batch_ended(self, now: datetime, download: bool) -> None:
        """A batch of values is complete; `download`: all there are."""
        self._complete |= download
        if not self._complete:
            return
        told_at = now if self._cash_told or self._snapshot is None else self._snapshot.at
        self._cash_told = False
        get = self._values.get
        cash = number(get(_CASH, ""))
        self._snapshot = Account(
            account=self.account,
            cash=cash,
            settled_cash=self._settled(cash),
            equity=number(get("NetLiquidation", "")),
            buying_power=number(get("BuyingPower", "")),
            is_cash_account=any("CASH" in get(tag, "").upper() for tag in _ACCOUNT_TYPE_TAGS),
            at=told_at.astimezone(UTC),
            unrealised=number(get("UnrealizedPnL", "")),
            realised_today=number(get("RealizedPnL", "")),
            base_currency=self._base_currency,
            base_cash=self._base.get(_TOTAL, self._base.get(_CASH)) if self._base_currency else None,
        )

    # positions

    def price(self, con_id: int, market_price: Decimal | None) -> None:
        self._prices[con_id] = market_price

    def position(self, holding: BrokerPosition) -> None:
        """A change streamed after the first full listing."""
        if self._position_report is not None:
            _put(self._position_report, holding)

    def all_positions(self, position_report: Iterable[BrokerPosition]) -> Mapping[int, BrokerPosition]:
        """A full listing replaces what was known. Later entries are newer."""
        self._position_report = {}
        for holding in position_report:
            _put(self._position_report, holding)
        return self.positions() or {}

    def positions(self) -> Mapping[int, BrokerPosition] | None:
        if self._position_report is None:
            return None
        return {
            con_id: replace(holding, market_price=self._prices.get(con_id))
            for con_id, holding in self._position_report.items()
        }


def _put(position_report: dict[int, BrokerPosition], holding: BrokerPosition) -> None:
    if holding.qty:
        position_report[holding.con_id] = holding
    else:
        position_report.pop(holding.con_id, None)


def watch_daily_pnl(client: TwsClient, book: AccountBook) -> None:
    """Has IB stream its own figure. It is shown only: where IB refuses it, nothing is missing but that."""
    book.daily_pnl(None)
    client.reqPnL(client.getReqId(), book.account, "")
