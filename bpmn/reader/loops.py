"""Standard loops and multi-instance activities (10.3.8)."""

from __future__ import annotations

from collections.abc import Iterator

from bpmn.dialects.base import Adapter
from bpmn.dialects.languages import constant
from bpmn.document import Element
from bpmn.model import Behavior, Expression, Language, MultiInstance, StandardLoop
from bpmn.reader.data import variable_of
from bpmn.reader.events import KINDS, read_definition


def read_loop(element: Element, adapter: Adapter) -> StandardLoop | MultiInstance | None:
    for child in element.children:
        if child.name == "standardLoopCharacteristics":
            return _standard(child, adapter)
        if child.name == "multiInstanceLoopCharacteristics":
            return _multi_instance(child, adapter)
    return None


def _standard(element: Element, adapter: Adapter) -> StandardLoop:
    maximum = element.get("loopMaximum")
    return StandardLoop(
        condition=adapter.condition(element.child("loopCondition")),
        tests_before=element.flag("testBefore"),
        maximum=constant(maximum, element.line) if maximum else None,
    )


def _multi_instance(element: Element, adapter: Adapter) -> MultiInstance:
    item, result = element.child("inputDataItem"), element.child("outputDataItem")
    result_name = _item_name(result)
    collection = _variable(element.child("loopDataInputRef"), adapter)
    loop = MultiInstance(
        is_sequential=element.flag("isSequential"),
        cardinality=_cardinality(element.child("loopCardinality"), adapter),
        collection=Expression(Language.PYTHON, collection, element.line) if collection else None,
        element_variable=_item_name(item),
        output_collection=_variable(element.child("loopDataOutputRef"), adapter),
        output_element=Expression(Language.PYTHON, result_name, element.line) if result_name else None,
        completion_condition=adapter.condition(element.child("completionCondition")),
        behaviors=tuple(_behaviors(element, adapter)),
        throws_once=element.get("behavior") == "One",
        goes_on=element.get("behavior") in ("None", "One"),
    )
    return adapter.refine_loop(element, loop)


def _behaviors(element: Element, adapter: Adapter) -> Iterator[Behavior]:
    """What the activity throws as its instances complete (13.3.7)."""
    match element.get("behavior", "All"):
        case "None" | "One" as which:
            event = adapter.document.resolve(element.get(f"{which.lower()}BehaviorEventRef"))
            if event is not None and event.name in KINDS:
                yield Behavior(read_definition(event, adapter))
        case "Complex":
            for definition in element.all("complexBehaviorDefinition"):
                event = definition.child("event")
                for thrown in event.children if event is not None else ():
                    if thrown.name in KINDS:
                        condition = adapter.condition(definition.child("condition"))
                        yield Behavior(read_definition(thrown, adapter), condition)
        case _:
            pass


def _cardinality(element: Element | None, adapter: Adapter) -> Expression | None:
    expression = adapter.expression(element)
    if expression is not None and expression.text.lstrip("+-").isdigit():
        return constant(expression.text, expression.line)
    return expression


def _item_name(item: Element | None) -> str | None:
    return (item.get("name") or item.id or None) if item is not None else None


def _variable(reference: Element | None, adapter: Adapter) -> str | None:
    """The variable that a loopData reference means.

    The name of the data input, output or object it refers to; some editors write the variable itself.
    """
    if reference is None or not reference.text.strip():
        return None
    target = adapter.document.resolve(reference.text)
    if target is None:
        return reference.text.strip()
    return variable_of(target, adapter)
