import json
import re
from pathlib import Path

import pytest

from bpmn.expressions import compile_expression
from bpmn.model import Expression, Language

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "expressions.md").read_text()
VARIABLES = json.loads(re.search(r"```json variables\n(.*?)```", PAGE, re.DOTALL).group(1))
EXAMPLES = [
    (block.group(1), *re.split(r"\s+=>\s+", line))
    for block in re.finditer(r"```(feel|juel|xpath|python)\n(.*?)```", PAGE, re.DOTALL)
    for line in block.group(2).strip().splitlines()
]


@pytest.mark.parametrize(("language", "text", "value"), EXAMPLES)
def test_an_example_of_the_page_on_expressions_gives_what_it_says(language, text, value):
    result = compile_expression(Expression(Language(language), text))(VARIABLES)

    assert json.loads(json.dumps(result, default=float)) == json.loads(value)


def test_the_example_of_the_page_on_decisions_runs():
    page = (DOCS / "decisions-dmn.md").read_text()
    xml = re.search(r"```xml model\n(.*?)```", page, re.DOTALL).group(1)
    code = re.search(r"```python run\n(.*?)```", page, re.DOTALL).group(1)

    exec(compile(code, "decisions-dmn.md", "exec"), {"xml": xml.encode()})
