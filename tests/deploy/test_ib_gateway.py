"""IB Gateway without a screen: the units, IBC's settings and the page about them, which must say the same."""

import re
import shutil
import subprocess
from datetime import datetime, time
from pathlib import Path

from tests.deploy.proxies import SHIPPED
from tests.deploy.test_containers import compose

UNITS = SHIPPED / "systemd"
GATEWAY, WINDOW = (
    (UNITS / name).read_text("utf-8").replace("\\\n", " ") for name in ("ibgateway.service", "ibgateway-vnc.service")
)
PAGE = (SHIPPED.parent / "ib-gateway.md").read_text("utf-8")
IBC = dict(re.findall(r"^([A-Za-z]+)=(.*)$", (SHIPPED / "ibc.ini").read_text("utf-8"), re.MULTILINE))


def one(pattern: str, text: str) -> str:
    found = set(re.findall(pattern, text))
    assert len(found) == 1, (pattern, found)
    return str(found.pop())


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    """The gateway would not start, or a misspelt line of its hardening would be passed over."""
    for unit in UNITS.glob("ibgateway*.service"):
        known = re.sub(r"/usr/bin/(xvfb-run|x11vnc)", "/bin/sh", unit.read_text("utf-8"))
        (tmp_path / unit.name).write_text(known)
        sections = re.findall(r"^\[(\w+)\]$", known, re.MULTILINE)
        assert sections[:2] == ["Unit", "Service"]
        assert re.findall(r"^(?![#;\[\s]|[A-Za-z]+=).+", known.replace("\\\n", " "), re.MULTILINE) == []
    if verifier := shutil.which("systemd-analyze"):
        units = sorted(tmp_path.glob("*.service"))
        run = subprocess.run([verifier, "verify", *units], capture_output=True, text=True, timeout=60, check=False)
        assert (run.returncode, run.stderr) == (0, "")


def test_the_window_shows_the_gateways_display() -> None:
    """A person who must log in on Sunday would see nothing; or others could, or click in it."""
    assert one(r"--server-num=(\d+)", GATEWAY) == one(r"-display :(\d+)", WINDOW)
    assert one(r"--auth-file=(\S+)", GATEWAY) == one(r"-auth (\S+)", WINDOW)
    assert one(r"(?m)^User=(\w+)", GATEWAY) == one(r"(?m)^User=(\w+)", WINDOW)
    assert one(r"JoinsNamespaceOf=(\S+)", WINDOW) == "ibgateway.service"
    assert "PrivateTmp=yes" in GATEWAY
    assert "PrivateTmp=yes" in WINDOW
    assert "-nolisten tcp" in GATEWAY
    assert "-localhost" in WINDOW
    assert "-passwdfile %d/vnc_password" in WINDOW


def test_the_page_makes_the_files_that_the_units_read() -> None:
    """Somebody who follows the page would have a unit that finds no settings."""
    read = {
        one(r"--ibc-ini=(\S+)", GATEWAY),
        one(r"EnvironmentFile=(\S+)", GATEWAY),
        one(r"LoadCredential=vnc_password:(\S+)", WINDOW),
    }
    assert read == set(
        re.findall(r"(?:ibc\.ini|> )\s?(/etc/ibgateway/\w[\w.]*)$", re.sub(r"\)$", "", PAGE, flags=re.M), re.M)
    )
    version = one(r"TWS_MAJOR_VRSN=(\d+)", PAGE)
    assert f"/var/lib/ibgateway/Jts/ibgateway/{version}`" in PAGE
    assert "--tws-path=%S/ibgateway/Jts" in GATEWAY
    assert "chmod a+x /opt/ibc/scripts" in PAGE
    assert "--ibc-path=/opt/ibc " in GATEWAY


def test_no_dialog_stands_before_an_order() -> None:
    """An order would be swallowed without a word by a dialog that waits for a click."""
    bypassed = {name for name in IBC if name.startswith("Bypass")}
    boxes = re.findall(r"^- (Bypass .+)$", PAGE, re.MULTILINE)
    assert len(bypassed) == len(boxes) == 9
    assert all(IBC[name] == "yes" for name in bypassed | {"AllowBlindTrading", "AcceptNonBrokerageAccountWarning"})
    assert (IBC["ReadOnlyApi"], IBC["AcceptIncomingConnectionAction"]) == ("no", "reject")
    assert (IBC["TradingMode"], IBC["IbPassword"]) == ("paper", "")


def test_both_ways_and_the_page_have_the_same_times() -> None:
    """Sunday's login would be asked for at night, or the bot would take the nightly restart for a loss of the connection."""
    container = compose()["services"]["ib-gateway"]["environment"]
    assert IBC["AutoRestartTime"] == container["AUTO_RESTART_TIME"]
    assert IBC["ColdRestartTime"] == container["TWS_COLD_RESTART"]
    assert f"TZ={container['TZ']} " in GATEWAY
    begin, end = one(r'restart_window = "(\d\d:\d\d)-', PAGE), one(r'restart_window = "\d\d:\d\d-(\d\d:\d\d)"', PAGE)
    restart = datetime.strptime(IBC["AutoRestartTime"], "%I:%M %p").time()  # noqa: DTZ007 - a time of day
    assert time.fromisoformat(end) < time.fromisoformat(begin) <= restart
    assert f"every night, {restart:%H:%M}" in PAGE
    assert f"Sunday, {IBC['ColdRestartTime']}" in PAGE


def test_the_page_says_what_the_compose_file_sets() -> None:
    """Its table would explain settings that are others."""
    container = compose()["services"]["ib-gateway"]["environment"]
    rows = re.findall(r"^\| (`[A-Z_`, ]+) \| (`.+`) \| ", PAGE, re.MULTILINE)
    said = {
        name: value
        for names, values in rows
        for name, value in zip(re.findall(r"\w+", names), re.findall(r"`([^`]+)`", values) * 2, strict=False)
        if name in container and not container[name].startswith(("$", "/"))
    }
    assert len(said) >= 9
    assert {name: container[name] for name in said} == said
