"""FEEL tokens into a syntax tree: a Pratt parser. DMN 1.5, 10.3.1.2."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from bpmn.expressions.budget import DEEPEST
from bpmn.expressions.errors import ExpressionError
from bpmn.expressions.feel import nodes
from bpmn.expressions.feel.lexer import Kind, Token, tokenize
from bpmn.expressions.feel.names import KnownNames
from bpmn.expressions.feel.nodes import Node
from bpmn.expressions.feel.temporal import parse_temporal
from bpmn.expressions.feel.typenames import TypeReader

OR, AND, COMPARISON, SUM, PRODUCT, POWER, UNARY = range(1, 8)
_BINARY = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "**": POWER}
_COMPARISONS = frozenset(("=", "!=", "<", "<=", ">", ">="))
KEYWORDS = frozenset(
    ("and", "or", "in", "between", "instance", "of", "if", "then", "else", "for", "return", "some", "every",
     "satisfies", "function", "external", "true", "false", "null")
)  # fmt: skip
_CONSTANTS = {"true": True, "false": False, "null": None}


def parse_expression(text: str, names: Iterable[str] = (), builtins: KnownNames | None = None) -> Node:
    """The tree of *text*; *names* are those known to be in scope. Raises ExpressionError."""
    return _parse(text, names, builtins, Parser.whole_expression)


def parse_unary_tests(text: str, names: Iterable[str] = (), builtins: KnownNames | None = None) -> Node:
    """The tree of a decision table's cell. Raises ExpressionError."""
    return _parse(text, names, builtins, Parser.whole_unary_tests)


def _parse(text: str, names: Iterable[str], builtins: KnownNames | None, rule: Callable[[Parser], Node]) -> Node:
    parser = Parser(tokenize(text), KnownNames(names, builtins))
    try:
        return rule(parser)
    except RecursionError:
        raise ExpressionError("The expression is nested too deeply. Split it into smaller ones.") from None


class Parser(TypeReader):
    keywords = KEYWORDS

    def whole_expression(self) -> Node:
        return self._to_the_end(self.expression())

    def whole_unary_tests(self) -> Node:
        if self._peek().text == "-" and self._peek(1).kind is Kind.END:
            self._next()
            return nodes.UnaryTests(())
        if self._is_word("not") and self._peek(1).text == "(":
            mark = self._mark()
            try:
                self._advance(2)
                tests = self._tests()
                self._expect(")")
                return self._to_the_end(nodes.UnaryTests(tests, is_negated=True))
            except ExpressionError:
                self._return_to(mark)
        return self._to_the_end(nodes.UnaryTests(self._tests()))

    def _to_the_end(self, node: Node) -> Node:
        token = self._peek()
        if token.kind is not Kind.END:
            raise self._unexpected(token)
        return node

    # --- operators -------------------------------------------------------------------------------

    def expression(self, binding: int = 0) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExpressionError(
                "The expression is nested too deeply. Split it into smaller ones.", position=self._peek().start
            )
        left = self._unary()
        while (operator := self._operator(binding)) is not None:
            left = operator(left)
        self._depth -= 1
        return left

    def _operator(self, binding: int) -> Callable[[Node], Node] | None:
        token = self._peek()
        if token.kind is Kind.OP:
            if token.text in _BINARY and _BINARY[token.text] > binding:
                return lambda left: self._binary(left, _BINARY[token.text])
            if token.text in _COMPARISONS and binding < COMPARISON:
                return lambda left: self._binary(left, COMPARISON)
        elif token.kind is Kind.NAME:
            if token.text == "or" and binding < OR:
                return lambda left: self._binary(left, OR)
            if token.text == "and" and binding < AND:
                return lambda left: self._binary(left, AND)
            if token.text == "between" and binding < COMPARISON:
                return self._between
            if token.text == "in" and binding < COMPARISON:
                return self._in
        return None

    def _binary(self, left: Node, binding: int) -> Node:
        operator = self._next().text
        return nodes.Binary(operator, left, self.expression(binding))

    def _between(self, value: Node) -> Node:
        self._next()
        low = self.expression(COMPARISON)
        self._expect("and")
        return nodes.Between(value, low, self.expression(COMPARISON))

    def _in(self, value: Node) -> Node:
        self._next()
        if self._peek().text == "(" and self._peek().kind is Kind.OP:
            mark = self._mark()
            try:
                self._next()
                tests = self._tests()
                self._expect(")")
                return nodes.In(value, tests)
            except ExpressionError:
                self._return_to(mark)
        return nodes.In(value, (self._test(COMPARISON),))

    # --- unary tests -----------------------------------------------------------------------------

    def _tests(self) -> tuple[Node, ...]:
        tests = [self._test()]
        while self._take(","):
            tests.append(self._test())
        return tuple(tests)

    def _test(self, binding: int = 0) -> Node:
        token = self._peek()
        if token.kind is Kind.OP and token.text in _COMPARISONS:
            self._next()
            return nodes.Comparison(token.text, self.expression(COMPARISON))
        outer, self._uses_input = self._uses_input, False
        expression = self.expression(binding)
        uses_input, self._uses_input = self._uses_input, outer or self._uses_input
        return nodes.ValueTest(expression, uses_input)

    # --- operands --------------------------------------------------------------------------------

    def _unary(self) -> Node:
        if self._peek().text == "-" and self._peek().kind is Kind.OP:
            self._next()
            return nodes.Negation(self.expression(POWER))
        return self._postfix(self._primary())

    def _postfix(self, node: Node) -> Node:
        while True:
            token = self._peek()
            if token.kind is Kind.OP and token.text == ".":
                self._next()
                node = nodes.Path(node, self._property_name())
            elif token.kind is Kind.OP and token.text == "[" and not self._stops_at_bracket:
                self._next()
                node = nodes.Filter(node, self._inside(self.expression))
                self._expect("]")
            elif token.kind is Kind.OP and token.text == "(":
                node = self._call(node)
            elif self._is_word("instance") and self._peek(1).text == "of":
                self._next()
                self._next()
                node = nodes.InstanceOf(node, self._type())
            else:
                return node

    def _primary(self) -> Node:
        token = self._peek()
        match token.kind:
            case Kind.NUMBER:
                self._next()
                return nodes.Literal(Decimal(token.text))
            case Kind.STRING:
                self._next()
                return nodes.Literal(token.text)
            case Kind.TEMPORAL:
                self._next()
                return nodes.Literal(parse_temporal(token.text))
            case Kind.QUOTED:
                self._next()
                return nodes.Name(token.text)
            case Kind.NAME:
                return self._word(token)
            case Kind.OP if token.text == "(":
                return self._parenthesis()
            case Kind.OP if token.text in "[]":
                return self._bracket()
            case Kind.OP if token.text == "{":
                return self._inside(self._context)
            case _:
                raise self._unexpected(token)

    def _word(self, token: Token) -> Node:
        known = self._names.match(self._tokens, self._at)
        if known is not None:
            self._advance(known[1])
            return nodes.Name(known[0])
        match token.text:
            case "true" | "false" | "null":
                self._next()
                return nodes.Literal(_CONSTANTS[token.text])
            case "if":
                return self._if()
            case "for":
                return self._for()
            case "some" | "every" if self._peek(1).kind in (Kind.NAME, Kind.QUOTED):
                return self._quantified()
            case "function" if self._peek(1).text == "(":
                return self._function()
            case word if word in KEYWORDS and word not in ("some", "every", "external", "instance", "of"):
                raise self._unexpected(token)
            case _:
                return nodes.Name(self._plain_name())

    def _plain_name(self) -> str:
        """A name that nobody announced: words side by side are one name, since nothing else could be meant."""
        words = [self._next().text]
        while self._peek().kind is Kind.NAME and self._peek().text not in KEYWORDS:
            words.append(self._next().text)
        if words == ["?"]:
            self._uses_input = True
        return " ".join(words)

    def _property_name(self) -> str:
        token = self._peek()
        if token.kind is Kind.QUOTED:
            return self._next().text
        if token.kind is not Kind.NAME:
            raise self._unexpected(token, "Expected a property name.")
        known = self._names.match(self._tokens, self._at)
        if known is not None and not (self._peek(known[1]).text == "(" and self._peek(1).text in KEYWORDS):
            self._advance(known[1])
            return known[0]
        return self._plain_name()

    # --- brackets --------------------------------------------------------------------------------

    def _parenthesis(self) -> Node:
        opening = self._next()
        if self._peek().kind is Kind.OP and self._peek().text in _COMPARISONS:
            return self._one_sided_range()
        first = self._inside(self.expression)
        if self._take(".."):
            return self._range_from(opening, first)
        self._expect(")")
        return first

    def _one_sided_range(self) -> Node:
        operator = self._next().text
        end = self._inside(lambda: self.expression(COMPARISON))
        self._expect(")")
        match operator:
            case "<" | "<=":
                return nodes.RangeLiteral(None, end, False, operator == "<=")
            case ">" | ">=":
                return nodes.RangeLiteral(end, None, operator == ">=", False)
            case "=":
                return nodes.RangeLiteral(end, end, True, True)
            case _:
                raise ExpressionError("'!=' makes no range.", position=self._peek().start)

    def _bracket(self) -> Node:
        opening = self._next()
        if opening.text == "[" and self._take("]"):
            return nodes.ListLiteral(())
        first = self._inside(self._list_item)
        if self._take(".."):
            return self._range_from(opening, first)
        if opening.text == "]":
            raise self._unexpected(opening)
        items = [first]
        while self._take(","):
            items.append(self._inside(self._list_item))
        self._expect("]")
        return nodes.ListLiteral(tuple(items))

    def _list_item(self) -> Node:
        token = self._peek()
        if token.kind is Kind.OP and token.text in _COMPARISONS:
            operator = self._next().text
            operand = self.expression(COMPARISON)
            included = operator in ("<=", ">=", "=")
            start = operand if operator in (">", ">=", "=") else None
            end = operand if operator in ("<", "<=", "=") else None
            return nodes.RangeLiteral(start, end, included, included)
        return self.expression()

    def _range_from(self, opening: Token, start: Node) -> Node:
        mark = self._mark()
        try:
            end = self._inside(self.expression)
            closing = self._closing()
        except ExpressionError:
            # ']1..5[': the bracket closes the range and filters nothing
            self._return_to(mark)
            outer, self._stops_at_bracket = self._stops_at_bracket, True
            end = self.expression()
            self._stops_at_bracket = outer
            closing = self._closing()
        return nodes.RangeLiteral(start, end, opening.text == "[", closing.text == "]")

    def _closing(self) -> Token:
        token = self._next()
        if token.kind is not Kind.OP or token.text not in ("]", ")", "["):
            raise self._unexpected(token, "Expected the end of a range: ], ) or [.")
        return token

    def _context(self) -> Node:
        self._next()
        entries: list[tuple[str, Node]] = []
        outer, self._names = self._names, KnownNames((), self._names)
        while not self._take("}"):
            if entries:
                self._expect(",")
            key = self._key()
            self._expect(":")
            entries.append((key, self.expression()))
            self._names.add(key)
        self._names = outer
        return nodes.ContextLiteral(tuple(entries))

    # --- calls and functions ---------------------------------------------------------------------

    def _call(self, function: Node) -> Node:
        self._next()
        arguments: list[Node] = []
        names: list[str] = []
        while not self._take(")"):
            if arguments:
                self._expect(",")
            name = self._parameter_name()
            if name is not None:
                names.append(name)
            elif names:
                raise self._unexpected(self._peek(), "Name all parameters of a call, or none.")
            arguments.append(self._inside(self._list_item))
        if names and len(names) != len(arguments):
            raise self._unexpected(self._peek(), "Name all parameters of a call, or none.")
        return nodes.Call(function, tuple(arguments), tuple(names))

    def _parameter_name(self) -> str | None:
        name = self._name_up_to(":")
        if name is not None:
            self._expect(":")
        return name

    def _function(self) -> Node:
        self._next()
        self._expect("(")
        parameters: list[str] = []
        types: list[nodes.TypeName | None] = []
        while not self._take(")"):
            if parameters:
                self._expect(",")
            name = self._name_up_to(":") or self._name_up_to(",") or self._name_up_to(")")
            if name is None:
                raise self._unexpected(self._peek(), "Expected a parameter name.")
            parameters.append(name)
            types.append(self._type() if self._take(":") else None)
        outer, self._names = self._names, KnownNames(parameters, self._names)
        if self._is_word("external"):
            raise ExpressionError(
                "External functions (Java, PMML) are not supported. Write the function in FEEL.",
                position=self._peek().start,
            )
        body = self._inside(self.expression)
        self._names = outer
        return nodes.FunctionLiteral(tuple(parameters), tuple(types), body)

    # --- if, for, some, every --------------------------------------------------------------------

    def _if(self) -> Node:
        self._next()
        condition = self.expression()
        self._expect("then")
        then = self.expression()
        self._expect("else")
        return nodes.If(condition, then, self.expression())

    def _for(self) -> Node:
        self._next()
        outer, self._names = self._names, KnownNames((), self._names)
        iterators = self._iterators("return")
        body = self.expression()
        self._names = outer
        return nodes.For(iterators, body)

    def _quantified(self) -> Node:
        is_every = self._next().text == "every"
        outer, self._names = self._names, KnownNames((), self._names)
        iterators = self._iterators("satisfies")
        body = self.expression()
        self._names = outer
        return nodes.Quantified(is_every, iterators, body)

    def _iterators(self, end: str) -> tuple[tuple[str, Node], ...]:
        iterators: list[tuple[str, Node]] = []
        while True:
            quoted = self._next().text if self._peek().kind is Kind.QUOTED else None
            name = quoted or self._name_up_to_in()
            self._expect("in")
            source = self.expression()
            if self._take(".."):
                source = nodes.Iteration(source, self.expression())
            self._names.add(name)
            iterators.append((name, source))
            if not self._take(","):
                self._expect(end)
                return tuple(iterators)

    def _inside(self, rule: Callable[[], Node]) -> Node:
        outer, self._stops_at_bracket = self._stops_at_bracket, False
        try:
            return rule()
        finally:
            self._stops_at_bracket = outer
