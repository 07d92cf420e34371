"""How many shares an order is for, and the arithmetic behind it. Pure.

Rules: rounded down, to whole shares or to four decimals. What is not known, or is no number, gives no size. A size that somebody
asked for is lowered to what every limit admits, and says by which; the amount that the owner himself has set for each BUY is not:
there a limit refuses. An exit never sells more than its instruction asks, and the sizes of a sender's position are a ratio of
ours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.instructions import Instruction, Size, SizeKind
from tradebot.domain.refusals import Fact, Figure
from tradebot.domain.strategies import Sizing, Strategy

CASH_BUFFER = Decimal("0.01")  # the price may move between quote and fill
COMMISSION_PER_SHARE = Decimal("0.005")
COMMISSION_MIN = Decimal(1)
FRACTION_STEPS = Decimal(10_000)  # IB takes four decimals where it takes fractions at all
NONE = Decimal(0)
_HUNDRED = Decimal(100)
_KINDS: Mapping[Sizing, SizeKind] = {
    Sizing.USD: SizeKind.USD,
    Sizing.SHARES: SizeKind.SHARES,
    Sizing.EQUITY_PCT: SizeKind.EQUITY_PCT,
    Sizing.RISK_USD: SizeKind.RISK_USD,
    Sizing.RISK_PCT: SizeKind.RISK_PCT,
}
_OF_EQUITY = frozenset({SizeKind.EQUITY_PCT, SizeKind.RISK_PCT})
_OF_RISK = frozenset({SizeKind.RISK_USD, SizeKind.RISK_PCT})


def commission_estimate(qty: Decimal) -> Decimal:
    """USD for an order by IB's fixed pricing: $0.005 a share, at least $1 (interactivebrokers.com, Commissions Stocks)."""
    return max(COMMISSION_MIN, qty * COMMISSION_PER_SHARE)


def order_cost(qty: Decimal, ask: Decimal) -> Decimal:
    """USD that a BUY reserves: its value, room for a worse price, and the commission."""
    return qty * ask * (1 + CASH_BUFFER) + commission_estimate(qty)


def whole_shares(amount_usd: Decimal, ask: Decimal, fractional: bool) -> Decimal:
    """How many shares the amount buys, rounded down: whole ones, or four decimals when fractional. 0 without a usable price."""
    return _shares(amount_usd, ask, fractional)


@dataclass(frozen=True, slots=True)
class Room:
    """What one limit leaves for an order."""

    limit: str  # its name
    usd: Decimal
    of_cost: bool = True  # what the order reserves; else its value at the ask
    strategy: str | None = None  # whose limit it is; None: the account's
    each: Decimal | None = None  # USD that a share takes of it, where that is neither cost nor price

    def most(self, ask: Decimal, fractional: bool) -> Decimal:
        """The most shares that it admits."""
        if self.each is not None:
            return _shares(self.usd, self.each, fractional)
        if not self.of_cost:
            return _shares(self.usd, ask, fractional)
        # The commission is the larger of two, so both must fit.
        with_minimum = _shares(self.usd - COMMISSION_MIN, ask * (1 + CASH_BUFFER), fractional)
        return min(with_minimum, _shares(self.usd, ask * (1 + CASH_BUFFER) + COMMISSION_PER_SHARE, fractional))


@dataclass(frozen=True, slots=True)
class Sized:
    """A quantity with its arithmetic."""

    size: Size  # what was asked for
    asked: Decimal  # the shares that this comes to, rounded down
    qty: Decimal  # the shares that are left of it
    price: Decimal | None = None  # USD a share, where it was divided by one
    base: Decimal | None = None  # what a percentage is of: the account's net liquidation in USD, or the shares held
    stop: Decimal | None = None  # USD a share, where the size is what is lost there
    lowered_by: Room | None = None  # the limit that admits least, where it admits less than was asked

    @property
    def facts(self) -> Mapping[str, Fact]:
        """As they are stored with a decision and told."""
        facts: dict[str, Fact] = {
            "size_kind": str(self.size.kind),
            "size_value": self.size.value,
            "asked": self.asked,
            "sized": self.qty,
        }
        known = {"price": self.price, "base": self.base, "stop": self.stop}
        facts |= {name: value for name, value in known.items() if value is not None}
        if self.lowered_by is not None:
            facts |= {"lowered_by": self.lowered_by.limit, "room": self.lowered_by.usd}
            if self.lowered_by.strategy is not None:
                facts["strategy"] = self.lowered_by.strategy
        return facts


def entry_size(instruction: Instruction | None, strategy: Strategy, amount_usd: Decimal) -> Size | Figure:
    """What a BUY's quantity is to be computed from: what the alert says where the strategy takes that, else what the owner has
    set. A Figure is what is missing."""
    said = instruction.size if instruction is not None else None
    if said is not None and instruction is not None and instruction.by_owner:
        return said
    if strategy.sizing is Sizing.ALERT:
        return said or Figure.ALERT_SIZE
    if said is not None:
        return Figure.SIZE_NOT_USED
    if strategy.sizing is Sizing.USD:
        return Size(SizeKind.USD, amount_usd)
    return Figure.SIZE if strategy.size is None else Size(_KINDS[strategy.sizing], strategy.size)


def entry(
    size: Size,
    ask: Decimal,
    *,
    fractional: bool,
    equity: Decimal | None = None,
    held: Decimal = NONE,
    stop: Decimal | None = None,
    rooms: Iterable[Room] = (),
) -> Sized | Figure:
    """Shares to buy at this ask. `equity`: the account's net liquidation, USD; `held`: of the strategy; `stop`: USD a share."""
    if size.kind in _OF_EQUITY and not _is_positive(equity):
        return Figure.EQUITY
    if size.kind in _OF_RISK and not _is_positive(stop):
        return Figure.STOP
    base = equity if size.kind in _OF_EQUITY else held if size.kind is SizeKind.POSITION_PCT else None
    amount = size.value if base is None else size.value * base / _HUNDRED
    if size.kind in (SizeKind.SHARES, SizeKind.POSITION_PCT):
        asked, price = _shares(amount, Decimal(1), fractional), None
    elif size.kind in _OF_RISK and stop is not None:
        asked, price = _shares(amount, ask - stop, fractional), ask
    else:
        asked, price = _shares(amount, ask, fractional), ask
    most = [(room.most(ask, fractional), room) for room in rooms]
    least, room = min(most, key=lambda one: one[0], default=(asked, None))
    lowered = room if least < asked else None
    stop = stop if size.kind in _OF_RISK else None
    return Sized(size, asked, min(asked, least), price, base, stop, lowered)


def exit_size(instruction: Instruction | None, held: Decimal, *, fractional: bool) -> Sized | None:
    """Shares to sell of those that the strategy holds; None: all of them.

    Raises ValueError for an instruction that says that a part stays held, and not which.
    """
    if instruction is None or not _stays_long(instruction):
        return None
    target = instruction.target
    if target is not None and target.reduces and target.size is not None and target.previous_size:
        sold = target.previous_size - target.size
        percent = Size(SizeKind.POSITION_PCT, _HUNDRED * sold / target.previous_size)
        # The ratio is taken of whole numbers: a third that was rounded before would lose a share.
        return _sold(percent, _shares(held * sold, target.previous_size, fractional), held)
    grows = target is not None and target.grows
    size = instruction.size
    if size is None or grows or size.kind not in (SizeKind.SHARES, SizeKind.POSITION_PCT):
        raise ValueError("says that a part stays held, and not which")
    amount = size.value if size.kind is SizeKind.SHARES else held * size.value / _HUNDRED
    return _sold(size, _shares(amount, Decimal(1), fractional), held)


def _stays_long(instruction: Instruction) -> bool:
    from_target = instruction.target is not None and instruction.target.stays_long
    return from_target or (instruction.target is None and instruction.size is not None)


def _sold(size: Size, asked: Decimal, held: Decimal) -> Sized:
    return Sized(size, asked, min(asked, held), base=held)


def _shares(amount: Decimal, each: Decimal, fractional: bool) -> Decimal:
    """Floor division is exact, where dividing first could round up to a share that the amount does not pay."""
    if not (_is_positive(amount) and _is_positive(each)):
        return NONE
    return amount * FRACTION_STEPS // each / FRACTION_STEPS if fractional else amount // each


def _is_positive(value: Decimal | None) -> bool:
    return value is not None and value.is_finite() and value > 0
