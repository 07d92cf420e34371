"""TradingView's placeholders, filled in by example."""

import pytest

from tradebot.domain.payload.samples import Occasion, fill


def texts(message: str) -> dict[Occasion, str]:
    return {filled.occasion: filled.text for filled in fill(message)}


def test_a_condition_is_filled_once() -> None:
    """The owner would read of an exit that his indicator's alert can never ask for."""
    assert texts('{"ticker": "{{exchange}}:{{ticker}}", "price": {{close}}}') == {
        Occasion.CONDITION: '{"ticker": "NASDAQ:AAPL", "price": 187.32}'
    }


def test_a_strategy_s_message_is_filled_as_entry_and_as_exit() -> None:
    """A template whose exits are refused would pass, because its entries are not."""
    assert texts("{{strategy.order.action}} {{strategy.market_position}}") == {
        Occasion.ENTRY: "buy long",
        Occasion.EXIT: "sell flat",
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("{{SYMBOL}}", "{{ticker}}"),
        ("{{CLOSE}}", "{{close}}"),
        ("{{ close }}", "{{close}}"),
        ("{{strategy.order.acton}}", "{{strategy.order.action}}"),
        ("{{quantity}}", "{{strategy.order.contracts}}"),
        ("{{moon}}", ""),
    ],
)
def test_an_unknown_one_stays_and_is_named(written: str, meant: str) -> None:
    """It arrives literally: the owner would look for the mistake in the bot."""
    [filled] = fill(f'{{"x": "{written}"}}')
    assert filled.text == f'{{"x": "{written}"}}'
    assert dict(filled.unknown) == {written: meant}
    assert dict(filled.samples) == {}


@pytest.mark.parametrize("name", ["plot_0", "plot_19", 'plot("RSI")', "syminfo.currency"])
def test_what_tradingview_knows_is_not_called_unknown(name: str) -> None:
    """A template that works would be reported as broken."""
    [filled] = fill(f"{{{{{name}}}}}")
    assert dict(filled.unknown) == {}
