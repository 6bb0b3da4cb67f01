"""How each fault is done to a company."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from children import Child
from company import Company
from databases import Postgres, Sqlite
from hosts import Host
from load import CALLS, ORDERS
from plan import Fault
from proxy import Proxy
from sqlalchemy import TextClause, create_engine, text
from sqlalchemy.exc import DBAPIError


class Damage:
    """*deaths*: after each kill, the size of the call log and the agent steps that were saved by then."""

    def __init__(self, company: Company, database: Sqlite | Postgres, proxy: Proxy | None, hosts: list[Host]) -> None:
        self._company = company
        self._database = database
        self._proxy = proxy
        self._hosts = hosts
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._rivals: list[Child] = []
        self.deaths: list[dict[str, Any]] = []
        self.done: Counter[str] = Counter()

    def do(self, fault: Fault) -> None:
        """One that finds nothing to hit is done as a kill of a worker."""
        if self._DOING[fault.kind](self, fault):
            self.done[fault.kind] += 1
        else:
            self._kill_worker(fault)
            self.done["kill a worker"] += 1

    def pass_time(self, seconds: float) -> None:
        """Ends faults whose time has come meanwhile."""
        until = time.monotonic() + seconds
        while True:
            self._company.supervise()
            now = time.monotonic()
            due = [each for each in self._later if each[0] <= now]
            self._later = [each for each in self._later if each[0] > now]
            for _, end in due:
                end()
            if now >= until:
                return
            time.sleep(min(0.02, until - now))

    def end_all(self) -> None:
        for _, end in self._later:
            end()
        self._later = []
        for rival in self._rivals:
            if rival.pid and rival.ended() is None:
                rival.kill()

    def _kill(self, life: Child) -> bool:
        life.kill()
        steps = self._database.agent_steps()
        if steps is not None:
            log = self._company.folder / CALLS
            size = log.stat().st_size if log.exists() else 0
            self.deaths.append({"kill": len(self.deaths), "log": size, "steps": steps})
        life.start()
        return True

    def _kill_worker(self, fault: Fault) -> bool:
        worker = self._company.workers[fault.worker]
        worker.await_up(2 if random.random() < 0.9 else 0.1)  # a few die while they come up
        return self._kill(worker)

    def _kill_web(self, fault: Fault) -> bool:
        """In the middle of a request, that long after it was sent; a few times while it comes up."""
        if random.random() < 0.9:
            self._company.web.await_up(10)
            self._await_request()
            time.sleep(fault.seconds)
        return self._kill(self._company.web)

    def _await_request(self) -> None:
        log = self._company.folder / CALLS
        size, until = log.stat().st_size if log.exists() else 0, time.monotonic() + 1
        while time.monotonic() < until:
            with suppress(FileNotFoundError), log.open("rb") as lines:
                lines.seek(size)
                if b'"result": "sent"' in lines.read():
                    break
            self.pass_time(0.002)

    def _stop_worker(self, fault: Fault) -> bool:
        worker = self._company.workers[fault.worker]
        pid = worker.pid
        worker.signal(signal.SIGSTOP)

        def go_on() -> None:
            if worker.pid == pid:
                worker.signal(signal.SIGCONT)

        self._later.append((time.monotonic() + fault.seconds, go_on))
        return True

    def _jump(self, fault: Fault) -> bool:
        self._company.set_clock(f"worker-{fault.worker}", fault.seconds)
        return True

    def _deliver(self, fault: Fault) -> bool:
        with (self._company.folder / ORDERS).open("a") as orders:
            orders.write(json.dumps({"do": fault.kind}) + "\n")
        return True

    def _rival(self, fault: Fault) -> bool:
        works = {"rival writer": _hold_the_file, "deadlock": _lock_crosswise, "serialisation": _refuse_to_serialise}
        work = works[fault.kind]
        rival = Child(fault.kind, lambda _: work(self._database.url, fault.seconds))
        rival.start()
        self._rivals = [each for each in self._rivals if each.pid and each.ended() is None] + [rival]
        return True

    def _fill_disk(self, fault: Fault) -> bool:
        if isinstance(self._database, Postgres):
            if not self._database.has_small_disk:
                return False
            with self._database.full_disk():
                time.sleep(fault.seconds)
            self._database.ensure_up()
            self._database.await_ready()
            return True
        return self._limit_files(fault)

    def _limit_files(self, fault: Fault) -> bool:
        """No process may write beyond a point in the database's log: to SQLite, as if the disk were full. The log of
        calls, which is shorter, goes on."""
        log = Path(f"{self._database.url.removeprefix('sqlite:///')}-wal")
        calls = self._company.folder / CALLS
        sizes = [each.stat().st_size if each.exists() else 0 for each in (log, calls)]
        limit = max(sizes[0] // 4, sizes[1] + 100_000)
        pids = [life.pid for life in self._company.lives]
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)

        def lift() -> None:
            for pid in pids:
                with suppress(ProcessLookupError, PermissionError):
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))

        for pid in pids:
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, most))
        self._later.append((time.monotonic() + fault.seconds, lift))
        return True

    def _kill_backend(self, fault: Fault) -> bool:
        done = self._server.kill_backend(fault.pause % 0.2 / 0.2)
        self._server.await_ready()
        return done

    def _end_connection(self, fault: Fault) -> bool:
        return self._server.end_connection()

    def _restart(self, fault: Fault) -> bool:
        self._server.restart("fast" if fault.worker else "immediate")
        return True

    def _kill_server(self, fault: Fault) -> bool:
        self._server.restart("kill")
        return True

    def _slow(self, fault: Fault) -> bool:
        with self._server.stopped():
            time.sleep(fault.seconds)
        return True

    def _disturb(self, fault: Fault) -> bool:
        assert self._proxy is not None
        return self._proxy.order(fault.kind, fault.seconds, patience=fault.seconds + 3)

    def _part(self, fault: Fault) -> bool:
        if not self._hosts:
            return self._disturb(fault)
        host = self._hosts[fault.worker % len(self._hosts)]
        host.cut_off()
        self._later.append((time.monotonic() + fault.seconds, host.reconnect))
        return True

    @property
    def _server(self) -> Postgres:
        assert isinstance(self._database, Postgres)
        return self._database

    _DOING: ClassVar[dict[str, Callable[[Damage, Fault], bool]]] = {
        "kill a worker": _kill_worker,
        "kill the web": _kill_web,
        "stop a worker": _stop_worker,
        "jump of a clock": _jump,
        "duplicate delivery": _deliver,
        "late delivery": _deliver,
        "lost delivery": _deliver,
        "rival writer": _rival,
        "full disk": _fill_disk,
        "kill a backend": _kill_backend,
        "end a connection": _end_connection,
        "restart": _restart,
        "kill the server": _kill_server,
        "refuse connections": _disturb,
        "slow server": _slow,
        "cut before commit": _disturb,
        "cut after commit": _disturb,
        "cut anywhere": _disturb,
        "partition": _part,
        "deadlock": _rival,
        "serialisation": _rival,
    }


def _hold_the_file(url: str, seconds: float) -> int:
    """SQLite has one writer at a time."""
    database = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    with suppress(sqlite3.OperationalError):
        database.execute("begin immediate")
        time.sleep(seconds)
        database.execute("rollback")
    return 0


def _lock_crosswise(url: str, seconds: float) -> int:
    """Locks jobs first and their instances then, the other way round than the engine, which has to give way."""
    with suppress(DBAPIError), create_engine(url).begin() as connection:
        connection.execute(text("set deadlock_timeout = '10s'"))
        connection.execute(text("set lock_timeout = '5s'"))
        query = (
            "select instance_id from job where state in ('available', 'running') order by id desc limit 8 for update"
        )
        instances = [row[0] for row in connection.execute(text(query)) if row[0]]
        time.sleep(seconds)
        lock = text("select id from process_instance where id = any(:ids) order by id desc for update")
        connection.execute(lock, {"ids": instances})
    os._exit(0)


def _refuse_to_serialise(url: str, seconds: float) -> int:
    """For a while the server refuses one write in five of instances and jobs, as for want of serialisability."""
    with suppress(DBAPIError), create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        known = set(
            connection.execute(text("select tgrelid::regclass::text from pg_trigger where tgname = 'refuse'")).scalars()
        )
        if missing := {"process_instance", "job"} - known:
            connection.execute(_refusal(seconds=0))
            connection.execute(text("set lock_timeout = '1s'"))
            for table in sorted(missing):
                trigger = f"create trigger refuse after insert or update or delete on {table}"
                connection.execute(text(f"{trigger} for each statement execute function refuse()"))
        connection.execute(_refusal(seconds))
    os._exit(0)


def _refusal(seconds: float) -> TextClause:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return text(
        "create or replace function refuse() returns trigger language plpgsql as $$ begin "
        f"if clock_timestamp() < '{until}' and random() < 0.2 then "
        "raise exception 'could not serialize access, as a fault' using errcode = '40001'; end if; "
        "return null; end $$"
    )
