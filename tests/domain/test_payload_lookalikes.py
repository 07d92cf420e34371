"""A stop or a target under a name that nobody knows is no field to be ignored."""

import pytest

from tradebot.domain.payload.dialects import Message, understand
from tradebot.errors import PayloadError


@pytest.mark.parametrize(
    ("field", "right"),
    [
        ("stop_loss_pct", "stop_loss_percent"),
        ("takeProfitPct", "take_profit_percent"),
        ("sl_pct", None),
        ("tp_price", None),
        ("profit_target", None),
        ("trailing_stop_pct", None),
    ],
)
def test_a_stop_by_another_name_is_refused(field: str, right: str | None) -> None:
    """The shares would be bought without the stop that the alert has asked for, and nobody be told."""
    with pytest.raises(PayloadError, match="a stop or a target of its own") as refused:
        understand(Message({"action": "buy", "ticker": "MSFT", "quantity": 4, field: 5}), "ema", ())
    if right is not None:
        assert f'Call it "{right}"' in str(refused.value)
