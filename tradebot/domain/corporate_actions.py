"""What a company did to its shares: splits, reverse splits and new contracts, recognised by figures alone. Pure.

Rules: recognised is n new shares for m old ones, both at most 50, where the total cost has stayed what it was within 0.5 %:
nobody buys or sells shares for nothing. What fits no ratio, or several, is not recognised. Recognised is not done: only the
owner's word changes the books, and from then on it is a row, `CorporateAction`, which the fold of lots applies in its place.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import gcd

from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.lots import Lot, LotStatus

TERM_MAX = 50
"""The largest number in a ratio: 50 for 1, 1 for 50, and 21 for 20 as a stock dividend makes it."""
COST_TOLERANCE = Decimal("0.005")
QTY_STEP = Decimal("0.0001")  # IB shows fractions of a share to four decimals


@dataclass(frozen=True, slots=True)
class Split:
    """Shares of one contract in the books, what IB shows in their place, and the ratio that leads there.

    Costs are USD a share, commission included, as IB's average cost has it.
    """

    ticker: str  # of the books
    con_id: int
    booked: Decimal
    cost: Decimal
    new_con_id: int  # where IB holds them now; mostly the same
    at_ib: Decimal
    avg_cost: Decimal
    new: int  # so many shares ...
    old: int  # ... for so many before

    @property
    def fraction(self) -> Decimal:
        """New shares that IB does not hold: mostly paid out in cash."""
        return self.booked * self.new / self.old - self.at_ib

    @property
    def figures(self) -> Mapping[str, Decimal | int | str]:
        return {"booked": self.booked, "at_ib": self.at_ib, "new": self.new, "old": self.old}

    @property
    def key(self) -> str:
        """The same while the figures are: what an answer of the owner is about."""
        return f"{self.con_id}:{self.booked.normalize():f}>{self.new_con_id}:{self.at_ib.normalize():f}"


def recognise(lots: Iterable[Lot], positions: Mapping[int, BrokerPosition]) -> list[Split]:
    """The splits that turn these open lots into what IB holds, one a contract at most."""
    by_contract: dict[int, list[Lot]] = {}
    for lot in lots:
        if lot.status is LotStatus.OPEN:
            by_contract.setdefault(lot.con_id, []).append(lot)
    found = (_split_of(mine, _in_its_place(mine[0], by_contract, positions)) for mine in by_contract.values())
    return [split for split in found if split is not None]


def _in_its_place(
    lot: Lot, booked: Mapping[int, object], positions: Mapping[int, BrokerPosition]
) -> BrokerPosition | None:
    """What IB holds of the lot's contract, else the one other contract of its symbol that the books do not hold."""
    same = positions.get(lot.con_id)
    if same is not None and same.qty != 0:
        return same
    others = [
        one for one in positions.values() if one.ticker == lot.ticker and one.con_id not in booked and one.qty > 0
    ]
    return others[0] if len(others) == 1 else None


def _split_of(lots: Sequence[Lot], held: BrokerPosition | None) -> Split | None:
    if held is None or held.avg_cost is None or not (held.avg_cost.is_finite() and held.avg_cost > 0 and held.qty > 0):
        return None
    lot, booked = lots[0], sum((one.qty for one in lots), Decimal(0))
    if held.con_id == lot.con_id and held.qty == booked:
        return None
    cost = sum((one.cost + one.commission for one in lots), Decimal(0)) / booked
    ratio = _ratio(booked, cost, held.qty, held.avg_cost)
    if ratio is None or (ratio == (1, 1) and held.con_id == lot.con_id):
        return None
    return Split(lot.ticker, lot.con_id, booked, cost, held.con_id, held.qty, held.avg_cost, *ratio)


def _ratio(booked: Decimal, cost: Decimal, at_ib: Decimal, avg_cost: Decimal) -> tuple[int, int] | None:
    """The one that leaves nothing over; else the only one that leaves less than a share."""
    fitting = [(new, old, booked * new / old - at_ib) for new, old in _ratios_by_cost(cost, avg_cost)]
    exact = [(new, old) for new, old, left in fitting if abs(left) <= QTY_STEP]
    near = [(new, old) for new, old, left in fitting if -QTY_STEP <= left < 1]
    return next((found[0] for found in (exact, near) if len(found) == 1), None)


def _ratios_by_cost(cost: Decimal, avg_cost: Decimal) -> Iterator[tuple[int, int]]:
    """Where the old shares cost what the new ones do: one at most for each number of old shares."""
    for old in range(1, TERM_MAX + 1):
        new = round(old * cost / avg_cost)
        if 1 <= new <= TERM_MAX and gcd(new, old) == 1 and abs(avg_cost * new / old - cost) <= cost * COST_TOLERANCE:
            yield new, old
