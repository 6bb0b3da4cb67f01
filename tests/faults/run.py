"""Does faults to a company at work, lets it finish, and has the checker look at what is left. `make faults` runs it.

    python tests/faults/run.py [sqlite] [postgresql] [--faults 1000] [--seed 20261122] [--instances 24] [--keep FOLDER]

The seed (also FERMATA_SEED) gives the same plan of faults again. Exit status 0: all is as it must be.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import clients
import company
from checker import figures, problems
from damage import Damage
from databases import NO_SPACE, Postgres, Sqlite
from hosts import Host, make_host, own_network
from keeping import cleaned
from load import NO_MORE, asked_for
from plan import SHARES, WORKERS, plan
from proxy import Proxy
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

SEED = 20261122
TIME_TO_FINISH = 300
TIME_TO_MEET = 15
"""Seconds after the last fault for those that wait for something to hit."""
HASTE = 0.2
"""How often, of one, a client gives up early, where anything is broken at all."""
LEAP, EVERY = 120, 6
"""Seconds by which all clocks leap ahead, and how often, while the work is finished: what was put off comes due, and
what is begun between two leaps keeps its lease."""


def main() -> int:
    options = _options()
    os.environ["FERMATA_OFFLINE"] = "1"
    why_no_hosts = own_network()
    if why_no_hosts:
        print(
            f"Skipped: {why_no_hosts}. Partitions are made by the proxy, no disk of PostgreSQL is filled.", flush=True
        )
    company.warm_up()
    failed = False
    for name in options.databases or list(SHARES):
        folder = _folder(options.keep, name)
        try:
            run = _Run(name, folder, options.seed, options.faults, has_hosts=not why_no_hosts)
            failed |= not run.succeeds(options.instances)
        finally:
            if options.keep is None:
                shutil.rmtree(folder, ignore_errors=True)
    return int(failed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("databases", nargs="*", choices=[*SHARES, []], help="default: both")
    parser.add_argument("--faults", type=int, default=1000, help="on each database")
    parser.add_argument("--instances", type=int, default=24, help="that are asked for at least")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("FERMATA_SEED", SEED)))
    parser.add_argument("--keep", type=Path, help="a folder to leave databases and logs in")
    return parser.parse_args()


def _folder(keep: Path | None, name: str) -> Path:
    if keep is not None:
        (keep / name).mkdir(parents=True)
        folder = (keep / name).resolve()
    else:
        folder = Path(tempfile.mkdtemp(prefix=f"fermata-faults-{name}-"))
    folder.chmod(0o755)  # PostgreSQL is another user
    return folder


class _Run:
    def __init__(self, name: str, folder: Path, seed: int, faults: int, *, has_hosts: bool) -> None:
        self._name = name
        self._folder = folder
        self._seed = seed
        self._plan = plan(seed, faults, name)
        self._hosts: list[Host] = []
        self._proxy: Proxy | None = None
        self._has_hosts = has_hosts

    def succeeds(self, instances: int) -> bool:
        began = time.monotonic()
        self._database = self._prepared()
        with company.open_engine(self._database.url) as engine:
            company.found(engine)
            tokens = {name: engine.tokens.add(name)[1] for name in clients.NAMES}
        urls, hosts = self._places()
        haste = HASTE if self._plan else 0

        def deal(port: int, comes_up: int) -> int:
            return clients.deal(self._folder, port, tokens, haste, self._seed, comes_up)

        self._company = company.Company(self._folder, urls, hosts, deal)
        self._damage = Damage(self._company, self._database, self._proxy, self._hosts)
        try:
            self._do_all()
            while len(asked_for(self._folder)) < instances:
                self._damage.pass_time(0.1)
            in_time = self._finish()
            found = [*self._company.unexpected, *problems(self._database.url, self._folder, self._damage.deaths)]
            if not in_time:
                found.insert(0, f"the work was not finished {TIME_TO_FINISH} s after the last fault")
            self._figures = figures(self._database.url, self._folder)
            if self._plan:  # a company that was left alone is kept as it is
                problems_of_cleanup, removed = cleaned(self._database.url, self._folder, self._seed)
                found += problems_of_cleanup
                self._figures["instances removed by a cleanup killed meanwhile"] = removed
            self._report(time.monotonic() - began, found)
            return not found
        finally:
            self._company.kill()
            self._damage.end_all()
            self._close()

    def _prepared(self) -> Sqlite | Postgres:
        if self._name == "sqlite":
            return Sqlite(self._folder)
        return Postgres(self._folder, has_small_disk=self._has_hosts)

    def _places(self) -> tuple[list[str], list[Host | None]]:
        """The URL of each life, the web's last, and the hosts of the workers: the first shares the web's."""
        database = self._database
        hosts: list[Host | None] = [None] * WORKERS
        if not isinstance(database, Postgres):
            return [database.url] * (WORKERS + 1), hosts
        if self._has_hosts:
            self._hosts = [make_host(number) for number in range(1, WORKERS)]
            hosts[1:] = self._hosts
        addresses = ["127.0.0.1", *(host.address for host in self._hosts)]
        self._proxy = Proxy(database.socket, addresses, self._seed)
        near, *far = [f"postgresql://postgres@{each}:{self._proxy.ports[each]}/company" for each in addresses]
        strict = f"{near}?options=-c%20default_transaction_isolation%3Dserializable"
        return [strict, *(far or [near] * (WORKERS - 1)), near], hosts

    def _do_all(self) -> None:
        for each in (*self._company.lives, self._company.clients):
            each.await_up(180)
        self._say(f"{len(self._plan)} faults on {self._name}, seed {self._seed}")
        for number, fault in enumerate(self._plan, start=1):
            self._damage.pass_time(fault.pause)
            self._damage.do(fault)
            if number % max(len(self._plan) // 20, 10) == 0:
                self._say(f"{number} of {len(self._plan)} faults, {len(asked_for(self._folder))} instances")
        self._damage.settle(TIME_TO_MEET)

    def _finish(self) -> bool:
        """Whether all that was asked for has ended in time."""
        (self._folder / NO_MORE).touch()
        self._damage.end_all()
        if isinstance(self._database, Postgres):
            self._database.ensure_up()
        began = time.monotonic()
        furthest = max((fault.seconds for fault in self._plan if fault.kind == "jump of a clock"), default=0)
        while not (is_done := self._is_done()) and time.monotonic() - began < TIME_TO_FINISH:
            leaps = int((time.monotonic() - began) / EVERY)
            for life in self._company.lives:
                self._company.set_clock(life.name, max(furthest, 0) + LEAP * leaps)
            self._damage.pass_time(0.5)
        self._say(f"finished {time.monotonic() - began:.0f} s after the last fault" if is_done else "not finished")
        self._company.stop()
        self._company.note_clocks()
        return is_done

    def _is_done(self) -> bool:
        query = "select business_key, state from process_instance where parent_id is null"
        database = create_engine(self._database.url)
        try:
            with database.connect() as connection:
                rows = [(row.business_key, row.state) for row in connection.execute(text(query))]
        except DBAPIError:
            return False
        finally:
            database.dispose()
        there = {key for key, _ in rows}
        return all(f"load-{number}" in there for number in asked_for(self._folder)) and not any(
            state in ("running", "suspended") for _, state in rows
        )

    def _report(self, seconds: float, found: list[str]) -> None:
        done = self._damage.done
        print(f"\n{sum(done.values()):,} faults on {self._name} in {seconds:.0f} s (seed {self._seed})")
        for kind in SHARES[self._name]:
            print(f"  {kind:<22}{done[kind]:>6,}")
        print("what the company did and met meanwhile")
        missed = {f"'{kind}' that met nothing: a kill instead": n for kind, n in self._damage.missed.items()}
        for what, count in {**self._figures, **self._met(), **missed}.items():
            print(f"  {what:<46}{count:>8,}")
        shown = Counter(found)
        print("FAILED" if found else "Nothing lost, nothing twice, nothing stuck, order kept.")
        for problem in list(shown)[:40]:
            print(f"  - {problem}")
        if len(shown) > 40:
            print(f"  and {len(shown) - 40} more")
        print(json.dumps({"database": self._name, "faults": sum(done.values()), "problems": len(found)}), flush=True)

    def _met(self) -> dict[str, Any]:
        log = self._folder / "lives.log"
        said = log.read_text(errors="replace") if log.exists() else ""
        met = {
            "results refused after a lost lease": said.count("the result of a job was not wanted any more"),
            "commits that failed, their commands run again": said.count("a shared commit failed"),
        }
        if isinstance(self._database, Postgres):
            server = self._database
            met |= {
                "restarts and recoveries of the server": server.restarts + server.said("reinitializing"),
                "deadlocks": server.said("deadlock detected"),
                "serialisation failures": server.said("could not serialize access"),
                "writes refused for want of room": server.said(NO_SPACE),
            }
        else:
            met["writes refused for want of room"] = said.count("the database is away")  # nothing else makes it so
        return met

    def _say(self, words: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {words}", flush=True)

    def _close(self) -> None:
        if self._proxy is not None:
            self._proxy.close()
        for host in self._hosts:
            host.holder.kill()
        if isinstance(self._database, Postgres):
            self._database.close()


if __name__ == "__main__":
    sys.exit(main())
