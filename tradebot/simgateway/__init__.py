"""A simulated IB Gateway: speaks the TWS socket protocol, fills orders against invented quotes, remembers its account.

``wire`` the protocol's frames, ``requests`` and ``replies`` its messages; ``model``, ``entries``, ``book`` and ``exchange`` the
market without any I/O; ``catalogue`` and ``quotes`` the stocks; ``store`` the journal; ``gateway`` the order of events, the
``*_desk`` modules who answers what, ``announce`` who hears of it; ``faults`` and ``control`` what can be made to go wrong.
"""

from tradebot.simgateway.gateway import Gateway
from tradebot.simgateway.model import Listing
from tradebot.simgateway.server import open_gateway, serve
from tradebot.simgateway.settings import GatewaySettings

__all__ = ["Gateway", "GatewaySettings", "Listing", "open_gateway", "serve"]
