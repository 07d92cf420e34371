"""Goes the road of an alert once before any comes, so that the first one is as quick as those that follow.

Rules: it is read, understood and judged, by the books alone: nothing is stored, sent, counted or asked of IB. What it finds is
thrown away; a database that does not answer now is asked again by those who need it.
"""

from contextlib import suppress
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.payload.dialects import read_message, understand
from tradebot.errors import LedgerUnavailable
from tradebot.runtime.build import Options, Outside
from tradebot.trading import new_alerts
from tradebot.trading.rehearsal import Setup, by_the_books

_MESSAGE = '{{"action": "{}", "ticker": "AAPL", "price": "100", "time": "{:%Y-%m-%dT%H:%M:%SZ}"}}'


async def warm_up(outside: Outside, options: Options) -> None:
    """A BUY and a SELL of the first strategy, as they would come now."""
    setup = Setup(options.defaults, options.fixed_limits, options.hours, options.fractional)
    strategy, now = next(iter(options.strategies)), outside.clock.now()
    with suppress(LedgerUnavailable):
        for side in Side:
            body = _MESSAGE.format(side, now).encode()
            understood = understand(read_message(body), strategy.name)
            new_alerts.from_outside(understood, strategy.name, new_alerts.Arrival(body, None, now))
            await by_the_books(outside.ledger, understood.instruction, strategy, setup, now, price=Decimal(100))
