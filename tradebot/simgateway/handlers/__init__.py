"""What the gateway does about each request, journal entry, quote and account change, as one table for `Gateway`.

``orders``, ``account``, ``market_data`` and ``history`` each hold the requests of their subject by name and know nothing of
each other.
"""

from tradebot.simgateway import corporate, notifications
from tradebot.simgateway.gateway import Handlers
from tradebot.simgateway.handlers import account, history, market_data, orders

HANDLERS = Handlers(
    requests=orders.REQUESTS | account.REQUESTS | market_data.REQUESTS | history.REQUESTS,
    entries={**notifications.ENTRIES, **corporate.ENTRIES},
    quotes=(market_data.send_changed, account.send_pnl),
    values=account.send_values,
    positions=account.send_positions,
)
