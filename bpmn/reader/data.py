"""Data of flow nodes, scopes and processes (10.4): what associations, sets and data stores mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bpmn.data import DataAssignment, DataAssociation, DataEnd, DataStore, NodeData, ProcessInput
from bpmn.dialects.base import Adapter
from bpmn.document import Document, Element, local, text_inside
from bpmn.model import DataObject, Expression

PLACEHOLDER: Final = "__targetRef_placeholder"  # a property that bpmn.io adds where no data input is declared
STORES: Final = ("dataStoreReference", "dataStore")
_PATH: Final = re.compile(r"[^\W\d][\w -]*(\.[^\W\d][\w -]*)*")


def read_data(element: Element, adapter: Adapter) -> NodeData | None:
    """The data of a flow node; None where nothing has to be done for it."""
    inputs = [each for each in element.all("dataInputAssociation") if is_executed(each, adapter)]
    outputs = [each for each in element.all("dataOutputAssociation") if is_executed(each, adapter)]
    if not inputs and not outputs:
        return None
    holder = element.child("ioSpecification") or element  # events have theirs without a specification
    required = _required(holder, "outputSet", "Output")
    return NodeData(
        tuple(_association(each, adapter, is_required=False) for each in inputs),
        tuple(_association(each, adapter, is_required=_is_needed(each, required, adapter)) for each in outputs),
        tuple(_input_sets(holder, inputs, adapter)),
    )


def is_executed(association: Element, adapter: Adapter) -> bool:
    """Whether the association does anything: in some dialects one that computes nothing is a picture."""
    if association.child("assignment") is not None or association.child("transformation") is not None:
        return True
    return not adapter.data_is_drawn_only and any(part.text.strip() for part in association.all(*_ENDS))


def read_data_objects(scope: Element, adapter: Adapter) -> Iterator[DataObject]:
    """Those that are variables of the scope's own."""
    for element in scope.all("dataObject"):
        default = adapter.data_default(element)
        if default is None and adapter.data_is_drawn_only:
            continue
        identifier = element.id or f"{element.name}@{element.line}"
        name = variable_of(element, adapter)
        yield DataObject(identifier, name, element.flag("isCollection"), element.line, default)


def read_process_data(process: Element, adapter: Adapter) -> tuple[tuple[ProcessInput, ...], tuple[str, ...] | None]:
    """What a process takes as it starts and what it gives; None for the latter: every variable."""
    holder = process.child("ioSpecification")
    if holder is None or adapter.data_is_drawn_only:
        return (), None
    sets = holder.all("inputSet")
    required = _refs(sets[0], "Input") if sets else frozenset[str]()
    inputs = [ProcessInput(variable_of(each, adapter), each.id in required) for each in holder.all("dataInput")]
    outputs = [variable_of(each, adapter) for each in holder.all("dataOutput")]
    return tuple(inputs), tuple(outputs) or None


def variable_of(element: Element, adapter: Adapter) -> str:
    """The variable that holds a data element: its name where that can be one, else its id (or the other way round,
    as the dialect has it)."""
    document = adapter.document
    names = [element.get("name")]
    if element.name in ("dataObjectReference", "dataStoreReference"):
        referred = document.resolve(element.get(_REFERENCE[element.name]))
        names = [referred.get("name"), *names] if referred is not None else names
        identifier = referred.id if referred is not None else local(element.get(_REFERENCE[element.name]))
    else:
        reference = "dataObjectReference" if element.name == "dataObject" else "dataStoreReference"
        if element.name in ("dataObject", "dataStore"):
            names += [each.get("name") for each in document.referring(reference, _REFERENCE[reference], element.id)]
        identifier = element.id
    if adapter.data_goes_by_id and identifier:
        return identifier
    candidates = [name for name in (*names, identifier or element.id) if name]
    return next((name for name in candidates if name.isidentifier()), candidates[0] if candidates else element.name)


def store_of(element: Element, document: Document) -> DataStore:
    """The store that a dataStoreReference or dataStore means: by the id of the dataStore, else by the name of the
    reference, else by its id."""
    reference = local(element.get("dataStoreRef"))
    described = document.resolve(reference) if reference else element if element.name == "dataStore" else None
    key = described.id if described is not None else reference or element.get("name") or element.id
    return DataStore(" ".join(key.split()), element.get("name") or key, _capacity(described))


_ENDS: Final = ("sourceRef", "targetRef")
_REFERENCE: Final = {"dataObjectReference": "dataObjectRef", "dataStoreReference": "dataStoreRef"}


def _association(element: Element, adapter: Adapter, *, is_required: bool) -> DataAssociation:
    sources = [_end(part.text, adapter) for part in element.all("sourceRef")]
    target = element.child("targetRef")
    end = _end(target.text, adapter) if target is not None else None
    return DataAssociation(
        tuple(source for source in sources if source is not None),
        end,
        _transformation(element.child("transformation"), adapter),
        tuple(_assignments(element, end, adapter)),
        is_required,
        element.line,
    )


def _end(reference: str, adapter: Adapter) -> DataEnd | None:
    target = adapter.document.resolve(reference) if reference.strip() else None
    if target is None or (target.name == "property" and target.get("name") == PLACEHOLDER):
        return None
    store = store_of(target, adapter.document) if target.name in STORES else None
    return DataEnd(variable_of(target, adapter), store)


def _transformation(element: Element | None, adapter: Adapter) -> Expression | None:
    """The expression; some editors put DMN's boxed literal expression around it."""
    if element is None or not element.text.strip().startswith("<"):
        return adapter.expression(element)
    boxed = text_inside(element.text.strip(), "text")
    unboxed = Element(element.name, element.attributes, boxed or "", element.line, element.parent)
    return adapter.expression(unboxed)


def _assignments(association: Element, end: DataEnd | None, adapter: Adapter) -> Iterator[DataAssignment]:
    for element in association.all("assignment"):
        source = adapter.expression(element.child("from"))
        to = element.child("to")
        target = _assigned(to.text, end, adapter) if to is not None and to.text.strip() else (end, "")
        if source is None or target is None or target[0] is None:
            message = (
                "A data assignment needs an expression in 'from', and in 'to' the id or name of the data that it "
                "sets, or a path of names like order.total. Write both."
            )
            adapter.report.error("data-assignment", to or element, message)
            continue
        yield DataAssignment(target[0], target[1], source)


def _assigned(text: str, end: DataEnd | None, adapter: Adapter) -> tuple[DataEnd | None, str] | None:
    """What the text of a 'to' names: an element by its id, the association's target, or another variable; with the
    path inside it."""
    text = re.sub(r"^[$#]\{(.*)\}$|^=(.*)$", lambda found: found[1] or found[2] or "", text.strip()).strip()
    if adapter.document.resolve(text) is not None:
        return _end(text, adapter), ""
    if not _PATH.fullmatch(text):
        return None
    head, _, path = text.partition(".")
    if adapter.document.resolve(head) is not None:
        return _end(head, adapter), path
    if end is not None and head == end.name:
        return end, path
    return DataEnd(head), path


def _required(holder: Element, sets: str, kind: str) -> frozenset[str]:
    """What the first set needs."""
    found = holder.all(sets)
    return _refs(found[0], kind) if found else frozenset()


def _refs(group: Element, kind: str) -> frozenset[str]:
    """The ids that a set needs before (or after) the work: not those it can do without or that come during it."""
    named = {local(entry.text) for entry in group.all(f"data{kind}Refs")}
    spared = group.all(f"optional{kind}Refs", f"whileExecuting{kind}Refs")
    return frozenset(named - {local(entry.text) for entry in spared})


def _is_needed(association: Element, required: frozenset[str], adapter: Adapter) -> bool:
    return adapter.data_goes_by_id or any(local(part.text) in required for part in association.all("sourceRef"))


def _input_sets(holder: Element, inputs: list[Element], adapter: Adapter) -> Iterator[tuple[tuple[int, ...], ...]]:
    if adapter.data_is_drawn_only:
        return
    numbers: dict[str, list[int]] = {}
    for number, association in enumerate(inputs):
        if association.child("sourceRef") is not None:
            numbers.setdefault(local(association.child_text("targetRef")), []).append(number)
    groups = holder.all("inputSet")
    for group in groups:
        needed = _refs(group, "Input")
        yield tuple(tuple(fillers) for data_input, fillers in numbers.items() if data_input in needed)
    if not groups and adapter.data_goes_by_id:
        yield tuple(tuple(fillers) for fillers in numbers.values())


def _capacity(store: Element | None) -> int | None:
    """A capacity of 0, which editors write by themselves, says nothing."""
    if store is None or store.flag("isUnlimited", default=True):
        return None
    capacity = store.get("capacity")
    return int(capacity) if capacity.isdecimal() and len(capacity) < 10 and int(capacity) else None
