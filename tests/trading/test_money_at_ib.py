"""What a BUY rests on, over the socket of a gateway: quotes, the account's cash, and the day's result."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.bot import FRIDAY_NOON, NO_FIXED_LIMITS, said
from tests.bot_fixtures import MakeAtGateway, MakeBot
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import EventKind
from tradebot.domain.limits import Limits, LossBasis
from tradebot.simgateway import GatewaySettings
from tradebot.simgateway.switches import Switches
from tradebot.words import events as words

D = Decimal
BLOCKED, EXECUTED, PROCESSING = AlertStatus.BLOCKED, AlertStatus.EXECUTED, AlertStatus.PROCESSING
LIVE = GatewaySettings(account="U1234567")


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (10197, "another login of the same IB user has taken the market data"),
        (354, "the account has no market data for it"),
        (10168, "the account has no market data for it"),
        (10089, "the account has no market data for it"),
        (10186, "the account has no market data for it"),
    ],
)
async def test_a_missing_quote_names_its_cause(make_at_gateway: MakeAtGateway, code: int, cause: str) -> None:
    """The owner would look for a subscription that he has, while his phone holds the market data."""
    at = await make_at_gateway()
    at.gateway.faults.arm("no_market_data", times=0, code=code, text="said IB")
    why = said((await at.bot.becomes(await at.bot.alert("BUY"), BLOCKED)).reason)
    assert f"IB gave no price for AAPL (IB {code}: said IB): {cause}" in why


@pytest.mark.parametrize("sent_as", ["unsent", "minus_one", "zero"])
async def test_a_stock_that_nobody_offers_is_not_bought(make_at_gateway: MakeAtGateway, sent_as: str) -> None:
    """A BUY would be sized by a bid, by an old trade, or by IB's -1."""
    at = await make_at_gateway(
        GatewaySettings(switches=Switches(no_price_of="ask", no_price_as=sent_as)), options={"quote_timeout_s": 0.1}
    )
    why = said((await at.bot.becomes(await at.bot.alert("BUY"), BLOCKED)).reason)
    assert "IB gave no ask price for AAPL" in why
    assert not at.gateway.book.orders


async def test_an_offer_far_above_the_bid_buys_nothing(make_at_gateway: MakeAtGateway) -> None:
    """A market order would be filled at whatever somebody asks in an empty book."""
    at = await make_at_gateway(fixed_limits=replace(NO_FIXED_LIMITS, max_spread_pct=D(5)))
    at.gateway.set_quote("AAPL", D(94), D(106))
    assert "12.0% apart" in said((await at.bot.becomes(await at.bot.alert("BUY"), BLOCKED)).reason)
    at.gateway.set_quote("AAPL", D("99.90"), D("100.10"))
    await at.bot.becomes(await at.bot.alert("BUY"), EXECUTED)


async def test_delayed_quotes_are_said_with_the_order(make_at_gateway: MakeAtGateway) -> None:
    """The owner would take a price of twenty minutes ago for the market's."""
    at = await make_at_gateway()
    at.gateway.faults.arm("delayed_only", times=0)
    alert_id = await at.bot.alert("BUY")
    await at.bot.becomes(alert_id, EXECUTED)
    (told,) = await at.bot.told(EventKind.BUY_FILLED)
    assert "Sized by a delayed quote" in words.text(told)
    (intent,) = await at.bot.events(EventKind.ORDER_INTENT)
    assert "Sized by a delayed quote" in words.text(intent)
    trade = await at.bot.trade_of(alert_id)
    async with at.bot.ledger.read() as books:
        decision: Any = await books.decision(trade.id)
    assert decision["inputs"]["quote"]["delayed"] is True
    assert decision["inputs"]["order"]["delayed"] is True
    assert "delayed_quote" in [check["name"] for check in decision["checks"]]


async def test_a_collar_on_a_delayed_quote_says_that_it_is_delayed(make_at_gateway: MakeAtGateway) -> None:
    """The owner would be told of a price that the market left long ago."""
    at = await make_at_gateway(fixed_limits=replace(NO_FIXED_LIMITS, price_collar_pct=D(5)))
    at.gateway.set_quote("AAPL", D("99.99"), D(100))
    at.gateway.faults.arm("delayed_only", times=0)
    why = said((await at.bot.becomes(await at.bot.alert("BUY", price=106), BLOCKED)).reason)
    assert "asks $100.00 by delayed data, up to 20 minutes old" in why


@pytest.mark.parametrize(("allowed", "becomes"), [(False, BLOCKED), (True, EXECUTED)])
async def test_real_money_is_not_spent_on_delayed_quotes(
    make_at_gateway: MakeAtGateway, allowed: bool, becomes: AlertStatus
) -> None:
    """A live account without a subscription would buy at prices of twenty minutes ago; or never, though its owner wants it."""
    fixed_limits = replace(NO_FIXED_LIMITS, allow_delayed_quotes=allowed)
    at = await make_at_gateway(
        LIVE, options={"allow_live": True}, fixed_limits=fixed_limits, start=FRIDAY_NOON, always=False
    )
    at.gateway.faults.arm("delayed_only", times=0)
    alert = await at.bot.becomes(await at.bot.alert("BUY"), BLOCKED, EXECUTED)
    assert alert.status is becomes
    assert allowed or "allow_delayed_quotes = true" in said(alert.reason)


async def test_an_account_without_usd_is_named(make_bot: MakeBot) -> None:
    """The owner of a euro account would be told that cash is unknown, and wait for it for ever."""
    bot = await make_bot()
    await bot.start()
    bot.broker.cash = None
    bot.broker.base = ("EUR", D(80_000))
    why = said((await bot.becomes(await bot.alert("BUY"), BLOCKED)).reason)
    assert why.startswith("no USD in the account, base EUR 80,000: ")


async def test_a_buy_never_covers_the_owners_short(make_at_gateway: MakeAtGateway) -> None:
    """The owner's short of 50 would be covered by 5, and the books hold shares that are not there."""
    at = await make_at_gateway(GatewaySettings(positions=(("AAPL", D(-50), D(227)),)))
    why = said((await at.bot.becomes(await at.bot.alert("BUY"), BLOCKED)).reason)
    assert why.startswith("IB shows 50 AAPL sold short, which the bot never does")
    assert at.gateway.book.orders == {}
    await at.bot.becomes(await at.bot.alert("BUY", "MSFT"), EXECUTED)


async def test_a_fall_that_is_not_sold_stops_buying(make_at_gateway: MakeAtGateway) -> None:
    """By the total loss the bot would buy on while its lots fall; by what was realised it would stop for them."""
    total = replace(NO_FIXED_LIMITS, daily_loss_basis=LossBasis.TOTAL)
    at = await make_at_gateway(fixed_limits=total, limits=Limits(max_daily_loss=D(100)))
    bot, gateway = at.bot, at.gateway
    gateway.set_quote("AAPL", D("99.99"), D(100))
    await bot.becomes(await bot.alert("BUY"), EXECUTED)

    def priced_at(price: Decimal) -> Callable[[], Any]:
        async def reached() -> bool:
            held = (at.broker.positions() or {}).get(265598)
            return held is not None and held.market_price == price

        return reached

    gateway.set_quote("AAPL", D(79), D(79), D(79))
    gateway.account_changed()
    await bot.until(priced_at(D(79)), "IB's price has come")
    why = said((await bot.becomes(await bot.alert("BUY", "MSFT"), BLOCKED)).reason)
    assert why.startswith("realised $0.00 today and −$106.00 in open lots, the daily loss limit is $100.00")
    assert (await bot.queries.status()).books.exposure.lost_today == 106

    gateway.set_quote("AAPL", D(99), D(99), D(99))
    gateway.account_changed()
    await bot.until(priced_at(D(99)), "IB's price has come")
    await bot.becomes(await bot.alert("BUY", "MSFT"), EXECUTED)


async def test_an_open_lot_without_a_price_stops_buying_by_the_total_loss(make_bot: MakeBot) -> None:
    """What is not known would be taken for no loss."""
    bot = await make_bot(fixed_limits=replace(NO_FIXED_LIMITS, daily_loss_basis=LossBasis.TOTAL))
    await bot.start()
    await bot.owns(5, "KO")
    assert "IB gives no price for KO" in said((await bot.becomes(await bot.alert("BUY"), BLOCKED)).reason)
    bot.broker.prices[bot.broker.con_ids["KO"]] = D(100)
    await bot.becomes(await bot.alert("BUY"), PROCESSING)


async def test_ibs_own_result_of_the_day_is_shown(make_at_gateway: MakeAtGateway) -> None:
    """The owner would have to look into TWS for what IB says of his day."""
    at = await make_at_gateway(GatewaySettings(positions=(("AAPL", D(10), D("150.5")),)))

    async def told() -> bool:
        account = at.broker.account()
        return account is not None and account.daily_pnl == D(25)

    at.gateway.set_quote("AAPL", D(230), D(230), D(230))  # yesterday's close: 227.50
    await at.bot.until(told, "IB has told its own figure")
    shown = (await at.bot.queries.status()).account
    assert shown is not None
    assert shown.daily_pnl == D(25)
