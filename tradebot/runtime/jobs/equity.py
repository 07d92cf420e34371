"""What the account is worth, stored as IB reports it: every quarter of an hour in a session, and at its close.

Rules: a row stands under its slot, so that those of every day lie side by side; IB's figures are some minutes old at most. What
is not known is not stored: neither while IB is away, nor before it has told the account's net liquidation in USD.
"""

from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.equity import Equity
from tradebot.domain.job_plan import EQUITY
from tradebot.ports import Broker, Ledger


@dataclass(frozen=True, slots=True)
class EquityJob:
    ledger: Ledger
    broker: Broker

    async def run(self, due: datetime, now: datetime) -> None:
        equity = self._equity(due)
        if equity is None:
            return
        async with self.ledger.begin() as books:
            if await books.record_job(EQUITY, due):
                await books.add_equity(equity)

    def _equity(self, at: datetime) -> Equity | None:
        connection, account = self.broker.connection, self.broker.account()
        if not (connection.up and connection.upstream) or account is None or account.equity is None:
            return None
        return Equity(
            account=account.account,
            at=at,
            net_liquidation=account.equity,
            cash=account.cash,
            unrealised=account.unrealised,
            realised_today=account.realised_today,
        )
