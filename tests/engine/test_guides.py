"""What docs/engine.md and docs/database.md say is true."""

import re
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.engine import Engine
from engine.store.tables import metadata

DOCS = Path(__file__).parents[2] / "docs"


def test_the_embedding_guide_runs_from_top_to_bottom(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(models / "order.bpmn", tmp_path)
    guide = (DOCS / "engine.md").read_text()
    names: dict[str, object] = {"__name__": "guide"}
    for block in re.findall(r"^```python\n(.*?)^```", guide, re.MULTILINE | re.DOTALL):
        exec(compile(block, "engine.md", "exec"), names)
    names["engine"].close()  # type: ignore[attr-defined]
    assert capsys.readouterr().out == "completed ['Received', 'Charge', 'Approve', 'Done']\n"


def test_every_table_and_its_key_is_described() -> None:
    described = dict(re.findall(r"^\| `(\w+)` \|.*\| (.+?) \|$", (DOCS / "database.md").read_text(), re.MULTILINE))
    keys = {name: re.findall(r"`(\w+)`", cell) for name, cell in described.items()}
    assert keys == {table.name: [column.name for column in table.primary_key] for table in metadata.sorted_tables}


def test_the_questions_in_sql_can_be_asked(engine: Engine) -> None:
    questions = re.search(r"^```sql\n(.*?)^```", (DOCS / "database.md").read_text(), re.MULTILINE | re.DOTALL)
    assert questions is not None
    with engine.store.reading() as connection:
        for question in filter(str.strip, questions[1].split(";")):
            assert connection.execute(text(question)).all() == []


def test_every_call_of_the_facade_is_in_the_guide() -> None:
    guide = (DOCS / "engine.md").read_text()
    calls = {name for name, value in vars(Engine).items() if callable(value) and not name.startswith("_")}
    unsaid = {name for name in calls if not re.search(rf"\b{name}\b", guide)}
    assert unsaid == set()
