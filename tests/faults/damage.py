"""How each fault is done to a company."""

from __future__ import annotations

import json
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from children import Child, is_stopped
from company import Company
from databases import NO_SPACE, Postgres, Sqlite
from hosts import Host
from load import CALLS, MET, ORDERS, note
from plan import Fault
from proxy import Proxy
from rivals import hold_the_file, lock_crosswise, refuse_to_serialise

Met = bool | Callable[[], bool | None]
"""Whether a fault has met something; or what tells it later: None as long as it cannot be told."""


class Damage:
    """*done*: the faults that met something; *missed*: those that did not, and were done as a kill of a worker.
    *deaths*: after each kill, the size of the call log and the agent steps that were saved by then."""

    def __init__(self, company: Company, database: Sqlite | Postgres, proxy: Proxy | None, hosts: list[Host]) -> None:
        self._company = company
        self._database = database
        self._proxy = proxy
        self._hosts = hosts
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._rivals: list[Child] = []
        self.deaths: list[dict[str, Any]] = []
        self._awaited: list[tuple[Fault, Callable[[], bool | None]]] = []
        self._orders = 0
        self.done: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()

    def do(self, fault: Fault) -> None:
        met = self._DOING[fault.kind](self, fault)
        if callable(met):
            self._awaited.append((fault, met))
        else:
            self._count(fault, met)

    def _count(self, fault: Fault, has_met: bool) -> None:
        if has_met:
            self.done[fault.kind] += 1
            return
        self.missed[fault.kind] += 1
        self._kill_worker(fault)
        self.done["kill a worker"] += 1

    def settle(self, seconds: float) -> None:
        """Waits until it is known of all faults whether they met something; what has met nothing by then has not."""
        until = time.monotonic() + seconds
        while self._awaited and time.monotonic() < until:
            self.pass_time(0.1)
        left, self._awaited = self._awaited, []
        for fault, _ in left:
            self._count(fault, False)

    def _look(self) -> None:
        awaited, self._awaited = self._awaited, []
        for fault, met in awaited:
            if (has_met := met()) is None:
                self._awaited.append((fault, met))
            else:
                self._count(fault, has_met)

    def pass_time(self, seconds: float) -> None:
        """Ends faults whose time has come meanwhile."""
        until = time.monotonic() + seconds
        self._look()
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
        worker.await_up(2 if fault.chance < 0.9 else 0.1)  # a few die while they come up
        return self._kill(worker)

    def _kill_web(self, fault: Fault) -> bool:
        """In the middle of a request, that long after it was sent; a few times while it comes up."""
        if fault.chance < 0.9:
            self._company.web.await_up(10)
            self._await_line(b'"result": "sent"')
            time.sleep(fault.seconds)
        return self._kill(self._company.web)

    def _kill_operator(self, fault: Fault) -> bool:
        """As the web: in the middle of what it asks of its engine."""
        if fault.chance < 0.9:
            self._company.operator.await_up(10)
            self._await_line(b'{"request": "m')
            time.sleep(fault.seconds)
        return self._kill(self._company.operator)

    def _await_line(self, words: bytes) -> None:
        log = self._company.folder / CALLS
        size, until = log.stat().st_size if log.exists() else 0, time.monotonic() + 1
        while time.monotonic() < until:
            with suppress(FileNotFoundError), log.open("rb") as lines:
                lines.seek(size)
                if words in lines.read():
                    break
            time.sleep(0.002)

    def _stop_worker(self, fault: Fault) -> bool:
        worker = self._company.workers[fault.worker]
        pid = worker.pid
        worker.signal(signal.SIGSTOP)

        def go_on() -> None:
            if worker.pid == pid:
                worker.signal(signal.SIGCONT)

        self._later.append((time.monotonic() + fault.seconds, go_on))
        return is_stopped(pid)

    def _jump(self, fault: Fault) -> bool:
        """Back to what is right is no jump where the clock was right."""
        name = f"worker-{fault.worker}"
        before = self._company.offsets.get(name, 0)
        self._company.set_clock(name, fault.seconds)
        return abs(fault.seconds - before) > 0.05

    def _deliver(self, fault: Fault) -> Met:
        self._orders += 1
        order, folder = self._orders, self._company.folder
        note(str(folder / ORDERS), do=fault.kind, order=order)

        def met() -> bool | None:
            answers = (folder / MET).read_text().splitlines() if (folder / MET).exists() else []
            return next((each["has_met"] for each in map(json.loads, answers) if each["order"] == order), None)

        return met

    def _rival(self, fault: Fault) -> Met:
        """It ends with status 0 where it has met somebody."""
        works: dict[str, Callable[[], int]] = {
            "rival writer": lambda: hold_the_file(self._database.url, fault.seconds),
            "deadlock": lambda: lock_crosswise(self._server, fault.seconds),
            "serialisation": lambda: refuse_to_serialise(self._server, fault.seconds),
        }
        work = works[fault.kind]
        rival = Child(fault.kind, lambda _: work())
        rival.start()
        self._rivals = [each for each in self._rivals if each.pid] + [rival]

        def met() -> bool | None:
            status = rival.ended()
            return None if status is None else status == 0

        return met

    def _fill_disk(self, fault: Fault) -> Met:
        if isinstance(self._database, Postgres):
            if not self._database.has_small_disk:
                return False
            refused = self._database.said(NO_SPACE)
            with self._database.full_disk():
                time.sleep(fault.seconds)
            self._database.ensure_up()
            self._database.await_ready()
            return self._database.said(NO_SPACE) > refused
        return self._limit_files(fault)

    def _limit_files(self, fault: Fault) -> Met:
        """No process may write beyond a point in the database's log: to SQLite, as if the disk were full. The log of
        calls, which is shorter, goes on. It has met something where somebody's write was refused."""
        lives = self._company.folder / "lives.log"
        said = lives.stat().st_size if lives.exists() else 0
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
        until = time.monotonic() + fault.seconds
        self._later.append((until, lift))

        def met() -> bool | None:
            if time.monotonic() < until + 0.1:
                return None
            with suppress(FileNotFoundError), lives.open("rb") as log:
                log.seek(said)
                return b"the database is away" in log.read()
            return False

        return met

    def _kill_backend(self, fault: Fault) -> bool:
        done = self._server.kill_backend(fault.chance)
        self._server.await_ready()
        return done

    def _end_connection(self, fault: Fault) -> bool:
        return self._server.end_connection(fault.chance)

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

    _DOING: ClassVar[dict[str, Callable[[Damage, Fault], Met]]] = {
        "kill a worker": _kill_worker,
        "kill the web": _kill_web,
        "kill the operator": _kill_operator,
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
