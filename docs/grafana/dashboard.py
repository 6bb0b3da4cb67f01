"""Writes the Grafana dashboard beside it, fermata.json: python docs/grafana/dashboard.py

Rows of panels, each with a title, a unit and its queries. What is told of the database is the same in each process,
so it is read by max() and never added up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("fermata.json")
OURS = '{job=~"$job"}'
BY_PROCESS = '{job=~"$job", process=~"$process"}'
BY_TYPE = '{job=~"$job", type=~"$type"}'
WIDTH, HEIGHT, COLUMNS = 8, 8, 24


@dataclass(frozen=True)
class Panel:
    """*queries*: (PromQL, legend). *alarm*: the value from which on it is red. *kind*: timeseries or stat."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    what: str = ""
    alarm: float | None = None
    kind: str = "timeseries"


def rate(name: str, by: str, labels: str = OURS) -> str:
    return f"sum by ({by}) (rate(fermata_{name}{labels}[$__rate_interval]))"


def total(name: str) -> str:
    return f"sum(rate(fermata_{name}{OURS}[$__rate_interval]))"


def quantile(share: float, name: str, by: str, labels: str = OURS) -> str:
    of = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({of}) (rate(fermata_{name}_bucket{labels}[$__rate_interval])))"


def quantiles(name: str, by: str, labels: str = OURS) -> tuple[tuple[str, str], ...]:
    legend = f"{{{{{by}}}}} " if by else ""
    return tuple((quantile(share, name, by, labels), f"{legend}p{share * 100:g}") for share in (0.5, 0.99))


def largest(name: str, by: str = "") -> str:
    return f"max by ({by}) (fermata_{name}{OURS})" if by else f"max(fermata_{name}{OURS})"


ROWS: dict[str, tuple[Panel, ...]] = {
    "Is all well?": (
        Panel("Database", "bool_on_off", ((f"min(fermata_database_up{OURS})", ""),), kind="stat"),
        Panel("Open incidents", "short", ((largest("incidents_open"), ""),), alarm=1, kind="stat"),
        Panel(
            "Oldest due job",
            "s",
            ((largest("queue_age_seconds", "queue"), "{{queue}}"),),
            "How long work waits for a worker. Rises without end where workers are missing.",
            alarm=60,
        ),
        Panel("Due jobs", "short", ((largest("queue_due", "queue"), "{{queue}}"),), "Counted up to 100,000."),
        Panel(
            "Lost leases",
            "short",
            ((f"sum by (reason) (increase(fermata_lease_losses_total{OURS}[$__rate_interval]))", "{{reason}}"),),
            "Workers that vanished, and results that came too late.",
            alarm=1,
        ),
        Panel("Slow commits", "ops", ((total("slow_commits_total"), ""),)),
        Panel(
            "Left to workers elsewhere: oldest due",
            "s",
            ((largest("external_age_seconds", "topic"), "{{topic}}"),),
            "By topic. Rises without end where nobody fetches one.",
            alarm=300,
        ),
        Panel(
            "Left to workers elsewhere: due",
            "short",
            ((largest("external_due", "topic"), "{{topic}}"),),
            "By topic, each counted up to 10,000.",
        ),
    ),
    "Instances": (
        Panel("Instances", "ops", ((rate("instances_total", "process, event", BY_PROCESS), "{{process}} {{event}}"),)),
        Panel("Activities", "ops", ((rate("activities_total", "event"), "{{event}}"),)),
        Panel("Transitions", "ops", ((rate("transitions_total", "command"), "{{command}}"),)),
        Panel("Time of a transition", "s", quantiles("transition_seconds", "command")),
    ),
    "Jobs": (
        Panel("Jobs", "ops", ((rate("jobs_total", "type, outcome", BY_TYPE), "{{type}} {{outcome}}"),)),
        Panel("Waiting for a worker", "s", quantiles("job_wait_seconds", "type", BY_TYPE)),
        Panel("Handlers", "s", quantiles("handler_seconds", "type", BY_TYPE)),
        Panel("From due to done", "s", quantiles("job_seconds", "type", BY_TYPE)),
        Panel("How late timers are", "s", quantiles("timer_lateness_seconds", "")),
        Panel(
            "Timers, failed jobs, workers",
            "short",
            (
                (largest("workers_alive"), "worker pools that live"),
                (largest("timers_waiting"), "timers not due yet"),
                (largest("jobs_running"), "jobs under a lease"),
                (largest("jobs_queued"), "exclusive jobs that wait for another"),
                (largest("jobs_failed"), "jobs out of retries"),
            ),
        ),
    ),
    "Processes and database": (
        Panel("Parts of a commit, p99", "s", ((quantile(0.99, "commit_seconds", "part"), "{{part}}"),)),
        Panel(
            "Transitions that share a commit",
            "short",
            (
                (
                    f"{total('commit_transitions_sum')} / {total('commit_transitions_count')}",
                    "mean",
                ),
            ),
        ),
        Panel(
            "Transactions refused, failed, tried again",
            "ops",
            (
                (rate("commit_failures_total", "error"), "{{error}}"),
                (total("commit_retries_total"), "tried again"),
            ),
        ),
        Panel(
            "Threads of the pool",
            "short",
            (
                (f"fermata_pool_busy{OURS}", "{{instance}} busy"),
                (f"fermata_pool_threads{OURS}", "{{instance}} threads"),
                (f"fermata_pool_waiting{OURS}", "{{instance}} taken, waiting"),
            ),
        ),
        Panel(
            "Instances found in memory",
            "percentunit",
            (
                (
                    f"{total('hot_hits_total')} / ({total('hot_hits_total')} + {total('hot_misses_total')})",
                    "hits",
                ),
            ),
        ),
        Panel("Instances in memory", "short", ((f"fermata_hot_instances{OURS}", "{{instance}}"),)),
        Panel(
            "Database connections",
            "short",
            (
                (f"fermata_database_connections{OURS}", "{{instance}} in use"),
                (f"fermata_database_connections_limit{OURS}", "{{instance}} limit"),
            ),
        ),
        Panel("Clock off the database server's", "s", ((f"abs(fermata_clock_ahead_seconds{OURS})", "{{instance}}"),)),
    ),
}


def dashboard() -> dict[str, Any]:
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS.items():
        place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "gridPos": place, "panels": []})
        for number, panel in enumerate(row):
            line, column = divmod(number, COLUMNS // WIDTH)
            place = {"x": column * WIDTH, "y": y + 1 + line * HEIGHT, "w": WIDTH, "h": HEIGHT}
            panels.append({"id": len(panels) + 1, "gridPos": place, **drawn(panel)})
        y += 1 + -(-len(row) * WIDTH // COLUMNS) * HEIGHT
    return {
        "uid": "fermata",
        "title": "Fermata",
        "tags": ["fermata", "bpmn"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": variables()},
        "panels": panels,
    }


def drawn(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.alarm is not None:
        steps.append({"color": "red", "value": panel.alarm})
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.what,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "targets": [
            {"refId": chr(ord("A") + number), "expr": query, "legendFormat": legend}
            for number, (query, legend) in enumerate(panel.queries)
        ],
    }


def variables() -> list[dict[str, Any]]:
    chosen = {
        "job": "label_values(fermata_database_up, job)",
        "process": 'label_values(fermata_instances_total{job=~"$job"}, process)',
        "type": 'label_values(fermata_jobs_total{job=~"$job"}, type)',
    }
    source = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}
    return [source] + [
        {
            "name": name,
            "type": "query",
            "datasource": {"type": "prometheus", "uid": "${datasource}"},
            "query": {"query": query, "refId": name},
            "refresh": 2,
            "includeAll": True,
            "multi": True,
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        }
        for name, query in chosen.items()
    ]


if __name__ == "__main__":
    FILE.write_text(json.dumps(dashboard(), indent=2) + "\n", encoding="utf-8")
