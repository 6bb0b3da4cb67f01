"""Lets a script read and set a map's entries by attribute, as SpiffWorkflow's scripts do: order.total."""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache

_READ = "fermata_entry"

# Runs in the sandbox, before the script.
PRELUDE = f"""
def {_READ}(value, name):
    return value[name] if isinstance(value, dict) else getattr(value, name)
"""


@lru_cache(maxsize=1024)
def with_entries(text: str) -> str:
    """*text* with 'a.b' as a function of PRELUDE, and 'a.b = c' as a["b"] = c. Its lines may shift."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    return ast.unparse(ast.fix_missing_locations(_Entries().visit(tree)))


class _Entries(ast.NodeTransformer):
    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """A method stays one; what it is called on may be an entry."""
        if isinstance(node.func, ast.Attribute):
            node.func.value = self.visit(node.func.value)
        else:
            node.func = self.visit(node.func)
        node.args = [self.visit(argument) for argument in node.args]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        target = self.visit(node.value)
        name = ast.Constant(node.attr)
        if isinstance(node.ctx, ast.Load):
            return ast.Call(ast.Name(_READ, ast.Load()), [target, name], [])
        return ast.Subscript(target, name, node.ctx)
