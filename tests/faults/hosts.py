"""Machines of their own for workers: network namespaces with their own host names, that can be cut off.

They live as long as a process that holds each, so nothing of them is left whatever becomes of the run.
"""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from socket import sethostname

from children import CLONE_NEWNET, CLONE_NEWUTS, Child, enter, own_mounts, unshare


@dataclass(slots=True)
class Host:
    """*address*: where it finds the rest of the world."""

    name: str
    address: str
    holder: Child
    link: str

    def join(self) -> None:
        """Moves the calling process there."""
        enter(self.holder.pid, "net")
        enter(self.holder.pid, "uts")

    def cut_off(self) -> None:
        _ip("link", "set", self.link, "down")

    def reconnect(self) -> None:
        _ip("link", "set", self.link, "up")


def own_network() -> str | None:
    """Gives this process a network and mounts of its own; why not, where that cannot be."""
    try:
        unshare(CLONE_NEWNET)
        own_mounts()
        _ip("link", "set", "lo", "up")
    except OSError as problem:
        return f"no hosts of their own: {problem.strerror} ({problem.filename}); it takes Linux, root and `ip`"
    except subprocess.CalledProcessError as problem:
        return f"no hosts of their own: {problem.stderr.strip()}"
    return None


def make_host(number: int) -> Host:
    """For a process that has a network of its own."""
    holder = Child(f"host-{number}", lambda comes_up: _hold(number, comes_up))
    holder.start()
    assert holder.await_up(60), "a network namespace could not be made"
    network, link = f"10.231.{number}", f"fermata{number}"
    _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(holder.pid))
    _ip("addr", "add", f"{network}.1/24", "dev", link)
    _ip("link", "set", link, "up")
    inside = ("nsenter", "-t", str(holder.pid), "-n")
    for command in (
        ("addr", "add", f"{network}.2/24", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
        ("link", "set", "lo", "up"),
    ):
        _ip(*command, before=inside)
    return Host(f"host-{number}", f"{network}.1", holder, link)


def _hold(number: int, comes_up: int) -> int:
    unshare(CLONE_NEWNET | CLONE_NEWUTS)
    sethostname(f"fermata-host-{number}")
    os.write(comes_up, b"!")
    while True:
        time.sleep(60)


def _ip(*arguments: str, before: tuple[str, ...] = ()) -> None:
    subprocess.run([*before, "ip", *arguments], check=True, capture_output=True, text=True)
