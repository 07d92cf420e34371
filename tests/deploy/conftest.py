"""Both proxies in front of a real webhook, each test with its own."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.adapters.webhook.conftest import House, OpenHouse, open_house, url
from tests.deploy.proxies import TRADINGVIEW, Caddy, Nginx, TlsProxy

__all__ = ["house", "open_house", "proxy", "proxy_kind", "start", "url"]

Start = Callable[..., Awaitable[TlsProxy]]


@pytest.fixture(params=[Nginx, Caddy], ids=["nginx", "caddy"])
def proxy_kind(request: pytest.FixtureRequest) -> type[TlsProxy]:
    kind: type[TlsProxy] = request.param
    return kind


@pytest.fixture
async def start(proxy_kind: type[TlsProxy]) -> AsyncIterator[Start]:
    """Starts the proxy in front of this port, with the options given."""
    started: list[TlsProxy] = []

    async def start_(bot_port: int, **options: object) -> TlsProxy:
        proxy = proxy_kind(bot_port, **options)  # type: ignore[arg-type]
        started.append(proxy)
        await proxy.start()
        return proxy

    yield start_
    for proxy in started:
        proxy.close()


@pytest.fixture
async def house(open_house: OpenHouse) -> AsyncIterator[House]:
    """The webhook with the settings that docs/deployment.md gives for a proxy on this machine."""
    async with open_house(trusted_proxies=("127.0.0.1", "::1"), allowed_ips=(TRADINGVIEW,)) as house:
        yield house


@pytest.fixture
async def proxy(house: House, start: Start) -> TlsProxy:
    return await start(house.port)
