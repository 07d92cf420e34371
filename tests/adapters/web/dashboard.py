"""The dashboard as a browser without a script uses it: its cookies, its forms, its links."""

import re
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from typing import Any

from tests.adapters.web.conftest import PASSWORD, Site


@dataclass(frozen=True)
class Page:
    """What was answered."""

    status: int
    path: str  # after redirections
    html: str

    @property
    def text(self) -> str:
        """What is read of it, in one line."""
        words = _Words()
        words.feed(self.html)
        return re.sub(r"\s+", " ", " ".join(words.found)).strip()

    @property
    def fields(self) -> dict[str, str]:
        """Of its first form that does something: the hidden ones."""
        form = self.html.split('<form method="post"')[1]
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
        return {name: unescape(value) for name, value in hidden}


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


@dataclass
class Browser:
    """One that is logged in, or not yet."""

    site: Site

    async def get(self, path: str, **more: Any) -> Page:
        return await self._ask("GET", path, **more)

    async def post(self, path: str, form: dict[str, str], **more: Any) -> Page:
        return await self._ask("POST", path, data=form, **more)

    async def login(self, password: str = PASSWORD, **more: str) -> Page:
        return await self.post("/login", {"password": password, **more})

    async def press(self, path: str, **chosen: str) -> Page:
        """Asks what an act does, and does it."""
        form = (await self.get(path)).fields
        return await self.post(path.partition("?")[0], {**form, **chosen})

    async def _ask(self, method: str, path: str, **more: Any) -> Page:
        headers = {"Accept": "text/html", **more.pop("headers", {})}
        async with self.site.client.request(method, self.site.url(path), headers=headers, **more) as answer:
            return Page(answer.status, answer.url.path_qs, await answer.text())


async def inside(site: Site) -> Browser:
    browser = Browser(site)
    assert (await browser.login()).status == 200
    return browser
