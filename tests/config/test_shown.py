"""The configuration as the dashboard shows it."""

from decimal import Decimal

import pytest

from tradebot.config import WEBHOOK_SECRET_FILE, Settings, keys
from tradebot.config.shown import shown

SECRET = "a-long-random-secret-of-mine-71c2"


def test_every_key_is_shown_and_no_secret() -> None:
    """A secret is on a page, or a key is missing there."""
    settings = Settings.model_validate(
        {
            "webhook": {"secret": SECRET},
            "database": {"url": f"postgresql://me:{SECRET}@db.example/bot"},
            "schedule": {"heartbeat_url": f"https://hc.example/{SECRET}"},
            "strategies": {"ema": {"secret": SECRET + "x", "tickers": ["KO", "AAPL"]}},
        }
    )
    found = shown(settings)
    assert SECRET not in str(found)
    assert {f"{section}.{name}" for section, rows in found.items() for name, _ in rows} == {
        key.name for key in keys(["ema"])
    }
    assert dict(found["database"])["url"] == "postgresql://me@db.example/bot"
    assert dict(found["schedule"])["heartbeat_url"] == "set"
    assert dict(found["webhook"])["previous_secret"] == "not set"
    assert dict(found["webhook"])["secret"] == "set"
    assert dict(found["strategies.ema"])["tickers"] == "AAPL, KO"
    assert dict(found["broker"])["restart_window"] == "00:15-01:45"


def test_a_secret_that_the_bot_has_made_is_not_called_missing() -> None:
    """The owner would think that anybody may send alerts, or none."""
    assert dict(shown(Settings())["webhook"])["secret"] == f"generated, in {WEBHOOK_SECRET_FILE}"


FULL = {
    "owner": {"timezone": "Europe/Berlin"},
    "webhook": {"allowed_ips": ["203.0.113.7", "10.0.0.0/8"], "trusted_proxies": ["10.0.0.1"]},
    "web": {"hosts": ["bot.example.com"]},
    "broker": {"mode": "gateway", "account": "DU1234567", "restart_window": "00:20-01:50"},
    "telegram": {"chat_id": -1001234567890, "user_ids": [7, 8], "quiet_hours": "22:00-07:00", "topic_id": 3},
    "trading": {
        "hours": "always",
        "extra_closures": ["2026-12-24"],
        "price_collar_pct": Decimal("2.5"),
        "daily_loss_basis": "total",
        "max_order_value_usd": Decimal("1E+4"),
    },
    "thresholds": {"drawdown_pct": 10, "loss_streak": 5, "in_time_pct": 90, "slippage_bps": 20, "silent_sessions": 2},
    "strategies": {
        "ema": {
            "sizing": "equity_pct",
            "size": Decimal("2.5"),
            "orders": "alert",
            "tif": "GTC",
            "good_for_s": 60,
            "stop_loss": "5%",
            "take_profit": "$12",
            "trailing": "2.5%",
            "break_even_after": "$3.50",
            "flat_by": "15:55",
            "max_holding": "5d",
            "tickers": ["KO", "AAPL"],
            "window": "09:35-15:45",
            "max_daily_loss": 200,
        },
        "rsi": {"max_holding": "36h"},
    },
    "channels": {
        "desk": {
            "type": "email",
            "host": "mail.example",
            "sender": "a@b.example",
            "to": ["c@d.example"],
            "kinds": ["orders"],
        }
    },
}


def test_a_full_configuration_is_shown_as_it_stands_in_the_file() -> None:
    """The settings page shows what Python makes of a value, which nobody can put into the file."""
    found = shown(Settings.model_validate(FULL))
    for section, rows in found.items():
        for name, text in rows:
            assert not any(sign in text for sign in "()<>{}'="), f"{section}.{name}: {text}"
    ema = dict(found["strategies.ema"])
    assert (ema["stop_loss"], ema["take_profit"], ema["trailing"]) == ("5%", "$12", "2.5%")
    assert (ema["break_even_after"], ema["flat_by"], ema["window"]) == ("$3.5", "15:55", "09:35-15:45")
    assert (ema["sizing"], ema["tif"], ema["size"], ema["max_daily_loss"]) == ("equity_pct", "GTC", "2.5", "200")
    assert dict(found["telegram"])["quiet_hours"] == "22:00-07:00"
    assert dict(found["telegram"])["user_ids"] == "7, 8"
    assert dict(found["trading"])["extra_closures"] == "2026-12-24"
    assert dict(found["trading"])["max_order_value_usd"] == "10000"
    assert dict(found["channels.desk"])["to"] == "c@d.example"


@pytest.mark.parametrize("given", ["90m", "36h", "5d"])
def test_a_time_to_hold_is_shown_with_its_unit(given: str) -> None:
    """A day and a half as 1 day, 12:00:00 is nothing that the file takes."""
    settings = Settings.model_validate({"strategies": {"ema": {"max_holding": given}}})
    assert dict(shown(settings)["strategies.ema"])["max_holding"] == given
