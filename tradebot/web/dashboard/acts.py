"""What can be done: each act has a page that says what it does, with the figures of this moment, and a form that does it once.

The kill switch alone asks nothing of the database: it is in force before anything is read, and its page needs no figures.
"""

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web
from loguru import logger

from tradebot.domain.settings import TradingState
from tradebot.domain.trades import Trade
from tradebot.errors import LedgerUnavailable
from tradebot.queries.exits import Exit
from tradebot.queries.working import AtWork
from tradebot.web.dashboard import said
from tradebot.web.dashboard.asks import POINTS_MAX, Acting, Ask, Button, Handler, carried, shortened
from tradebot.web.dashboard.at_work import ENDS
from tradebot.web.dashboard.door import BY, key_of
from tradebot.web.problems import Problem
from tradebot.words import figures, instructions, switch, working

STORE_WITHIN_S = 1.5


class Acts(Acting):
    """The trading state, what is held, what is at IB, and what waits."""

    def acts(self) -> Mapping[str, tuple[Handler, Handler]]:
        return {
            "/act/kill": (self.ask_kill, self.kill),
            "/act/pause": (self.ask_pause, self.pause),
            "/act/resume": (self.ask_resume, self.resume),
            "/act/sell": (self.ask_sell, self.sell),
            "/act/clear": (self.ask_clear, self.clear),
            r"/orders/{id:\d{1,18}}/cancel": (self.ask_cancel, self.cancel),
        }

    # --- trading state ------------------------------------------------------------------------------------------------

    async def ask_kill(self, request: web.Request) -> web.StreamResponse:
        points = [
            "From that moment no order leaves, neither BUY nor SELL, until you resume.",
            "Entries and exits at work are cancelled. Positions stay as they are, with the stops and targets that protect them.",
            *await self._at_work(),
        ]
        ask = Ask("Stop all trading?", points, "/act/kill", "/", [Button("Kill: stop all trading", danger=True)])
        return await self.ask(request, ask)

    async def _at_work(self) -> list[str]:
        try:
            async with asyncio.timeout(STORE_WITHIN_S):
                live = [one for one in await self.queries.live_trades() if not one.is_protective]
        except (LedgerUnavailable, TimeoutError):
            return ["What is at work could not be read: it is cancelled as soon as it can be."]
        return [f"It cancels {_named(live)}."] if live else ["No order is at work now."]

    async def kill(self, request: web.Request) -> web.StreamResponse:
        stored = False
        try:
            async with asyncio.timeout(STORE_WITHIN_S):  # in force before its first wait
                stored = await self.operations.kill(BY)
        except TimeoutError:
            logger.critical("KILL SWITCH in force, NOT stored yet: the database is slow, storing goes on")
        if stored:
            self.note(
                request, "KILLED. Nothing leaves any more; entries and exits at work are being cancelled.", said.BAD
            )
        else:
            text = "KILLED, in force, NOT stored yet: until the database answers, a restart of the bot would lift it."
            self.note(request, text, said.BAD)
        raise web.HTTPSeeOther("/")

    async def ask_pause(self, request: web.Request) -> web.StreamResponse:
        strategy = self.strategy(request.query)
        whose = f" of {strategy}" if strategy else ""
        points = [
            f"BUY alerts{whose} are not traded any more. SELL alerts are, and stops and targets work on.",
            "Resume lifts it.",
        ]
        ask = Ask(f"Pause{whose}?", points, "/act/pause", "/", [Button("Pause: no BUY")], carried(strategy=strategy))
        return await self.ask(request, ask)

    async def pause(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        strategy = self.strategy(form)
        state = await self.operations.pause(BY, key_of(form), strategy)
        if strategy is not None:
            self.note(
                request,
                f"{strategy} is {'paused: no BUY of it' if state is TradingState.PAUSED else 'not paused'}.",
                said.WAIT,
            )
        elif state is TradingState.KILLED:
            self.note(request, switch.PAUSE_IN_A_KILL, said.BAD)
        else:
            self.note(request, "Paused. BUY alerts are not traded; SELL goes on.", said.WAIT)
        raise web.HTTPSeeOther("/")

    async def ask_resume(self, request: web.Request) -> web.StreamResponse:
        strategy, state = self.strategy(request.query), self.queries.state
        hidden = carried(strategy=strategy, seen=state.value)
        if strategy is not None:
            points = ["Its BUY alerts are traded again, as far as the account's state and the limits allow."]
            ask = Ask(f"Resume {strategy}?", points, "/act/resume", "/", [Button("Resume")], hidden)
        elif state is TradingState.KILLED:
            points = [
                "Sells only: SELL alerts are traded, BUY alerts are not, as in a pause.",
                "Everything: BUY and SELL.",
                "Exits that the kill has stopped are not sent by themselves: they are listed, and you decide.",
            ]
            buttons = [
                Button("Sells only", name="to", value=TradingState.PAUSED.value),
                Button("Everything", name="to", value=TradingState.RUNNING.value),
            ]
            ask = Ask("Lift the kill switch?", points, "/act/resume", "/", buttons, hidden)
        else:
            points = [
                "BUY and SELL alerts are traded again, within the limits. Strategies that are paused by name stay so."
            ]
            ask = Ask("Resume trading?", points, "/act/resume", "/", [Button("Resume")], hidden)
        return await self.ask(request, ask)

    async def resume(self, request: web.Request) -> web.StreamResponse:
        """A kill that has come since the page was shown is not lifted by a button that was meant for a pause."""
        form = await request.post()
        strategy = self.strategy(form)
        to = TradingState.PAUSED if form.get("to") == TradingState.PAUSED.value else TradingState.RUNNING
        lift = form.get("seen") == TradingState.KILLED.value
        state = await self.operations.resume(BY, key_of(form), to, lift_kill=lift, strategy=strategy)
        if strategy is not None:
            self.note(
                request,
                f"{strategy} takes BUY alerts again." if state is TradingState.RUNNING else f"{strategy} stays paused.",
                said.GOOD,
            )
        elif state is TradingState.KILLED:
            self.note(
                request, "It was KILLED meanwhile, and stays so. Resume again if that is what you want.", said.BAD
            )
        else:
            self.note(request, f"{said.STATES[state].text}.", said.STATES[state].mood)
        raise web.HTTPSeeOther("/")

    # --- exits, orders, the queue ---------------------------------------------------------------------------------------

    async def ask_sell(self, request: web.Request) -> web.StreamResponse:
        ticker, strategy = request.query.get("ticker"), self.strategy(request.query)
        exits = await self.queries.exits(ticker, strategy)
        if not exits:
            raise Problem(HTTPStatus.NOT_FOUND, "The bot does not hold this any more: there is nothing to sell.")
        points = shortened([self._exit(one) for one in exits])
        points.append("At the market's price; stops and targets that protect these shares are ended first.")
        if self.queries.state is TradingState.KILLED:
            points.append("The kill switch is on: a SELL is refused too. Resume first, sells only.")
        elif not self.queries.market_is_open():
            points.append("The market is closed: it waits for the open.")
        title = f"Sell {exits[0].ticker}?" if len(exits) == 1 else f"Sell {len(exits)} positions?"
        lots = json.dumps([one.lots for one in exits])
        ask = Ask(title, points, "/act/sell", "/positions", [Button("Sell", danger=True)], {"lots": lots})
        return await self.ask(request, ask)

    def _exit(self, one: Exit) -> str:
        worth = "" if one.value is None else f", about {figures.usd(one.value)}"
        whose = f" of {one.strategy}" if self.queries.run.several else ""
        return f"{figures.counted(one.qty)} of {one.ticker}{whose}{worth}."

    async def sell(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        key, wanted = key_of(form), _lots(str(form.get("lots", "")))
        held = [one.lots for one in await self.queries.exits()]
        made = await self.operations.sell([one for one in wanted if one in held], BY, key)
        waits = "" if self.queries.market_is_open() else " The market is closed: it waits for the open."
        if made:
            what = ", ".join(sorted({ticker for _, ticker in wanted}))
            self.note(request, f"SELL of {what} is on its way.{waits}", said.GOOD)
        else:
            self.note(request, "That was done already, or nothing of it is held any more.", said.NEUTRAL)
        raise web.HTTPSeeOther(f"/alerts/{made[0]}" if len(made) == 1 else "/positions")

    async def ask_cancel(self, request: web.Request) -> web.StreamResponse:
        one = await self._order(request)
        points = [f"{working.from_the_market(one)}; {working.stands(one)}.", ENDS.get(one.order.role, "")]
        action = f"/orders/{one.order.id}/cancel"
        title = f"Cancel {figures.order(one.order)}?"
        ask = Ask(
            title,
            [text[:1].upper() + text[1:] for text in points if text],
            action,
            "/orders",
            [Button("Cancel the order", danger=True)],
        )
        return await self.ask(request, ask)

    async def _order(self, request: web.Request) -> AtWork:
        number = int(request.match_info["id"])
        found = next((one for one in await self.queries.orders() if one.order.id == number), None)
        if found is None:
            raise Problem(HTTPStatus.NOT_FOUND, "This order does not work any more.")
        return found

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        done = await self.operations.cancel_order(int(request.match_info["id"]), BY)
        text = "It is being cancelled." if done else "It has ended, or is being cancelled already."
        self.note(request, text, said.GOOD if done else said.NEUTRAL)
        raise web.HTTPSeeOther("/orders")

    async def ask_clear(self, request: web.Request) -> web.StreamResponse:
        waiting = await self.queries.waiting_alerts()
        if not waiting:
            raise Problem(HTTPStatus.NOT_FOUND, "No alert waits: there is nothing to drop.")
        points = shortened([f"{instructions.wanted(one)} {said.ALERTS[one.status].text}." for one in waiting])
        hidden = {"alerts": ",".join(str(one.id) for one in waiting)}
        title = f"Drop {figures.some(len(waiting), 'alerts')}?"
        ask = Ask(title, points, "/act/clear", "/", [Button("Drop what waits", danger=True)], hidden)
        return await self.ask(request, ask)

    async def clear(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        ids = [
            int(one)
            for one in str(form.get("alerts", "")).split(",")
            if one.isascii() and one.isdecimal() and len(one) < 19
        ]
        cleared = len(await self.operations.clear_queue(ids, BY))
        text = f"{figures.some(cleared, 'alerts')} dropped." if cleared else "None of them waits any more."
        self.note(request, text, said.GOOD if cleared else said.NEUTRAL)
        raise web.HTTPSeeOther("/")


def _named(orders: list[Trade]) -> str:
    more = f" and {len(orders) - POINTS_MAX} more" if len(orders) > POINTS_MAX else ""
    return ", ".join(figures.order(one) for one in orders[:POINTS_MAX]) + more


def _lots(text: str) -> list[tuple[str, str]]:
    """Strategy and ticker of what was shown. Raises Problem."""
    try:
        found = json.loads(text)
        return [(str(strategy), str(ticker)) for strategy, ticker in found]
    except (ValueError, TypeError, RecursionError):
        raise Problem(HTTPStatus.BAD_REQUEST, "The form cannot be read. Open the page anew and try again.") from None
