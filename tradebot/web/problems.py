"""What is answered when something is not done: problem+json (RFC 9457), of which people read `detail`. Pure."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web


class Problem(Exception):
    """A request is refused with this status; `detail` says to a person what to correct."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, headers: Mapping[str, str] | None = None, **more: object
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    def answer(self) -> web.Response:
        content = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
        }
        text = json.dumps({**content, **self.more}, ensure_ascii=False)
        return web.Response(
            status=self.status, text=text, content_type="application/problem+json", headers=self.headers
        )
