"""What a PostgreSQL server uses: the processor time of its processes, its log and what it writes."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from tests.benchmarks.lab import outside_transactions

_IO = """
SELECT coalesce(sum(fsyncs) FILTER (WHERE object = 'wal'), 0),
       coalesce(sum(fsync_time) FILTER (WHERE object = 'wal'), 0) / 1000,
       coalesce(sum(coalesce(write_bytes, 0) + coalesce(extend_bytes, 0)), 0)
FROM pg_stat_io
"""


@dataclass(frozen=True, slots=True)
class Use:
    """Since the server began; a difference: between two looks. *processor*: seconds; *flushes*: of the log to disk,
    which took *flush_seconds*; *log_bytes*: written to it; *written_bytes*: pages and log."""

    processor: float
    flushes: float
    flush_seconds: float
    log_bytes: float
    written_bytes: float

    def __sub__(self, other: Use) -> Use:
        return Use(*(getattr(self, name) - getattr(other, name) for name in self.__slots__))

    def __add__(self, other: Use) -> Use:
        return Use(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


class Watched:
    """A server whose use is read: by an administrator's *url*, and from its *folder* on this machine."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._postmaster = int((folder / "postmaster.pid").read_text().split()[0])
        with outside_transactions(url) as connection:
            connection.execute(text("ALTER SYSTEM SET track_wal_io_timing = on"))
            connection.execute(text("SELECT pg_reload_conf()"))

    def look(self) -> Use:
        """After a checkpoint, so that all pages have been written and each will be in the log as a whole once more.
        What a session did is told when it ends, or rests: nobody else should be connected."""
        with outside_transactions(self._url) as connection:
            connection.execute(text("CHECKPOINT"))
            log = connection.execute(text("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")).scalar_one()
            flushes, seconds, written = connection.execute(text(_IO)).one()
        used = _processor_of_all(self._postmaster)
        return Use(used, float(flushes), float(seconds), float(log), float(written))


def flush_here(folder: Path, count: int = 200) -> float:
    """Seconds that one write of 4 kB to the end of a file takes until it is on disk: the median of *count*."""
    found: list[float] = []
    path = folder / "flushed"
    with path.open("wb", buffering=0) as file:
        for _ in range(count):
            started = time.perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            found.append(time.perf_counter() - started)
    path.unlink()
    return sorted(found)[count // 2]


def _processor_of_all(postmaster: int) -> float:
    """Of a process, those of its children that live, and those that have ended."""
    own = _stat(postmaster)
    ticks = sum(own[1:5])  # with the children that have ended
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                child = _stat(int(path.name))
            except OSError:
                continue  # it has just ended
            if child[0] == postmaster:
                ticks += child[1] + child[2]
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(process: int) -> tuple[int, ...]:
    """Its parent, and ticks: as user and system, and of ended children as user and system."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return tuple(int(fields[number]) for number in (1, 11, 12, 13, 14))
