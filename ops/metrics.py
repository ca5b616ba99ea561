"""The metrics this house exports: one typed catalogue and the registry made from it.

The catalogue is data so that the reference page and the alert rules are checked against it; the registry
is our own, so that two houses in one process (tests, a demo) never share a counter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

MetricKind = Literal["counter", "gauge", "histogram"]
Reading = float | Mapping[tuple[str, ...], float]
"""What a gauge is read as: one number, or by the values of its labels."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric: its full name on ``/metrics``, kind, help, labels, unit, and buckets for a histogram."""

    name: str
    kind: MetricKind
    help: str
    unit: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


CATALOGUE: tuple[MetricSpec, ...] = (
    MetricSpec(
        "tallystick_submissions_total",
        "counter",
        "Submissions by how they ended.",
        "submissions",
        ("outcome",),
    ),
    MetricSpec(
        "tallystick_rejections_total",
        "counter",
        "Rejected submissions by stable code.",
        "submissions",
        ("code",),
    ),
    MetricSpec("tallystick_busy_total", "counter", "Requests sent away because the queue was full.", "requests"),
    MetricSpec("tallystick_queue_events", "gauge", "Submissions waiting for the writer.", "events"),
    MetricSpec(
        "tallystick_commit_events",
        "histogram",
        "Events put into one durable transaction.",
        "events",
        buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500),
    ),
    MetricSpec(
        "tallystick_commit_wait_seconds",
        "histogram",
        "From a submission's arrival to its durable receipt.",
        "seconds",
        buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    ),
    MetricSpec("tallystick_head_log_index", "gauge", "The last log_index in the ledger.", "log_index"),
    MetricSpec(
        "tallystick_head_ahead_seconds",
        "gauge",
        "How far the last event's recorded_at lies ahead of this machine's clock.",
        "seconds",
    ),
    MetricSpec("tallystick_position_log_index", "gauge", "The last log_index applied to the views.", "log_index"),
    MetricSpec("tallystick_lag_events", "gauge", "Recorded events not yet applied to the views.", "events"),
    MetricSpec("tallystick_lag_seconds", "gauge", "Age of the oldest recorded event not yet applied.", "seconds"),
    MetricSpec("tallystick_quarantine_events", "gauge", "Recorded events parked in quarantine.", "events"),
    MetricSpec(
        "tallystick_brake_applied",
        "gauge",
        "1 while the line, or a partition of it, stands still because too much could not be applied, else 0.",
        "boolean",
    ),
    MetricSpec("tallystick_writer_alive", "gauge", "1 while the writer thread lives, else 0.", "boolean"),
    MetricSpec("tallystick_runner_alive", "gauge", "1 while the runner thread lives, else 0.", "boolean"),
    MetricSpec(
        "tallystick_obligations",
        "gauge",
        "Obligations still owed, or settled within twelve months; counted at most once a minute.",
        "obligations",
        ("state", "kind"),
    ),
    MetricSpec(
        "tallystick_relay_log_index", "gauge", "The last log_index that the broker has acknowledged.", "log_index"
    ),
    MetricSpec("tallystick_relay_lag_events", "gauge", "Recorded events that the relay has not sent yet.", "events"),
    MetricSpec("tallystick_relay_sends", "gauge", "1 while this relay holds the lease and sends, else 0.", "boolean"),
    MetricSpec(
        "tallystick_relay_sent_total", "counter", "Messages the broker has acknowledged, repeats too.", "messages"
    ),
    MetricSpec("tallystick_relay_takeovers_total", "counter", "Times this relay has taken the lease.", "takeovers"),
    MetricSpec(
        "tallystick_partition_log_index",
        "gauge",
        "The last log_index applied of each partition of the topic of events.",
        "log_index",
        ("partition",),
    ),
    MetricSpec(
        "tallystick_partition_behind",
        "gauge",
        "1 while more was sent to a partition than is applied of it, else 0.",
        "boolean",
        ("partition",),
    ),
    MetricSpec(
        "tallystick_worker_messages_total",
        "counter",
        "Messages a worker has taken care of, repeats too.",
        "messages",
        ("agent",),
    ),
    MetricSpec(
        "tallystick_intake_read_again_total",
        "counter",
        "Messages of agencies that nobody delivered and the intake read by itself.",
        "messages",
    ),
    MetricSpec(
        "tallystick_intake_expired_total",
        "counter",
        "Offsets of agencies' topics that were gone before anybody read them: events may be missing.",
        "messages",
    ),
    MetricSpec(
        "tallystick_worker_unreadable_total",
        "counter",
        "Messages passed over because they could not be read; their events are read from the ledger.",
        "messages",
    ),
    MetricSpec(
        "tallystick_cells_kept", "gauge", "1 while this worker holds the lease of the cells, else 0.", "boolean"
    ),
    MetricSpec("tallystick_cells_refreshed_total", "counter", "KPI cells brought up to date.", "cells"),
    MetricSpec(
        "tallystick_http_requests_total",
        "counter",
        "Requests answered, by method, route template and status.",
        "requests",
        ("method", "route", "status"),
    ),
    MetricSpec("tallystick_scrape_errors_total", "counter", "Values that could not be read for a scrape.", "errors"),
)

_SPECS = {spec.name: spec for spec in CATALOGUE}


class Metrics:
    """The instruments of one house.

    Counters and histograms are written where things happen; gauges are read when ``/metrics`` is asked
    for, so that a number is never older than its scrape.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for spec in CATALOGUE:
            if spec.kind == "counter":
                self._counters[spec.name] = Counter(spec.name, spec.help, spec.labels, registry=self.registry)
            elif spec.kind == "histogram":
                self._histograms[spec.name] = Histogram(
                    spec.name, spec.help, spec.labels, buckets=spec.buckets, registry=self.registry
                )
        self._gauges = _Gauges(self._counters["tallystick_scrape_errors_total"])
        self.registry.register(self._gauges)

    def counter(self, name: str, *labels: str) -> Counter:
        """The counter (or its labelled child) of that name; KeyError for a name that is not in the
        catalogue.
        """
        counter = self._counters[name]
        return counter.labels(*labels) if labels else counter

    def histogram(self, name: str) -> Histogram:
        """The histogram of that name; KeyError for a name that is not in the catalogue."""
        return self._histograms[name]

    def watch(self, name: str, read: Callable[[], Reading]) -> None:
        """Read this gauge with ``read`` at each scrape: one number, or one for each combination of its labels'
        values. KeyError for a name that is not a gauge of the catalogue.
        """
        if _SPECS[name].kind != "gauge":
            raise KeyError(name)
        self._gauges.readers[name] = read

    def export(self) -> bytes:
        """The text exposition format, version 0.0.4."""
        return generate_latest(self.registry)


class _Gauges(Collector):
    def __init__(self, errors: Counter) -> None:
        self.readers: dict[str, Callable[[], Reading]] = {}
        self._errors = errors

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        for name, read in list(self.readers.items()):
            try:
                value = read()
                numbers = value if isinstance(value, Mapping) else {(): value}
                samples = [(labels, float(number)) for labels, number in numbers.items()]
            except Exception:  # noqa: BLE001 - one unreadable gauge must not hide the others; it is counted instead
                self._errors.inc()
                continue
            family = GaugeMetricFamily(name, _SPECS[name].help, labels=_SPECS[name].labels)
            for labels, number in samples:
                family.add_metric(labels, number)
            yield family


def render_metrics() -> str:
    """The metrics reference as a Markdown table."""
    lines = ["| metric | kind | unit | labels | meaning |", "|---|---|---|---|---|"]
    for spec in CATALOGUE:
        labels = ", ".join(f"`{label}`" for label in spec.labels) or "–"
        lines.append(f"| `{spec.name}` | {spec.kind} | {spec.unit} | {labels} | {spec.help} |")
    return "\n".join(lines) + "\n"
