"""Whether the JavaScript of a diagram can be read, asked of the sandbox: it is compiled there and not run."""

from __future__ import annotations

from collections.abc import Iterator

from bpmn.model import Definitions, Finding, Language
from bpmn.rules.expression_syntax import RULE, sources_of


def script_findings(definitions: Definitions) -> Iterator[Finding]:
    """What is wrong with the scripts and expressions in JavaScript of the executable processes."""
    executable = [process for process in definitions.processes if process.is_executable]
    sources = [source for process in executable for source in sources_of(process)]
    texts = {(id, each.text, each.line) for id, each in sources if each.language is Language.JAVASCRIPT}
    if texts:
        from engine.sandbox.javascript import problem_in

        for element_id, text, line in sorted(texts):
            if problem := problem_in(text):
                message = f"{problem} Correct it at '{element_id}'."
                yield Finding(definitions.file, line, RULE, message, element_id)
