"""A decision model as it was drawn: frozen records, DMN 1.5's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bpmn.dmn.program import Program


class HitPolicy(StrEnum):
    UNIQUE = "UNIQUE"
    FIRST = "FIRST"
    PRIORITY = "PRIORITY"
    ANY = "ANY"
    COLLECT = "COLLECT"
    RULE_ORDER = "RULE ORDER"
    OUTPUT_ORDER = "OUTPUT ORDER"


@dataclass(frozen=True, slots=True)
class Text:
    """An expression of the model. *language*: 'feel', 'juel' or 'python'."""

    text: str
    line: int = 0
    language: str = "feel"
    type_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """A column of conditions. *values*: the editor's choices; as in Camunda, other values match no rule
    but are no error."""

    id: str
    label: str
    expression: Text
    variable: str | None = None
    values: Text | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """A column of results. *values*: the allowed ones, best first. *default*: where no rule matches."""

    id: str
    name: str
    label: str = ""
    type_ref: str | None = None
    values: Text | None = None
    default: Text | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    conditions: tuple[Text, ...]
    results: tuple[Text, ...]
    description: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """*aggregation*: SUM, MIN, MAX or COUNT of a COLLECT table."""

    hit_policy: HitPolicy
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    rules: tuple[Rule, ...]
    aggregation: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """*name* is None for the last entry, the context's result."""

    name: str | None
    value: Logic
    type_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    entries: tuple[ContextEntry, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    items: tuple[Logic, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    columns: tuple[str, ...]
    rows: tuple[tuple[Logic, ...], ...]


@dataclass(frozen=True, slots=True)
class Invocation:
    function: Logic
    bindings: tuple[tuple[str, Logic], ...]


@dataclass(frozen=True, slots=True)
class FunctionDefinition:
    """*kind*: FEEL, or Java and PMML, which are not run. *parameters*: (name, type)."""

    parameters: tuple[tuple[str, str | None], ...]
    body: Logic
    kind: str = "FEEL"
    line: int = 0


@dataclass(frozen=True, slots=True)
class Conditional:
    condition: Logic
    then: Logic
    otherwise: Logic


@dataclass(frozen=True, slots=True)
class Filter:
    source: Logic
    match: Logic


@dataclass(frozen=True, slots=True)
class Iterator:
    """*kind*: for, some or every."""

    kind: str
    variable: str
    source: Logic
    body: Logic


Logic = (
    Text
    | DecisionTable
    | Context
    | Listing
    | Relation
    | Invocation
    | FunctionDefinition
    | Conditional
    | Filter
    | Iterator
)


@dataclass(frozen=True, slots=True)
class ItemDefinition:
    """A type. *values*: unary tests on it; *components*: the entries of a structure."""

    name: str
    base: str | None = None
    is_collection: bool = False
    values: Text | None = None
    components: tuple[ItemDefinition, ...] = ()
    is_function: bool = False


@dataclass(frozen=True, slots=True)
class InputData:
    id: str
    name: str
    type_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """*requires*: ids of the inputs, decisions and knowledge models it is drawn to depend on."""

    id: str
    name: str
    logic: Logic | None
    requires: tuple[str, ...] = ()
    type_ref: str | None = None
    line: int = 0
    version_tag: str | None = None

    @property
    def hit_policy(self) -> HitPolicy | None:
        return self.logic.hit_policy if isinstance(self.logic, DecisionTable) else None


@dataclass(frozen=True, slots=True)
class KnowledgeModel:
    """A business knowledge model: a function that decisions call."""

    id: str
    name: str
    function: FunctionDefinition
    requires: tuple[str, ...] = ()
    type_ref: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class DecisionService:
    """A function over part of the graph. *inputs*: ids of its parameters, inputs before decisions."""

    id: str
    name: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    version_tag: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Import:
    """Another model that this one speaks of by *name*."""

    name: str
    namespace: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class DecisionModel:
    """One .dmn file. *program*: it compiled, for `decide`. *imported*: other models by namespace, once linked;
    what is theirs is referred to as 'namespace#id'."""

    id: str
    name: str
    file: str
    decisions: Mapping[str, Decision]
    inputs: Mapping[str, InputData]
    knowledge: Mapping[str, KnowledgeModel]
    services: Mapping[str, DecisionService]
    types: Mapping[str, ItemDefinition]
    namespace: str = ""
    imports: tuple[Import, ...] = ()
    imported: Mapping[str, DecisionModel] = field(default_factory=dict[str, "DecisionModel"])
    _program: list[Any] = field(default_factory=list[Any], repr=False, compare=False)

    @property
    def program(self) -> Program:
        """Compiled on first use, then kept."""
        if not self._program:
            from bpmn.dmn.program import Program

            self._program.append(Program(self))
        return self._program[0]

    def decision(self, key: str) -> Decision | None:
        """By id, or else by name."""
        found = self.decisions.get(key)
        return found or next((d for d in self.decisions.values() if d.name == key), None)

    def service(self, key: str) -> DecisionService | None:
        """By id, or else by name."""
        return self.services.get(key) or next((s for s in self.services.values() if s.name == key), None)
