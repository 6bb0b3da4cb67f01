"""`make elements`: writes the examples of docs/elements/ and the page that tells what runs of them, docs/bpmn.md.

    python -m tests.elements.run [--files] [PART OF A NAME]

Every example is deployed and played in every dialect first. Ends with status 1 when one does not do what its
scenario says; nothing is written into the page then. --files writes the files and plays nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.elements.examples import EXAMPLES
from tests.elements.files import FOLDER, files_of
from tests.elements.page import page
from tests.elements.play import play

DOCS = FOLDER.parent
PAGE = "bpmn.md"


def main(arguments: Sequence[str]) -> int:
    wanted = [argument for argument in arguments if not argument.startswith("--")]
    examples = [each for each in EXAMPLES if not wanted or any(part in each.id for part in wanted)]
    written = {file for example in examples for file in _write(files_of(example))}
    if not wanted:
        _remove_others(written)
    print(f"{len(written)} files of {len(examples)} examples in docs/{FOLDER.name}/")
    if "--files" in arguments:
        return 0
    played = {(each.id, dialect.name): play(each, dialect) for each in examples for dialect in each.dialects}
    wrong = {key: each for key, each in played.items() if each.failures}
    for (example, dialect), each in wrong.items():
        print(f"{example}, {dialect}: {each.words}\n  " + "\n  ".join(each.failures))
    if wanted or wrong:
        return 1 if wrong else 0
    told = (DOCS / PAGE).read_text(encoding="utf-8")
    (DOCS / PAGE).write_text(page(told, played), encoding="utf-8")
    print(f"Written: docs/{PAGE}")
    return 0


def _write(files: dict[Path, str]) -> list[Path]:
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return list(files)


def _remove_others(written: set[Path]) -> None:
    for path in FOLDER.rglob("*"):
        if path.is_file() and path not in written:
            path.unlink()
    for folder in FOLDER.iterdir():
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
