"""A worker process: handlers of one line, in the embedded pool.

    python -m tests.benchmarks.worker URL '{"threads": 4, "starts": 0, "save_point": true, "by_element": false,
                                            "warm": 0, "waits": 0}'

Does *warm* instances, and all else that waits; says "ready". At a line it begins, and starts so many instances itself
beside its threads, and says how long that took; at another line it stops, and says what it used. *by_element*: the
handlers' results go by the names of their elements, each into a variable of its own. *waits*: seconds, in each handler.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import Engine, Job

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Used:
    """*processor*: seconds since it began. *resident*: bytes at the most."""

    processor: float
    resident: int


class Process:
    """The other end of such a process."""

    def __init__(
        self,
        url: str,
        *,
        threads: int = 4,
        starts: int = 0,
        save_point: bool = True,
        by_element: bool = False,
        warm: int = 0,
        waits: float = 0,
    ) -> None:
        options = {"threads": threads, "starts": starts, "save_point": save_point, "by_element": by_element}
        options |= {"warm": warm, "waits": waits}
        command = [sys.executable, "-m", "tests.benchmarks.worker", url, json.dumps(options)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait_until_ready(self) -> None:
        self._said()

    def begin(self) -> None:
        self._tell()

    def wait_until_started(self) -> float:
        """Seconds that its own starts took."""
        return float(self._said())

    def stop(self) -> Used:
        self._tell()
        used = Used(**json.loads(self._said()))
        self._process.wait(60)
        return used

    def end(self) -> None:
        """Whatever it does."""
        self._process.kill()
        self._process.communicate()

    def _tell(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def _said(self) -> str:
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise RuntimeError("A worker process has died; what it said is above.")
        return line


@contextmanager
def processes(count: int, url: str, **options: Any) -> Iterator[list[Process]]:
    """Ready to begin."""
    with ExitStack() as stack:
        found = [Process(url, **options) for _ in range(count)]
        for each in found:
            stack.callback(each.end)
        for each in found:
            each.wait_until_ready()
        yield found


def main(url: str, options: Mapping[str, Any]) -> None:
    waits = options["waits"]
    with Engine(url, migrate=False) as engine:

        @engine.handler("work", save_point=options["save_point"])
        def work(job: Job) -> dict[str, int]:
            if waits:
                time.sleep(waits)
            return {job.element_id if options["by_element"] else "n": job.activity_id}

        for number in range(options["warm"]):
            engine.start("services", business_key=f"warm-{number}")
        if options["warm"]:
            engine.work()
        _say("ready")
        sys.stdin.readline()
        processor, started = time.process_time(), time.perf_counter()
        if options["threads"]:
            engine.start_workers(options["threads"])
        for number in range(options["starts"]):
            engine.start("services", business_key=f"order-{number}")
        _say(str(time.perf_counter() - started))
        sys.stdin.readline()
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        _say(json.dumps({"processor": time.process_time() - processor, "resident": resident}))


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
