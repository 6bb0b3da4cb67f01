"""Finds for each token that shall begin the scope that it belongs in, and what has to be opened on the way there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpmn.model import EventKind, FlowNode, MultiInstance, NodeKind
from engine.errors import Conflict, InvalidInput
from engine.interpreter.beginning import Begin, Where
from engine.interpreter.elements.event_subprocess import EventSubprocessStartSpec
from engine.interpreter.elements.joining import JoiningGatewaySpec
from engine.interpreter.token import Token
from engine.interpreter.waiting_joins import flow_to_arrive_by
from engine.interpreter.workflow import LiveWorkflow
from engine.modification import Beginning, StartAfter, StartBefore, StartOn

Scope = Token | Begin
"""One that is open, or one that will be."""


class Placing:
    """*begun*: what begins in which open scope. *variables*: what is set, as if by a token in that scope.
    *cancelled*: the ids of the tokens that will be gone."""

    def __init__(self, workflow: LiveWorkflow, cancelled: Mapping[int, None]) -> None:
        self._workflow = workflow
        self._program = workflow.program
        self._cancelled = cancelled
        self._opened: list[Begin] = []
        self._parent: dict[int, Scope] = {}
        self.begun: list[tuple[Token, Begin]] = []
        self.variables: list[tuple[Token, Mapping[str, Any]]] = []

    def place(self, beginning: Beginning, near: Token | None = None) -> None:
        """*near*: the token whose scopes are preferred. Raises Conflict or InvalidInput."""
        begin, inside = self._target(beginning)
        owners = self._program.owners_of(inside)
        if begin.where is Where.EVENT:
            owners = owners[:-1]
        scope, to_open = self._scope(owners, inside, beginning.within, near)
        local = dict(beginning.local_variables)
        self.variables.append((self._token_of(scope), beginning.variables))
        for node in to_open:
            self._check_opens(node, inside, beginning.local_variables, is_instance=_is_body_of(scope, node))
            scope, local = self._open(scope, node, local), {}
        if _is_body_of(scope, self._program.spec_of(inside).node):
            begin = self._instance(begin, inside, local)
        self._keep_local(begin, local)
        self._name_arrival(begin, scope)
        self._add(scope, begin)

    def inside(self, scope: Scope) -> list[Begin]:
        """What begins in *scope*."""
        if isinstance(scope, Begin):
            return scope.inner
        return [begin for container, begin in self.begun if container is scope]

    def scopes(self) -> list[Scope]:
        """All in which something begins."""
        return [*{id(container): container for container, _ in self.begun}.values(), *self._opened]

    # --- what begins ---

    def _target(self, beginning: Beginning) -> tuple[Begin, str]:
        """What to begin, and an element that stands where it belongs. Raises InvalidInput."""
        match beginning:
            case StartOn(flow_id=flow_id):
                try:
                    return Begin(Where.FLOW, flow_id), self._program.flow(flow_id).target.node.id
                except KeyError:
                    key = self._program.process.key
                    raise InvalidInput(f"Process '{key}' has no sequence flow '{flow_id}'.") from None
            case StartAfter(element_id=element_id):
                flows = self._known(element_id).outgoing
                if len(flows) != 1:
                    raise InvalidInput(
                        f"{len(flows) or 'No'} sequence flows leave '{element_id}'. "
                        + ("Name the one to begin on." if flows else "Begin before an element instead.")
                    )
                return Begin(Where.FLOW, flows[0]), element_id
            case StartBefore(element_id=element_id):
                return self._before(self._known(element_id))

    def _known(self, element_id: str) -> FlowNode:
        if not self._program.has(element_id):
            key = self._program.process.key
            raise InvalidInput(f"Process '{key}' has no element '{element_id}' where a token could stand.")
        return self._program.spec_of(element_id).node

    def _before(self, node: FlowNode) -> tuple[Begin, str]:
        if node.is_for_compensation or (node.event is not None and _compensates_here(node)):
            raise InvalidInput(f"'{node.id}' is for compensation, which begins when something is undone.")
        if node.is_event_subprocess:
            starts = [each.id for each in node.body.nodes.values() if each.kind is NodeKind.START_EVENT]  # type: ignore[union-attr]
            if len(starts) != 1:
                raise InvalidInput(f"'{node.id}' has {len(starts)} start events. Name one of them.")
            node = self._program.spec_of(starts[0]).node
        if isinstance(self._program.spec_of(node.id), EventSubprocessStartSpec):
            if node.event is not None and node.event.kind is EventKind.COMPENSATION:
                raise InvalidInput(f"'{node.id}' is for compensation, which begins when something is undone.")
            return Begin(Where.EVENT, node.id), node.id
        return Begin(Where.BEFORE, node.id), node.id

    def _instance(self, begin: Begin, element_id: str, local: Mapping[str, Any]) -> Begin:
        if begin.where is not Where.BEFORE:
            raise Conflict(f"'{begin.name}' does not stand inside '{element_id}'.")
        self._check_item(self._program.spec_of(element_id).node, local)
        return Begin(Where.INSTANCE, element_id)

    def _keep_local(self, begin: Begin, local: dict[str, Any]) -> None:
        if local and begin.where not in (Where.BEFORE, Where.INSTANCE):
            raise InvalidInput(
                f"Local variables ({', '.join(sorted(local))}) have no scope of their own at '{begin.name}'. "
                "Begin before an activity, or set them as variables."
            )
        begin.local = local

    def _name_arrival(self, begin: Begin, scope: Scope) -> None:
        """A token that begins before a joining gateway counts as one that has arrived there."""
        spec = self._program.spec_of(begin.name) if begin.where is Where.BEFORE else None
        if spec is None or not spec.node.incoming:
            return
        is_joining = isinstance(spec, JoiningGatewaySpec) and len(spec.node.incoming) > 1
        if is_joining or spec.node.start_quantity > 1:
            if begin.local:
                raise InvalidInput(f"A token that waits at '{begin.name}' has no local variables.")
            begin.by = flow_to_arrive_by(self._workflow, self._cancelled, self, scope, spec)

    # --- where it belongs ---

    def _scope(
        self, owners: list[FlowNode], element_id: str, within: int | None, near: Token | None
    ) -> tuple[Scope, list[FlowNode]]:
        """The innermost scope that is there, and the subprocesses to open inside it."""
        if within is not None:
            return self._named_scope(owners, element_id, within)
        for level in range(len(owners), 0, -1):
            found = self._open_scopes(owners[level - 1].id)
            if near is not None:
                around = [each for each in found if any(scope is each for scope in near.scopes())]
                found = around or found
            if len(found) > 1:
                ids = ", ".join(str(each.id) if isinstance(each, Token) else "a new one" for each in found)
                raise Conflict(
                    f"'{owners[level - 1].id}' is open {len(found)} times (activities {ids}), so it is not clear in "
                    f"which of them '{element_id}' shall begin. Name one with `within`."
                )
            if found:
                return found[0], owners[level:]
        return self._workflow.root, owners

    def _named_scope(self, owners: list[FlowNode], element_id: str, within: int) -> tuple[Scope, list[FlowNode]]:
        token = self._workflow.tasks.get(within)
        if within == 0:
            return self._workflow.root, owners
        if token is None or not self._holds(token):
            raise Conflict(f"Activity {within} is no open scope that '{element_id}' could begin in.")
        for level, owner in enumerate(owners):
            if _is_body_of(token, owner):
                return token, owners[level:]
            if token.spec is self._program.spec_named(owner.id):
                return token, owners[level + 1 :]
        if _is_body_of(token, self._program.spec_of(element_id).node):
            return token, []
        raise Conflict(f"'{element_id}' does not stand in '{token.spec.node.id}' (activity {within}).")

    def _open_scopes(self, element_id: str) -> list[Scope]:
        spec = self._program.spec_named(element_id)
        tokens = [t for t in self._workflow.tasks.values() if t.spec is spec and self._holds(t)]
        return [*tokens, *(begin for begin in self._opened if begin.name == element_id)]

    def _holds(self, token: Token) -> bool:
        """Whether *token* is a scope that others stand in."""
        return token.is_open and not token.is_catcher and token.open_children > 0 and token.id not in self._cancelled

    def _check_opens(self, node: FlowNode, element_id: str, local: Mapping[str, Any], *, is_instance: bool) -> None:
        if node.is_event_subprocess:
            raise InvalidInput(
                f"'{element_id}' stands inside the event subprocess '{node.id}', which is not running. It begins at "
                "its start event: name that, or the event subprocess itself."
            )
        if node.is_for_compensation:
            raise InvalidInput(f"'{node.id}' is for compensation, which begins when something is undone.")
        if is_instance or isinstance(node.loop, MultiInstance):
            self._check_item(node, local)

    def _check_item(self, node: FlowNode, local: Mapping[str, Any]) -> None:
        """An instance that is made by hand has no item of the collection; it must be said."""
        loop = node.loop
        if not isinstance(loop, MultiInstance):
            raise InvalidInput(f"'{node.id}' repeats in turns; another one cannot be added. Begin before it instead.")
        if loop.collection is not None and loop.element_variable and loop.element_variable not in local:
            raise InvalidInput(
                f"An instance of '{node.id}' needs its item: give the local variable '{loop.element_variable}', or "
                f"begin before '{node.id}' for all items."
            )

    def _open(self, scope: Scope, node: FlowNode, local: dict[str, Any]) -> Begin:
        where = Where.INSTANCE if _is_body_of(scope, node) else Where.OPEN
        if where is Where.INSTANCE:
            self._check_parallel(node)
        opened = Begin(where, node.id, local)
        self._add(scope, opened)
        self._opened.append(opened)
        return opened

    def _check_parallel(self, node: FlowNode) -> None:
        if isinstance(node.loop, MultiInstance) and node.loop.is_sequential:
            raise InvalidInput(f"The instances of '{node.id}' come one after the other; another one cannot be added.")

    def _add(self, scope: Scope, begin: Begin) -> None:
        if begin.where is Where.INSTANCE:
            self._check_parallel(self._program.spec_of(begin.name).node)
        self._parent[id(begin)] = scope
        if isinstance(scope, Begin):
            scope.inner.append(begin)
        else:
            self.begun.append((scope, begin))

    def _token_of(self, scope: Scope) -> Token:
        while isinstance(scope, Begin):
            scope = self._parent[id(scope)]
        return scope


def _is_body_of(scope: Scope, node: FlowNode) -> bool:
    return isinstance(scope, Token) and scope.spec.holds_instances and scope.spec.node.id == node.id


def _compensates_here(node: FlowNode) -> bool:
    assert node.event is not None
    return node.kind is NodeKind.BOUNDARY_EVENT and node.event.kind is EventKind.COMPENSATION
