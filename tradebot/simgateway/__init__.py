"""A simulated IB Gateway: speaks the TWS socket protocol, fills orders against invented quotes, remembers its account.

``wire`` holds the protocol's frames, ``requests`` and ``replies`` its messages; ``model``, ``entries``, ``book`` and ``exchange``
the market without any I/O; ``catalogue`` and ``quotes`` the stocks; ``store`` the journal; ``session`` one client's connection;
``gateway`` the state and the order of events, ``handlers`` the answers to requests, ``notifications`` the messages that follow an
event; ``corporate`` splits and renames; ``switches``, ``faults``, ``answers``, ``line`` and ``upstream`` what can be made to go
wrong, ``control`` the port for that. Imports point one way; ``server`` puts everything together.
"""

from tradebot.simgateway.gateway import Gateway
from tradebot.simgateway.model import Listing
from tradebot.simgateway.server import open_gateway, serve
from tradebot.simgateway.settings import GatewaySettings

__all__ = ["Gateway", "GatewaySettings", "Listing", "open_gateway", "serve"]
