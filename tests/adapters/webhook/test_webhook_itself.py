"""What the bot concludes of its own webhook, which it asks as others do."""

import asyncio

from tests.adapters.webhook.conftest import House
from tests.servers import free_port
from tradebot.listener import answers
from tradebot.runtime.clock import SystemClock
from tradebot.runtime.pulse import Pulse
from tradebot.runtime.watchdog import look_at_webhook
from tradebot.webhook import Webhook

NOT_OURS = "192.0.2.1"
"""No machine has it (RFC 5737)."""


async def test_an_address_that_is_gone_is_no_silence() -> None:
    """A VPN that is down for five minutes would end a bot that trades; it could not listen there again, and stay down."""
    assert await answers(NOT_OURS, free_port())


async def test_who_is_never_let_through_to_itself_is_not_watched(house: House) -> None:
    """A firewall between the bot and itself would have systemd start it anew every few minutes."""
    pulse = Pulse(SystemClock())
    nobody = Webhook("127.0.0.1", free_port(), "127.0.0.1")
    await look_at_webhook(nobody, pulse)
    assert pulse.components == set()
    await look_at_webhook(Webhook("127.0.0.1", house.port, "127.0.0.1"), pulse)
    assert pulse.components == {"webhook"}


async def test_a_webhook_that_takes_and_does_not_answer_is_silent() -> None:
    """Alerts would be lost for ever, and nobody would start the bot anew."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert not await answers("127.0.0.1", port)
