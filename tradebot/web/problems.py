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

    def text(self) -> str:
        content = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
        }
        return json.dumps({**content, **self.more}, ensure_ascii=False)

    def answer(self) -> web.Response:
        kind = "application/problem+json"
        return web.Response(status=self.status, text=self.text(), content_type=kind, headers=self.headers)
