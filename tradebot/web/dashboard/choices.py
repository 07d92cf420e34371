"""What the owner chooses: limits, of the account and of a strategy, and stocks that nothing may buy."""

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from tradebot.domain.limits import limit_names
from tradebot.domain.payload.symbols import symbol
from tradebot.errors import PayloadError
from tradebot.web.dashboard import said
from tradebot.web.dashboard.asks import Acting, Ask, Button, Handler, carried
from tradebot.web.dashboard.door import BY, key_of
from tradebot.web.problems import Problem
from tradebot.words.limits import BY_NAME, Title, WrongValue, parse, range_text, value_text


class Choices(Acting):
    """Each is in force for the next alert."""

    def acts(self) -> Mapping[str, tuple[Handler, Handler]]:
        return {
            "/limits/{name}": (self.ask_limit, self.limit),
            "/act/block": (self.ask_block, self.block),
        }

    # --- limits -------------------------------------------------------------------------------------------------------

    async def ask_limit(self, request: web.Request) -> web.StreamResponse:
        """Without a value: which one; with one: whether that is meant."""
        title, strategy = self._limit(request), self.strategy(request.query)
        whose = f" of {strategy}" if strategy else ""
        if strategy is None:
            old = value_text(title.name, getattr(await self.queries.limits_in_force(), title.name))
        else:
            own = (await self.queries.own_limits(strategy)).get(title.name)
            old = "none of its own" if own is None else value_text(title.name, own)
        text, problem = request.query.get("value", "").strip(), ""
        if text:
            try:
                new = value_text(title.name, parse(title, text))
            except WrongValue as error:
                problem = str(error).partition(" For example")[0]
            else:
                points = [
                    f"{old} → {new}",
                    "In force for the next alert, and until you change it: the file's value is not in force then.",
                ]
                hidden = {"value": text, **carried(strategy=strategy)}
                ask = Ask(
                    f"Change {title.words}{whose}?",
                    points,
                    f"/limits/{title.name}",
                    "/risk",
                    [Button(f"Set {new}")],
                    hidden,
                )
                return await self.ask(request, ask)
        page = {
            "title": f"{title.heading}{whose}",
            "now": old,
            "range": range_text(title.name),
            "used": "",
            "problem": problem,
            "action": f"/limits/{title.name}",
            "strategy": strategy,
            "value": text,
        }
        return await self.door.page(request, "limit.html", page)

    async def limit(self, request: web.Request) -> web.StreamResponse:
        form, title = await request.post(), self._limit(request)
        strategy = self.strategy(form)
        try:
            value = parse(title, str(form.get("value", "")))
        except WrongValue as error:
            raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from error
        done = await self.operations.set_limit(title.name, value, BY, key_of(form), strategy)
        old = "none of its own" if done.old is None else value_text(title.name, done.old)
        whose = f" of {strategy}" if strategy else ""
        self.note(request, f"{title.heading}{whose}: {old} → {value_text(title.name, done.new)}.", said.GOOD)
        raise web.HTTPSeeOther("/risk")

    def _limit(self, request: web.Request) -> Title:
        name = request.match_info["name"]
        if name not in limit_names() or name not in BY_NAME:
            raise web.HTTPNotFound
        return BY_NAME[name]

    # --- stocks that nothing may buy ------------------------------------------------------------------------------------

    async def ask_block(self, request: web.Request) -> web.StreamResponse:
        ticker = _ticker(request.query.get("ticker", ""))
        if ticker in await self.queries.blocked_tickers():
            title, button, blocked = f"Let {ticker} be bought again?", "Let it be bought", "no"
            points = ["BUY alerts of it are traded again, within the limits."]
        else:
            title, button, blocked = f"Let nothing buy {ticker}?", "Block it", "yes"
            points = ["No strategy buys it until you lift that. What is held can be sold, by alerts and by stops."]
        kept = {"ticker": ticker, "blocked": blocked}
        return await self.ask(request, Ask(title, points, "/act/block", "/risk", [Button(button)], kept))

    async def block(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        ticker, blocked = _ticker(str(form.get("ticker", ""))), form.get("blocked") == "yes"
        done = await self.operations.block(ticker, BY, key_of(form), blocked=blocked)
        text = f"Nothing buys {ticker} any more." if blocked else f"{ticker} is bought again."
        self.note(request, text if done else "It is so already.", said.GOOD if done else said.NEUTRAL)
        raise web.HTTPSeeOther("/risk")


def _ticker(text: str) -> str:
    """In IB's form. Raises Problem."""
    try:
        return symbol(text)[1]
    except PayloadError:
        raise Problem(HTTPStatus.BAD_REQUEST, f"“{text[:20]}” is no stock's name. Write AAPL, or BRK.B.") from None
