"""The image and the compose file, as far as no container engine is needed."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pytest
from compose_spec import PyOptions
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from tests.adapters.webhook.conftest import House
from tests.deploy.proxies import SHIPPED
from tests.servers import RedisServer, free_port
from tradebot.config.loading import load
from tradebot.domain.calendar import NEW_YORK

ROOT = SHIPPED.parents[1]
DOCKERFILE = (SHIPPED / "Dockerfile").read_text("utf-8")
EXAMPLE = dict(re.findall(r"^([A-Z_]+)=(.*)$", (SHIPPED / ".env.example").read_text("utf-8"), re.MULTILINE))


def compose() -> dict[str, Any]:
    options = PyOptions(apply_merge=True)
    read = options.from_yaml((SHIPPED / "compose.yaml").read_text("utf-8"))
    read.validate()
    content: dict[str, Any] = read.to_dict()
    return content


def filled_in(text: str) -> str:
    """The text with the variables of .env.example."""
    return re.sub(r"\$\{([A-Z_]+)(:[-?][^}]*)?\}", lambda found: EXAMPLE[found[1]], text)


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """The folder of the compose file after prepare.sh."""
    folder = tmp_path / "docs" / "deploy"
    shutil.copytree(SHIPPED, folder)
    shutil.copy(ROOT / "config.toml.example", tmp_path)
    subprocess.run(["sh", folder / "prepare.sh"], check=True, timeout=60)
    return folder


def test_the_bot_starts_with_what_the_compose_file_gives_it(prepared: Path) -> None:
    """A container would end at once with a wrong key, or talk to a server that is not there."""
    services = compose()["services"]
    bot = services["bot"]
    mounted, credentials = prepared / "etc", prepared / "credentials"
    mounted.mkdir()
    credentials.mkdir()
    shutil.copy(prepared / "config.toml", mounted)
    for name in bot["secrets"]:
        shutil.copy(prepared / "secrets" / name, credentials)
    env = {name: filled_in(value) for name, value in bot["environment"].items()}
    settings = load(mounted / "config.toml", env | {"CREDENTIALS_DIRECTORY": str(credentials)})
    assert settings.webhook.host == "0.0.0.0"  # its port is not published
    assert settings.webhook.trusted_proxies == (services["caddy"]["networks"]["edge"]["ipv4_address"],)
    assert f"bot:{settings.webhook.port}" == services["caddy"]["environment"]["TRADEBOT_ADDRESS"]
    assert (settings.broker.host, settings.broker.port) == ("ib-gateway", 4004)
    assert re.search(r"@postgres/tradebot$", settings.database.url.get_secret_value())
    assert re.search(r"@redis:6379/0$", settings.queue.url.get_secret_value())
    assert settings.broker.host in services


def test_the_gateways_restarts_fall_into_the_bots_window() -> None:
    """Each night would be told as an alarm, or Sunday's restart would come while its login is still good and not ask for one."""
    services = compose()["services"]
    gateway = services["ib-gateway"]["environment"]
    assert gateway["TIME_ZONE"] == gateway["TZ"] == str(NEW_YORK)
    restart = datetime.strptime(gateway["AUTO_RESTART_TIME"], "%I:%M %p").time()  # noqa: DTZ007 - a time of day
    begin, end = map(time.fromisoformat, services["bot"]["environment"]["TRADEBOT_BROKER__RESTART_WINDOW"].split("-"))
    assert end < begin <= restart
    assert time.fromisoformat(gateway["TWS_COLD_RESTART"]) > time(1)


def test_only_caddy_can_be_reached_from_outside() -> None:
    """Anybody could log in at the database, or trade: IB's port asks for no password."""
    content = compose()
    services, networks = content["services"], content["networks"]
    published = {name: service.get("ports", []) for name, service in services.items()}
    assert {name for name, ports in published.items() if any(not port.startswith("127.0.0.1:") for port in ports)} == {
        "caddy"
    }
    members = {network: {name for name, one in services.items() if network in one["networks"]} for network in networks}
    assert members == {
        "edge": {"caddy", "bot"},
        "data": {"bot", "postgres", "redis"},
        "broker": {"bot", "ib-gateway"},
    }
    assert networks["data"]["internal"] is True
    for name, service in services.items():
        assert service["restart"] == "unless-stopped", name
        assert "no-new-privileges:true" in service["security_opt"], name
    assert services["bot"]["read_only"] is True
    assert services["bot"]["cap_drop"] == ["ALL"]


def test_everything_that_is_named_is_there(prepared: Path) -> None:
    """`docker compose up` would stop at a file, a secret, a volume or a variable that nobody made."""
    content = compose()
    text = (SHIPPED / "compose.yaml").read_text("utf-8")
    used: set[str] = set()
    for service in content["services"].values():
        used |= set(service.get("secrets", []))
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (prepared / source).exists() if source.startswith(".") else source in content["volumes"], source
        for name, value in service.get("environment", {}).items():
            if name.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    assert used == set(content["secrets"])
    assert all((prepared / secret["file"]).is_file() for secret in content["secrets"].values())
    assert set(re.findall(r"\$\{([A-Z_]+)", text)) == set(EXAMPLE)
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    made = {path.name for path in prepared.iterdir()} - {path.name for path in SHIPPED.iterdir()}
    assert {".env", "config.toml", "secrets", "ib-gateway-settings"} <= made | {path.name for path in SHIPPED.iterdir()}
    assert all(any(line.rstrip("/") == f"/docs/deploy/{name}" for line in ignored) for name in made)


def test_preparing_again_changes_nothing_and_secrets_stay_closed(prepared: Path) -> None:
    """The database would have a password that nobody knows any more, or other users of the machine would read it."""
    secrets = prepared / "secrets"
    before = {file.name: file.read_text() for file in secrets.iterdir()}
    subprocess.run(["sh", prepared / "prepare.sh"], check=True, timeout=60)
    assert {file.name: file.read_text() for file in secrets.iterdir()} == before
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert len(before["webhook_secret"]) == 64
    assert before["tws_password"] == ""
    assert before["postgres_password"] in before["database_url"]


async def test_redis_asks_for_its_password_and_keeps_its_data(prepared: Path) -> None:
    """The queue would be open to every container, or the bot would not be let in."""
    server = PreparedRedis(prepared, compose()["services"]["redis"]["command"])
    try:
        await server.start()
        async with Redis.from_url(server.url) as client:
            assert await client.config_get("appendonly") == {"appendonly": "yes"}
            assert await client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        async with Redis(port=server.port) as stranger:
            with pytest.raises(AuthenticationError):
                await stranger.execute_command("PING")  # type: ignore[no-untyped-call]
    finally:
        server.close()


class PreparedRedis(RedisServer):
    """Redis with the command of its container, and the URL that the bot has for it."""

    def __init__(self, prepared: Path, command: list[str]) -> None:
        super().__init__()
        self._secrets = prepared / "secrets"
        program, file, *self._arguments = command
        assert (program, file) == ("redis-server", "/run/secrets/redis.conf")

    @property
    def url(self) -> str:
        return (self._secrets / "queue_url").read_text().replace("redis:6379", f"127.0.0.1:{self.port}")

    def _command(self) -> list[str]:
        here = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        return [self._binary, str(self._secrets / "redis.conf"), *here, *self._arguments]


def test_the_dockerfile_is_sound() -> None:
    """The image would not be built, would run as root, or would carry secrets and what is not pinned."""
    run = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), SHIPPED / "Dockerfile"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (0, "")
    copied = {
        source for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for source in line.split()
    }
    let_in = {
        line[1:] for line in (SHIPPED / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert copied == let_in
    assert all((ROOT / source).exists() for source in copied)
    assert all("--require-hashes" in line or line.endswith(" .") for line in re.findall(r"pip install.*", DOCKERFILE))
    assert DOCKERFILE.rindex("\nUSER 10001\n") > DOCKERFILE.rindex("\nFROM ")


async def test_the_images_health_check_tells_well_from_ill(house: House) -> None:
    """A bot that does nothing would be shown as healthy, or a healthy one as ill."""
    check = re.search(r"^HEALTHCHECK(?:.|\\\n)+?CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    assert check is not None
    python, *arguments = json.loads(check[1])
    assert python == "python"

    async def exit_code(port: int) -> int:
        there = [argument.replace("127.0.0.1:8000", f"127.0.0.1:{port}") for argument in arguments]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *there, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return await process.wait()

    assert await exit_code(house.port) == 0
    assert await exit_code(free_port()) == 1
