"""Asks IB what margin a BUY would take, where the owner wants that known before one of its value leaves."""

from loguru import logger

from tradebot.domain.brokerage import Margin, Order
from tradebot.errors import BrokerUnavailable
from tradebot.ports import Broker


async def ask_margin(broker: Broker, order: Order) -> Margin:
    """IB's word; one without figures where it gives none: such a BUY is refused."""
    try:
        answer = await broker.what_if(order)
    except BrokerUnavailable as error:
        logger.warning("what margin {:f} {} would take is not known: {}", order.qty, order.contract.ticker, error)
        return Margin(order.qty)
    logger.info(
        "{:f} {} would take a margin of {}, of {}", order.qty, order.contract.ticker, answer.margin, answer.equity
    )
    return answer
