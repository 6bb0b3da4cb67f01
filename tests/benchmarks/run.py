"""`make bench`: measures in groups and writes docs/benchmarks.md.

    python -m tests.benchmarks.run [--quick] [--only GROUP]...

--quick: small numbers; --only: some of the groups. Both say what they found and write nothing. Ends with status 1 when
a bar is missed (not with --quick, whose numbers are too small to say so).
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.benchmarks import beside_stock, footprint, large, latency, million, throughput
from tests.benchmarks.lab import Lab, laboratory
from tests.benchmarks.page import bars_table, noise_table, page
from tests.benchmarks.results import Section

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"

GROUPS: Mapping[str, Callable[[Lab], Section]] = {
    "throughput": throughput.measure,
    "latency": latency.measure,
    "footprint": footprint.measure,
    "large": large.measure,
    "million": million.measure,
    "stock": beside_stock.measure,
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--quick", action="store_true", help="small numbers; writes nothing")
    parser.add_argument("--only", action="append", choices=GROUPS, help="one of the groups; writes nothing")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of the ends of its server and files
    is_look = options.quick or options.only is not None
    began = time.monotonic()
    with laboratory(options.quick) as lab:
        sections = [_measured(lab, name, is_shown=is_look) for name in options.only or GROUPS]
    if is_look:
        print(f"\n{noise_table(lab.noise.groups)}")
    bars = [bar for section in sections for bar in section.bars]
    print(f"\n{bars_table(bars)}")
    if options.quick:
        return 0
    if not is_look:
        PAGE.write_text(page(sections, lab.noise.groups, time.monotonic() - began), encoding="utf-8")
        print(f"\nWritten: docs/{PAGE.name}")
    return 0 if all(bar.is_met for bar in bars) else 1


def _measured(lab: Lab, name: str, *, is_shown: bool) -> Section:
    print(f"{name} ...", end=" ", flush=True, file=sys.stderr)
    began = time.monotonic()
    with lab.noise.during(name):
        section = GROUPS[name](lab)
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    if is_shown:
        print(f"\n## {section.title}\n\n{section.text.strip()}", flush=True)
    return section


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
