"""UNKNOWN orders in words."""

from tradebot.queries.unknown_orders import PriceSource

_SOURCES = {
    PriceSource.AVERAGE_COST: "IB's average cost of the position",
    PriceSource.ORDERS_PRICE: "the price that the order itself waited for",
    PriceSource.ASK_AT_DECISION: "the ask when the order was decided",
    PriceSource.MARKET_PRICE: "IB's price now",
    PriceSource.ENTRY_PRICE: "the entry price, for IB shows none: a P&L of zero",
}


def price_source(source: str | None) -> str:
    """Where the price of a presumed fill is from: of a code, or as another version wrote it; empty for none."""
    known = {str(code): words for code, words in _SOURCES.items()}
    return known.get(source or "", source or "")
