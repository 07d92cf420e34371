"""All that the owner can ask of the bot, or tell it, in one handle: what a chat needs to know of the services."""

from dataclasses import dataclass

from tradebot.operations.clearing import Clearing
from tradebot.operations.limits import OwnersLimits
from tradebot.operations.resolve import Resolutions
from tradebot.ports import Broker, Clock, Ledger
from tradebot.queries.status import Overview
from tradebot.trading.intake import Intake
from tradebot.trading.switch import TradingSwitch


@dataclass(frozen=True, slots=True)
class Operations:
    ledger: Ledger
    broker: Broker
    overview: Overview
    switch: TradingSwitch
    limits: OwnersLimits
    clearing: Clearing
    intake: Intake
    resolutions: Resolutions
    clock: Clock
