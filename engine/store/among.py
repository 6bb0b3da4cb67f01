"""`column IN (values)` with one parameter for all values: one statement, prepared once, however many there are."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import BindParameter, Boolean, ColumnElement, Dialect, Text, TypeDecorator, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


class _Texts(TypeDecorator[list[str]]):
    """An array of texts (PostgreSQL), or a JSON text of them (SQLite)."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(Text()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return orjson.dumps(value).decode()


class Among(FunctionElement[bool]):
    """Whether a text column has one of the texts in a list."""

    type = Boolean()
    name = "among"
    inherit_cache = True

    def self_group(self, against: Any = None) -> Among:
        """As it is: `... = 1`, which SQLite is asked otherwise, would keep it from using an index."""
        return self


def among(column: ColumnElement[Any], values: str | list[str]) -> ColumnElement[bool]:
    """*values*: a list, or the name of the parameter that will be one."""
    return Among(column, _parameter(values))


def _parameter(values: str | list[str]) -> BindParameter[Any]:
    if isinstance(values, str):
        return bindparam(values, type_=_Texts())
    return bindparam(None, values, type_=_Texts())


@compiles(Among, "sqlite")
def _on_sqlite(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({values})))"


@compiles(Among, "postgresql")
def _on_postgresql(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} = ANY({values}))"
