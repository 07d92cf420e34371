"""The configuration as the dashboard shows it."""

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
    assert dict(found["broker"])["restart_window"] == "00:15, 01:45"


def test_a_secret_that_the_bot_has_made_is_not_called_missing() -> None:
    """The owner would think that anybody may send alerts, or none."""
    assert dict(shown(Settings())["webhook"])["secret"] == f"generated, in {WEBHOOK_SECRET_FILE}"
