"""What the decision about an alert will need of IB: contract and quote for a BUY, positions and orders at work for a SELL.

Rules:
- Nothing is asked where the answer cannot matter. What IB does not tell is said to be unavailable, and the decision waits for it.
- Alerts are prepared side by side. While one waits for an answer that no other exit needs, it leaves its place in the line.
"""

from collections.abc import Sequence
from dataclasses import replace

from loguru import logger

from tradebot.domain.alerts import Alert, Side
from tradebot.domain.brokerage import NoQuote, Quote
from tradebot.domain.hours import Hours
from tradebot.domain.lots import Lot, LotStatus, shares_by_contract
from tradebot.domain.questions import Question
from tradebot.domain.settings import TradingState
from tradebot.errors import BrokerUnavailable, UnknownContract
from tradebot.ports import Broker, Clock, Ledger, PositionReport
from tradebot.trading import second_look
from tradebot.trading.broker_waits import BrokerWaits
from tradebot.trading.entries_at_work import is_cancel
from tradebot.trading.judging import AskMargin, PreTradeData
from tradebot.trading.margin import ask_margin
from tradebot.trading.questions import Questions
from tradebot.trading.sequencer import Sequencer
from tradebot.trading.switch import TradingSwitch


class Preparing:
    """Asks IB ahead of a decision."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        switch: TradingSwitch,
        questions: Questions,
        sequencer: Sequencer,
        broker_waits: BrokerWaits,
        *,
        clock: Clock,
        hours: Hours,
        second_look_delay_s: float,
    ) -> None:
        self._ledger = ledger
        self._broker = broker
        self._switch = switch
        self._questions = questions
        self._sequencer = sequencer
        self._broker_waits = broker_waits
        self._clock = clock
        self._hours = hours
        self._second_look_delay_s = second_look_delay_s

    async def ask(self, alert: Alert) -> PreTradeData:
        """All that the decision will need, or why it is not there. Raises LedgerUnavailable."""
        blocked = self._switch.state is TradingState.KILLED or is_cancel(alert)
        if blocked or alert.ticker is None or not self._hours.is_open(self._clock.now()):
            return PreTradeData(unavailable="nothing was asked of it yet")
        try:
            if alert.action is Side.SELL:
                return await self._for_sell(alert, alert.ticker)
            return await self._for_buy(alert, alert.ticker)
        except UnknownContract as error:
            return PreTradeData(no_contract=str(error))
        except BrokerUnavailable as error:
            return PreTradeData(unavailable=str(error))

    async def with_margin(self, alert: Alert, data: PreTradeData, wanted: AskMargin) -> PreTradeData:
        """Nothing that it waits for holds up another alert."""
        self._sequencer.leave(alert.id)
        try:
            margin = await ask_margin(self._broker, wanted.order)
        finally:
            self._back_in_line(alert)
        return replace(data, margin=margin)

    async def _for_buy(self, alert: Alert, ticker: str) -> PreTradeData:
        if self._questions.exits_only:
            return PreTradeData(unavailable=f"it does not answer about {self._questions.silent[0].question}")
        contract = await self._broker.contract(ticker, alert.primary_exchange)
        quote = await self._broker.quote(contract)
        if isinstance(quote, NoQuote):  # that there is none, the refusal says
            logger.debug("quote {} none", contract.ticker)
            return PreTradeData(contract=contract, no_quote=quote, con_ids=frozenset({contract.con_id}))
        level = "DEBUG" if alert.id in self._broker_waits else "INFO"  # it is asked for again every second
        logger.log(level, "quote {} {}", contract.ticker, _quoted(quote))
        return PreTradeData(contract=contract, quote=quote, con_ids=frozenset({contract.con_id}))

    async def _for_sell(self, alert: Alert, ticker: str) -> PreTradeData:
        async with self._ledger.read() as books:
            lots = await books.lots(LotStatus.OPEN, strategy=alert.strategy)
        if any(lot.ticker == ticker for lot in lots):
            return await self._look_at_holdings([lot for lot in lots if lot.ticker == ticker])
        if not lots:
            return PreTradeData()
        # The books may hold it under the ticker of before it was renamed. No exit of what they do hold waits for that answer.
        self._sequencer.leave(alert.id)
        try:
            contract = await self._broker.contract(ticker, alert.primary_exchange)
        except UnknownContract:
            return PreTradeData()
        finally:
            self._back_in_line(alert)
        renamed = [lot for lot in lots if lot.con_id == contract.con_id]
        return replace(await self._look_at_holdings(renamed), contract=contract) if renamed else PreTradeData()

    async def _look_at_holdings(self, lots: Sequence[Lot]) -> PreTradeData:
        async def ask() -> PositionReport:
            return await self._questions.ask(self._broker.position_report, Question.OPEN_ORDERS, Question.POSITIONS)

        async with self._ledger.read() as books:
            protection = await books.protection_of([lot.opening_trade_id for lot in lots])
        own = frozenset(order.order_ref for order in protection)
        delay_s = self._second_look_delay_s
        report = await second_look.position_report(ask, self._clock, shares_by_contract(lots), delay_s, own)
        con_ids = frozenset(lot.con_id for lot in lots)
        if report is None:
            return PreTradeData(unavailable="its answers about the position do not agree", con_ids=con_ids)
        return PreTradeData(position_report=report, con_ids=con_ids)

    def _back_in_line(self, alert: Alert) -> None:
        self._sequencer.take_place(alert.id)
        self._sequencer.is_a(alert.id, alert.action)


def _quoted(quote: Quote) -> str:
    prices = (("bid", quote.bid), ("ask", quote.ask), ("last", quote.last))
    told = " ".join(f"{name} {'none' if price is None else price}" for name, price in prices)
    return f"{told} {'delayed' if quote.delayed else 'live'}"
