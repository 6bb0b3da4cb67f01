"""Stands between an engine and PostgreSQL, and does harm to their connection."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Self

from sqlalchemy import URL

COMMIT = b"COMMIT"


class Proxy:
    """*refuses*: ends every connection at once. *lose_commit*: the next commit does not reach the server ("sent"),
    or its answer does not reach the client ("answered"); the connection ends."""

    def __init__(self, url: URL) -> None:
        folder = url.query["host"]
        assert isinstance(folder, str)
        self._target = f"{folder}/.s.PGSQL.{url.port or 5432}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = url.set(host="127.0.0.1", port=port, query={"sslmode": "disable", "gssencmode": "disable"})
        self.refuses = False
        self.lose_commit: str | None = None
        self.lost = 0
        self._lock = Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.break_all()
        for thread in self._threads:
            thread.join()

    def break_all(self) -> None:
        """Ends all connections there are."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _end(*pair)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refuses:
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._target)
            with self._lock:
                self._pairs.append((client, server))
            is_deaf, has_answered = Event(), Event()
            for work in (
                Thread(target=self._ask, args=(client, server, is_deaf, has_answered), daemon=True),
                Thread(target=self._answer, args=(client, server, is_deaf, has_answered), daemon=True),
            ):
                self._threads.append(work)
                work.start()

    def _ask(self, client: socket.socket, server: socket.socket, is_deaf: Event, has_answered: Event) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                harm = self._harm() if COMMIT in data else None
                if harm == "sent":
                    break
                if harm == "answered":
                    is_deaf.set()
                server.sendall(data)
                if harm == "answered":
                    has_answered.wait(120)
                    break
        _end(client, server)

    def _answer(self, client: socket.socket, server: socket.socket, is_deaf: Event, has_answered: Event) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if is_deaf.is_set():
                    has_answered.set()
                else:
                    client.sendall(data)
        _end(client, server)

    def _harm(self) -> str | None:
        with self._lock:
            harm, self.lose_commit = self.lose_commit, None
            self.lost += harm is not None
        return harm


def _end(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
