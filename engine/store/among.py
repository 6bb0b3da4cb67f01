"""`column IN (values)` with one parameter for all values: one statement, prepared once, however many there are."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Boolean, ColumnElement, Dialect, Integer, Text, TypeDecorator, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


class _Values(TypeDecorator[list[Any]]):
    """An array (PostgreSQL), or a JSON text of it (SQLite); of texts, or of numbers (*is_of_numbers*)."""

    impl = Text
    cache_ok = True

    def __init__(self, *, is_of_numbers: bool) -> None:
        super().__init__()
        self.is_of_numbers = is_of_numbers

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        array = ARRAY(Integer() if self.is_of_numbers else Text())
        return dialect.type_descriptor(array if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return orjson.dumps(value).decode()


class Among(FunctionElement[bool]):
    """Whether a column has one of the values in a list."""

    type = Boolean()
    name = "among"
    inherit_cache = True

    def self_group(self, against: Any = None) -> Among:
        """As it is: `... = 1`, which SQLite is asked otherwise, would keep it from using an index."""
        return self


def among(column: ColumnElement[Any], values: str | list[str]) -> ColumnElement[bool]:
    """*column*: of texts, or of numbers. *values*: a list, or the name of the parameter that will be one."""
    kind = _Values(is_of_numbers=isinstance(column.type, Integer))
    return Among(column, bindparam(values, type_=kind) if isinstance(values, str) else bindparam(None, values, kind))


@compiles(Among, "sqlite")
def _on_sqlite(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({values})))"


@compiles(Among, "postgresql")
def _on_postgresql(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} = ANY({values}))"
