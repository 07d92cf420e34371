"""Interactive Brokers, through ib_async: the only package that knows it. `open_broker` is the way in, `open_probe` a look."""

from tradebot.broker import lean  # isort: skip - before anything imports ib_async
from tradebot.broker.adapter import IbBroker, open_broker
from tradebot.broker.connection import BrokerOptions
from tradebot.broker.probe import Probe, WhatIf, open_probe

__all__ = ["BrokerOptions", "IbBroker", "Probe", "WhatIf", "lean", "open_broker", "open_probe"]
