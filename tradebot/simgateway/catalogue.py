"""The stocks the gateway knows: well-known US tickers under their real contract ids, with plausible prices.

NASDAQ, NYSE and ARCA are the primary exchanges. ``BRK B`` is spelled with a space, as IB does. More come by configuration.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from tradebot.simgateway.entries import Listed, Renamed, Split
from tradebot.simgateway.model import Listing, scaled

_VENUES = (
    "SMART,AMEX,NYSE,CBOE,PHLX,ISE,CHX,ARCA,ISLAND,DRCTEDGE,BEX,BATS,EDGEA,CSFBALGO,JEFFALGO,BYX,IEX,EDGX,FOXRIVER,PEARL,"
    "NYSENAT,LTSE,MEMX,PSX"
)
VENUES = tuple(_VENUES.split(","))
_TEXT = """
AAPL|265598|NASDAQ|227.50|APPLE INC|Technology|Computers|Computers|US0378331005
MSFT|272093|NASDAQ|415.20|MICROSOFT CORP|Technology|Software|Applications Software
TSLA|76792991|NASDAQ|248.90|TESLA INC|Consumer, Cyclical|Auto Manufacturers|Auto-Cars/Light Trucks|US88160R1014
NVDA|4815747|NASDAQ|131.40|NVIDIA CORP|Technology|Semiconductors|Electronic Compo-Semicon
AMZN|3691937|NASDAQ|186.30|AMAZON.COM INC|Communications|Internet|E-Commerce/Products
GOOGL|208813719|NASDAQ|165.10|ALPHABET INC-CL A|Communications|Internet|Web Portals/ISP
GOOG|208813720|NASDAQ|166.70|ALPHABET INC-CL C|Communications|Internet|Web Portals/ISP
META|107113386|NASDAQ|573.80|META PLATFORMS INC-CLASS A|Communications|Internet|Internet Content-Entmnt
NFLX|15124833|NASDAQ|712.60|NETFLIX INC|Communications|Internet|Internet Content-Entmnt
AMD|4391|NASDAQ|156.20|ADVANCED MICRO DEVICES|Technology|Semiconductors|Electronic Compo-Semicon
INTC|270639|NASDAQ|23.40|INTEL CORP|Technology|Semiconductors|Electronic Compo-Semicon
CSCO|268084|NASDAQ|53.30|CISCO SYSTEMS INC|Communications|Telecommunications|Networking Products
ADBE|265768|NASDAQ|506.90|ADOBE INC|Technology|Software|Electronic Forms
AVGO|313130367|NASDAQ|172.80|BROADCOM INC|Technology|Semiconductors|Electronic Compo-Semicon
COST|272997|NASDAQ|887.40|COSTCO WHOLESALE CORP|Consumer, Cyclical|Retail|Retail-Discount
PEP|11017|NASDAQ|168.50|PEPSICO INC|Consumer, Non-cyclical|Beverages|Beverages-Non-alcoholic
COIN|481691285|NASDAQ|171.30|COINBASE GLOBAL INC -CLASS A|Financial|Diversified Finan Serv|Finance-Other Services
PLTR|444857009|NASDAQ|41.70|PALANTIR TECHNOLOGIES INC-A|Technology|Software|Applications Software
BRK B|72063691|NYSE|456.10|BERKSHIRE HATHAWAY INC-CL B|Financial|Insurance|Reinsurance
JPM|1520593|NYSE|211.60|JPMORGAN CHASE & CO|Financial|Banks|Diversified Banking Inst
BAC|10098|NYSE|39.90|BANK OF AMERICA CORP|Financial|Banks|Diversified Banking Inst
V|49462172|NYSE|277.20|VISA INC-CLASS A SHARES|Financial|Diversified Finan Serv|Finance-Credit Card
MA|38685693|NYSE|494.70|MASTERCARD INC - A|Financial|Diversified Finan Serv|Finance-Credit Card
JNJ|8719|NYSE|161.80|JOHNSON & JOHNSON|Consumer, Non-cyclical|Pharmaceuticals|Medical-Drugs
XOM|13977|NYSE|120.40|EXXON MOBIL CORP|Energy|Oil&Gas|Oil Comp-Integrated
KO|8894|NYSE|70.20|COCA-COLA CO/THE|Consumer, Non-cyclical|Beverages|Beverages-Non-alcoholic
WMT|13824|NYSE|80.30|WALMART INC|Consumer, Cyclical|Retail|Retail-Discount
DIS|6459|NYSE|94.60|WALT DISNEY CO/THE|Communications|Media|Multimedia
IBM|8314|NYSE|232.50|INTL BUSINESS MACHINES CORP|Technology|Computers|Computer Services
F|9599491|NYSE|10.70|FORD MOTOR CO|Consumer, Cyclical|Auto Manufacturers|Auto-Cars/Light Trucks
SPY|756733|ARCA|575.80|SPDR S&P 500 ETF TRUST|Funds|Equity Fund|Growth and Income-Large Cap
QQQ|320227571|NASDAQ|489.30|INVESCO QQQ TRUST SERIES 1|Funds|Equity Fund|Sector Fund-Technology
IWM|9579970|ARCA|219.60|ISHARES RUSSELL 2000 ETF|Funds|Equity Fund|Growth-Small Cap
GLD|51529211|ARCA|245.10|SPDR GOLD SHARES|Funds|Commodity Fund|Commodity-Precious Metals
"""


def _parse(line: str) -> Listing:
    symbol, con_id, primary, price, name, industry, category, subcategory, *isin = line.split("|")
    kind = "ETF" if industry == "Funds" else "COMMON"
    return Listing(symbol, int(con_id), Decimal(price), name, primary, kind, industry, category, subcategory, *isin)


WELL_KNOWN: tuple[Listing, ...] = tuple(_parse(line) for line in _TEXT.split("\n") if line)


class Catalogue:
    """Listings by contract id and by symbol; an extra listing replaces a well-known one of the same symbol."""

    def __init__(self, extra: Iterable[Listing] = ()) -> None:
        self.by_symbol = {listing.symbol: listing for listing in (*WELL_KNOWN, *extra)}
        self.by_con_id = {listing.con_id: listing for listing in self.by_symbol.values()}

    def apply(self, action: Split | Renamed | Listed) -> None:
        """What a corporate action does to the stocks there are."""
        if isinstance(action, Listed):
            twin = self.by_symbol.get(action.symbol, Listing(action.symbol, action.con_id, action.price))
            self.add(replace(twin, con_id=action.con_id, price=action.price, isin=""))
            return
        old = self.by_con_id.pop(action.con_id, None)
        if old is None:
            return
        if self.by_symbol.get(old.symbol) is old:
            del self.by_symbol[old.symbol]
        if isinstance(action, Renamed):
            self.add(replace(old, symbol=action.symbol))
        else:
            price = scaled(old.price, action.old / action.new)
            self.add(replace(old, con_id=action.new_con_id or old.con_id, price=price))

    def add(self, listing: Listing) -> None:
        """One more stock; by the symbol it is found instead of an older one."""
        self.by_symbol[listing.symbol] = self.by_con_id[listing.con_id] = listing

    def find(self, con_id: int, symbol: str, exchange: str, primary: str, currency: str) -> Listing | None:
        """The stock meant, or None where IB would answer with error 200."""
        listing = self.by_con_id.get(con_id) if con_id else self.by_symbol.get(symbol.upper())
        if listing is None or currency.upper() not in ("", "USD"):
            return None
        venue = _SAME.get(listing.primary, {listing.primary})
        if primary and primary.upper() not in venue:
            return None
        if exchange.upper() not in {"", *VENUES} | venue:
            return None
        return listing

    def search(self, pattern: str) -> list[Listing]:
        """Listings whose symbol or name begins with, or name contains, the pattern; at most 16, as IB."""
        wanted = pattern.upper().strip()
        hits = [
            listing
            for listing in self.by_symbol.values()
            if wanted and (listing.symbol.startswith(wanted) or wanted in listing.name.upper())
        ]
        return sorted(hits, key=lambda listing: (listing.symbol != wanted, listing.symbol))[:16]


# Two names for one venue.
_SAME = {"NASDAQ": {"NASDAQ", "ISLAND"}, "ARCA": {"ARCA", "NYSEARCA"}}
