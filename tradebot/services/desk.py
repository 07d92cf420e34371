"""All that the owner can ask of the bot, or tell it, in one handle: what a chat needs to know of the services."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tradebot.ports import Broker, Ledger
from tradebot.services.clearing import Clearing
from tradebot.services.control import Control
from tradebot.services.intake import Intake
from tradebot.services.limits import OwnersLimits
from tradebot.services.overview import Overview
from tradebot.services.verdicts import Verdicts


@dataclass(frozen=True, slots=True)
class Desk:
    ledger: Ledger
    broker: Broker
    overview: Overview
    control: Control
    limits: OwnersLimits
    clearing: Clearing
    intake: Intake
    verdicts: Verdicts
    clock: Callable[[], datetime]
