"""Which faults a run does, in which order: the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

WORKERS = 3
SHARES: Mapping[str, Mapping[str, int]] = {  # how many of a thousand
    "sqlite": {
        "kill a worker": 320,
        "kill the web": 130,
        "kill the operator": 20,
        "stop a worker": 60,
        "jump of a clock": 130,
        "duplicate delivery": 90,
        "late delivery": 60,
        "lost delivery": 40,
        "rival writer": 90,
        "full disk": 60,
    },
    "postgresql": {
        "kill a worker": 175,
        "kill the web": 80,
        "kill the operator": 15,
        "stop a worker": 40,
        "jump of a clock": 90,
        "duplicate delivery": 70,
        "late delivery": 40,
        "lost delivery": 30,
        "kill a backend": 25,
        "end a connection": 70,
        "restart": 20,
        "kill the server": 15,
        "refuse connections": 40,
        "slow server": 40,
        "cut before commit": 70,
        "cut after commit": 70,
        "cut anywhere": 30,
        "partition": 30,
        "deadlock": 25,
        "serialisation": 15,
        "full disk": 10,
    },
}
"""Kinds of faults by database. What a database cannot suffer is missing."""
_SECONDS: Mapping[str, tuple[float, float]] = {
    "kill the web": (0, 0.02),
    "kill the operator": (0, 0.02),
    "stop a worker": (0.2, 5),
    "rival writer": (0.05, 0.8),
    "full disk": (0.1, 0.8),
    "refuse connections": (0.1, 1),
    "slow server": (0.1, 0.8),
    "partition": (0.2, 4),
    "deadlock": (0.1, 0.5),
    "serialisation": (0.5, 1.5),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """*pause*: seconds since the last one; *worker*: the one that it is for; *seconds*: how long it lasts, by how many
    a clock jumps, or how long after the sending of a request the web is killed; *chance*: from 0 to 1,
    for whatever else is left to it."""

    kind: str
    pause: float
    worker: int
    seconds: float
    chance: float


def plan(seed: int, faults: int, database: str) -> list[Fault]:
    """As many of each kind as its share says (at least one, if any at all), shuffled."""
    if faults == 0:
        return []
    dice = random.Random(f"{seed} {database}")
    shares = SHARES[database]
    kinds = [kind for kind, share in shares.items() for _ in range(max(faults * share // 1000, 1))]
    kinds += dice.choices(list(shares), list(shares.values()), k=max(faults - len(kinds), 0))
    dice.shuffle(kinds)
    return [
        Fault(
            kind,
            round(_pause(dice), 3),
            dice.randrange(WORKERS),
            round(_seconds(dice, kind), 3),
            round(dice.random(), 3),
        )
        for kind in kinds
    ]


def _pause(dice: random.Random) -> float:
    return dice.uniform(0, 0.2) if dice.random() < 0.9 else dice.uniform(0.2, 1)


def _seconds(dice: random.Random, kind: str) -> float:
    if kind == "jump of a clock":
        return dice.choice([-1, 0, 1]) * 10 ** dice.uniform(-1, 3.9)  # up to two hours, or back to what is right
    return dice.uniform(*_SECONDS.get(kind, (0, 0)))
