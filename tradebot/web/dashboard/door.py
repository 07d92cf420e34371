"""Who comes in, and how a page is answered: the login, the session's cookie, the frame around each page, errors as pages.

Rules: without a session there is the login page and the style sheet, nothing else. The password is compared at most so often,
so that nobody guesses. A form is believed with its session's own word in it; the guard before all of this has looked at where
it comes from.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tradebot.errors import BrokerUnavailable, LedgerUnavailable
from tradebot.listener.callers import Buckets, household
from tradebot.web.dashboard.frame import Note, frame
from tradebot.web.dashboard.rendering import Asset, assets, environment
from tradebot.web.ground import Ground
from tradebot.web.guard import ACTOR, CLIENT
from tradebot.web.passwords import Password
from tradebot.web.problems import Problem
from tradebot.web.sessions import LASTS_S, Session, Sessions

COOKIE = "tradebot_session"
BY = "dashboard"
"""The actor of what is done here."""
GUESSES, GUESS_EVERY_S = 5, 20.0
"""So many at once from an address, then one in so many seconds; the right password gives its own back."""
GUESSES_OF_ALL, GUESS_OF_ALL_EVERY_S = 60, 2.0
"""So that nobody who has many addresses guesses, and who has one locks nobody else out."""
READ_WITHIN_S = 8.0
FOR_GOOD = "public, max-age=31536000, immutable"
_NOWHERE = ("There is no such page.", "What it showed may be over, or the address has a mistake.")
_OTHER_SESSION = (
    "This form is of another session.",
    "Nothing was done. Open the page anew and try again.",
)
REFRESH = "X-Refresh"
"""With it the script of an open page looks for what is new."""
SESSION = web.RequestKey("session", Session)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Door:
    """Stands before every page."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self._password = Password(ground.options)
        self._sessions = Sessions(ground.chance)
        self._guesses = Buckets(GUESSES, 1 / GUESS_EVERY_S)
        self._guesses_of_all = Buckets(GUESSES_OF_ALL, 1 / GUESS_OF_ALL_EVERY_S)
        files = assets()
        self._assets: Mapping[str, Asset] = {one.name: one for one in files.values()}
        self._templates = environment(files)

    def table(self) -> list[web.RouteDef]:
        return [
            web.get("/login", self.login_page),
            web.post("/login", self.login),
            web.post("/logout", self.inside(self.logout, acts=True)),
            web.get("/static/{name}", self.asset),
        ]

    # --- in and out -------------------------------------------------------------------------------------------------

    async def login_page(self, request: web.Request) -> web.Response:
        if self._session(request) is not None:
            raise web.HTTPSeeOther(_own_path(request.query.get("next", "/")))
        return await self._door("tradebot", next_=_own_path(request.query.get("next", "/")))

    async def login(self, request: web.Request) -> web.Response:
        form = await request.post()
        now, next_ = self.ground.clock.monotonic(), _own_path(str(form.get("next", "/")))
        caller = household(request[CLIENT])
        if not (self._guesses.take(caller, now) and self._guesses_of_all.take("all", now)):
            text = f"Too many wrong passwords came lately. Wait {GUESS_EVERY_S:.0f} seconds, then try again."
            page = await self._door("tradebot", text, next_=next_, status=HTTPStatus.TOO_MANY_REQUESTS)
            page.headers["Retry-After"] = f"{GUESS_EVERY_S:.0f}"
            return page
        if not await self._password.matches(str(form.get("password", ""))):
            return await self._door("tradebot", "That is not the password.", next_=next_, status=HTTPStatus.FORBIDDEN)
        self._guesses.give_back(caller, now)
        self._guesses_of_all.give_back("all", now)
        answer = web.HTTPSeeOther(next_)
        answer.set_cookie(
            COOKIE,
            self._sessions.enter(now),
            max_age=int(LASTS_S),
            path="/",
            httponly=True,
            samesite="Strict",
            secure=_is_https(request),
        )
        request[ACTOR] = BY
        raise answer

    async def logout(self, request: web.Request) -> web.Response:
        self._sessions.end(request.cookies.get(COOKIE, ""))
        answer = web.HTTPSeeOther("/login")
        answer.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict", secure=_is_https(request))
        raise answer

    async def asset(self, request: web.Request) -> web.Response:
        found = self._assets.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        return web.Response(
            body=found.body, content_type=found.kind, charset="utf-8", headers={"Cache-Control": FOR_GOOD}
        )

    async def _door(
        self, title: str, text: str = "", *, next_: str = "/", status: HTTPStatus = HTTPStatus.OK
    ) -> web.Response:
        page = {"title": title, "text": text, "mood": "bad", "asks": True, "next": next_}
        return await self._html("door.html", {"page": page}, status)

    def is_inside(self, request: web.Request) -> bool:
        """Whether the session of an answer that has no end lasts still."""
        return self._session(request, by_itself=True) is not None

    def _session(self, request: web.Request, *, by_itself: bool = False) -> Session | None:
        """`by_itself`, or with its script's header: an open page asks, which keeps nobody logged in."""
        token, used = request.cookies.get(COOKIE, ""), not (by_itself or REFRESH in request.headers)
        return self._sessions.find(token, self.ground.clock.monotonic(), used=used) if token else None

    # --- inside -----------------------------------------------------------------------------------------------------

    def inside(self, handler: Handler, *, acts: bool = False, endless: bool = False) -> Handler:
        """Only for who is logged in; with `acts` only for a form of his own session. What goes wrong is a page. An `endless`
        answer is one that an open page asks for by itself: it has no time limit. What acts is finished."""

        async def admitted(request: web.Request) -> web.StreamResponse:
            session = self._session(request, by_itself=endless)
            if session is None:
                raise web.HTTPSeeOther(f"/login?{urlencode({'next': '/' if acts else request.path_qs})}")
            request[SESSION], request[ACTOR] = session, BY
            if acts and not session.matches(str((await request.post()).get("csrf", ""))):
                return await self.problem(request, HTTPStatus.FORBIDDEN, *_OTHER_SESSION)
            try:
                if acts or endless:
                    return await handler(request)
                async with asyncio.timeout(READ_WITHIN_S):
                    return await handler(request)
            except (LedgerUnavailable, BrokerUnavailable, TimeoutError, web.HTTPNotFound, Problem) as error:
                return await self.problem(request, *_said_of(error))

        return admitted

    async def nowhere(self, request: web.Request) -> web.StreamResponse:
        """Any path that there is not: a page for who is logged in and reads pages."""
        if "text/html" not in request.headers.get("Accept", "") or (session := self._session(request)) is None:
            raise web.HTTPNotFound
        request[SESSION] = session
        return await self.problem(request, HTTPStatus.NOT_FOUND, *_NOWHERE)

    async def page(
        self, request: web.Request, template: str, page: object, status: HTTPStatus = HTTPStatus.OK
    ) -> web.Response:
        """A template in its frame."""
        queries, session = self.ground.queries, request[SESSION]
        try:
            async with asyncio.timeout(READ_WITHIN_S / 2):
                headline = await queries.headline()
        except (LedgerUnavailable, TimeoutError):
            headline = None
        fresh = REFRESH in request.headers  # its script looks for changes: what is told once is told to people
        notes = [] if fresh else [Note(text, mood) for text, mood in session.told()]
        here = f"/{request.path.split('/')[1]}"
        top = frame(headline, self.ground.clock.now(), here, queries.run.version, session.csrf, notes, queries.state)
        return await self._html(template, {"top": top, "page": page}, status)

    async def problem(self, request: web.Request, status: HTTPStatus, title: str, text: str) -> web.Response:
        page = {"title": title, "text": text, "href": "/", "act": "To the overview"}
        return await self.page(request, "problem.html", page, status)

    async def _html(self, template: str, filled: Mapping[str, Any], status: HTTPStatus) -> web.Response:
        """Rendered beside the loop: a long page keeps nothing waiting."""
        text = await asyncio.to_thread(self._templates.get_template(template).render, filled)
        return web.Response(text=text, content_type="text/html", status=status)


def _said_of(error: Exception) -> tuple[HTTPStatus, str, str]:
    """Status, title and what to do."""
    match error:
        case LedgerUnavailable():
            text = f"{error} Orders and alerts wait for it too. Look at its log, or at `tradebot doctor`, and reload."
            return HTTPStatus.SERVICE_UNAVAILABLE, "The database does not answer.", text
        case BrokerUnavailable():
            return HTTPStatus.SERVICE_UNAVAILABLE, "IB does not answer.", f"{error} Try again in a minute."
        case Problem():
            return error.status, error.status.phrase, error.detail
        case TimeoutError():
            text = f"It was looked for for {READ_WITHIN_S:.0f} s. Trading goes on; try again in a minute."
            return HTTPStatus.GATEWAY_TIMEOUT, "No answer in time.", text
    return HTTPStatus.NOT_FOUND, *_NOWHERE


def _own_path(given: str) -> str:
    """Where to go on: a path of ours, whatever somebody has put into a link."""
    ours = given.startswith("/") and not given.startswith(("//", "/\\"))
    return given if ours and given.isprintable() else "/"


def _is_https(request: web.Request) -> bool:
    """Whether the browser came by https: then the cookie travels by nothing else. A proxy's word only takes something away from
    the one who forges it."""
    return request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def key_of(form: Mapping[str, Any]) -> str:
    """The form's own key: one act, however often it is sent."""
    given = str(form.get("key", ""))
    if not (16 <= len(given) <= 64 and given.isascii() and given.isalnum()):
        raise Problem(HTTPStatus.BAD_REQUEST, "The form has no key of its own. Open the page anew and try again.")
    return f"{BY}:{given}"


def new_key() -> str:
    return secrets.token_hex(16)
