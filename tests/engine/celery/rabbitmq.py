"""A RabbitMQ of our own: Debian's packages, unpacked into a folder beside the tests' Python, so that nothing is
installed, no service is started, and nobody need be root. It listens on this machine only, on ports of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.engine.celery.brokers import NotThere, free_port, serving

PACKAGES = (
    "rabbitmq-server",
    *(f"erlang-{part}" for part in ("base", "asn1", "crypto", "eldap", "inets", "mnesia", "os-mon", "public-key")),
    *(f"erlang-{part}" for part in ("runtime-tools", "ssl", "syntax-tools", "tools", "xmerl")),
)
HERE = Path(sys.prefix) / "rabbitmq"
TIME_TO_GET = 120


def installed() -> Path:
    """The folder with `usr/lib/rabbitmq` and `usr/lib/erlang`: the system's, else ours, which is made at first.

    Raises NotThere.
    """
    for root in (Path("/"), HERE):
        if _is_there(root):
            return root
    programs = [name for name in ("apt-get", "dpkg") if shutil.which(name) is None]
    if programs:
        raise NotThere(
            f"There is no RabbitMQ, and no {programs[0]} to get it with. Install it: apt install rabbitmq-server."
        )
    try:
        _get()
    except OSError as problem:
        raise NotThere(f"RabbitMQ could not be unpacked into {HERE}: {problem}") from problem
    return HERE


def _get() -> None:
    with tempfile.TemporaryDirectory(prefix="rabbitmq-", dir=HERE.parent) as folder:
        _download(Path(folder))
        root = Path(folder) / "root"
        for package in Path(folder).glob("*.deb"):
            _run(["dpkg", "-x", package, root])
        if not _is_there(root):
            raise NotThere("Debian's packages are not laid out as expected: no usr/lib/rabbitmq or usr/lib/erlang.")
        if not _is_there(HERE):  # else another run was faster
            root.rename(HERE)


def _is_there(root: Path) -> bool:
    return all((root / "usr/lib" / each).is_dir() for each in ("rabbitmq/lib", "erlang/lib"))


def _download(folder: Path) -> None:
    """Asks for a fresh list of packages where the one that is there, if any, does not lead to them."""
    command = ["apt-get", "download", "-qq", "-o", "Acquire::Retries=3", "-o", "APT::Sandbox::User=root", *PACKAGES]
    try:
        _run(command, folder)
    except NotThere:
        if os.geteuid() != 0:
            raise
        _run(["apt-get", "update", "-qq"], folder)
        _run(command, folder)


def _run(command: Sequence[str | Path], folder: Path | None = None) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=TIME_TO_GET)
    except subprocess.TimeoutExpired as problem:
        raise NotThere(f"RabbitMQ could not be had: {problem}") from problem
    except subprocess.CalledProcessError as problem:
        said = (problem.stderr.strip() or problem.stdout.strip()).splitlines()[-1:]
        raise NotThere(
            f"RabbitMQ could not be had: {command[0]} said {said}. Install it: apt install rabbitmq-server."
        ) from problem


class RabbitMQ:
    """One node, with its data in *folder*, and the port mapper that Erlang wants."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lib = installed() / "usr/lib"
        self._programs = next((self._lib / "erlang").glob("erts-*")) / "bin"
        self._port, self._mapper_port = free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}//"
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.local = 127.0.0.1:{self._port}\n")
        (folder / "enabled_plugins").write_text("[].\n")
        self._environment = self._made_environment()
        self._mapper = serving([self._programs / "epmd"], self._mapper_port, folder, self._environment)
        try:
            self._node = self._start()
        except NotThere:
            self._mapper.kill()
            raise

    def restart(self) -> None:
        """Killed, and started again with what it has on disk."""
        self._node.kill()
        self._node.wait()
        self._node = self._start()

    def forget(self, queues: Sequence[str]) -> None:
        from celery import Celery

        with Celery(broker=self.url).connection_for_write() as connection:
            for queue in queues:
                connection.default_channel.queue_purge(queue)

    def close(self) -> None:
        for process in (self._node, self._mapper):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [
            *(self._programs / "erlexec", "-noinput", "-start_epmd", "false", "-boot", "start_sasl"),
            *("-s", "rabbit", "boot", "+W", "w", "+S", "1:1", "+sbwt", "none"),
            *("-kernel", "inet_dist_use_interface", "{127,0,0,1}"),
            *("-kernel", "prevent_overlapping_partitions", "false"),
            *("-syslog", "logger", "[]", "-syslog", "syslog_error_logger", "false"),
        ]
        return serving(command, self._port, self._folder, self._environment)

    def _made_environment(self) -> dict[str, str]:
        """What its own shell scripts would set, which look for everything in /usr and /var."""
        rabbit = next((self._lib / "rabbitmq/lib").glob("rabbitmq_server-*"))
        places = {
            **dict.fromkeys(("HOME", "SYS_PREFIX", "RABBITMQ_BASE"), self._folder),
            "ROOTDIR": self._lib / "erlang",
            "BINDIR": self._programs,
            "ERL_LIBS": rabbit / "plugins",
            "RABBITMQ_HOME": rabbit,
            "RABBITMQ_PLUGINS_DIR": rabbit / "plugins",
            "RABBITMQ_CONFIG_FILE": self._folder / "rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": self._folder / "enabled_plugins",
            "RABBITMQ_CONF_ENV_FILE": self._folder / "no-settings",
            "RABBITMQ_ADVANCED_CONFIG_FILE": self._folder / "advanced.config",
            "RABBITMQ_GENERATED_CONFIG_DIR": self._folder / "generated",
            "RABBITMQ_FEATURE_FLAGS_FILE": self._folder / "feature_flags",
            "RABBITMQ_PID_FILE": self._folder / "pid",
            "RABBITMQ_MNESIA_BASE": self._folder / "data",
            "RABBITMQ_LOG_BASE": self._folder / "log",
        }
        return {
            "PATH": os.environ["PATH"],
            "EMU": "beam",
            "PROGNAME": "erl",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_MAX_ETS_TABLES": "50000",
            "ERL_MAX_PORTS": "65536",
            "RABBITMQ_NODENAME": "fermata@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            **{name: str(place) for name, place in places.items()},
        }
