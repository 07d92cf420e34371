"""Ratios are those of empyrical, on the same returns, and None where there are too few."""

import warnings
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.analytics.samples import sessions
from tradebot.domain.analytics import drawdown, ratios
from tradebot.domain.analytics.benchmark import benchmark
from tradebot.domain.analytics.equity_curve import EquityDay
from tradebot.domain.analytics.spans import ZERO

REL = 1e-9
returns = st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=120)


@pytest.fixture(scope="module")
def reference() -> tuple[Any, Any]:
    """empyrical and pandas, which take seconds to import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pandas and scipy say at their import is not about this program
        import empyrical
        import pandas as pd
    return empyrical, pd


def some(many: int, seed: int) -> list[float]:
    dice = Random(seed)
    return [dice.gauss(0.0007, 0.012) for _ in range(many)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("many", [60, 252, 700])
def test_the_figures_are_those_of_the_reference(reference: tuple[Any, Any], many: int, seed: int) -> None:
    """Sharpe, Sortino, Calmar or volatility is another figure than everybody else's under the same name."""
    empyrical, pd = reference
    mine, theirs = some(many, seed), pd.Series(some(many, seed))
    assert ratios.total(mine) == pytest.approx(empyrical.cum_returns_final(theirs), rel=REL)
    assert ratios.annual(mine) == pytest.approx(empyrical.annual_return(theirs), rel=REL)
    assert ratios.volatility(mine) == pytest.approx(empyrical.annual_volatility(theirs), rel=REL)
    assert ratios.sharpe(mine) == pytest.approx(empyrical.sharpe_ratio(theirs), rel=REL)
    assert ratios.sortino(mine) == pytest.approx(empyrical.sortino_ratio(theirs), rel=REL)
    assert ratios.calmar(mine) == pytest.approx(empyrical.calmar_ratio(theirs), rel=REL)
    assert -ratios.deepest(mine) == pytest.approx(empyrical.max_drawdown(theirs), rel=REL)


def test_alpha_and_beta_are_those_of_the_reference(reference: tuple[Any, Any]) -> None:
    """The account would seem to lean on the market more, or less, than it does."""
    empyrical, pd = reference
    mine, market = some(250, 1), some(250, 2)
    days, index, price, prices = sessions(251), 1.0, 500.0, {}
    found = [EquityDay(days[0], ZERO, ZERO, None, 1.0)]
    prices[days[0]] = price
    for day, earned, moved in zip(days[1:], mine, market, strict=True):
        index, price = index * (1 + earned), price * (1 + moved)
        found.append(EquityDay(day, ZERO, ZERO, earned, index))
        prices[day] = price
    told = benchmark(found, prices)
    alpha, beta = empyrical.alpha_beta_aligned(pd.Series(mine), pd.Series(market))
    assert (told.alpha, told.beta) == (pytest.approx(alpha, rel=1e-6), pytest.approx(beta, rel=1e-6))
    assert told.total == pytest.approx(empyrical.cum_returns_final(pd.Series(market)), rel=REL)
    assert told.ahead == pytest.approx(index - 1 - price / 500 + 1)
    assert told.correlation == pytest.approx(float(pd.Series(mine).corr(pd.Series(market))), rel=1e-6)


@pytest.mark.parametrize(("many", "known"), [(0, 0), (1, 1), (19, 1), (20, 4), (59, 4), (60, 6)])
def test_too_few_returns_make_no_figure(many: int, known: int) -> None:
    """A Sharpe ratio of three days, of which every single one is chance, would be taken for one."""
    told = ratios.ratios(some(many, 3))
    figures = (told.total, told.annual, told.volatility, told.sharpe, told.sortino, told.calmar)
    assert sum(one is not None for one in figures) == known
    assert told.sessions == many


def test_what_never_moved_has_no_ratio() -> None:
    """An account that lay still would divide by zero, or be told an endless Sharpe ratio."""
    flat = ratios.ratios([0.0] * 100)
    assert (flat.total, flat.volatility, flat.sharpe, flat.sortino, flat.calmar) == (0.0, 0.0, None, None, None)
    steady = ratios.ratios([0.001] * 100)
    assert (steady.sharpe, steady.sortino, steady.calmar) == (None, None, None)


@given(returns)
def test_a_drawdown_is_never_more_than_all_and_none_without_a_loss(found: list[float]) -> None:
    """A drawdown below zero or above all there was would be told."""
    depth = ratios.deepest(found)
    assert 0 <= depth < 1
    assert (depth == 0) == all(one >= 0 for one in found) or depth < 1e-12


@given(returns)
def test_both_ways_to_a_drawdown_agree(found: list[float]) -> None:
    """Calmar's drawdown and the one that is shown beside it would be two."""
    value, points = 1.0, [(date(2026, 1, 1), 1.0)]
    for number, one in enumerate(found, start=1):
        value *= 1 + one
        points.append((date(2026, 1, 1) + timedelta(days=number), value))
    worst = drawdown.of_index(points).worst
    assert (worst.depth if worst else 0.0) == pytest.approx(ratios.deepest(found), abs=1e-12)
