"""Reads DMN 1.1 to 1.6 into a `DecisionModel`, whichever editor wrote it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bpmn.dmn.document import Unreadable, child, children, line_of, parse, tag, text_of
from bpmn.dmn.model import (
    Conditional,
    Context,
    ContextEntry,
    Decision,
    DecisionModel,
    DecisionService,
    DecisionTable,
    Filter,
    FunctionDefinition,
    HitPolicy,
    Import,
    Input,
    InputData,
    Invocation,
    ItemDefinition,
    Iterator,
    KnowledgeModel,
    Listing,
    Logic,
    Output,
    Relation,
    Rule,
    Text,
)
from bpmn.model import Finding, Severity

_CAMUNDA = ("{http://camunda.org/schema/1.0/dmn}", "{http://www.flowable.org/dmn}")
_ZEEBE = "{http://camunda.org/schema/zeebe/1.0}"
_DEEPEST = 100
_LOGIC = frozenset((
    "decisionTable", "literalExpression", "context", "list", "relation", "invocation", "functionDefinition",
    "conditional", "filter", "for", "some", "every",
))  # fmt: skip


def read_dmn(data: bytes, file: str) -> tuple[DecisionModel | None, list[Finding]]:
    """The model and what is wrong with it, sorted by line; None when it cannot be read at all.

    A model that imports others is compiled by `link`, which says the rest."""
    try:
        root = parse(data)
    except Unreadable as problem:
        return None, [Finding(file, problem.line, "dmn-unreadable", problem.message)]
    reader = _Reader(root, file)
    model = reader.model()
    findings = [*reader.findings, *(() if model.imports else model.program.findings())]
    return model, sorted(set(findings), key=lambda finding: (finding.line, finding.rule, finding.message))


class _Reader:
    def __init__(self, root: Any, file: str) -> None:
        self._root = root
        self._file = file
        self._namespace = root.get("namespace", "")
        self._language = _language_of(root.get("expressionLanguage"))
        self.findings: list[Finding] = []

    def model(self) -> DecisionModel:
        root = self._root
        decisions = [self._decision(element) for element in children(root, "decision")]
        knowledge = [k for k in map(self._knowledge, children(root, "businessKnowledgeModel")) if k is not None]
        model = DecisionModel(
            id=root.get("id", ""),
            name=root.get("name", ""),
            file=self._file,
            decisions={decision.id: decision for decision in decisions},
            inputs={i.id: i for i in map(self._input_data, children(root, "inputData"))},
            knowledge={each.id: each for each in knowledge},
            services={s.id: s for s in map(self._service, children(root, "decisionService"))},
            types={item.name: item for item in map(self._item, children(root, "itemDefinition"))},
            namespace=self._namespace,
            imports=tuple(map(_import, filter(_is_model, children(root, "import")))),
        )
        if not model.decisions:
            self._finding("dmn-decision", root, "The file has no decision.", Severity.WARNING)
        self._check_references(model)
        return model

    # --- the graph -------------------------------------------------------------------------------

    def _decision(self, element: Any) -> Decision:
        logic = next((c for c in children(element) if tag(c) in _LOGIC), None)
        variable = child(element, "variable")
        return Decision(
            id=_id_of(element),
            name=_name_of(element),
            logic=None if logic is None else self._logic(logic),
            requires=self._required(element),
            type_ref=_type_ref(variable),
            line=line_of(element),
            version_tag=_version_tag(element),
        )

    def _knowledge(self, element: Any) -> KnowledgeModel | None:
        logic = child(element, "encapsulatedLogic")
        if logic is None:
            return None
        return KnowledgeModel(
            id=_id_of(element),
            name=_name_of(element),
            function=self._function(logic),
            requires=self._required(element),
            type_ref=_type_ref(child(element, "variable")),
            line=line_of(element),
        )

    def _service(self, element: Any) -> DecisionService:
        inputs = [*children(element, "inputData"), *children(element, "inputDecision")]
        return DecisionService(
            id=_id_of(element),
            name=_name_of(element),
            outputs=tuple(self._href(each) for each in children(element, "outputDecision")),
            inputs=tuple(self._href(each) for each in inputs),
            version_tag=_version_tag(element),
            line=line_of(element),
        )

    def _required(self, element: Any) -> tuple[str, ...]:
        wanted = ("requiredDecision", "requiredInput", "requiredKnowledge")
        kinds = ("informationRequirement", "knowledgeRequirement")
        return tuple(self._href(each) for r in children(element, *kinds) for each in children(r, *wanted))

    def _href(self, element: Any) -> str:
        """The id of what is referred to; in another model 'namespace#id'."""
        namespace, _, key = element.get("href", "").rpartition("#")
        return f"{namespace}#{key}" if namespace not in ("", self._namespace) else key

    def _input_data(self, element: Any) -> InputData:
        return InputData(_id_of(element), _name_of(element), _type_ref(child(element, "variable")))

    def _item(self, element: Any) -> ItemDefinition:
        values = child(element, "allowedValues") if child(element, "allowedValues") is not None else None
        return ItemDefinition(
            name=" ".join(element.get("name", "").split()),
            base=_plain_type(text_of(child(element, "typeRef"))) if child(element, "typeRef") is not None else None,
            is_collection=element.get("isCollection") == "true",
            values=None if values is None else self._text(values),
            components=tuple(self._item(component) for component in children(element, "itemComponent")),
            is_function=child(element, "functionItem") is not None,
        )

    # --- logic -----------------------------------------------------------------------------------

    def _logic(self, element: Any, depth: int = 0) -> Logic:
        if depth > _DEEPEST:
            self._finding("dmn-depth", element, "The logic is nested too deeply.")
            return Text("null", line_of(element))
        return _RULES[tag(element)](self, element, depth + 1)

    def _text(self, element: Any | None, _depth: int = 0) -> Text:
        if element is None:
            return Text("")
        text = text_of(element)
        language = _language_of(element.get("expressionLanguage")) or self._language or "feel"
        if "${" in text or "#{" in text:
            language = "juel"
        return Text(text, line_of(element), language, _plain_type(element.get("typeRef")))

    def _table(self, element: Any, _depth: int = 0) -> DecisionTable:
        outputs = tuple(self._output(each) for each in children(element, "output"))
        return DecisionTable(
            hit_policy=self._hit_policy(element),
            inputs=tuple(self._input(each) for each in children(element, "input")),
            outputs=outputs,
            rules=tuple(self._rule(each, at) for at, each in enumerate(children(element, "rule"), 1)),
            aggregation=element.get("aggregation"),
            line=line_of(element),
        )

    def _hit_policy(self, element: Any) -> HitPolicy:
        written = element.get("hitPolicy", "UNIQUE").replace("_", " ").upper()
        try:
            return HitPolicy(written)
        except ValueError:
            known = ", ".join(HitPolicy)
            self._finding("dmn-hit-policy", element, f"Unknown hit policy '{written}'. Known: {known}.")
            return HitPolicy.UNIQUE

    def _input(self, element: Any) -> Input:
        values = child(element, "inputValues")
        return Input(
            id=element.get("id", ""),
            label=element.get("label", ""),
            expression=self._text(child(element, "inputExpression")),
            variable=next((element.get(f"{prefix}inputVariable") for prefix in _CAMUNDA), None),
            values=self._text(values) if text_of(values) else None,
        )

    def _output(self, element: Any) -> Output:
        values, default = child(element, "outputValues"), child(element, "defaultOutputEntry")
        return Output(
            id=element.get("id", ""),
            name=" ".join((element.get("name") or "").split()),
            label=element.get("label", ""),
            type_ref=_plain_type(element.get("typeRef")),
            values=self._text(values) if text_of(values) else None,
            default=self._text(default) if text_of(default) else None,
        )

    def _rule(self, element: Any, at: int) -> Rule:
        return Rule(
            id=element.get("id") or str(at),
            conditions=tuple(self._text(each) for each in children(element, "inputEntry")),
            results=tuple(self._text(each) for each in children(element, "outputEntry")),
            description=text_of(child(element, "description")),
            line=line_of(element),
        )

    def _context(self, element: Any, depth: int) -> Context:
        entries: list[ContextEntry] = []
        for entry in children(element, "contextEntry"):
            variable = child(entry, "variable")
            name = None if variable is None else " ".join(variable.get("name", "").split())
            entries.append(ContextEntry(name, self._only_logic(entry, depth), _type_ref(variable)))
        return Context(tuple(entries))

    def _only_logic(self, element: Any | None, depth: int) -> Logic:
        """The logic inside a wrapper such as <then> or a binding; null for an empty one."""
        logic = None if element is None else next((c for c in children(element) if tag(c) in _LOGIC), None)
        return Text("null", 0 if element is None else line_of(element)) if logic is None else self._logic(logic, depth)

    def _list(self, element: Any, depth: int) -> Listing:
        return Listing(tuple(self._logic(each, depth) for each in children(element) if tag(each) in _LOGIC))

    def _relation(self, element: Any, depth: int) -> Relation:
        rows = [
            [self._logic(each, depth) for each in children(row) if tag(each) in _LOGIC]
            for row in children(element, "row")
        ]
        return Relation(tuple(c.get("name", "") for c in children(element, "column")), tuple(map(tuple, rows)))

    def _invocation(self, element: Any, depth: int) -> Invocation:
        bindings = [
            (" ".join(parameter.get("name", "").split()), self._only_logic(binding, depth))
            for binding in children(element, "binding")
            if (parameter := child(binding, "parameter")) is not None
        ]
        return Invocation(self._only_logic(element, depth), tuple(bindings))

    def _function(self, element: Any, depth: int = 0) -> FunctionDefinition:
        parameters = [
            (_name_of(each), _plain_type(each.get("typeRef"))) for each in children(element, "formalParameter")
        ]
        kind = {"J": "Java", "Java": "Java", "P": "PMML", "PMML": "PMML"}.get(element.get("kind", ""), "FEEL")
        return FunctionDefinition(tuple(parameters), self._only_logic(element, depth), kind, line_of(element))

    def _conditional(self, element: Any, depth: int) -> Conditional:
        return Conditional(*(self._only_logic(child(element, part), depth) for part in ("if", "then", "else")))

    def _filter(self, element: Any, depth: int) -> Filter:
        return Filter(self._only_logic(child(element, "in"), depth), self._only_logic(child(element, "match"), depth))

    def _iterator(self, element: Any, depth: int) -> Iterator:
        body = "return" if tag(element) == "for" else "satisfies"
        return Iterator(
            tag(element),
            element.get("iteratorVariable", ""),
            self._only_logic(child(element, "in"), depth),
            self._only_logic(child(element, body), depth),
        )

    # --- findings --------------------------------------------------------------------------------

    def _check_references(self, model: DecisionModel) -> None:
        known = {*model.decisions, *model.inputs, *model.knowledge, *model.services}
        for element in children(self._root, "decision", "businessKnowledgeModel"):
            for missing in sorted(set(self._required(element)) - known):
                if "#" not in missing:
                    self._finding("dmn-reference", element, f"Requires '{missing}', which is not in the file.")

    def _finding(self, rule: str, element: Any, message: str, severity: Severity = Severity.ERROR) -> None:
        self.findings.append(Finding(self._file, line_of(element), rule, message, element.get("id"), severity))


_RULES: dict[str, Callable[[_Reader, Any, int], Logic]] = {
    "literalExpression": _Reader._text,  # pyright: ignore[reportPrivateUsage]
    "decisionTable": _Reader._table,  # pyright: ignore[reportPrivateUsage]
    "context": _Reader._context,  # pyright: ignore[reportPrivateUsage]
    "list": _Reader._list,  # pyright: ignore[reportPrivateUsage]
    "relation": _Reader._relation,  # pyright: ignore[reportPrivateUsage]
    "invocation": _Reader._invocation,  # pyright: ignore[reportPrivateUsage]
    "functionDefinition": _Reader._function,  # pyright: ignore[reportPrivateUsage]
    "conditional": _Reader._conditional,  # pyright: ignore[reportPrivateUsage]
    "filter": _Reader._filter,  # pyright: ignore[reportPrivateUsage]
    "for": _Reader._iterator,  # pyright: ignore[reportPrivateUsage]
    "some": _Reader._iterator,  # pyright: ignore[reportPrivateUsage]
    "every": _Reader._iterator,  # pyright: ignore[reportPrivateUsage]
}


def _id_of(element: Any) -> str:
    return element.get("id") or _name_of(element)


def _name_of(element: Any) -> str:
    return " ".join((element.get("name") or element.get("id") or "").split())


def _is_model(element: Any) -> bool:
    return "/DMN/" in element.get("importType", "").upper()


def _import(element: Any) -> Import:
    return Import(" ".join(element.get("name", "").split()), element.get("namespace", ""), line_of(element))


def _type_ref(variable: Any | None) -> str | None:
    return None if variable is None else _plain_type(variable.get("typeRef") or text_of(child(variable, "typeRef")))


def _plain_type(name: str | None) -> str | None:
    """Without a namespace prefix: 'feel:number' is 'number'."""
    return (name or "").rpartition(":")[2].strip() or None


def _version_tag(decision: Any) -> str | None:
    """As the editors for Camunda 7 (an attribute) and 8 (an extension) write it."""
    attributes = (decision.get(f"{prefix}versionTag") for prefix in _CAMUNDA)
    extension = child(decision, "extensionElements")
    written = [] if extension is None else [each.get("value") for each in extension.iter(_ZEEBE + "versionTag")]
    return next((tag for tag in (*attributes, *written) if tag), None)


def _language_of(written: str | None) -> str | None:
    if not written:
        return None
    name = written.rstrip("/").rpartition("/")[2].lower()
    if "feel" in written.lower():
        return "feel"
    return {"javascript": "javascript", "groovy": "groovy", "juel": "juel", "python": "python"}.get(name)
