"""A bot whose alerts come as the webhook reads them, and a TWS client of somebody else's that looks at what IB works on."""

import re
from collections.abc import Mapping

from tests.bot_fixtures import AtGateway
from tests.docs.orders_page import ASK, BID
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.simgateway import Gateway
from tradebot.trading.alert_rows import Accepted, Outcome
from tradebot.webhook.access import Secrets
from tradebot.webhook.reading import read

SECRETS = Secrets("…", None)


def quoted(gateway: Gateway) -> None:
    gateway.set_quote("AAPL", BID, ASK, ASK)


async def sent(there: AtGateway, message: str) -> Accepted:
    """As the webhook reads it, now."""
    intake, now = there.bot.intake, there.bot.clock.now()
    message = re.sub(r'(?<="timestamp": )[0-9]{13}', f"{now.timestamp() * 1000:.0f}", message)
    one = read(message.encode(), None, ["…"], secrets=SECRETS, strategies=intake.strategies)
    assert one.authentic
    assert one.content is not None
    return await intake.accept(one.content, one.body, None, secret_fields=one.secret_fields)


async def settled(there: AtGateway, accepted: Accepted) -> None:
    """The alert has been judged, and IB has answered for all that came of it."""
    bot, gateway = there.bot, there.gateway
    if accepted.status is Outcome.REJECTED:
        return
    assert accepted.status is Outcome.QUEUED

    async def is_settled() -> bool:
        if (await bot.row(accepted.alert_id)).status not in (AlertStatus.PROCESSING, AlertStatus.BLOCKED):
            return False
        at_work = await trades_at_work(there)
        at_ib = {one.ticket.order_ref for one in gateway.book.orders.values() if one.live}
        return set(at_work) == at_ib and all(one.perm_id for one in at_work.values())

    await bot.until(is_settled, f"alert {accepted.alert_id} is judged and answered for")


async def trades_at_work(there: AtGateway) -> Mapping[str, Trade]:
    """What the books have at work, by order ref, the oldest first."""
    over = (TradeStatus.FILLED, TradeStatus.PARTIAL, TradeStatus.CANCELLED, TradeStatus.FAILED)
    return {one.order_ref: one for one in await there.bot.trades() if one.status not in over}
