"""What the bot needs from the outside, and nothing more: Broker, Ledger, Queue, InstanceLock, Clock, chance.

Every method says what it raises. Adapters in broker/, database/ and queues/ implement these; only `runtime` knows which.
"""

from tradebot.ports.books import Books
from tradebot.ports.broker import Broker, Connection, LinkSession, PositionReport
from tradebot.ports.clock import Chance, Clock
from tradebot.ports.health import HealthPart, LogTail
from tradebot.ports.ledger import InstanceLock, Ledger, News
from tradebot.ports.pulse import ASKS_IB_S, IDLE_S, Beat, Pulse
from tradebot.ports.queues import Queue, QueueContents
from tradebot.ports.trading import OrderGate, SilentQuestions, TradingStateSource

__all__ = [
    "ASKS_IB_S",
    "IDLE_S",
    "Beat",
    "Books",
    "Broker",
    "Chance",
    "Clock",
    "Connection",
    "HealthPart",
    "InstanceLock",
    "Ledger",
    "LinkSession",
    "LogTail",
    "News",
    "OrderGate",
    "PositionReport",
    "Pulse",
    "Queue",
    "QueueContents",
    "SilentQuestions",
    "TradingStateSource",
]
