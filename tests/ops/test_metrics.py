"""The metrics catalogue is what is exported, no more and no less, and one bad gauge hides no other."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from ops.metrics import CATALOGUE, Metrics, render_metrics

ALERTS = Path(__file__).resolve().parents[2] / "ops" / "deploy" / "alerts.yml"


def _export(metrics: Metrics) -> dict[str, float]:
    families = text_string_to_metric_families(metrics.export().decode())
    return {sample.name: sample.value for family in families for sample in family.samples}


def _filled() -> Metrics:
    metrics = Metrics()
    for spec in CATALOGUE:
        if spec.kind == "gauge":
            metrics.watch(spec.name, lambda: 7.0)
        elif spec.kind == "counter":
            metrics.counter(spec.name, *("x" for _ in spec.labels)).inc()
    return metrics


def test_everything_in_the_catalogue_is_exported_and_nothing_else() -> None:
    exported = set(_export(_filled()))
    named = set()
    for spec in CATALOGUE:
        named |= (
            {spec.name}
            if spec.kind != "histogram"
            else {f"{spec.name}_bucket", f"{spec.name}_sum", f"{spec.name}_count"}
        )
    created = {name for name in exported if name.endswith("_created")}
    assert named == exported - created


def test_a_gauge_that_cannot_be_read_is_counted_and_hides_no_other() -> None:
    metrics = Metrics()
    metrics.watch("tallystick_head_log_index", lambda: 1 / 0)
    metrics.watch("tallystick_lag_events", lambda: 3.0)
    first = _export(metrics)
    assert first["tallystick_lag_events"] == 3.0
    assert "tallystick_head_log_index" not in first
    assert _export(metrics)["tallystick_scrape_errors_total"] >= 1.0


def test_two_houses_in_one_process_share_no_counter() -> None:
    one, other = Metrics(), Metrics()
    one.counter("tallystick_busy_total").inc()
    assert _export(other)["tallystick_busy_total"] == 0.0


def test_a_name_outside_the_catalogue_is_an_error() -> None:
    metrics = Metrics()
    with pytest.raises(KeyError):
        metrics.counter("tallystick_invented_total")
    with pytest.raises(KeyError):
        metrics.watch("tallystick_busy_total", lambda: 0.0)


def test_the_reference_is_rendered_from_the_catalogue() -> None:
    assert all(f"`{spec.name}`" in render_metrics() for spec in CATALOGUE)


def _named_in(text: str) -> set[str]:
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\btallystick_[a-z_]+\b", text)}


def test_the_alerts_name_only_metrics_that_exist() -> None:
    known = {spec.name for spec in CATALOGUE}
    assert set() == _named_in(ALERTS.read_text()) - known
    assert {"tallystick_gone"} == _named_in("expr: tallystick_gone > 1") - known  # the control


def test_promtool_accepts_the_alerts() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (Debian: prometheus) is not installed")
    done = subprocess.run([promtool, "check", "rules", str(ALERTS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


_SCENE = """
rule_files: [{rules}]
evaluation_interval: 30s
tests:
  - interval: 30s
    input_series:
      - {{series: 'tallystick_head_log_index{{instance="a"}}', values: '10+10x20'}}
      - {{series: 'tallystick_relay_log_index{{instance="a"}}', values: '{relayed}'}}
      - {{series: 'tallystick_relay_sends{{instance="a"}}', values: '{sends}'}}
    alert_rule_test:
      - {{eval_time: 9m, alertname: TallystickRelayStandsStill, exp_alerts: [{still}]}}
      - {{eval_time: 9m, alertname: TallystickNoRelay, exp_alerts: [{none}]}}
"""
_LABELS = "{{exp_labels: {{severity: page}}, exp_annotations: {{summary: {summary!r}, do: {do!r}}}}}"


@pytest.mark.parametrize(
    ("relayed", "sends", "alarmed"),
    [("10+10x20", "1x20", False), ("10x20", "0x20", True)],
    ids=["moves", "stands still"],
)
def test_an_alarm_is_raised_where_the_relay_stands_still_and_only_there(
    tmp_path: Path, relayed: str, sends: str, alarmed: bool
) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (Debian: prometheus) is not installed")
    rules = {
        rule["alert"]: rule["annotations"]
        for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
        for rule in group["rules"]
    }
    told = {name: _LABELS.format(**rules[name]) if alarmed else "" for name in rules}
    scene = tmp_path / "scene.yml"
    scene.write_text(
        _SCENE.format(
            rules=ALERTS,
            relayed=relayed,
            sends=sends,
            still=told["TallystickRelayStandsStill"],
            none=told["TallystickNoRelay"],
        )
    )
    done = subprocess.run([promtool, "test", "rules", str(scene)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
