"""Commands that act: once, in time, by the right person, whatever the database and the network do."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.adapters.database.samples import a_lot, a_trade, an_alert
from tests.adapters.telegram.conftest import OTHER, Phone, open_phone
from tests.bot import Bot
from tests.botapi import OWNER, TOKEN, Sent
from tests.facts import a_split, every_kind
from tests.fakes import CON_IDS
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.events import EventKind, NewEvent
from tradebot.domain.facts.account import ExitIncomplete, ExitLeft, SplitSeen
from tradebot.domain.facts.daemon import Started
from tradebot.domain.facts.orders import SharesUnprotected
from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import TradeStatus
from tradebot.telegram.commands import COMMANDS
from tradebot.telegram.markup import plain
from tradebot.words.limits import TITLES, Title


async def stored_state(bot: Bot) -> str:
    async with bot.ledger.read() as books:
        return (await books.settings()).get("trading_state", "RUNNING")


async def test_telegram_is_told_every_command(phone: Phone) -> None:
    """The client would not complete the commands, and their names would have to be remembered."""
    told = await phone.api.heard(lambda sent: sent.method == "setMyCommands")
    for command in COMMANDS:
        assert f'"{command.name}"' in told.fields["commands"]


@pytest.mark.parametrize("title", TITLES, ids=lambda title: title.command)
async def test_a_limit_is_shown_changed_and_guarded(phone: Phone, title: Title) -> None:
    """A limit could be set to nonsense, or the owner would not learn what it was before."""
    ask = phone.api.ask
    before = await phone.queries.limits_in_force()
    shown = await ask(f"/{title.command}", "Range")
    assert f"/{title.command} {title.example}" in shown.text
    for wrong in ("abc", "-5", "NaN", "Infinity", "1e3", "１２", "99999999999", "0.001", "", "5 5", "<b>&"):
        answer = await ask(f"/{title.command} {wrong}".rstrip())
        assert "→" not in answer.text
        assert f"/{title.command} {title.example}" in answer.text, wrong
    assert await phone.queries.limits_in_force() == before
    changed = plain((await ask(f"/{title.command} {title.example}", "→")).text)
    assert getattr(await phone.queries.limits_in_force(), title.name) == Decimal(title.example)
    old, new = changed.splitlines()[1].split(" → ")
    assert (old, new.replace("$", "").replace(",", "").removesuffix(".00")) != (new, ""), changed
    await phone.bot.told(EventKind.SETTING_CHANGED)
    again = await ask(f"/{title.command} {title.example}")
    assert "already" in again.text
    [event] = await phone.bot.events(EventKind.SETTING_CHANGED)
    assert event.actor == "Ann Owner <b>& (Telegram 4242)"


async def test_a_new_limit_holds_for_the_next_alert(phone: Phone) -> None:
    """A changed limit would come into force at a restart only."""
    await phone.api.ask("/set_amount $1,050", "→")
    await phone.bot.alert("BUY", "AAPL")
    assert (await phone.bot.sent()).qty == 10


async def test_what_was_sent_long_ago_is_not_acted_on(phone: Phone) -> None:
    """After an outage a forgotten /resume would start the trading."""
    await phone.api.ask("/pause", "PAUSED")
    for command in COMMANDS:
        if command.acts and command.name != "kill":
            answer = await phone.api.ask(f"{command.example}", "Ignored", age_s=70)
            assert command.example in answer.text
    assert await stored_state(phone.bot) == "PAUSED"
    await phone.api.ask("/status", "PAUSED", age_s=70)


async def test_an_old_kill_kills(phone: Phone) -> None:
    """A kill sent while the bot was away would be lost."""
    await phone.api.ask("/kill", "KILLED", age_s=7200)
    assert await stored_state(phone.bot) == "KILLED"


async def test_a_redelivered_update_acts_once(bot: Bot) -> None:
    """A crash between acting and confirming would make the bot act again, on a state that has changed since."""
    async with open_phone(bot) as phone:
        update = await phone.api.say("/set_amount 700")
        await phone.api.heard("→")
        await phone.api.ask("/set_amount 800", "800")
        await phone.api.say("/set_amount 700", update_id=update)
        await phone.api.ask("/set_amount", "800")
        await phone.drop()  # the next one remembers nothing but what is stored
        await phone.connect()
        await phone.api.say("/set_amount 700", update_id=update)
        await phone.api.ask("/set_amount", "800")
        assert len(await bot.events(EventKind.SETTING_CHANGED)) == 2


async def test_an_edited_command_does_nothing(phone: Phone) -> None:
    """Correcting a typo in an old message would act, long after it was meant."""
    await phone.api.ask("/pause", "not acted on", kind="edited_message")
    assert await stored_state(phone.bot) == "RUNNING"


async def test_what_is_not_known_is_answered_in_private_only(phone: Phone) -> None:
    """A typo would be met with silence, which looks like a dead bot."""
    await phone.api.ask("/stauts", "/help")
    await phone.api.ask("hello", "/help")


async def test_commands_addressed_to_the_bot_by_name(phone: Phone) -> None:
    """In a group the client appends the bot's name, and no command would work."""
    await phone.api.ask("/pause@tradebot_test_bot", "PAUSED")
    last = await phone.api.say("/resume@another_bot")
    await phone.api.until_taken(last)
    await phone.api.ask("/status", "PAUSED")


# --- kill, resume ---------------------------------------------------------------------------------------------------


async def test_kill_reports_the_orders_at_work_and_they_are_cancelled(phone: Phone) -> None:
    """The owner would not know whether an order is still out."""
    _, order_ref = await phone.bot.order("BUY", "AAPL")
    told = await phone.api.ask("/kill", "KILLED")
    assert "1 working order is being cancelled" in told.text
    assert "BUY 5 AAPL" in told.text
    await phone.bot.told(EventKind.ORDER_CANCELLING)
    assert phone.bot.broker.cancels == [order_ref]
    await phone.api.heard("The kill switch is on. What filled is booked.")


@pytest.mark.parametrize("written", ["/KILL", "/Kill now"])
async def test_kill_in_any_letter_case(phone: Phone, written: str) -> None:
    """A phone that begins a line with a capital would keep the switch from being thrown."""
    await phone.api.ask(written, "KILLED")
    assert phone.bot.switch.state is TradingState.KILLED


async def test_kill_without_a_database_is_in_force_and_says_so(phone: Phone) -> None:
    """The owner would believe the switch to be stored, or would not get it at all."""
    phone.bot.ledger.away = True
    told = await phone.api.ask("/kill", "KILLED")
    assert "NOT stored" in told.text
    assert phone.bot.switch.state is TradingState.KILLED
    phone.bot.ledger.away = False

    async def is_stored() -> bool:
        return await stored_state(phone.bot) == "KILLED"

    await phone.bot.sooner_or_later(is_stored, "the kill is stored")


async def test_kill_waits_for_no_other_command(phone: Phone) -> None:
    """A command that hangs in a slow database would hold the kill switch up."""
    hangs, release = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        hangs.set()
        await release.wait()

    phone.bot.ledger.after_commit = hang
    await phone.api.say("/set_amount 700")
    await hangs.wait()
    await phone.api.say("/kill")

    async def killed() -> bool:
        return phone.bot.switch.state is TradingState.KILLED

    await phone.bot.until(killed, "the bot is killed")
    phone.bot.ledger.after_commit = None
    release.set()


async def test_kill_works_while_telegram_takes_no_answers(phone: Phone) -> None:
    """The switch would depend on whether its answer can be sent."""
    phone.api.refuse("sendMessage", 502, "Bad Gateway", times=1000)
    await phone.api.say("/kill")

    async def is_stored() -> bool:
        return await stored_state(phone.bot) == "KILLED"

    await phone.bot.until(is_stored, "the kill is stored")


@pytest.mark.parametrize(
    ("choice", "state"), [("Sells only", TradingState.PAUSED), ("Everything: BUY and SELL", TradingState.RUNNING)]
)
async def test_resume_from_killed_asks_what(phone: Phone, choice: str, state: TradingState) -> None:
    """One careless word would lift the kill switch."""
    await phone.api.ask("/kill", "KILLED")
    question = await phone.api.ask("/resume", "kill switch")
    assert await stored_state(phone.bot) == "KILLED"
    await phone.api.pressed(question, choice, str(state))
    assert await stored_state(phone.bot) == state


async def test_resume_sees_a_kill_from_elsewhere(phone: Phone) -> None:
    """A kill from the command line a moment ago would be lifted by a /resume that was meant for a pause."""
    await phone.api.ask("/pause", "PAUSED")
    async with phone.bot.ledger.begin() as books:
        await books.put_setting("trading_state", "KILLED", "command line", phone.bot.clock.now())
    await phone.api.ask("/resume", "kill switch")
    assert await stored_state(phone.bot) == "KILLED"


async def test_pause_does_not_lower_killed(phone: Phone) -> None:
    """A pause after a kill would let SELL orders out again."""
    await phone.api.ask("/kill", "KILLED")
    await phone.api.ask("/pause", "stays KILLED")


# --- confirmations --------------------------------------------------------------------------------------------------


async def test_a_kill_voids_every_question(phone: Phone) -> None:
    """A question asked before the kill could still lift it, or sell, after it."""
    await phone.api.ask("/kill", "KILLED")
    question = await phone.api.ask("/resume", "kill switch")
    await phone.api.ask("/kill", "KILLED")
    await phone.api.pressed(question, "Everything: BUY and SELL", is_notice)
    assert await stored_state(phone.bot) == "KILLED"


def is_notice(sent: Sent) -> bool:
    return sent.method == "answerCallbackQuery" and sent.fields.get("show_alert") == "true"


async def test_a_confirmation_is_good_once_for_30_seconds_by_the_same_user(phone: Phone) -> None:
    """Somebody else, a second tap, or a tap next week would sell everything."""
    api, bot = phone.api, phone.bot
    await bot.owns(5)
    question = await api.ask("/sell_all", "Sell at market?")
    assert "AAPL 5" in question.text
    refused = await api.pressed(question, "Sell all 1", is_notice, user=OTHER)
    assert "Only who was asked" in refused.text
    bot.clock.skip(31)
    late = await api.pressed(question, "Sell all 1", is_notice)
    assert "30 seconds" in late.text
    assert bot.broker.sent == []
    question = await api.ask("/sell_all", "Sell at market?")
    await api.pressed(question, "Sell all 1", "1 SELL alert is in the queue")
    assert (await bot.sent()).qty == 5
    await api.pressed(question, "Sell all 1", is_notice)
    assert len(bot.broker.sent) == 1


async def test_no_leaves_everything_as_it_is(phone: Phone) -> None:
    """The way out of a question would not be one."""
    await phone.bot.owns(5)
    question = await phone.api.ask("/sell_all", "Sell at market?")
    refused = await phone.api.pressed(question, "No, leave it", is_notice, user=OTHER)
    assert "Only who was asked" in refused.text
    await phone.api.pressed(question, "No, leave it", "Left as it is")
    await phone.api.pressed(question, "Sell all 1", is_notice)
    assert phone.bot.broker.sent == []


async def test_clear_queue_clears_what_was_shown(phone: Phone) -> None:
    """An alert that came after the question would be thrown away unseen."""
    await phone.api.ask("/clear_queue", "No alert waits")
    phone.bot.gate.close("test", GateReason(GateCode.COMPARING))
    first = await phone.bot.alert("BUY", "AAPL")
    second = await phone.bot.alert("SELL", "MSFT")
    question = await phone.api.ask("/clear_queue", "Clear 2")
    assert "1 of them would SELL" in question.text
    later = await phone.bot.alert("BUY", "TSLA")
    answer = await phone.api.pressed(question, "Clear 2", "2 cleared")
    assert "• BUY AAPL" in answer.text
    assert "• SELL MSFT" in answer.text
    rows = [await phone.bot.row(alert) for alert in (first, second, later)]
    assert [row.status for row in rows] == [AlertStatus.CLEARED, AlertStatus.CLEARED, AlertStatus.RECEIVED]
    await phone.is_not_said_again(EventKind.ALERT_CLEARED, 2)


async def test_sell_all_under_the_kill_switch_says_that_it_would_not_work(phone: Phone) -> None:
    """The owner would believe that he is out of the market."""
    await phone.bot.owns(5)
    await phone.api.ask("/kill", "KILLED")
    told = await phone.api.ask("/sell_all", "Sell at market?")
    assert "SELL alerts are blocked too" in told.text
    await phone.api.ask("/queue", "Nothing waits")


# --- buttons on messages --------------------------------------------------------------------------------------------


async def test_sell_the_rest_makes_one_alert(phone: Phone) -> None:
    """Shares that an exit left could not be sold from the phone, or would be sold twice."""
    api, bot = phone.api, phone.bot
    await bot.owns(5)
    alert_id, order_ref = await bot.order("SELL", "AAPL")
    bot.broker.fill(order_ref, 3, 101)
    bot.broker.show(order_ref, bot.broker.working[order_ref].state.CANCELLED)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    bot.clock.skip(11)
    message = await api.heard(lambda sent: "Sell the rest of AAPL" in sent.buttons)
    question = await api.pressed(message, "Sell the rest of AAPL", "Sell at market?")
    again = await api.pressed(message, "Sell the rest of AAPL", "Sell at market?")
    await api.pressed(question, "Sell AAPL", "1 SELL alert is in the queue")
    assert ((await bot.sent(2)).side, bot.broker.sent[1].qty) == (Side.SELL, 2)
    await api.pressed(again, "Sell AAPL", "Nothing more is sold")


async def test_shares_without_a_stop_are_protected_again_by_a_button(phone: Phone) -> None:
    """The owner, who alone may say that a stop is to come back, could not say so from the phone."""
    api, bot = phone.api, phone.bot
    entry = await bot.owns(5)
    facts = every_kind("AAPL")[EventKind.SHARES_UNPROTECTED]
    assert isinstance(facts, SharesUnprotected)
    await phone.event(replace(facts, entry_id=entry.id))
    message = await api.heard(lambda sent: "Protect again" in sent.buttons)
    assert "Sell AAPL now" in message.buttons
    question = await api.pressed(message, "Protect again", "Protect 10 AAPL again?")
    assert "it sells at once" in question.text
    await api.pressed(question, "Protect again", "Nothing more is placed")  # these shares never had a stop


async def test_exits_that_a_kill_stopped_are_sold_by_one_button(phone: Phone) -> None:
    """Each would have to be found and sold by hand, or would be sold twice."""
    api, bot = phone.api, phone.bot
    await bot.owns(5, "AAPL")
    await bot.owns(2, "KO")
    await api.ask("/kill", "KILLED")
    await bot.becomes(await bot.alert("SELL", "AAPL"), AlertStatus.BLOCKED)
    question = await api.ask("/resume", "What shall be resumed?")
    mark = len(api.sent)
    await api.press(question, "Sells only")
    message = await api.heard(lambda sent: "Sell now" in sent.buttons and "5 AAPL" in sent.text, mark)
    assert "KO" not in message.text
    asked = await api.pressed(message, "Sell now", "Sell at market?")
    again = await api.pressed(message, "Sell now", "Sell at market?")
    await api.pressed(asked, "Sell now", "1 SELL alert is in the queue")
    assert ((await bot.sent()).contract.ticker, bot.broker.sent[-1].qty) == ("AAPL", 5)
    await api.pressed(again, "Sell now", "Nothing more is sold")


async def test_an_exit_that_ib_does_not_show_asks_to_look_first(phone: Phone) -> None:
    """A second SELL beside an order that waits behind a dialog would go short."""
    api, bot = phone.api, phone.bot
    await bot.owns(5)
    async with bot.ledger.begin() as books:
        alert_id = await books.insert_alert(an_alert(action=Side.SELL, status=AlertStatus.FAILED))
        await books.add_event(
            NewEvent(ExitIncomplete("AAPL", Decimal(5), ExitLeft.NOT_SHOWN), bot.clock.now(), alert_id)
        )
    message = await api.heard(lambda sent: "Sell the rest of AAPL" in sent.buttons)
    question = await api.pressed(message, "Sell the rest of AAPL", "Sell at market?")
    assert "is a dialog open" in question.text
    await api.pressed(question, "I looked: sell AAPL", "1 SELL alert is in the queue")
    assert (await bot.sent()).qty == 5


async def test_an_exit_that_waits_for_the_open_is_taken_back_by_a_button(phone: Phone) -> None:
    """What the close cut off would be sold at the open although the owner wants to keep it."""
    api, bot = phone.api, phone.bot
    bot.gate.close("test", GateReason(GateCode.COMPARING))
    alert_id = await bot.alert("SELL", "AAPL")
    facts = every_kind("AAPL")[EventKind.EXIT_WAITS_FOR_OPEN]
    async with bot.ledger.begin() as books:
        await books.add_event(NewEvent(facts, bot.clock.now(), alert_id))
    message = await api.heard(lambda sent: "Do not sell AAPL" in sent.buttons)
    question = await api.pressed(message, "Do not sell AAPL", "Clear the waiting alert?")
    await api.pressed(question, "Do not sell", "1 cleared")
    await bot.becomes(alert_id, AlertStatus.CLEARED)
    await api.pressed(message, "Do not sell AAPL", "does not wait any more")


async def unknown_order(bot: Bot, side: str = "BUY") -> str:
    bot.broker.takes_orders = False
    _, order_ref = await bot.order(side, "AAPL")
    trade = await bot.trade(order_ref)
    await bot.booking.conclude(trade.id, TradeStatus.UNKNOWN, "IB shows neither the order nor its end.")
    return order_ref


async def test_the_owner_says_that_an_unknown_order_filled(phone: Phone) -> None:
    """A ticker would stay frozen for ever when IB never shows the order again."""
    order_ref = await unknown_order(phone.bot)
    message = await phone.api.heard(lambda sent: "AAPL: it filled" in sent.buttons)
    question = await phone.api.pressed(message, "AAPL: it filled", "it filled?")
    assert "5 at $100.00: the ask when the order was decided" in plain(question.text)
    await phone.api.pressed(question, "Yes, it filled", "is FILLED")
    trade = await phone.bot.trade(order_ref)
    assert (trade.status, trade.filled_qty, trade.avg_fill_price) == (TradeStatus.FILLED, 5, 100)
    await phone.is_not_said_again(EventKind.ORDER_RESOLVED)
    await phone.api.pressed(message, "AAPL: it filled", "There is nothing to decide")


async def test_the_owner_says_that_an_unknown_order_never_existed(phone: Phone) -> None:
    """Reserved cash and the frozen ticker would never come free."""
    order_ref = await unknown_order(phone.bot)
    message = await phone.api.heard(lambda sent: "it never existed" in sent.buttons)
    question = await phone.api.pressed(message, "it never existed", "never at IB?")
    await phone.api.pressed(question, "Yes, I looked in TWS", "is FAILED")
    assert (await phone.bot.trade(order_ref)).status is TradeStatus.FAILED
    await phone.is_not_said_again(EventKind.ORDER_RESOLVED)


async def test_the_owner_accepts_a_mismatch(phone: Phone) -> None:
    """Shares sold by hand would block the ticker's BUYs for ever."""
    await phone.bot.owns(5, at_ib=2)
    await phone.event(every_kind()[EventKind.MISMATCH])
    message = await phone.api.heard(lambda sent: "Accept what IB shows of AAPL" in sent.buttons)
    question = await phone.api.pressed(message, "Accept what IB shows of AAPL", "Write off 3 AAPL?")
    await phone.api.pressed(question, "Write off AAPL", "3 AAPL written off")
    lots = await phone.bot.lots()
    assert sorted((lot.status.value, lot.qty, lot.pnl) for lot in lots) == [("CLOSED", 3, None), ("OPEN", 2, None)]
    await phone.is_not_said_again(EventKind.WRITTEN_OFF)
    phone.bot.clock.skip(11)
    await phone.api.pressed(message, "Accept what IB shows of AAPL", "agree on AAPL now")


async def split_seen(phone: Phone) -> Sent:
    """Ten AAPL are a hundred at IB; the message about it."""
    await phone.bot.owns(10)
    con_id = CON_IDS["AAPL"]
    assert phone.bot.broker.held is not None
    phone.bot.broker.held[con_id], phone.bot.broker.avg_costs[con_id] = Decimal(100), Decimal("10.01")
    await phone.event(SplitSeen(a_split(con_id=con_id, new_con_id=con_id)))
    return await phone.api.heard(lambda sent: "AAPL was split: 10 for 1" in sent.buttons)


async def test_the_owner_says_that_it_was_a_split(phone: Phone) -> None:
    """Exits of the ticker would wait for ever, or be made at the price of before the split."""
    message = await split_seen(phone)
    question = await phone.api.pressed(message, "AAPL was split: 10 for 1", "split 10 for 1?")
    assert "10 @ $100.10 → 100 @ $10.01 (10 for 1)" in plain(question.text)
    await phone.api.pressed(question, "Yes, 10 for 1", "is booked")
    [lot] = await phone.bot.lots()
    assert (lot.qty, lot.entry_price) == (100, 10)
    await phone.is_not_said_again(EventKind.SPLIT_BOOKED)
    await phone.api.pressed(message, "AAPL was split: 10 for 1", "There is nothing to answer")


async def test_the_owner_says_that_it_was_no_split(phone: Phone) -> None:
    """Figures that only look like a split would hold the ticker's exits for ever."""
    message = await split_seen(phone)
    question = await phone.api.pressed(message, "it was not", "it was no split?")
    await phone.api.pressed(question, "It was no split", "It was no split of")
    [lot] = await phone.bot.lots()
    assert (lot.qty, lot.entry_price) == (10, 100)
    await phone.is_not_said_again(EventKind.SPLIT_DENIED)
    await phone.api.pressed(message, "it was not", "There is nothing to answer")


async def test_a_button_of_another_time_says_so(phone: Phone) -> None:
    """A button of an older version would spin for ever."""
    shown = await phone.api.ask("/help", "Commands")
    await phone.api.press(shown, "", data="something:else")
    await phone.api.heard(is_notice)


# --- size, and things that go wrong ---------------------------------------------------------------------------------


async def test_a_thousand_positions_are_answered_and_paged(phone: Phone) -> None:
    """The phone would get no answer, or a message that Telegram refuses."""
    async with phone.bot.ledger.begin() as books:
        for number in range(1000):
            ticker = f"T{number:03d}"
            trade = await a_trade(books, ticker=ticker, con_id=number, created_at=phone.bot.clock.now())
            await books.rewrite_lots("main", ticker, [a_lot(trade, ticker=ticker, con_id=number)])
    for command, fits in (
        ("/positions", "page 1 of 100"),
        ("/status", "Open positions 1000"),
        ("/sell_all", "975 more"),
    ):
        answer = await phone.api.ask(command, fits)
        assert len(plain(answer.text)) <= 4096
    page = await phone.api.ask("/positions", "page 1 of 100")
    second = await phone.api.pressed(page, "more »", "page 2 of 100")
    assert "T010" in second.text
    back = await phone.api.pressed(second, "« back", "page 1 of 100")
    assert "T000" in back.text


async def test_a_database_that_is_away_is_said(phone: Phone) -> None:
    """The phone would stay silent, which looks like a dead bot."""
    phone.bot.ledger.away = True
    for command in ("/status", "/positions", "/pnl", "/queue", "/settings", "/pause", "/sell_all", "/set_amount 5"):
        await phone.api.ask(command, "the database is away")
    phone.bot.ledger.away = False


async def test_what_the_chat_changed_is_said_once(phone: Phone) -> None:
    """Each command that changes something would be answered, and told once more a second later."""
    await phone.api.ask("/set_amount 5", "→")
    await phone.api.ask("/pause", "PAUSED")
    await phone.is_delivered(await phone.event(Started("after it", None, None)))
    told = [plain(sent.text) for sent in phone.messages()]
    assert [text for text in told if "by Ann" in text] == []
    assert "after it" in told[-1]


async def test_everything_from_outside_is_escaped(phone: Phone) -> None:
    """A ticker with markup would break the message, and Telegram would refuse it."""
    phone.bot.gate.close("test", GateReason(GateCode.REFUSED, {"reason": "it's <closed> & `held`"}))
    async with phone.bot.ledger.begin() as books:
        await books.insert_alert(an_alert(ticker="<b>&", received_at=phone.bot.clock.now()))
    queue = await phone.api.ask("/queue", "waiting")
    assert "<b>&" in plain(queue.text)
    status = await phone.api.ask("/status", "RUNNING")
    assert "it's <closed> & held" in plain(status.text)
    assert TOKEN not in status.text
    await phone.operations.pause(f"Ann {OWNER['last_name']} (API token 1)", "key of a token's pause")
    told = await phone.api.heard("API token 1")
    assert f"by Ann {OWNER['last_name']}" in plain(told.text)
