"""An example: a small process in a few lines of Python, and the elements it is drawn with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.elements.dialects import DIALECTS, Dialect, Text

ALL = tuple(DIALECTS)


@dataclass
class Parts:
    """What stands in an element, as XML. *roots*: what it refers to at the top of the file, by id."""

    attributes: dict[str, str] = field(default_factory=dict)
    extensions: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    roots: dict[str, str] = field(default_factory=dict)

    def add(self, other: Parts) -> Parts:
        self.attributes |= other.attributes
        self.extensions += other.extensions
        self.body += other.body
        self.roots |= other.roots
        return self


Part = Callable[[Dialect], Parts]


@dataclass(frozen=True)
class Node:
    """*host*: of a boundary event. *nodes*, *lines*: what a subprocess holds."""

    id: str
    tag: str
    name: str = ""
    parts: tuple[Part, ...] = ()
    host: str = ""
    nodes: tuple[Node, ...] = ()
    lines: str = ""

    def written(self, dialect: Dialect) -> Parts:
        found = Parts()
        for part in self.parts:
            found.add(part(dialect))
        return found

    @property
    def is_container(self) -> bool:
        return bool(self.nodes)


@dataclass(frozen=True)
class Data:
    """A data object or store above the flow. *reads*, *writes*: the activities that do."""

    id: str
    name: str
    is_store: bool = False
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    inside: Mapping[str, Part] = field(default_factory=dict)  # of the association, by activity


@dataclass(frozen=True)
class Partner:
    """A pool that is not opened, under the process; *messages*: (from, to) element ids, its own is 'partner'."""

    name: str
    messages: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Example:
    """*id*: the folder's name. *lines*: paths from left to right, one a row: 'Start Check ?large Approve'.

    `?name` before a step: its flow has the condition *conditions* give for that name; `/name`: it is the default flow;
    `~`: an association leads there; `.` leaves a column free. *shown*: ids of what the example is about. *scenario*:
    YAML below `models`. *not_in*: by dialect, why its editor cannot write this. *own_scenarios*: by dialect, where
    something else is expected by nature of the dialect. *refused*: by dialect, what the refusal must match.
    *others*: further elements at the top, such as a process to call. *files*: models beside the diagrams.
    """

    id: str
    group: str
    title: str
    says: str
    nodes: tuple[Node, ...]
    lines: str
    scenario: str
    shown: tuple[str, ...]
    conditions: Mapping[str, Text] = field(default_factory=dict)
    not_in: Mapping[str, str] = field(default_factory=dict)
    data: tuple[Data, ...] = ()
    pool: str = ""
    lanes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    partner: Partner | None = None
    process: Part | None = None
    flow_parts: Mapping[str, Part] = field(default_factory=dict)
    collaboration: Part | None = None
    others: Part | None = None
    own_scenarios: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def dialects(self) -> tuple[Dialect, ...]:
        return tuple(dialect for name, dialect in DIALECTS.items() if name not in self.not_in)

    @property
    def key(self) -> str:
        return self.id


def walk(nodes: tuple[Node, ...]) -> list[Node]:
    found: list[Node] = []
    for node in nodes:
        found += [node, *walk(node.nodes)]
    return found
