"""docs/metrics.md, the dashboard and the alert rules against what the daemon really shows."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.adapters.web.exposition import exposition
from tests.bot import CRONS
from tests.commands import loaded
from tests.deploy import promql
from tests.deploy.promql import ALERTS, SCRAPE, Expression
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.events import Severity
from tradebot.domain.trades import OrderRole
from tradebot.web.metrics.counters import STAGES, Counters
from tradebot.web.metrics.gauges import SHOWN

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "metrics.md").read_text("utf-8")
ROW = re.compile(r"^\| `tradebot_(\w+)` \| (\w+) \| ([\w ]*) \| (.*?) \| (.+) \|$", re.MULTILINE)
PROMETHEUS_OWN = {"instance", "job"}
EXPRESSIONS = [*promql.in_alerts(), *promql.in_dashboard()]
COUNTED_LATER = {
    "job_name": set(CRONS),
    "outcome": {status.lower() for status in AlertStatus},
    "role": {role.lower() for role in OrderRole},
    "stage": set(STAGES),
    "severity": {severity.lower() for severity in Severity},
}
"""Values of labels that come when they first happen."""


def counted() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Type and labels of what is counted and timed, by its name on the page."""
    found = {}
    for metric in vars(Counters(CollectorRegistry())).values():
        total = "_total" if metric._type == "counter" else ""
        found[metric._name.removeprefix("tradebot_") + total] = (metric._type, metric._labelnames)
    return found


def declared() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    shown = {f"{one.name}{'_total' * one.counts}": ("counter" if one.counts else "gauge", one.labels) for one in SHOWN}
    return {**counted(), **shown}


@pytest.fixture(scope="module")
def families() -> Sequence[Metric]:
    return list(text_string_to_metric_families(asyncio.run(exposition())))


def samples(families: Sequence[Metric]) -> Mapping[str, Sequence[Mapping[str, str]]]:
    """The labels of each sample, by its name."""
    found: dict[str, list[Mapping[str, str]]] = {}
    for family in families:
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_guide_has_every_metric_and_no_other() -> None:
    """The owner could not find a metric, or would draw one that is not there."""
    told = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, _, labels, _ in ROW.findall(GUIDE)}
    assert told == declared()
    assert len(ROW.findall(GUIDE)) == len(told)


def test_units_stand_in_the_names() -> None:
    """A figure would be taken for dollars that are seconds."""
    for name, _, unit, _, _ in ROW.findall(GUIDE):
        wanted = "USD" if "_usd" in name else "Unix time" if "_timestamp_" in name else ""
        assert unit == (wanted or "seconds" * name.endswith("_seconds")), name


def test_what_is_declared_is_what_a_bot_shows(families: Sequence[Metric]) -> None:
    """The guide would tell of a page that no daemon ever shows."""
    shown = {}
    for family in families:
        total = "_total" if family.type == "counter" else ""
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        shown[family.name + total] = (family.type, labels)
    own = {name.removeprefix("tradebot_"): one for name, one in shown.items() if name.startswith("tradebot_")}
    own = {name: one for name, one in own.items() if not name.startswith("process_")}
    sampled = {name: (kind, set(labels)) for name, (kind, labels) in declared().items()}
    without = {name for name, (_, labels) in own.items() if not labels and sampled[name][1]}
    assert {name: (kind, labels or sampled[name][1]) for name, (kind, labels) in own.items()} == sampled
    assert without <= {"deliveries_total", "job_failures_total"}  # nothing was delivered, and no job has failed


def test_no_label_is_prometheus_own() -> None:
    """Prometheus would rename it, and every expression with it would find nothing."""
    assert not {label for _, labels in declared().values() for label in labels} & PROMETHEUS_OWN


# --- expressions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", EXPRESSIONS, ids=lambda one: one.where)
def test_every_expression_reads_what_is_shown(families: Sequence[Metric], one: Expression) -> None:
    """A rule would never alarm, or a picture stay empty, because of a name or a value that never is."""
    shown, labels_of = samples(families), {f"tradebot_{name}": labels for name, (_, labels) in declared().items()}
    assert one.selectors
    for selector in one.selectors:
        if selector.metric == "up":  # Prometheus' own, of what it asks
            continue
        assert selector.metric in shown or selector.metric in labels_of, selector.metric
        family = re.sub(r"_(bucket|sum|count)$", "", selector.metric)
        labels = {*labels_of.get(family, ()), *PROMETHEUS_OWN, *(["le"] if family != selector.metric else [])}
        for label, operator, value in selector.matchers:
            assert label in labels, (selector.metric, label)
            if operator == "=":
                known = {each.get(label) for each in shown.get(selector.metric, ())} | COUNTED_LATER.get(label, set())
                assert value in known, (selector.metric, label, value)
            elif operator == "=~" and value != ".*":
                known = {each.get(label) for each in shown.get(selector.metric, ())} | COUNTED_LATER.get(label, set())
                assert set(value.split("|")) <= known, (selector.metric, label, value)
    every = {label for each in one.selectors for label in labels_of.get(_family(each.metric), ())}
    assert one.grouped_by <= {*every, *PROMETHEUS_OWN, "le"}


def _family(metric: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", metric)


def test_a_wrong_name_in_an_expression_is_found() -> None:
    """The check above would let anything pass."""
    wrong = Expression("wrong", 'sum by (a, le) (rate(tradebot_nothing{b="c", d!~"e"}[5m])) > 1 and on (f) up')
    assert [(one.metric, one.matchers) for one in wrong.selectors] == [
        ("tradebot_nothing", (("b", "=", "c"), ("d", "!~", "e"))),
        ("up", ()),
    ]
    assert wrong.grouped_by == {"a", "le", "f"}
    with pytest.raises(ValueError, match="sums"):
        _ = Expression("wrong", "sums(up)").selectors


# --- rules, dashboard, scrape -----------------------------------------------------------------------------------------


def test_every_rule_says_what_is_wrong_and_how_much_it_matters() -> None:
    """An alarm at night would not say what it is about."""
    rules = promql.alert_rules()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical"), rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]


def test_the_rules_name_commands_that_there_are() -> None:
    """Somebody who was woken up would type a command that is refused."""
    named = re.findall(r"`tradebot (\w+)", ALERTS.read_text("utf-8"))
    assert named
    assert {*named} <= {*loaded()}


def test_a_rule_s_placeholders_are_labels_of_its_expression() -> None:
    """A message would have a hole where it should name the channel or the question."""
    for rule in promql.alert_rules():
        named = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        expression = Expression(rule["alert"], rule["expr"])
        metrics = {one.metric.removeprefix("tradebot_") for one in expression.selectors}
        own = {label for metric in metrics for label in declared().get(metric, ("", ()))[1]}
        left = expression.grouped_by if re.search(r"\b(sum|max|min) by", rule["expr"]) else own
        assert named <= left, rule["alert"]


def test_the_scrape_example_asks_this_page() -> None:
    """A new user's Prometheus would ask for something else, or without the token."""
    config = yaml.safe_load(SCRAPE.read_text("utf-8"))
    assert config["rule_files"] == [ALERTS.name]
    (job,) = config["scrape_configs"]
    assert (job["job_name"], job.get("metrics_path", "/metrics")) == ("tradebot", "/metrics")
    assert job["static_configs"] == [{"targets": ["127.0.0.1:8001"]}]
    assert job["authorization"]["credentials_file"] in GUIDE


def test_the_dashboard_is_drawn_whole() -> None:
    """Grafana would show panels over each other, or ask a Prometheus of somebody else's."""
    board = promql.dashboard()
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert [panel["title"] for panel in panels if panel["type"] == "row"] == [
        "Is it well?",
        "How am I doing?",
        "What did it do?",
        "How quick is it?",
    ]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["description"], panel["title"]
            assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}, panel["title"]
    assert {one["name"] for one in board["templating"]["list"]} == {"datasource", "instance", "strategy"}


UNITS = {"none", "s", "bytes", "percentunit", "currencyUSD"}


def test_every_panel_says_what_its_lines_are() -> None:
    """A curve would have no unit or no name, two bots' curves the same name, or a colour belong to a name that is not drawn."""
    titles = [panel["title"] for panel in promql.dashboard()["panels"]]
    assert len({*titles}) == len(titles)
    for panel in promql.dashboard()["panels"]:
        if panel["type"] == "row":
            continue
        title, config = panel["title"], panel["fieldConfig"]
        assert config["defaults"]["unit"] in UNITS, title
        legends = [target["legendFormat"] for target in panel["targets"]]
        assert len({*legends}) == len(legends), title
        for target, legend in zip(panel["targets"], legends, strict=True):
            parts = Expression(title, target["expr"]).grouped_by - {"le"}
            drawn_once = panel["type"] in ("stat", "table")
            if not drawn_once and not re.search(r"\b(sum|max|min)\b", target["expr"]):
                parts = {"instance"}
            assert drawn_once or {*re.findall(r"\{\{(\w+)\}\}", legend)} == parts, f"{title}: {legend}"
            assert drawn_once or legend != "__auto", title
        colours = {one["matcher"]["options"] for one in config["overrides"]}
        templated = panel["type"] == "table" or any("{{" in legend for legend in legends)
        assert templated or colours <= {*legends}, title
