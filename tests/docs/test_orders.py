"""docs/orders.md: nothing that can be asked for is missing, and its configuration is one that the bot takes.

That its alerts become the orders that it shows is proven beside the bot: `tests/trading/test_orders_as_others_see_them.py`.
"""

import re
from pathlib import Path

import pytest

from tests.docs.orders_page import OUTCOME, PAGE, REFUSED, examples
from tradebot.config import load
from tradebot.config.strategies import StrategySection
from tradebot.domain.payload import own
from tradebot.domain.payload.dialects import DIALECTS
from tradebot.domain.payload.fields import plain
from tradebot.domain.payload.readings import known_names
from tradebot.domain.payload.terms import ORDER_TYPES, TIMES_IN_FORCE
from tradebot.domain.terms import OrderType, TimeInForce

TEXT = PAGE.read_text("utf-8")
CONFIGURATIONS = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
ABOUT_ORDERS = (
    *(own.ORDER_TYPE_, own.LIMIT_PRICE, own.STOP_PRICE, own.TRAIL_AMOUNT, own.TRAIL_PERCENT),
    *(own.TIME_IN_FORCE_, own.EXTENDED_HOURS, own.CANCEL_AFTER),
    *(own.STOP_LOSS, own.STOP_LOSS_PRICE, own.STOP_LOSS_PERCENT, own.TRAILING_STOP),
    *(own.TAKE_PROFIT, own.TAKE_PROFIT_PRICE, own.TAKE_PROFIT_PERCENT),
)
KEYS = (
    *("orders", "exits", "tif", "good_for_s", "on_new_signal", "stop_loss", "take_profit", "trailing"),
    *("break_even_after", "flat_by", "max_holding", "max_risk_usd"),
)


def test_every_example_is_found() -> None:
    """The page would hold an example that nobody runs."""
    found = list(examples(TEXT))
    assert len(re.findall(rf"^```{OUTCOME}$", TEXT, re.MULTILINE)) == sum(one.refused is None for one in found) > 20
    assert len(re.findall(rf"^{REFUSED}", TEXT, re.MULTILINE)) == sum(one.refused is not None for one in found) > 4


@pytest.mark.parametrize("content", CONFIGURATIONS, ids=range(len(CONFIGURATIONS)))
def test_the_bot_takes_its_configuration(tmp_path: Path, content: str) -> None:
    """Somebody copies a section, and the bot does not start."""
    (tmp_path / "config.toml").write_text(content)
    assert load(tmp_path / "config.toml", {}).strategies()


def test_whatever_an_alert_may_say_of_an_order_is_on_the_page() -> None:
    """A trader would not learn that he can have it."""
    assert [
        field.name for field in ABOUT_ORDERS if f"{field.name}`" not in TEXT and f'"{field.name}"' not in TEXT
    ] == []
    names = {kind: name for name, kind in reversed(list(ORDER_TYPES.items()))}
    assert [name for kind in OrderType if f"`{(name := names[kind])}`" not in TEXT] == []
    written = {time: name for name, time in TIMES_IN_FORCE.items() if time is not TimeInForce.GTD}  # by its seconds
    assert [name for name in written.values() if f'"{name}"' not in TEXT] == []


def test_whatever_a_strategy_may_say_of_orders_is_on_the_page() -> None:
    """A key would be known to those alone who read the whole configuration."""
    assert set(KEYS) <= set(StrategySection.model_fields)
    assert [key for key in KEYS if f"`{key}" not in TEXT] == []


def test_other_services_names_are_theirs() -> None:
    """Somebody writes a field that the page names, and the bot does not know it."""
    table = TEXT.partition("The same in their words:\n\n")[2].partition("\n\n")[0]
    rows = [row.strip("|").split("|") for row in table.splitlines()[2:]]
    assert len(rows) > 6
    known = [known_names(DIALECTS[name]) for name in ("own", "traderspost", "tbot", "keyvalue")]
    for row in rows:
        for cell, names in zip(row, known, strict=True):
            written = {plain(name) for name in re.findall(r"`([\w.]+)`", cell)}
            assert written <= {plain(name) for name in (*names, "type", "trailing_stop")}


@pytest.mark.parametrize(
    "page", ["README.md", "docs/alerts.md", "docs/strategies.md", "docs/configuration.md", "docs/telegram.md"]
)
def test_people_find_it(page: str) -> None:
    """Who wants a stop would not learn how to have one."""
    assert re.search(r"\]\((docs/)?orders\.md", (PAGE.parents[1] / page).read_text("utf-8"))
