"""Stands between the workers and PostgreSQL, and does what networks do: cuts, refuses, delays.

It knows the one message of the protocol that matters, COMMIT, and loses the connection before it arrives or before
its answer does. Orders and answers are lines of JSON over a socket pair.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import socket
from typing import Any

from children import Child

COMMIT = b"COMMIT\0"  # as statement and as the answer's tag; JSON in statements has no NUL


class Proxy:
    """The run's end of it."""

    def __init__(self, target: str, addresses: list[str], seed: int) -> None:
        """*target*: the server's socket. *addresses*: to listen at."""
        self._ours, theirs = socket.socketpair()
        listeners = [socket.create_server((address, 0)) for address in addresses]
        self.ports = {address: each.getsockname()[1] for address, each in zip(addresses, listeners, strict=True)}
        self._child = Child("proxy", lambda up: _run(target, listeners, theirs, random.Random(seed), up))
        self._child.start()
        self._child.await_up(60)
        theirs.close()
        for each in listeners:
            each.close()
        self._lines = self._ours.makefile("rb")

    def order(self, do: str, seconds: float = 0, patience: float = 3) -> bool:
        """Whether it has been done; a cut waits for a commit to come along."""
        self._ours.sendall(json.dumps({"do": do, "seconds": seconds}).encode() + b"\n")
        if select.select([self._ours], [], [], patience)[0]:
            return json.loads(self._lines.readline())["done"]
        self._ours.sendall(b'{"do": "never mind"}\n')
        return json.loads(self._lines.readline())["done"]

    def close(self) -> None:
        self._child.kill()
        self._ours.close()


def _run(target: str, listeners: list[socket.socket], orders: socket.socket, dice: random.Random, comes_up: int) -> int:
    asyncio.run(_Relay(target, dice).serve(listeners, orders, comes_up))
    return 0


class _Relay:
    def __init__(self, target: str, dice: random.Random) -> None:
        self._target = target
        self._dice = dice
        self._wanted = ""  # the cut that is to be made
        self._connections: dict[int, list[asyncio.StreamWriter]] = {}
        self._refuses = False
        self._flows = asyncio.Event()
        self._answers: socket.socket

    async def serve(self, listeners: list[socket.socket], orders: socket.socket, comes_up: int) -> None:
        self._flows.set()
        self._answers = orders
        servers = [await asyncio.start_server(self._accept, sock=each) for each in listeners]
        reader, _ = await asyncio.open_connection(sock=orders)
        os.write(comes_up, b"!")
        while line := await reader.readline():
            await self._obey(json.loads(line))
        for server in servers:
            server.close()

    async def _obey(self, order: dict[str, Any]) -> None:
        match order["do"]:
            case "cut before commit" | "cut after commit" as cut:
                self._wanted = cut
            case "cut anywhere":
                has_met = bool(self._connections)
                self._cut(self._dice.choice(list(self._connections)) if has_met else None)
                self._answer(has_met)
            case "refuse connections":
                self._refuses = True
                has_met = bool(self._connections)
                for number in list(self._connections):
                    self._cut(number)
                await asyncio.sleep(order["seconds"])
                self._refuses = False
                self._answer(has_met)
            case "partition":  # where there are no hosts to cut off: nothing flows, nothing is closed
                self._flows.clear()
                await asyncio.sleep(order["seconds"])
                self._flows.set()
                self._answer(bool(self._connections))
            case "never mind":
                if self._wanted:
                    self._wanted = ""
                    self._answer(False)

    def _answer(self, done: bool) -> None:
        self._answers.send(json.dumps({"done": done}).encode() + b"\n")

    async def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if self._refuses:
            to_client.transport.abort()
            return
        try:
            server, to_server = await asyncio.open_unix_connection(self._target)
        except OSError:
            to_client.transport.abort()
            return
        number = id(to_client)
        self._connections[number] = [to_client, to_server]
        await asyncio.gather(self._pass(number, client, to_server, True), self._pass(number, server, to_client, False))

    async def _pass(self, number: int, source: asyncio.StreamReader, target: asyncio.StreamWriter, up: bool) -> None:
        try:
            while data := await source.read(65536):
                await self._flows.wait()
                if self._wanted == ("cut before commit" if up else "cut after commit") and COMMIT in data:
                    self._wanted = ""
                    self._answer(True)
                    break
                target.write(data)
                await target.drain()
        except OSError:
            pass
        self._cut(number)

    def _cut(self, number: int | None) -> None:
        for writer in self._connections.pop(number or 0, []):
            writer.transport.abort()
