"""docs/benchmarks.md out of the sections."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from tests.benchmarks.markdown import duration, table
from tests.benchmarks.noise import Looks
from tests.benchmarks.results import Bar, Section

TEXT = """# Benchmarks

Written by `make bench`, all in one run: on {machine}; SpiffWorkflow {spiff}. What is compared takes turns,
so that a busy machine is unfair to both alike; figures are medians, ratios are of medians. Read the ratios: absolute
times are of one machine, and of its neighbours (see [noise](#how-quiet-the-machine-was)).

To repeat: `make bench`, {minutes} minutes here; `make bench ARGS=--quick` for a look at small numbers, which writes
nothing; `make bench ARGS="--only throughput"` for one group ({groups}). The code is in
[tests/benchmarks](../tests/benchmarks).

## Held against the bars

{bars}

{sections}

## How quiet the machine was

Between the measurements the same loop and the same 4 kB write to disk are timed, again and again. The loop in wall time
beside its processor time tells of neighbours who take the processor; its spread, and the write's, tell how far to trust
a figure that stands alone.

{noise}
"""


def page(sections: Sequence[Section], noise: Mapping[str, Looks], seconds: float) -> str:
    return TEXT.format(
        machine=_machine(),
        spiff=version("SpiffWorkflow"),
        minutes=f"{seconds / 60:.0f}",
        groups=", ".join(f"`{name}`" for name in noise),
        bars=bars_table([bar for section in sections for bar in section.bars]),
        sections="\n\n".join(f"## {section.title}\n\n{section.text.strip()}" for section in sections),
        noise=noise_table(noise),
    )


def bars_table(bars: Sequence[Bar]) -> str:
    rows = [[bar.what, bar.wanted, bar.found, "yes" if bar.is_met else "**no**"] for bar in bars]
    return table(["What", "Bar", "Found", "Met"], rows)


def noise_table(noise: Mapping[str, Looks]) -> str:
    head = ["Group", "Loop: processor time", "Wall time", "Wall beside processor", "Durable write"]
    rows = [
        [name, _spread(looks.processor), _spread(looks.wall), f"{looks.contention:.2f}x", _spread(looks.write)]
        for name, looks in noise.items()
    ]
    return table(head, rows)


def _spread(seconds: Sequence[float]) -> str:
    return f"{duration(statistics.median(seconds))} ({duration(min(seconds))} to {duration(max(seconds))})"


def _machine() -> str:
    return f"{os.cpu_count()} cores of {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
