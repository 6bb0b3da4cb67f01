"""The types of 'instance of' and of a function's parameters. DMN 1.5, 10.3.1.2, rules 51 to 55."""

from __future__ import annotations

from bpmn.expressions.feel import nodes
from bpmn.expressions.feel.lexer import Kind
from bpmn.expressions.feel.stream import TokenStream

_TYPE_STARTS = frozenset(("date and", "days and", "years and", "day and", "year and"))
_WORDS_WITHIN = frozenset(("and", "function"))


class TypeReader(TokenStream):
    """*keywords* end a type's name, but for those within one."""

    keywords: frozenset[str] = frozenset()

    def _type(self) -> nodes.TypeName:
        words: list[str] = []
        while self._peek().kind is Kind.NAME and (not words or self._peek().text not in self.keywords - _WORDS_WITHIN):
            if self._peek().text == "and" and " ".join([*words, "and"]) not in _TYPE_STARTS:
                break
            words.append(self._next().text)
            while self._peek().text == "." and self._peek(1).kind is Kind.NAME:
                self._next()
                words[-1] += "." + self._next().text
        name = " ".join(words)
        if not name:
            raise self._unexpected(self._peek(), "Expected a type.")
        if not self._take("<"):
            return self._function_result(nodes.TypeName(name))
        return self._type_arguments(name)

    def _type_arguments(self, name: str) -> nodes.TypeName:
        arguments: list[nodes.TypeName] = []
        names: list[str] = []
        while not self._take(">"):
            if arguments:
                self._expect(",")
            if name == "context":
                names.append(self._key())
                self._expect(":")
            arguments.append(self._type())
        return self._function_result(nodes.TypeName(name, tuple(arguments), tuple(names)))

    def _function_result(self, type_name: nodes.TypeName) -> nodes.TypeName:
        if type_name.name == "function" and self._take("->"):
            return nodes.TypeName("function", (*type_name.arguments, self._type()))
        return type_name
