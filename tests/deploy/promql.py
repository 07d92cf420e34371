"""What stands in the alert rules and the dashboard for Prometheus, as far as it can be read without Prometheus.

`python -m tests.deploy.promql FOLDER` writes what its own tool judges there: the dashboard's expressions as rules, and a page.
"""

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from loguru import logger

from tests.adapters.web.exposition import exposition

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "docs" / "deploy" / "grafana" / "tradebot.json"
ALERTS = ROOT / "docs" / "deploy" / "prometheus" / "alerts.yml"
SCRAPE = ROOT / "docs" / "deploy" / "prometheus" / "prometheus.yml"
FUNCTIONS = {
    *("absent", "changes", "histogram_quantile", "increase", "rate", "sort_desc", "time"),
    *("count", "max", "min", "sum"),
}
_WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "bool", "offset"}
_GRAFANA = {"$__rate_interval": "5m", "$__range": "1d", "$instance": ".*", "$strategy": ".*"}
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?(?:\[\w+\])?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric that an expression reads, with what its labels must be: label, operator, value."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression, and where it stands."""

    where: str
    text: str

    @property
    def plain(self) -> str:
        """As Grafana sends it."""
        text = self.text
        for name, value in _GRAFANA.items():
            text = text.replace(name, value)
        return text

    @property
    def grouped_by(self) -> set[str]:
        """Labels by which it groups or matches."""
        return {label for found in _GROUPING.findall(self.plain) for label in re.findall(r"\w+", found)}

    @property
    def selectors(self) -> list[Selector]:
        """Raises ValueError for what is neither metric nor known function."""
        found = []
        for match in _SELECTOR.finditer(_GROUPING.sub(" ", self.plain)):
            name, braces = match[1], match[2]
            if name in _WORDS:
                continue
            if match.string[match.end() :].lstrip().startswith("(") and braces is None:
                if name not in FUNCTIONS:
                    raise ValueError(f"{self.where}: the function {name} is not known here")
                continue
            found.append(Selector(name, tuple(_MATCHER.findall(braces or ""))))
        return found


def alert_rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return found


def in_alerts() -> list[Expression]:
    return [Expression(rule["alert"], rule["expr"]) for rule in alert_rules()]


def in_dashboard() -> list[Expression]:
    return [*_of_panels(), *(Expression(one["name"], one["expr"]) for one in dashboard()["annotations"]["list"])]


def _of_panels() -> Iterator[Expression]:
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield Expression(f"{panel['title']} {target['refId']}", target["expr"])


def main(folder: Path) -> None:
    logger.remove()
    rules = [{"record": f"dashboard:{n}", "expr": one.plain} for n, one in enumerate(in_dashboard())]
    (folder / "dashboard.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    (folder / "page.prom").write_text(asyncio.run(exposition()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
