"""Interactive Brokers, through ib_async: the only package that knows it. `open_broker` is the way in."""

from tradebot.broker.adapter import IbBroker, open_broker
from tradebot.broker.connection import BrokerOptions

__all__ = ["BrokerOptions", "IbBroker", "open_broker"]
