"""What a company did to its shares: splits, reverse splits and new contracts, recognised by figures alone. Pure.

Rules: recognised is n new shares for m old ones, both at most 50, where the total cost has stayed what it was within 0.5 %:
nobody buys or sells shares for nothing. What fits no ratio, or several, is not recognised. Recognised is not done: only the
owner's word changes the books, and from then on it is a row, `CorporateAction`, which the fold of lots applies in its place.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from math import gcd

from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.lots import PRICE_STEP, Lot, LotStatus

TERM_MAX = 50
"""The largest number in a ratio: 50 for 1, 1 for 50, and 21 for 20 as a stock dividend makes it."""
COST_TOLERANCE = Decimal("0.005")
NO_SPLITS_KEY, SEEN_BEFORE_KEY = "no_splits", "seen_positions"
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
    at_ib: Decimal  # of the shares there those that are the bot's
    avg_cost: Decimal
    new: int  # so many shares ...
    old: int  # ... for so many before

    @property
    def fraction(self) -> Decimal:
        """New shares that IB does not hold: mostly paid out in cash. 0 where IB only shows fewer digits."""
        left = self.booked * self.new / self.old - self.at_ib
        return left if left > QTY_STEP else Decimal(0)

    @property
    def figures(self) -> Mapping[str, Decimal | int | str]:
        return {"booked": self.booked, "at_ib": self.at_ib, "new": self.new, "old": self.old}

    @property
    def key(self) -> str:
        """The same while the figures are: what an answer of the owner is about."""
        return f"{self.con_id}:{self.booked.normalize():f}>{self.new_con_id}:{self.at_ib.normalize():f}"


@dataclass(frozen=True, slots=True)
class Before:
    """What IB held of a contract when it was last compared, the owner's own shares included, and the books beside it."""

    booked: Decimal
    qty: Decimal
    avg_cost: Decimal


def handed_out(split: Split, held: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What each strategy has of it afterwards, by what it held before; in all exactly what IB shows as the bot's.

    Whole shares where all of them were and are whole, the odd ones to whom the largest parts are due. Where somebody would come
    to nothing that way, and else, each has his part of a share.
    """
    due = {name: split.at_ib * shares / split.booked for name, shares in held.items()}
    whole = all(shares == shares.to_integral_value() for shares in (split.at_ib, *held.values()))
    step = Decimal(1) if whole and min(due.values()) >= 1 else PRICE_STEP
    given = {name: shares.quantize(step, ROUND_DOWN) for name, shares in due.items()}
    odd = split.at_ib - sum(given.values())
    for name in sorted(due, key=lambda one: (given[one] - due[one], one)):
        given[name] += min(odd, step)
        odd -= min(odd, step)
    return given


def recognise(lots: Iterable[Lot], positions: Mapping[int, BrokerPosition], settings: Mapping[str, str]) -> list[Split]:
    """The splits that turn these open lots into what IB holds, one a contract at most, without those that the owner has denied.

    `settings`: as stored. They also have what IB held before: with shares of the owner's own in it, only that can be compared.
    """
    before, denied = seen_before(settings), denied_splits(settings)
    by_contract: dict[int, list[Lot]] = {}
    for lot in lots:
        if lot.status is LotStatus.OPEN:
            by_contract.setdefault(lot.con_id, []).append(lot)
    found = []
    for con_id, mine in by_contract.items():
        held = _in_its_place(mine[0], by_contract, positions)
        if held is not None and _is_as_it_was(mine, held, before.get(con_id)):
            continue
        split = held and (_of_the_books(mine, held) or _of_a_part(mine, held, before.get(con_id)))
        if split and split.key not in denied:
            found.append(split)
    return found


def market_prices(
    lots: Iterable[Lot], positions: Mapping[int, BrokerPosition], settings: Mapping[str, str]
) -> dict[int, Decimal | None]:
    """IB's, by contract, without those of a split that is not answered: new shares' price says nothing of the old number."""
    unclear = {split.con_id for split in recognise(lots, positions, settings)}
    return {con_id: one.market_price for con_id, one in positions.items() if con_id not in unclear}


def denied_splits(settings: Mapping[str, str]) -> frozenset[str]:
    """The keys of what looked like a split, and was none on the owner's word."""
    return frozenset(json.loads(settings.get(NO_SPLITS_KEY, "[]")))


def seen_before(settings: Mapping[str, str]) -> dict[int, Before]:
    """What IB held of the books' contracts when they were last compared, by contract."""
    seen: dict[str, list[str]] = json.loads(settings.get(SEEN_BEFORE_KEY, "{}"))
    return {int(con_id): Before(*map(Decimal, figures)) for con_id, figures in seen.items()}


def seen_before_text(seen: Mapping[int, Before]) -> str:
    """As it is stored."""
    return json.dumps(
        {con_id: [f"{one.booked:f}", f"{one.qty:f}", f"{one.avg_cost:f}"] for con_id, one in seen.items()}
    )


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


def _is_as_it_was(lots: Sequence[Lot], held: BrokerPosition, before: Before | None) -> bool:
    """What is so for nearly every contract, nearly always: no ratio need be tried."""
    same = held.con_id == lots[0].con_id and held.qty == _shares(lots)
    return same and (before is None or before.qty == held.qty)


def _of_the_books(lots: Sequence[Lot], held: BrokerPosition) -> Split | None:
    """All that IB holds of it is the bot's."""
    lot, booked, cost = lots[0], _shares(lots), _cost(lots)
    ratio = None if held.avg_cost is None else _ratio(booked, cost, held.qty, held.avg_cost)
    if (
        ratio is None
        or held.avg_cost is None
        or (held.con_id == lot.con_id and (held.qty == booked or ratio == (1, 1)))
    ):
        return None
    return Split(lot.ticker, lot.con_id, booked, cost, held.con_id, held.qty, held.avg_cost, *ratio)


def _of_a_part(lots: Sequence[Lot], held: BrokerPosition, before: Before | None) -> Split | None:
    """The owner holds some of it himself, or IB's average cost is another one than that of these lots."""
    lot, booked, cost = lots[0], _shares(lots), _cost(lots)
    if before is None or held.avg_cost is None or before.booked != booked or before.qty < booked:
        return None
    ratio = _ratio(before.qty, before.avg_cost, held.qty, held.avg_cost)
    if ratio is None or (held.con_id == lot.con_id and (held.qty == before.qty or ratio == (1, 1))):
        return None
    new, old = ratio
    whole = held.qty == held.qty.to_integral_value()
    part = (booked * new / old).quantize(Decimal(1) if whole else QTY_STEP, ROUND_DOWN)
    return Split(lot.ticker, lot.con_id, booked, cost, held.con_id, part, cost * old / new, new, old) if part else None


def _shares(lots: Sequence[Lot]) -> Decimal:
    return sum((one.qty for one in lots), Decimal(0))


def _cost(lots: Sequence[Lot]) -> Decimal:
    """USD a share, commission included."""
    return sum((one.cost + one.commission for one in lots), Decimal(0)) / _shares(lots)


def _ratio(booked: Decimal, cost: Decimal, at_ib: Decimal, avg_cost: Decimal) -> tuple[int, int] | None:
    """The one that leaves nothing over; else the only one that leaves less than a share."""
    if not all(one.is_finite() and one > 0 for one in (booked, cost, at_ib, avg_cost)):
        return None
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
