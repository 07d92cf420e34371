"""How the API describes itself: the OpenAPI document, which ships with the program, and a page to read it. No secret in either.

The document is written from the models by `tests/docs/write_openapi.py`; a test holds the two together.
"""

import json
import re
from functools import cache
from html import escape
from importlib.resources import files

from aiohttp import web

from tradebot.web.api.endpoint import PREFIX, Endpoint
from tradebot.web.api.table import ENDPOINTS

FILE = "openapi.json"
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; table-layout: fixed; width: 100%; }
th:nth-child(2) { width: 42%; }
th:nth-child(3) { width: 18%; }
th, td { border-bottom: 1px solid var(--line); padding: 0.4rem 0.5rem 0.4rem 0; text-align: left; vertical-align: top; }
pre { background: var(--soft); overflow-x: auto; padding: 1rem; }
"""


def plain_path(endpoint: Endpoint) -> str:
    """As documents write it: without what a name may look like."""
    return PREFIX + re.sub(r"\{(\w+):(?:[^{}]|\{[^{}]*\})*\}", r"{\1}", endpoint.path)


@cache
def _document() -> str:
    return (files("tradebot.web.api") / FILE).read_text("utf-8")


async def document(_: web.Request) -> web.Response:
    return web.Response(text=_document(), content_type="application/json")


async def style(_: web.Request) -> web.Response:
    return web.Response(text=_STYLE, content_type="text/css")


async def page(_: web.Request) -> web.Response:
    return web.Response(text=_page(), content_type="text/html")


@cache
def _page() -> str:
    schemas = json.loads(_document())["components"]["schemas"]
    tags = dict.fromkeys(endpoint.tag for endpoint in ENDPOINTS)
    sections = [_section(tag, [one for one in ENDPOINTS if one.tag == tag], schemas) for tag in tags]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>tradebot API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="{PREFIX}/docs.css"></head><body><main><h1>tradebot API</h1>'
        f'<p>The same for programs: <a href="{PREFIX}/{FILE}">OpenAPI 3.1</a>. Amounts are strings, times are UTC; '
        "what is not known is null.</p>"
        f"<pre>curl -H &quot;Authorization: Bearer $TOKEN&quot; http://127.0.0.1:8001{PREFIX}/status</pre>"
        f"{''.join(sections)}</main></body></html>"
    )


def _section(tag: str, endpoints: list[Endpoint], schemas: dict[str, dict[str, object]]) -> str:
    rows = "".join(
        f"<tr><td><code>{one.method} {escape(plain_path(one))}</code></td><td>{escape(one.summary)}"
        f"{_given('parameters', one.query.__name__, schemas)}{_given('body', one.body.__name__ if one.body else '', schemas)}"
        f"</td><td>{one.scope}{', Idempotency-Key' if one.needs_key else ''}</td></tr>"
        for one in endpoints
    )
    head = '<tr><th scope="col">endpoint</th><th scope="col">what</th><th scope="col">scope</th></tr>'
    return f"<h2>{escape(tag)}</h2><table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _given(what: str, name: str, schemas: dict[str, dict[str, object]]) -> str:
    fields = schemas.get(name, {}).get("properties")
    if not isinstance(fields, dict) or not fields:
        return ""
    return f"<br>{what}: " + ", ".join(f"<code>{escape(field)}</code>" for field in fields)
