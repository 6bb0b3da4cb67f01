"""Data associations of one flow node (10.4.2): what it reads as it begins and writes as it ends.

Inputs and outputs are variables local to the activity; data objects are variables of the scope that they are drawn
in, so that an association that names nothing else has nothing to do for them. Data stores are read into a local
variable and written from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bpmn.data import DataAssociation, DataEnd, NodeData
from engine.events import UNSET
from engine.interpreter.compiling import Compiler, Evaluate
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.values import merged, same

if TYPE_CHECKING:
    from engine.interpreter.token import Token

_WHOLE = ""  # the key of a payload that is one value (engine.interpreter.payload)


@dataclass(frozen=True, slots=True)
class _Move:
    """One association, compiled. *assignments*: (target, path, evaluate)."""

    association: DataAssociation
    transform: Evaluate | None
    assignments: tuple[tuple[DataEnd, str, Evaluate], ...]

    @property
    def copies(self) -> bool:
        """Whether the value of the source goes to the target as it is."""
        return self.transform is None and not self.assignments


class DataFlow:
    """*local_names*: the variables that stay in the activity."""

    def __init__(self, compiler: Compiler, data: NodeData, element_id: str) -> None:
        self._element_id = element_id
        self._sets = data.input_sets
        self._inputs = tuple(_compiled(compiler, each) for each in data.inputs)
        self._outputs = tuple(_compiled(compiler, each) for each in data.outputs)
        self._written = {e.store.key for each in data.outputs for e in _targets(each) if e.store}
        self.local_names = frozenset(_local_names(data))

    # --- before the work ---

    def missing(self, token: Token) -> list[DataEnd]:
        """What the first input set lacks; empty when one of the sets is available, or nothing is needed."""
        lacks = [[fillers for fillers in needed if not self._is_any_available(token, fillers)] for needed in self._sets]
        if not lacks or any(not lack for lack in lacks):
            return []
        sources = (s for fillers in lacks[0] for s in self._inputs[fillers[0]].association.sources)
        return [source for source in sources if self._value(token, source) is UNSET]

    def fill(self, token: Token) -> None:
        """The inputs become variables of the activity; what has no value stays away."""
        for move in self._inputs:
            sources = move.association.sources
            values = [self._read(token, source) for source in sources]
            if UNSET in values:
                continue
            target = move.association.target
            if move.transform is not None and target is not None:
                _set_local(token, target.name, move.transform(token))
            elif move.copies and target is not None and sources and target.name != sources[0].name:
                _set_local(token, target.name, values[0])
            for end, path, evaluate in move.assignments:
                _set_local(token, end.name, merged(token.data.get(end.name), path, evaluate(token)))
        names = (end.name for each in self._inputs for end in (*each.association.sources, *_targets(each.association)))
        token.memory["taken"] = {name: token.data[name] for name in names if name in token.data}

    def payload(self, token: Token) -> dict[str, Any]:
        """What a throwing event sends by its data inputs; a single one is the whole payload too."""
        ends = [each.association.target or each.association.sources[0] for each in self._inputs if _ends(each)]
        variables = token.variables
        sent = {end.name: variables[end.name] for end in ends if end.name in variables}
        return {_WHOLE: next(iter(sent.values())), **sent} if len(sent) == 1 else sent

    # --- after the work ---

    def received(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The data outputs of a catching event: each takes what the *payload* has by its name or by that of where it
        goes, else all of it."""
        found: dict[str, Any] = {}
        for move in self._outputs:
            sources, target = move.association.sources, move.association.target
            name = sources[0].name if sources else target.name if target is not None else ""
            if not name or name in payload:
                continue
            if sources and target is not None and target.name in payload:
                found[name] = payload[target.name]
            elif _WHOLE in payload:
                found[name] = payload[_WHOLE]
            elif sources and payload:
                found[name] = dict(payload)
        return found

    def deliver(self, token: Token) -> None:
        """The outputs go where they are drawn to. Raises ActivityFailed for a data store that gets no value."""
        for move in self._outputs:
            target = move.association.target
            if move.transform is not None and target is not None:
                self._write(token, target, move.transform(token), move.association.line)
            elif move.copies and target is not None:
                self._copy(token, move.association, target)
            for end, path, evaluate in move.assignments:
                self._assign(token, end, path, evaluate(token), move.association.line)

    # --- the record ---

    def taken(self, token: Token) -> dict[str, Any]:
        """The inputs as they were, for history."""
        return token.memory.get("taken", {})

    def given(self, token: Token) -> dict[str, Any]:
        return token.memory.get("given", {})

    def _copy(self, token: Token, association: DataAssociation, target: DataEnd) -> None:
        source = association.sources[0] if association.sources else target
        value = self._own(token, source.name)
        if value is UNSET and target.store is not None:
            value = token.variables.get(target.name, UNSET)
        if value is UNSET:
            if association.is_required and target.store is not None:
                name = source.name if source is not target else target.name
                raise ActivityFailed(
                    "data",
                    f"'{self._element_id}' writes data store '{target.store.label}', but its variable '{name}' has no "
                    "value. Set it in the activity, or by hand, and retry.",
                    association.line,
                )
            return
        if target.store is not None or source.name != target.name:
            self._write(token, target, value, association.line)

    def _own(self, token: Token, name: str) -> Any:
        if name in self.local_names:
            return token.data.get(name, UNSET)
        return token.variables.get(name, UNSET)

    def _assign(self, token: Token, end: DataEnd, path: str, value: Any, line: int) -> None:
        if path:
            stores = token.workflow.stores
            before = stores.current(end.store) if end.store is not None else token.container.variables.get(end.name)
            value = merged(before, path, value)
        self._write(token, end, value, line)

    def _write(self, token: Token, target: DataEnd, value: Any, line: int) -> None:
        if target.store is None:
            token.workflow.set_variable_from(token.container, target.name, value, token.id)
        elif not same(self.taken(token).get(target.name, UNSET), value) and not same(
            token.workflow.stores.current(target.store), value
        ):
            token.workflow.stores.write(token, target.store, value, line)
        token.memory.setdefault("given", {})[target.name] = value

    def _is_any_available(self, token: Token, fillers: tuple[int, ...]) -> bool:
        return any(
            all(self._value(token, source) is not UNSET for source in self._inputs[filler].association.sources)
            for filler in fillers
        )

    def _value(self, token: Token, source: DataEnd) -> Any:
        if source.store is not None:
            return token.workflow.stores.peek(source.store)
        return token.variables.get(source.name, UNSET)

    def _read(self, token: Token, source: DataEnd) -> Any:
        if source.store is None:
            return token.variables.get(source.name, UNSET)
        value = token.workflow.stores.read(token, source.store, to_write=source.store.key in self._written)
        if value is not UNSET:
            _set_local(token, source.name, value)
        return value


def _compiled(compiler: Compiler, association: DataAssociation) -> _Move:
    assignments = tuple((each.target, each.path, compiler.expression(each.source)) for each in association.assignments)
    return _Move(association, compiler.optional(association.transformation), assignments)


def _targets(association: DataAssociation) -> list[DataEnd]:
    ends = [each.target for each in association.assignments]
    return [*ends, association.target] if association.target is not None else ends


def _ends(move: _Move) -> bool:
    return move.association.target is not None or bool(move.association.sources)


def _local_names(data: NodeData) -> list[str]:
    names: list[str] = []
    for each in data.inputs:
        shared = {source.name for source in each.sources if source.store is None}
        names += [end.name for end in (*each.sources, *_targets(each)) if end.name not in shared]
    for each in data.outputs:
        shared = {end.name for end in _targets(each) if end.store is None}
        names += [end.name for end in (*each.sources, *_targets(each)) if end.name not in shared]
    return names


def _set_local(token: Token, name: str, value: Any) -> None:
    token.workflow.set_local(token, name, value, token.id)
