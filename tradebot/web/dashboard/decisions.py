"""What only a person can know: whether an UNKNOWN order has filled, whose shares are gone, whether it was a split.

Rules: he is asked about things as they stand now; operations look again, and do nothing where they have changed.
"""

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from tradebot.domain.corporate_actions import Split
from tradebot.domain.positions import WriteOff
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.queries.mismatches import NothingToWriteOff
from tradebot.queries.splits import NoSplit
from tradebot.queries.unknown_orders import PresumedFill
from tradebot.web.dashboard import said
from tradebot.web.dashboard.asks import Acting, Ask, Button, Handler, carried
from tradebot.web.dashboard.door import BY, key_of
from tradebot.web.problems import Problem
from tradebot.words import figures
from tradebot.words.account_events import parts, split_arithmetic
from tradebot.words.unknown_orders import price_source

_NOTHING = {
    NothingToWriteOff.ORDER_UNRESOLVED: "An order of {} is in flight or UNKNOWN: that comes first.",
    NothingToWriteOff.JUST_TRADED: "{} was traded just now and IB's position may trail it: try again in ten seconds.",
    NothingToWriteOff.SPLIT: "It looks like a split of {}: answer that first.",
    NothingToWriteOff.BOOKS_AGREE: "Books and IB agree on {} now: there is nothing to accept.",
}


class Decisions(Acting):
    """The handlers."""

    def acts(self) -> Mapping[str, tuple[Handler, Handler]]:
        return {
            r"/unknown/{id:\d{1,18}}": (self.ask_unknown, self.resolve),
            "/difference": (self.ask_difference, self.accept),
        }

    # --- an UNKNOWN order ---------------------------------------------------------------------------------------------

    async def ask_unknown(self, request: web.Request) -> web.StreamResponse:
        presumed = await self._presumed(request)
        trade, price = presumed.trade, presumed.price
        points = [f"Order {trade.order_ref}. Look into TWS first: orders, trades and the position."]
        buttons = []
        if price is None:
            points.append("No price is known to book a fill at: try again when IB is back.")
        else:
            source = price_source(presumed.source)
            points.append(
                f"It filled: {figures.shares(presumed.qty)} at {figures.price(price)} are booked. The price is {source}."
            )
            buttons.append(Button("It filled", name="filled", value="yes"))
        ended = f"ended with {figures.shares(trade.filled_qty)} filled" if trade.filled_qty else "never was at IB"
        points.append(f"It {ended}: nothing more is booked. Should it exist after all, it is booked when IB shows it.")
        buttons.append(Button(f"It {ended}", name="filled", value="no"))
        title = f"What became of {figures.order(trade)}?"
        return await self.ask(request, Ask(title, points, f"/unknown/{trade.id}", "/orders", buttons))

    async def _presumed(self, request: web.Request) -> PresumedFill:
        found = await self.queries.presumed_fill(int(request.match_info["id"]))
        if found is None:
            raise Problem(HTTPStatus.NOT_FOUND, "This order is resolved: there is nothing to decide any more.")
        return found

    async def resolve(self, request: web.Request) -> web.StreamResponse:
        form, trade_id = await request.post(), int(request.match_info["id"])
        match form.get("filled"):
            case "yes":
                trade = await self.operations.book_as_filled(trade_id, BY)
            case "no":
                trade = await self.operations.end_as_unfilled(trade_id, BY)
            case _:
                raise Problem(HTTPStatus.BAD_REQUEST, "The form does not say what became of the order.")
        self.note(request, *_decided(trade))
        raise web.HTTPSeeOther("/orders")

    # --- books and IB differ --------------------------------------------------------------------------------------------

    async def ask_difference(self, request: web.Request) -> web.StreamResponse:
        ticker = request.query.get("ticker", "")
        seen = await self.queries.seen_split(ticker)
        if not isinstance(seen, NoSplit):
            return await self.ask(request, _split(seen))
        losses = await self.queries.missing_shares(ticker)
        if isinstance(losses, NothingToWriteOff):
            raise Problem(HTTPStatus.NOT_FOUND, _NOTHING[losses].format(ticker))
        one = losses[0]
        booked, gone = one.held + one.others, one.qty + one.elsewhere
        held = parts({loss.strategy: loss.held for loss in losses})
        points = [
            f"The books hold {figures.shares(booked)}{held}, IB shows {figures.shares(booked - gone)}. Compare with TWS first.",
            "The books are lowered to what IB shows. The P&L of these shares is not known and counts nowhere.",
            "BUY of it is free again then. Nothing is ever raised this way.",
        ]
        buttons = [
            Button(_label(loss), danger=True, name="whose", value=f"{loss.strategy}:{loss.held}") for loss in losses
        ]
        title = f"Write off {figures.shares(gone)} {one.ticker}?"
        return await self.ask(request, Ask(title, points, "/difference", "/positions", buttons, carried(ticker=ticker)))

    async def accept(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        key, ticker = key_of(form), str(form.get("ticker", ""))
        if "split" in form:
            return await self._answer_split(request, ticker, key, str(form["split"]), was=form.get("was") == "yes")
        losses = await self.queries.missing_shares(ticker)
        found = [] if isinstance(losses, NothingToWriteOff) else losses
        loss = next((one for one in found if form.get("whose") == f"{one.strategy}:{one.held}"), None)
        trade = None if loss is None else await self.operations.write_off(loss, BY, key)
        if trade is None:
            self.note(
                request, "Nothing was written off: things have changed meanwhile, or it was done already.", said.WAIT
            )
        else:
            text = f"{figures.shares(trade.filled_qty)} {trade.ticker} written off. BUY of it is free again."
            self.note(request, text, said.GOOD)
        raise web.HTTPSeeOther("/positions")

    async def _answer_split(
        self, request: web.Request, ticker: str, key: str, shown: str, *, was: bool
    ) -> web.StreamResponse:
        seen = await self.queries.seen_split(ticker)
        done = False
        if not isinstance(seen, NoSplit) and seen.key == shown:
            answer = self.operations.book_split if was else self.operations.deny_split
            done = await answer(seen, BY, key)
        if not done:
            self.note(request, "Nothing was changed: things have changed meanwhile, or it was done already.", said.WAIT)
        elif was:
            self.note(request, f"The split of {ticker} is booked. What waited goes on within seconds.", said.GOOD)
        else:
            self.note(request, f"{ticker}: no split. The books stay as they are; what waited goes on.", said.GOOD)
        raise web.HTTPSeeOther("/positions")


def _split(seen: Split) -> Ask:
    points = [
        split_arithmetic(seen),
        "It was a split: the bot's lots get the new quantity and price; what they cost stays the same.",
        f"It was none: the books stay at {figures.shares(seen.booked)}, and it is a difference like any other.",
    ]
    buttons = [
        Button(f"Yes, {seen.new} for {seen.old}", name="was", value="yes"),
        Button("It was no split", name="was", value="no"),
    ]
    kept = carried(ticker=seen.ticker, split=seen.key)
    return Ask(f"{seen.ticker}: was it a split?", points, "/difference", "/positions", buttons, kept)


def _label(loss: WriteOff) -> str:
    return f"Write off {figures.shares(loss.qty)} of {loss.strategy}" if loss.others else f"Write off {loss.ticker}"


def _decided(trade: Trade | None) -> tuple[str, str]:
    if trade is None or trade.status is TradeStatus.UNKNOWN:
        return "This order is resolved: there is nothing to decide any more.", said.NEUTRAL
    return f"{figures.order(trade)} is {said.ORDERS[trade.status].text}. {trade.ticker} is free again.", said.GOOD
