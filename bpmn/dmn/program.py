"""A decision model compiled to closures, and the walk along its requirements. DMN 1.5, chapters 6, 7 and 10."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from bpmn.dmn.errors import DecisionError
from bpmn.dmn.evaluation import Evaluation, ScopeView, Trace
from bpmn.dmn.linking import imported_types
from bpmn.dmn.model import (
    Conditional,
    Context,
    Decision,
    DecisionModel,
    DecisionService,
    DecisionTable,
    Filter,
    FunctionDefinition,
    InputData,
    Invocation,
    ItemDefinition,
    Iterator,
    KnowledgeModel,
    Listing,
    Logic,
    Relation,
    Text,
)
from bpmn.dmn.tables import compile_table
from bpmn.dmn.types import Types, conform
from bpmn.expressions.budget import Budget
from bpmn.expressions.errors import ExpressionError
from bpmn.expressions.feel import Globals, Local, Run, Scope, compile_feel, compile_tests
from bpmn.expressions.feel.evaluate import apply
from bpmn.expressions.feel.iteration import filtered, walk
from bpmn.expressions.feel.types import Check
from bpmn.expressions.feel.values import Function, lift
from bpmn.expressions.juel import compile_juel
from bpmn.expressions.python import compile_python
from bpmn.model import Expression, Finding, Language

_Found = Decision | InputData | KnowledgeModel | DecisionService | None


class Program:
    def __init__(self, model: DecisionModel) -> None:
        self._model = model
        self._problems: list[Finding] = []
        self._imports = {
            each.namespace: (each.name, model.imported[each.namespace].program)
            for each in model.imports
            if each.namespace in model.imported
        }
        self._names = _all_names(model).union(*({name} | program._names for name, program in self._imports.values()))
        others = {name: program.definitions for name, program in self._imports.values()}
        self.definitions = {**imported_types(others), **model.types}
        self.types = Types(self.definitions, lambda: Globals({}, None, Budget()))
        self._decisions = {key: self._compiled(decision.logic) for key, decision in model.decisions.items()}
        self._knowledge = {key: self._compiled(each.function) for key, each in model.knowledge.items()}

    def findings(self) -> list[Finding]:
        """What does not compile, by line."""
        return list(self._problems)

    # --- the graph -------------------------------------------------------------------------------

    def answer(self, subject: Decision | DecisionService, run: Evaluation) -> Any:
        """Of a service: its output decisions, for which the variables give what its input decisions would."""
        if isinstance(subject, Decision):
            return self.decide(subject, run)
        for _, program, found in map(self._find, subject.inputs):
            if isinstance(found, Decision):
                run.results[program._key(found)] = run.get(found.name)
        return self._outputs(subject, run)

    def decide(self, decision: Decision, run: Evaluation) -> Any:
        """FEEL's value of *decision*, from memory if it is known. Raises DecisionError, ExpressionError."""
        key = self._key(decision)
        if key in run.results:
            return run.results[key]
        if key in run.running:
            raise DecisionError(f"The decision '{decision.name}' requires itself.", decision.id)
        run.running.append(key)
        scope = self._scope_of(decision.requires, run)
        outer, run.trace = run.trace, Trace()
        try:
            made = run.get(decision.name) if decision.logic is None else self._decisions[decision.id](scope)
            value = conform(made, self.types.check(decision.type_ref))
        except DecisionError as error:
            raise _placed(error, decision) from None
        finally:
            run.traces[key], run.trace = run.trace, outer
            run.running.pop()
        run.made[key] = decision
        run.results[key] = value
        return value

    def _key(self, decision: Decision) -> str:
        return f"{self._model.namespace}#{decision.id}"

    def _find(self, key: str) -> tuple[str, Program, _Found]:
        """What a requirement refers to, its program, and the import's name if it is of another model."""
        namespace, _, own = key.rpartition("#")
        name, program = self._imports.get(namespace, ("", self)) if namespace else ("", self)
        model = program._model
        if namespace and program is self:
            return "", self, None
        groups = (model.decisions, model.inputs, model.knowledge, model.services)
        return name, program, next((group[own] for group in groups if own in group), None)

    def _scope_of(self, requires: tuple[str, ...], run: Evaluation) -> Local:
        """What is drawn as required, by name; below it all variables, since Camunda's models use them so."""
        values: dict[str, Any] = {}
        for key in requires:
            name, program, found = self._find(key)
            program._provide(found, run, values.setdefault(name, {}) if name else values)
        return Local(values, run)

    def _provide(self, found: _Found, run: Evaluation, values: dict[str, Any]) -> None:
        match found:
            case Decision():
                self._offer(found, self.decide(found, run), values)
            case InputData():
                values[found.name] = conform(run.get(found.name), self.types.check(found.type_ref))
            case KnowledgeModel():
                values[found.name] = self._function_of(found, run)
            case DecisionService():
                values[found.name] = self._service(found, run)
            case None:
                pass

    def _offer(self, decision: Decision, value: Any, values: dict[str, Any]) -> None:
        """By name, and as Camunda offers it: by id, and each output of a table by its name."""
        values[decision.name] = value
        if isinstance(decision.logic, DecisionTable):
            outputs = decision.logic.outputs
            single = {outputs[0].name: value} if len(outputs) == 1 and outputs[0].name else {}
            for name, each in (value if isinstance(value, dict) else single).items():  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
                values.setdefault(name, each)  # pyright: ignore[reportUnknownArgumentType]
        values.setdefault(decision.id, value)

    def _function_of(self, knowledge: KnowledgeModel, run: Evaluation) -> Any:
        function = self._knowledge[knowledge.id](self._scope_of(knowledge.requires, run))
        check = self.types.check(knowledge.type_ref)
        if not isinstance(function, Function) or check is None:
            return function
        return Function(function.parameters, lambda *arguments: _returned(function.call(*arguments), check))

    def _service(self, service: DecisionService, outer: Evaluation) -> Function:
        parameters = [(program, found) for _, program, found in map(self._find, service.inputs) if found is not None]
        names = tuple(each.name for _, each in parameters)

        def call(*arguments: Any) -> Any:
            outer.budget.spend()
            given = dict(zip(names, arguments, strict=True))
            run = Evaluation(given, outer.now, outer.budget)
            for program, each in parameters:
                if isinstance(each, Decision):
                    run.results[program._key(each)] = given[each.name]
            return self._outputs(service, run)

        return Function(names, call)

    def _outputs(self, service: DecisionService, run: Evaluation) -> Any:
        outputs = [(program, found) for _, program, found in map(self._find, service.outputs)]
        made = {each.name: program.decide(each, run) for program, each in outputs if isinstance(each, Decision)}
        return next(iter(made.values())) if len(made) == 1 else made

    # --- logic -----------------------------------------------------------------------------------

    def _compiled(self, logic: Logic | None) -> Run:
        if logic is None:
            return lambda scope: None
        return _RULES[type(logic)](self, logic)

    def _text(self, written: Text) -> Run:
        if not written.text:
            return lambda scope: None
        if written.language != "feel":
            return self._foreign(written)
        return self._guarded(written, lambda: compile_feel(written.text, self._names, self.types.instances))

    def _tests(self, written: Text) -> Run:
        if written.language == "feel":
            return self._guarded(written, lambda: compile_tests(written.text, self._names, self.types.instances))
        return self._foreign(written)

    def _ranking(self, written: Text) -> Run:
        return self._guarded(written, lambda: compile_feel(f"[{written.text}]", self._names, self.types.instances))

    def _foreign(self, written: Text) -> Run:
        compilers = {"juel": compile_juel, "python": compile_python}
        compiler = compilers.get(written.language)
        if compiler is None:
            return self._failing(written, f"Expressions in {written.language} are not supported. Write it in FEEL.")

        def compiled() -> Run:
            evaluate = compiler(written.text)
            return lambda scope: lift(evaluate(ScopeView(scope), scope.run.now), scope.run.budget)

        return self._guarded(written, compiled)

    def _guarded(self, written: Text, compile_it: Callable[[], Run]) -> Run:
        try:
            return compile_it()
        except ExpressionError as error:
            return self._failing(written, error.message)

    def _failing(self, written: Text, message: str) -> Run:
        language = Language(written.language) if written.language in list(Language) else Language.FEEL
        error = ExpressionError(message, Expression(language, written.text, written.line))
        self._problems.append(Finding(self._model.file, written.line, "dmn-expression", str(error)))

        def fail(scope: Scope) -> Any:
            raise ExpressionError(message, error.expression)

        return fail

    def _table(self, table: DecisionTable) -> Run:
        return compile_table(table, self._text, self._tests, self._ranking)

    def _context(self, context: Context) -> Run:
        entries = [(e.name, self._compiled(e.value), self.types.check(e.type_ref)) for e in context.entries]

        def run(scope: Scope) -> Any:
            inner = Local({}, scope)
            for name, value, check in entries:
                found = conform(value(inner), check)
                if name is None:
                    return found
                inner.values[name] = found
            return inner.values

        return run

    def _list(self, listing: Listing) -> Run:
        items = [self._compiled(item) for item in listing.items]
        return lambda scope: [item(scope) for item in items]

    def _relation(self, relation: Relation) -> Run:
        rows = [[self._compiled(cell) for cell in row] for row in relation.rows]

        def run(scope: Scope) -> list[Any]:
            return [{n: cell(scope) for n, cell in zip(relation.columns, row, strict=False)} for row in rows]

        return run

    def _invocation(self, invocation: Invocation) -> Run:
        function = self._compiled(invocation.function)
        names = tuple(name for name, _ in invocation.bindings)
        arguments = [self._compiled(value) for _, value in invocation.bindings]
        return lambda scope: apply(function(scope), names, [argument(scope) for argument in arguments])

    def _function(self, definition: FunctionDefinition) -> Run:
        if definition.kind != "FEEL":
            message = f"Functions in {definition.kind} are not supported. Write the function in FEEL."
            self._problems.append(Finding(self._model.file, definition.line, "dmn-function", message))
            return lambda scope: None
        names = tuple(name for name, _ in definition.parameters)
        checks = [self.types.check(type_ref) for _, type_ref in definition.parameters]
        body = self._compiled(definition.body)

        def make(scope: Scope) -> Function:
            def call(*arguments: Any) -> Any:
                scope.run.budget.spend()
                given = [conform(argument, check) for argument, check in zip(arguments, checks, strict=True)]
                if any(a is not None and g is None for a, g in zip(arguments, given, strict=True)):
                    return None
                return body(Local(dict(zip(names, given, strict=True)), scope))

            return Function(names, call)

        return make

    def _conditional(self, node: Conditional) -> Run:
        condition, then, otherwise = (self._compiled(part) for part in (node.condition, node.then, node.otherwise))

        def run(scope: Scope) -> Any:
            verdict = condition(scope)
            if verdict is not None and not isinstance(verdict, bool):
                return None
            return then(scope) if verdict else otherwise(scope)

        return run

    def _filter(self, node: Filter) -> Run:
        source, match = self._compiled(node.source), self._compiled(node.match)

        def run(scope: Scope) -> Any:
            is_misfit = False

            def checked(inner: Scope) -> Any:
                nonlocal is_misfit
                verdict = match(inner)
                is_misfit = is_misfit or not (verdict is None or isinstance(verdict, (bool, Decimal)))
                return verdict

            found = filtered(source(scope), checked, scope)
            return None if is_misfit else found

        return run

    def _iterator(self, node: Iterator) -> Run:
        source, body = self._compiled(node.source), self._compiled(node.body)
        iterators = [(node.variable, source)]

        def run(scope: Scope) -> Any:
            results: list[Any] = []
            for inner in walk(iterators, scope):
                if inner is None:
                    return None
                inner.values["partial"] = list(results)
                results.append(body(inner))
            if node.kind == "for":
                return results
            decisive = node.kind == "some"
            if not all(result is None or isinstance(result, bool) for result in results):
                return None
            if any(result is decisive for result in results):
                return decisive
            return (not decisive) if all(result is (not decisive) for result in results) else None

        return run


_RULES: dict[type, Callable[[Program, Any], Run]] = {
    Text: Program._text,  # pyright: ignore[reportPrivateUsage]
    DecisionTable: Program._table,  # pyright: ignore[reportPrivateUsage]
    Context: Program._context,  # pyright: ignore[reportPrivateUsage]
    Listing: Program._list,  # pyright: ignore[reportPrivateUsage]
    Relation: Program._relation,  # pyright: ignore[reportPrivateUsage]
    Invocation: Program._invocation,  # pyright: ignore[reportPrivateUsage]
    FunctionDefinition: Program._function,  # pyright: ignore[reportPrivateUsage]
    Conditional: Program._conditional,  # pyright: ignore[reportPrivateUsage]
    Filter: Program._filter,  # pyright: ignore[reportPrivateUsage]
    Iterator: Program._iterator,  # pyright: ignore[reportPrivateUsage]
}


def _returned(value: Any, check: Check) -> Any:
    return conform(value, check)


def _placed(error: DecisionError, decision: Decision) -> DecisionError:
    if error.decision_id is not None:
        return error
    return DecisionError(
        f"{error.message} (decision '{decision.name}', line {decision.line})", decision.id, error.rules
    )


def _all_names(model: DecisionModel) -> frozenset[str]:
    """Every name that the model gives to anything: those with spaces have to be known to be read."""
    names: set[str] = set()
    for group in (model.decisions, model.inputs, model.knowledge, model.services):
        names.update(each.name for each in group.values())
    for item in model.types.values():
        _add_item(item, names)
    for decision in model.decisions.values():
        _add_logic(decision.logic, names)
    for knowledge in model.knowledge.values():
        _add_logic(knowledge.function, names)
    return frozenset(names)


def _add_item(item: ItemDefinition, names: set[str]) -> None:
    for component in item.components:
        names.add(component.name)
        _add_item(component, names)


def _add_logic(logic: Logic | None, names: set[str]) -> None:
    match logic:
        case DecisionTable():
            names.update(output.name for output in logic.outputs)
            names.update(each.variable for each in logic.inputs if each.variable)
        case Context():
            for entry in logic.entries:
                names.add(entry.name or "")
                _add_logic(entry.value, names)
        case FunctionDefinition():
            names.update(name for name, _ in logic.parameters)
            _add_logic(logic.body, names)
        case Relation():
            names.update(logic.columns)
        case Iterator():
            names.add(logic.variable)
            _add_logic(logic.body, names)
        case Invocation():
            for _, value in logic.bindings:
                _add_logic(value, names)
        case _:
            pass
