"""How data reaches flow nodes and leaves them: data associations, data stores, input sets (10.4)."""

from __future__ import annotations

from dataclasses import dataclass

from bpmn.model import Expression


@dataclass(frozen=True, slots=True)
class DataStore:
    """A value that outlives process instances. *key*: what it goes by among all processes of a database; *label*:
    for messages. *capacity*: the most items that a list in it may have (None: any)."""

    key: str
    label: str
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class DataEnd:
    """What a data association reads or writes: the variable *name*, or a *store* whose value goes by that name in
    the activity."""

    name: str
    store: DataStore | None = None


@dataclass(frozen=True, slots=True)
class DataAssignment:
    """The value of *source* goes to *target*: into the keys of *path* ('a.b') inside it, or in its place ('')."""

    target: DataEnd
    path: str
    source: Expression


@dataclass(frozen=True, slots=True)
class DataAssociation:
    """What *transformation* gives, or else the value of the only source, goes to *target*; with *assignments* and no
    transformation only they are made (10.4.2). No sources, or no target: drawn to an activity that declares none.
    *is_required*: of an output, that there is a value."""

    sources: tuple[DataEnd, ...] = ()
    target: DataEnd | None = None
    transformation: Expression | None = None
    assignments: tuple[DataAssignment, ...] = ()
    is_required: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class NodeData:
    """The data of one flow node. *input_sets*: of each set what it needs: for each data input the numbers of the
    *inputs* that fill it, one of which must be available."""

    inputs: tuple[DataAssociation, ...] = ()
    outputs: tuple[DataAssociation, ...] = ()
    input_sets: tuple[tuple[tuple[int, ...], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessInput:
    """A variable that a process takes as it starts."""

    name: str
    is_required: bool = True
