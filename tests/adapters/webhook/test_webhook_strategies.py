"""Several strategies at one webhook, over real sockets and both databases: whose an alert is, with which secret, what is kept."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.adapters.webhook.conftest import NOON, PREVIOUS, SECRET, House, OpenHouse, message
from tests.adapters.webhook.test_webhook_answers import assert_no_secret
from tradebot.domain.alerts import AlertStatus, NewAlert, Side
from tradebot.domain.events import EventKind
from tradebot.domain.facts.alerts import AlertTested
from tradebot.domain.instructions import Instruction, Verb, read
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.strategies import MAIN, Strategies, Strategy
from tradebot.errors import BrokerUnavailable
from tradebot.trading import intake
from tradebot.trading.intake import ReportOn
from tradebot.words.events import text

OWN = "the-secret-that-opens-ema-alone"
NAMES = ("ema", "rsi", MAIN)
TWO: Mapping[str, object] = {
    "strategies": Strategies({name: Strategy(name=name) for name in NAMES}),
    "accepted_secrets": {"ema": (OWN,), "rsi": (SECRET, PREVIOUS), MAIN: (SECRET, PREVIOUS)},
}
NOBODYS: Mapping[str, object] = {"strategies": Strategies({name: Strategy(name=name) for name in ("ema", "rsi")})}
"""Two, and none of them is the default."""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    return f"sqlite:///{tmp_path}/tradebot.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


async def whose(house: House) -> list[str]:
    return [alert.strategy for alert in await house.alerts()]


# --- whose an alert is ----------------------------------------------------------------------------------------------


async def test_the_address_the_message_or_the_default_says_whose_an_alert_is(open_house: OpenHouse) -> None:
    """One strategy would buy what another was told to, with its limits and its lots."""
    async with open_house(**TWO) as house:
        assert (await house.post(message(secret=OWN), "/webhook/ema"))[0] == 200
        assert (await house.post(message(strategy="rsi\n")))[0] == 200
        assert (await house.post(message(strategy="rsi", price="1"), "/webhook/rsi"))[0] == 200
        assert (await house.post(message()))[0] == 200
        assert await whose(house) == ["ema", "rsi", "rsi", MAIN]
        first = (await house.alerts())[0]
        assert first.dialect == "own"
        assert first.instruction is not None
        assert (read(first.instruction).verb, read(first.instruction).ticker) == (Verb.BUY, "AAPL")


async def test_the_only_strategy_is_everybodys_whatever_its_name(open_house: OpenHouse) -> None:
    """Who names one strategy would have to change the address in every alert."""
    async with open_house(strategies=Strategies({"ema": Strategy(name="ema")})) as house:
        assert (await house.post(message()))[0] == 200
        assert await whose(house) == ["ema"]


@pytest.mark.parametrize(
    ("path", "named", "said"),
    [
        ("/webhook/eam", ..., 'There is no strategy "eam", which the webhook\'s address names. There are ema, rsi.'),
        ("/webhook", "EMA", 'There is no strategy "EMA", which the message names. There are ema, rsi.'),
        ("/webhook", ..., "Which strategy the alert is for is not said. There are ema, rsi. Send it to /webhook/ema"),
        ("/webhook", 5, '"strategy" must be a strategy\'s name in quotes, but it is 5. Nothing was traded.'),
        ("/webhook/ema", ["ema"], 'must be a strategy\'s name in quotes, but it is ["ema"]'),
        ("/webhook/ema", "rsi", 'is that of strategy "ema", and the message names strategy "rsi". Nothing was traded.'),
    ],
    ids=["unknown path", "unknown name", "none named", "a number", "a list", "two that differ"],
)
async def test_an_alert_that_is_nobodys_is_refused_kept_and_told(
    open_house: OpenHouse, path: str, named: object, said: str
) -> None:
    """A misspelt name would trade for another strategy, or its alerts be lost without a word."""
    async with open_house(**NOBODYS) as house:
        status, told = await house.post(message(strategy=named), path)
        assert status == 400
        assert said in str(told["error"])
        (alert,) = await house.alerts()
        assert (alert.status, alert.reason) == (AlertStatus.REJECTED, told["error"])
        (event,) = await house.events()
        assert said in text(event)
        assert (await house.queue.contents()).buy == ()


async def test_strangers_hear_nothing_of_strategies(open_house: OpenHouse) -> None:
    """Anybody with an account at TradingView could list the owner's strategies."""
    async with open_house(**TWO) as house:
        answers = [
            await house.post(message(secret="guess", strategy=named), path)
            for path, named in (("/webhook", ...), ("/webhook/ema", ...), ("/webhook/no", ...), ("/webhook/ema", "rsi"))
        ]
        assert {status for status, _ in answers} == {401}
        assert len({str(told) for _, told in answers}) == 1
        assert (await house.post(b'{"secret":', "/webhook/ema"))[1] == (await house.post(b'{"secret":', "/webhook/no"))[
            1
        ]
        assert await house.alerts() == []


# --- the same message to two ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("identity", [{"alert_id": "a-1"}, {}, {"time": ...}], ids=["alert_id", "time", "none"])
async def test_the_same_message_to_two_strategies_is_two_alerts_and_a_resend_is_none(
    open_house: OpenHouse, identity: Mapping[str, object]
) -> None:
    """One alert at TradingView for two strategies would trade for the first alone; or its resend would trade twice."""
    async with open_house(strategies=TWO["strategies"]) as house:
        for again in ("queued", "duplicate"):
            for number, name in enumerate(NAMES, 1):
                answer = await house.post(message(**identity), f"/webhook/{name}")
                assert answer == (200, {"status": again, "alert_id": number})
        assert await whose(house) == list(NAMES)
        assert [alert.duplicates for alert in await house.alerts()] == [1, 1, 1]


async def test_a_taken_alert_id_is_a_conflict_within_its_strategy_alone(open_house: OpenHouse) -> None:
    """Two strategies that count their alerts from 1 would refuse each other's; or the owner would read a key of ours."""
    async with open_house(strategies=TWO["strategies"]) as house:
        assert (await house.post(message(alert_id="1"), "/webhook/ema"))[0] == 200
        assert (await house.post(message(alert_id="1", action="sell"), "/webhook/rsi"))[0] == 200
        assert (await house.post(message(alert_id="ema:1"), "/webhook"))[0] == 200
        status, told = await house.post(message(alert_id="1", price="2"), "/webhook/ema")
        assert (status, str(told["error"]).startswith('"alert_id" 1 was used already by alert 1')) == (409, True)


@pytest.mark.parametrize(
    ("key", "payload_hash", "identity"),
    [
        (
            "sha256:d2ac0a7ea640010e78a02dcac27ae12181352a65ed77ad3a4c005cce9f996cd6",
            "d2ac0a7ea640010e78a02dcac27ae12181352a65ed77ad3a4c005cce9f996cd6",
            {"time": "2026-11-20T17:00:00Z"},
        ),
        ("id:mine", "5dd2ab4d816ef60fbfc9e6b9e17efa28ada00930e4bf7247a40cd7551089b0c1", {"alert_id": "mine"}),
        (
            "sha256:d670ac999ddfada74c9b985410fdecf7307f8d628f41e983fb2cd5093db1eb5b@2026-11-20T17:00:00+00:00",
            "d670ac999ddfada74c9b985410fdecf7307f8d628f41e983fb2cd5093db1eb5b",
            {},
        ),
    ],
    ids=["time", "alert_id", "none"],
)
async def test_what_0_3_0_has_stored_is_recognised(
    open_house: OpenHouse, key: str, payload_hash: str, identity: Mapping[str, object]
) -> None:
    """An alert of before the update, sent again after it, would buy a second time."""
    async with open_house(**TWO) as house:
        async with house.ledger.begin() as books:
            await books.insert_alert(
                NewAlert(
                    received_at=NOON,
                    ticker="AAPL",
                    action=Side.BUY,
                    price=None,
                    alert_time=None,
                    primary_exchange="NASDAQ",
                    idempotency_key=key,
                    payload_hash=payload_hash,
                    raw_body=b"",
                    source_ip=None,
                )
            )
        sent = {"secret": SECRET, "action": "buy", "ticker": "NASDAQ:AAPL", "price": "187.32", **identity}
        answer = await house.post(json.dumps(sent).encode())
        assert answer == (200, {"status": "duplicate", "alert_id": 1})


# --- secrets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "named", "secret", "status"),
    [
        ("/webhook/ema", ..., OWN, 200),
        ("/webhook", "ema", OWN, 200),
        ("/webhook/ema", ..., SECRET, 401),
        ("/webhook", "ema", SECRET, 401),
        ("/webhook/ema", ..., PREVIOUS, 401),
        ("/webhook/rsi", ..., SECRET, 200),
        ("/webhook", "rsi", PREVIOUS, 200),
        ("/webhook", ..., SECRET, 200),
        ("/webhook/rsi", ..., OWN, 401),
        ("/webhook", ..., OWN, 401),
        ("/webhook/no", ..., OWN, 400),  # it is told which there are
        ("/webhook/ema", "rsi", OWN, 400),
    ],
)
async def test_a_strategy_with_a_secret_of_its_own_takes_that_alone(
    open_house: OpenHouse, path: str, named: object, secret: str, status: int
) -> None:
    """Who was given one strategy's secret, a signal service for instance, could trade all of them."""
    async with open_house(**TWO, previous_secret=PREVIOUS) as house:
        got, told = await house.post(message(secret=secret, strategy=named), path)
        assert got == status, told
        assert ("opens another strategy" in str(told)) == (status == 401)
        assert len(await house.alerts()) == (status != 401)


async def test_a_wrong_secret_in_the_message_beside_a_right_one_in_the_address_is_named(open_house: OpenHouse) -> None:
    """Its owner was told that the secret opens another strategy, and looked for the mistake in the wrong place."""
    async with open_house(**TWO) as house:
        status, told = await house.post(message(secret="wrong"), f"/webhook/rsi?secret={SECRET}")
        assert (status, 'The "secret" in the message is wrong' in str(told)) == (401, True), told


@pytest.mark.parametrize("name", ["secret", "passphrase", "key", "token"])
async def test_the_secret_may_stand_under_each_of_its_names(open_house: OpenHouse, name: str) -> None:
    """A template brought along from another bot would be refused for a name."""
    async with open_house(**TWO) as house:
        body = message(**{"secret": ..., name: OWN})
        assert (await house.post(body, "/webhook/ema"))[0] == 200
        assert (await house.post(body, "/webhook/ema"))[1]["status"] == "duplicate"
        assert (await house.post(message(**{"secret": ..., name: OWN[:-1]}), "/webhook/ema"))[0] == 401
        assert (await house.post(body.replace(b'"187.32"', b""), "/webhook/ema"))[0] == 400
        read_, unread = await house.alerts()
        assert f'"{name}": "***"'.encode() in read_.raw_body
        assert f'"{name}": "***"'.encode() in unread.raw_body
        assert (read_.strategy, unread.strategy) == ("ema", "ema")


async def test_a_wrong_secret_in_the_message_is_not_made_good_by_another_field(open_house: OpenHouse) -> None:
    """What stands under "secret" is what its sender means: the rest of the message may come from anywhere."""
    async with open_house(**TWO) as house:
        assert (await house.post(message(secret="wrong", key=SECRET)))[0] == 401
        assert (await house.post(message(secret="wrong"), "/webhook/ema?secret=" + OWN))[0] == 401
        assert (await house.post(message(secret=...), "/webhook/ema?secret=" + OWN))[0] == 200


async def test_no_secret_of_any_strategy_is_kept_or_told(open_house: OpenHouse) -> None:
    """A secret that was put into the wrong place, or sent to the wrong strategy, would stand in database, log or answer."""
    async with open_house(**TWO, previous_secret=PREVIOUS) as house:
        told = [
            await house.post(message(comment=OWN, alert_id=1)),
            await house.post(message(secret=OWN), "/webhook/rsi"),
            await house.post(message(), "/webhook/ema"),
            await house.post(message(secret=OWN, comment=f"{SECRET} {PREVIOUS}", alert_id=2), "/webhook/ema"),
            await house.post(message(secret=OWN, price=1), f"/webhook/{OWN}"),
            await house.post(message(price=2), f"/webhook/{OWN}?secret={OWN}"),
            await house.post(message(strategy=OWN)),
            await house.post(message(secret=OWN, strategy=PREVIOUS, price=3), "/webhook/ema"),
            await house.post(message(secret=OWN, ticker=PREVIOUS, exchange=OWN, alert_id=OWN), "/webhook/ema"),
            await house.post(message(secret=..., token=OWN, key=PREVIOUS, test=True, comment=SECRET), "/webhook/ema"),
            await house.post(f'{{"token": "{OWN}", "{OWN}": 1, "{OWN}": 2}}'.encode(), "/webhook/ema"),
            await house.get(f"/webhook/{OWN}"),
        ]
        assert [status for status, _ in told] == [200, 401, 401, 200, 400, 400, 400, 400, 400, 200, 400, 405]
        await house.intake.finish()
        kept = [repr(alert) + alert.raw_body.decode() for alert in await house.alerts()]
        everything = "".join([*kept, *(repr(event) for event in await house.events()), *house.logged, str(told)])
    assert_no_secret(everything)
    assert OWN not in everything
    assert everything.count("***") > 10


# --- tests ----------------------------------------------------------------------------------------------------------


def reports(*lines: str) -> ReportOn:
    async def report_on(_: Instruction, strategy: Strategy) -> list[str]:
        return [f"for {strategy.name}", *lines]

    return report_on


@pytest.mark.parametrize("flag", [True, "true"])
async def test_a_test_is_answered_with_its_report_and_waits_nowhere(open_house: OpenHouse, flag: object) -> None:
    """Who tries his template would trade with it; or would not hear what would have become of it."""
    async with open_house(**TWO, report=reports("buys 2 AAPL")) as house:
        body = message(secret=OWN, test=flag)
        report = ["for ema", "buys 2 AAPL"]
        assert await house.post(body, "/webhook/ema") == (
            200,
            {"status": "tested", "alert_id": 1, "report": report},
        )
        (alert,) = await house.alerts()
        assert (alert.test, alert.status, alert.reason) == (True, AlertStatus.BLOCKED, Reason(ReasonCode.TEST))
        assert (await house.queue.contents()).buy == ()
        stored, tested = await house.events()
        assert (stored.kind, tested.facts) == (
            EventKind.ALERT_STORED,
            AlertTested("AAPL", Side.BUY, tuple(report), "ema"),
        )
        assert text(tested) == "A test of BUY AAPL of strategy ema came: nothing is traded. for ema. buys 2 AAPL."


async def test_a_test_takes_nothing_from_the_alert_that_it_tries(open_house: OpenHouse) -> None:
    """The real alert would be a duplicate of its own test, or a conflict with it."""
    async with open_house() as house:
        for _ in range(2):  # with the same clock: each is answered
            assert (await house.post(message(alert_id="a-1", test=True)))[1]["status"] == "tested"
        assert (await house.post(message(alert_id="a-1")))[1]["status"] == "queued"
        assert (await house.post(message(alert_id="a-1", test=True)))[1]["status"] == "tested"


async def test_without_a_report_ona_test_is_answered_with_what_was_understood(open_house: OpenHouse) -> None:
    """A test would be answered with nothing, or keep its sender waiting for a broker that is away."""

    async def away(_: Instruction, __: Strategy) -> list[str]:
        raise BrokerUnavailable("IB is not connected.")

    understood = {"dialect": "own", "verb": "buy", "ticker": "AAPL"}
    for report_on in (None, away):
        async with open_house(report=report_on) as house:
            status, told = await house.post(message(test=True))
            assert status == 200
            report = told["report"]
            assert isinstance(report, dict)
            assert report["strategy"] == MAIN
            assert report["understood"].items() >= understood.items()
            assert report.get("not known") == (None if report_on is None else "IB is not connected.")


async def test_reports_ask_ib_a_few_at_a_time(open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that is left a test, fired by a thousand stocks at once, would hold up the questions of an exit."""
    monkeypatch.setattr(intake, "REPORT_S", 60)
    under_way, most, full, answered = 0, 0, asyncio.Event(), asyncio.Event()

    async def asks_ib(_: Instruction, __: Strategy) -> list[str]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == intake.REPORTS_AT_ONCE:
            full.set()
        await answered.wait()
        under_way -= 1
        return ["known"]

    async with open_house(report=asks_ib) as house:
        sending = [asyncio.create_task(house.post(message(test=True, alert_id=n))) for n in range(8)]
        async with asyncio.timeout(60):
            await full.wait()
        answered.set()
        assert {status for status, _ in await asyncio.gather(*sending)} == {200}
    assert most == intake.REPORTS_AT_ONCE


async def test_a_report_that_takes_too_long_is_not_waited_for(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TradingView and the proxy would hang up, and send the test again and again."""
    monkeypatch.setattr(intake, "REPORT_S", 0.05)

    async def hangs(_: Instruction, __: Strategy) -> list[str]:
        await asyncio.Event().wait()
        return []

    async with open_house(report=hangs) as house:
        status, told = await house.post(message(test=True))
        assert (status, "was not known within" in str(told["report"])) == (200, True)
