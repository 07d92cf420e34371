"""What stands for the world outside of the machine: the way to the package servers, and how this machine reaches them."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.vps.machine import ADDRESS, HOST_ADDRESS

DOMAIN = "bot.example.com"
REPOSITORY = "https://git.example.com/you/tradebot.git"
"""The address that the pages name; git finds the work tree's own copy there."""
TRADINGVIEW = "52.89.214.238"
CERTIFICATES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
PACKAGE_HOSTS = ("deb.debian.org", "security.debian.org", "pypi.org", "files.pythonhosted.org")


@asynccontextmanager
async def way_to_packages() -> AsyncIterator[int]:
    """A proxy to the package servers and to nothing else; its port on the network that leads to the machine."""
    server = await asyncio.start_server(_pass_on, HOST_ADDRESS, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.IncompleteReadError, ValueError):
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, version = head.split(b"\r\n")[0].decode().split(" ")
        url = urlsplit(f"//{target}" if method == "CONNECT" else target)
        if url.hostname not in PACKAGE_HOSTS:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        else:
            theirs, server = await asyncio.open_connection(url.hostname, url.port or 80)
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                path = url.path + (f"?{url.query}" if url.query else "")
                lines = [
                    line
                    for line in head.split(b"\r\n")[1:-2]
                    if not line.lower().startswith((b"connection", b"proxy-"))
                ]
                server.write(
                    b"\r\n".join([f"{method} {path} {version}".encode(), *lines, b"Connection: close", b"", b""])
                )
            await asyncio.gather(_pour(reader, server), _pour(theirs, writer))
    with suppress(OSError):
        writer.close()


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        target.write_eof()


def furnish(root: Path, proxy_port: int) -> None:
    """Tells the root how packages are reached from here, where the pages' names lead, and nothing else."""
    proxy = f"http://{HOST_ADDRESS}:{proxy_port}"
    (root / "etc/apt/apt.conf.d/90outside").write_text(
        f'Acquire::http::Proxy "{proxy}";\nAcquire::http::Pipeline-Depth "0";\nAcquire::Retries "3";\n'
    )
    (root / "etc/apt/sources.list").write_text(
        "deb http://deb.debian.org/debian bookworm main\n"
        "deb http://deb.debian.org/debian bookworm-updates main\n"
        "deb http://deb.debian.org/debian-security bookworm-security main\n"
    )
    pip = ["[global]", f"proxy = {proxy}", "timeout = 60", "disable-pip-version-check = true"]
    if bundle := next((os.environ[name] for name in CERTIFICATES if os.environ.get(name)), ""):
        shutil.copy(bundle, root / "etc/ssl/outside.pem")
        pip.append("cert = /etc/ssl/outside.pem")
    (root / "etc/pip.conf").write_text("\n".join(pip) + "\n")
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost vps\n::1 localhost\n{ADDRESS} {DOMAIN}\n")
    (root / "root/.gitconfig").write_text(f'[url "file:///srv/tradebot.git"]\n\tinsteadOf = {REPOSITORY}\n')
