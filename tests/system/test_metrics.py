"""The metrics of the daemon as a process: what Prometheus reads of it is what its books say."""

from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import free_port
from tests.system.harness import Daemon, running, until

TOKEN = "canary-metrics-token-0123456789"
PASSWORD = "canary-web-password-0123456789"


async def test_an_alert_is_seen_by_prometheus(tmp_path: Path) -> None:
    """Broken, the owner's pictures and alarms are not about this bot."""
    port = free_port()
    daemon = Daemon.at(tmp_path, web__port=str(port), web__password=PASSWORD, web__metrics_token=TOKEN)
    async with running(daemon), aiohttp.ClientSession() as client:
        await daemon.ready()

        async def page() -> dict[str, float] | None:
            try:
                headers = {"Authorization": f"Bearer {TOKEN}"}
                async with client.get(f"http://127.0.0.1:{port}/metrics", headers=headers) as answer:
                    text = await answer.text()
                    assert answer.status == 200, text
            except aiohttp.ClientConnectionError:  # it opens beside the rest
                return None
            families = text_string_to_metric_families(text)
            found = {f"{one.name}{sorted(one.labels.values())}": one.value for each in families for one in each.samples}
            return found if found["tradebot_healthy[]"] and found["tradebot_database_read[]"] else None

        before = await until(page, "a well bot on the page of the second listener")
        bought = await daemon.alert("BUY", "AAPL")
        books = await daemon.ended(bought)
        (trade,) = books.trades
        cost = float(trade.filled_qty * (trade.avg_fill_price or 0))

        async def seen() -> dict[str, float] | None:
            found = await page()
            return found if found and found["tradebot_positions['main']"] == 1 else None

        after = await until(seen, "the position on the page")
        assert after["tradebot_alerts_total['', 'executed', 'main']"] == 1
        assert after["tradebot_orders_ended_total['buy', 'entry', 'filled', 'main']"] == 1
        assert after["tradebot_traded_usd_total['buy']"] == cost
        assert after["tradebot_invested_usd['main']"] == cost
        assert after["tradebot_alert_to_fill_seconds_count['buy']"] == 1
        assert 0 < after["tradebot_alert_to_fill_seconds_sum['buy']"] < 60
        assert after["tradebot_account_equity_usd[]"] > 0
        assert after["tradebot_event_loop_lag_seconds_count[]"] > before["tradebot_event_loop_lag_seconds_count[]"]
        assert await daemon.stop() == 0, daemon.output
        assert TOKEN not in daemon.output
        assert PASSWORD not in daemon.output
