"""The gate: when books and IB agree, and what keeps orders from leaving."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.bot import Bot, said
from tests.bot_fixtures import MakeBot
from tests.trading.moments import gate_closed, question_asked
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import ErrorKind, Refused, UpstreamBack, UpstreamLost
from tradebot.domain.events import EventKind
from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import TradeStatus
from tradebot.words import events as words
from tradebot.words.gate import gate_reason

T = TradeStatus


async def test_nothing_leaves_before_books_and_ib_are_compared(make_bot: MakeBot) -> None:
    """An order would leave while an order of the last run is still in doubt."""
    bot = await make_bot()
    await bot.start(connected=False)
    alert_id = await bot.alert("BUY")
    bot.broker.waits["executions"] = asyncio.Event()
    bot.broker.connect()
    await question_asked(bot, "executions", 1)
    assert not bot.gate.is_open
    assert (await bot.row(alert_id)).status is AlertStatus.RECEIVED
    bot.broker.waits["executions"].set()
    await bot.sent()


async def test_the_gate_stays_closed_when_the_connection_changed_meanwhile(bot: Bot) -> None:
    """Answers of a lost connection would open the gate of the new one."""
    bot.broker.disconnect()
    await gate_closed(bot)
    bot.broker.asked.clear()
    bot.broker.waits["executions"] = asyncio.Event()
    bot.broker.connect()
    await question_asked(bot, "executions", 1)
    bot.broker.disconnect()
    bot.broker.connect()
    bot.broker.waits["open_orders"] = asyncio.Event()
    bot.broker.waits["executions"].set()
    await question_asked(bot, "open_orders", 2)
    assert not bot.gate.is_open
    bot.broker.waits["open_orders"].set()
    await bot.is_open()


async def test_the_gate_stays_closed_when_the_change_is_not_told_yet(bot: Bot) -> None:
    """While booking is busy with the database, the news of a new connection wait, and old answers would open the gate."""
    bot.broker.disconnect()
    await gate_closed(bot)
    bot.broker.asked.clear()
    compared = len(await bot.events(EventKind.GATE_OPENED))
    bot.broker.waits["executions"] = asyncio.Event()
    bot.broker.connect()
    await question_asked(bot, "executions", 1)
    bot.tasks.pop("booking").cancel()
    bot.broker.disconnect()
    bot.broker.connect()
    bot.broker.waits["executions"].set()
    await bot.told(EventKind.GATE_OPENED, compared + 1)
    await bot.alert("BUY")
    await bot.seconds(3)
    assert not bot.gate.is_open
    assert bot.broker.sent == []


async def test_the_gate_stays_closed_when_ib_was_lost_and_came_back_meanwhile(bot: Bot) -> None:
    """Fills that were missed between 1100 and 1102 would stay unknown, on the very same connection."""
    bot.broker.disconnect()
    await gate_closed(bot)
    bot.broker.asked.clear()
    bot.broker.waits["holdings"] = asyncio.Event()
    bot.broker.connect()
    await question_asked(bot, "holdings", 1)
    bot.broker.events.put_nowait(UpstreamLost("1100"))
    bot.broker.events.put_nowait(UpstreamBack(data_lost=False))
    await _closed_because(bot, "being compared")
    bot.broker.waits["open_orders"] = asyncio.Event()
    bot.broker.waits["holdings"].set()
    await question_asked(bot, "open_orders", 2)
    assert not bot.gate.is_open
    bot.broker.waits["open_orders"].set()
    await bot.is_open()


async def _closed_because(bot: Bot, reason: str) -> None:
    async def told() -> bool:
        return bot.broker.events.empty() and any(reason in gate_reason(one) for one in bot.gate.reasons)

    await bot.until(told, f"the gate is closed: {reason}")


@pytest.mark.parametrize("question", ["open_orders", "holdings"])
async def test_a_question_that_fails_is_asked_again(make_bot: MakeBot, question: str) -> None:
    """One slow answer would keep the bot from trading, or let it trade without knowing what works and what is held."""
    bot = await make_bot()
    await bot.start(connected=False)
    bot.broker.failing.add(question)
    bot.broker.connect()
    await question_asked(bot, question, 1)
    await bot.seconds(2)
    assert not bot.gate.is_open
    bot.broker.failing.clear()

    async def is_open() -> bool:
        return bot.gate.is_open

    await bot.sooner_or_later(is_open, "the gate opens", within_s=10)


async def test_ib_lost_behind_the_gateway(bot: Bot) -> None:
    """Between 1100 and 1102 orders would leave that never arrive, and fills be missed."""
    _, order_ref = await bot.order("BUY")
    bot.broker.upstream(up=False)
    bot.broker.events.put_nowait(UpstreamLost("Connectivity between IB and TWS has been lost"))
    await gate_closed(bot)
    assert "lost IB's servers" in gate_reason(bot.gate.reasons[0])
    bot.broker.fill(order_ref, 5, told=False)
    bot.broker.upstream(up=True)
    bot.broker.events.put_nowait(UpstreamBack(data_lost=True))
    await bot.is_open()
    assert (await bot.trade(order_ref)).status is T.FILLED


async def test_another_account_is_never_traded(make_bot: MakeBot) -> None:
    """Books of one account would be filled with another's orders."""
    bot = await make_bot()
    await bot.start()
    bot.broker.disconnect()
    bot.broker.connect("DU7654321")
    (told,) = await bot.told(EventKind.TRADING_REFUSED)
    assert "belongs to account DU1234567, the gateway is logged in to DU7654321" in words.text(told)
    assert not bot.gate.is_open
    bot.broker.disconnect()
    bot.broker.connect()
    await bot.is_open()


async def test_a_live_account_that_is_not_allowed(make_bot: MakeBot) -> None:
    """Real money would be traded without the owner's word."""
    bot = await make_bot()
    await bot.start(connected=False)
    bot.broker.connect("U1234567", paper=False, why_not="U1234567 is a live account.")
    bot.broker.events.put_nowait(Refused("U1234567 is a live account."))
    await bot.told(EventKind.TRADING_REFUSED)
    (told,) = await bot.events(EventKind.BROKER_CONNECTED)
    assert "LIVE account, REAL MONEY U1234567" in words.text(told)
    assert bot.gate.reasons == (GateReason(GateCode.REFUSED, {"reason": "U1234567 is a live account."}),)


async def test_hours_always_is_not_for_live_accounts(make_bot: MakeBot) -> None:
    """A bot set up for trying out would trade real money at night."""
    bot = await make_bot(always=True)
    await bot.start(connected=False)
    bot.broker.connect("U1234567", paper=False)
    (told,) = await bot.told(EventKind.TRADING_REFUSED)
    assert 'hours = "always" is for simulated and paper accounts' in words.text(told)
    assert not bot.gate.is_open


async def test_a_read_only_gateway(bot: Bot) -> None:
    """Order after order would be refused, and nobody be told what to untick."""
    alert_id, order_ref = await bot.order("BUY")
    bot.broker.error(order_ref, 321, ErrorKind.READ_ONLY, "The API interface is currently in Read-Only mode.")
    (told,) = await bot.told(EventKind.TRADING_REFUSED)
    assert "untick Read-Only API" in words.text(told)
    assert bot.gate.holders == {"read-only"}
    bot.broker.working.clear()
    bot.broker.disconnect()
    bot.broker.connect()
    await bot.is_open()
    assert "Read-Only" in said((await bot.row(alert_id)).reason)


async def test_an_uncertain_error_is_looked_into(bot: Bot) -> None:
    """An order lost to an error nobody knows would stay in flight until it is overdue."""
    bot.broker.takes_orders = False
    _, order_ref = await bot.order("BUY")
    bot.broker.error(order_ref, 103, ErrorKind.UNCERTAIN, "Duplicate order id")
    await bot.turns(order_ref, T.FAILED)
    assert bot.broker.cancels == []
    assert bot.gate.is_open, "others trade on meanwhile"


async def test_differences_to_ib_are_told_when_compared(bot: Bot) -> None:
    """Shares that are missing at IB would be found out only by a SELL."""
    await bot.owns(5, at_ib=2)
    bot.broker.held[8894] = Decimal(40)  # type: ignore[index]
    bot.broker.disconnect()
    bot.broker.connect()
    (mismatch,) = await bot.told(EventKind.MISMATCH)
    (owners,) = await bot.told(EventKind.OWNER_HOLDINGS)
    assert words.text(mismatch).startswith("AAPL: the books hold 5 shares, IB shows 2.")
    assert words.text(owners).startswith("KO: IB shows 40 shares, 0 of them the bot's.")
    assert bot.switch.state is TradingState.RUNNING


# --- a link whose news is heard late ----------------------------------------------------------------------------------


async def _booking_waits(bot: Bot) -> None:
    """News of an order could not be booked: it is tried again by and by, and whatever comes meanwhile waits behind it."""
    _, order_ref = await bot.order("BUY", "MSFT")
    bot.ledger.away = True
    bot.broker.show(order_ref)
    await bot.seconds(2)


async def _nothing_leaves_before_the_comparison(bot: Bot, sent: int) -> None:
    bot.broker.waits["open_orders"] = asyncio.Event()  # the comparison begins, and does not end
    bot.ledger.away = False
    alert_id = await bot.alert("BUY", "AAPL")
    await bot.seconds(20)
    assert len(bot.broker.sent) == sent
    assert (await bot.row(alert_id)).status is AlertStatus.RECEIVED
    bot.broker.waits.pop("open_orders").set()
    await bot.becomes(alert_id, AlertStatus.PROCESSING)


async def test_nothing_leaves_on_a_new_connection_whose_news_waits_to_be_heard(bot: Bot) -> None:
    """Database and gateway vanish together: orders would leave on the new connection before books and IB are compared."""
    await _booking_waits(bot)
    bot.broker.disconnect()
    bot.broker.connect()
    await _nothing_leaves_before_the_comparison(bot, sent=1)


async def test_nothing_leaves_after_a_loss_behind_the_gateway_that_waits_to_be_heard(bot: Bot) -> None:
    """The same on one connection: fills that came while IB's servers were lost would be missing in the books."""
    await _booking_waits(bot)
    bot.broker.upstream(up=False)
    bot.broker.events.put_nowait(UpstreamLost("1100"))
    bot.broker.upstream(up=True)
    bot.broker.events.put_nowait(UpstreamBack(data_lost=False))
    await _nothing_leaves_before_the_comparison(bot, sent=1)


async def test_another_account_is_not_traded_before_its_news_is_heard(bot: Bot) -> None:
    """An order of one account's books would leave into another account."""
    await _booking_waits(bot)
    bot.broker.disconnect()
    bot.broker.connect("DU7654321")
    bot.ledger.away = False
    bot.broker.asked.clear()
    await bot.alert("BUY", "AAPL")

    moments = 0

    async def judged() -> bool:
        nonlocal moments
        moments += "quote" in bot.broker.asked
        return moments > 100

    await bot.at_once(judged, "the alert is prepared, and could have been sent, while booking still waits")
    await bot.seconds(20)
    assert len(bot.broker.sent) == 1


# --- orders of another database ---------------------------------------------------------------------------------------

ALIEN = "tb-77-0badcafe"


async def test_an_alien_order_closes_the_gate_until_the_owner_resumes(bot: Bot) -> None:
    """A restored backup, or a second tradebot, would send again what was sent already."""
    _, order_ref = await bot.order("BUY", "MSFT")
    bot.broker.disconnect()
    await gate_closed(bot)
    bot.broker.working[ALIEN] = replace(bot.broker.working[order_ref], order_ref=ALIEN, perm_id=77)
    bot.broker.connect()
    (told,) = await bot.told(EventKind.ORPHAN_ORDER)
    assert ALIEN in words.text(told)
    await bot.seconds(70, at_once=5)
    assert bot.gate.holders == {"orphans"}
    assert len(await bot.events(EventKind.ORPHAN_ORDER)) == 1
    alert_id = await bot.alert("BUY")
    await bot.switch.resume("owner")

    async def sent() -> bool:
        return len(bot.broker.sent) == 2

    await bot.sooner_or_later(sent, "the waiting order leaves", within_s=10)
    assert (await bot.row(alert_id)).status is AlertStatus.PROCESSING


async def test_an_alien_that_only_the_stream_has_shown_counts(bot: Bot) -> None:
    """Answers that were on their way would open the gate on an order of another database."""
    _, order_ref = await bot.order("BUY", "MSFT")
    bot.broker.working[ALIEN] = replace(bot.broker.working[order_ref], order_ref=ALIEN, perm_id=77)
    bot.broker.show(ALIEN)
    bot.broker.working.pop(ALIEN)
    await bot.told(EventKind.ORPHAN_ORDER)
    assert bot.gate.holders == {"orphans"}
