"""All files of an example, by path."""

from __future__ import annotations

import re
from pathlib import Path

from bpmn.picture import picture
from tests.elements.dialects import Dialect
from tests.elements.example import Example
from tests.elements.writer import bpmn_file

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "elements"
_ACCENT = (
    "svg{--mark:#ddf4ff;--line:#0969da}@media(prefers-color-scheme:dark){svg{--mark:#0c2d6b;--line:#58a6ff}}"
    ".shown>.node:not(.bare),.shown>.ring{fill:var(--mark)}.shown>.node,.shown>.ring,.shown>.line{stroke:var(--line)}"
    ".shown .sign *{stroke:var(--line)}.shown .sign .full{fill:var(--line)}.shown .sign .cut{stroke:var(--mark)}"
)


def diagram_path(example: Example) -> Path:
    return FOLDER / example.id / f"{example.id}.svg"


def bpmn_path(example: Example, dialect: Dialect) -> Path:
    return FOLDER / example.id / f"{dialect.name}.bpmn"


def scenario_path(example: Example, dialect: Dialect | None = None) -> Path:
    """Of all dialects, or the own one of *dialect* where it has one."""
    name = dialect.name if dialect is not None and _has_own(example, dialect) else example.id
    return FOLDER / example.id / f"{name}.scenario.yaml"


def _has_own(example: Example, dialect: Dialect) -> bool:
    is_refused_alone = dialect.name in example.refused and len(example.refused) < len(example.dialects)
    return dialect.name in example.own_scenarios or is_refused_alone


def files_of(example: Example) -> dict[Path, str]:
    folder = FOLDER / example.id
    found = {bpmn_path(example, dialect): bpmn_file(example, dialect) for dialect in example.dialects}
    found[diagram_path(example)] = drawn(example, next(iter(found.values())))
    for dialect in reversed(example.dialects):  # the common one is of the first
        found[scenario_path(example, dialect)] = _scenario(example, dialect)
    return found | {folder / name: text for name, text in example.files.items()}


def drawn(example: Example, bpmn: str) -> str:
    def classes(element_id: str, kind: str) -> str:
        return "shown" if element_id in example.shown else ""

    return picture(
        bpmn.encode(),
        f"{example.id}.bpmn",
        title=example.title,
        description=_plain(example.says),
        style=_ACCENT,
        classes=classes,
    )


def _plain(text: str) -> str:
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text).replace("`", "")


def _scenario(example: Example, dialect: Dialect) -> str:
    names = [f"{dialect.name}.bpmn", *example.files]
    process = f"process: {example.key}\n" if example.others else ""
    if dialect.name in example.refused:
        return f'models: [{", ".join(names)}]\ndeploy_error: "{example.refused[dialect.name]}"\n'
    text = example.own_scenarios.get(dialect.name, example.scenario)
    return f"models: [{', '.join(names)}]\n{process}{text.lstrip(chr(10))}"
