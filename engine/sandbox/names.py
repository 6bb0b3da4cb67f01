"""Which variables a script needs, and which it makes: read from its text, so that only those travel."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Names:
    """*read*: all names that appear. *assigned*: those that the script itself gives a value, in order."""

    read: frozenset[str]
    assigned: tuple[str, ...]


@lru_cache(maxsize=4096)
def names_of(text: str) -> Names:
    """Raises SyntaxError, ValueError or RecursionError for what is no Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    read = frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return Names(read, tuple(dict.fromkeys(_assigned(tree))))


def _assigned(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Global):
            yield from child.names
        if isinstance(child, _OWN_SCOPE):
            yield from _globals_of(child)
            continue
        if isinstance(child, ast.Assign) and isinstance(child.value, ast.Lambda):
            continue
        if isinstance(child, ast.comprehension) or isinstance(node, _COMPREHENSIONS):
            yield from (n.target.id for n in ast.walk(child) if isinstance(n, ast.NamedExpr))
            continue
        if isinstance(child, ast.Name) and isinstance(child.ctx, (ast.Store, ast.Del)):
            yield child.id
        yield from _assigned(child)


def _globals_of(node: ast.AST) -> Iterator[str]:
    for child in ast.walk(node):
        if isinstance(child, ast.Global):
            yield from child.names
