"""Process applications: a folder of models, handlers and settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.application import ApplicationError, collect_handlers, load_application
from engine.settings import (
    DEFAULT_DATABASE,
    DemoPerson,
    Settings,
    SettingsError,
    database_url,
    longest_time_to_live,
    read_settings,
)

HANDLER = "from engine import handler\n\n@handler('{name}')\ndef do(job):\n    return {{'by': '{by}'}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    application = tmp_path / "my-app"
    application.mkdir()
    return application


def settings(folder: Path, text: str):
    (folder / "fermata.toml").write_text(text)
    return read_settings(folder)


def wrong(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings(folder, text)
    return str(caught.value)


def test_a_folder_without_settings_is_an_application(folder: Path) -> None:
    for name in ("b.bpmn", "a.dmn", "c.form", "one.scenario.yaml", "README.md"):
        (folder / name).write_text("")

    application = load_application(folder)

    assert application.name == "my-app"
    assert [model.name for model in application.models] == ["a.dmn", "b.bpmn", "c.form"]
    assert [scenario.name for scenario in application.scenarios] == ["one.scenario.yaml"]


def test_settings_are_read(folder: Path) -> None:
    found = settings(
        folder,
        """
[application]
name = "Mine"
[database]
url = "sqlite:///data/mine.db"
[handlers]
modules = ["one.py", "two.py"]
[agents."read-mail"]
model = "offline"
[people.ann]
password = "secret"
groups = ["managers"]
admin = true
""",
    )

    assert found.name == "Mine"
    assert found.database_url == f"sqlite:///{folder / 'data' / 'mine.db'}"
    assert found.handler_modules == ("one.py", "two.py")
    assert found.agents == {"read-mail": {"model": "offline"}}
    assert found.people == (DemoPerson("ann", "secret", "ann", ("managers",), True),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[handlers]\n\nmodles = []",
            "fermata.toml:3: unknown key 'modles' in [handlers]. Allowed: modules, save_points, external, exclusive.",
        ),
        ("[celery]\nahead = 0", "fermata.toml:2: ahead must be a whole number, at least 1."),
        ("[celery.queues]\ngpu = 1", "fermata.toml:2: gpu must be a text in quotes."),
        ('[hooks.shop]\nsecret = "S"', "fermata.toml:1: the hook 'shop' has no message."),
        ("x = 1", "fermata.toml:1: unknown key 'x' in the file. Allowed: application"),
        ("[people.ann]\ngroups = []", "fermata.toml:1: the person 'ann' has no password"),
        ('[people."a b"]\npassword = "x"\nadmin = "yes"', "fermata.toml:3: admin must be true or false"),
        ("[handlers]\nmodules = 'a.py'", "fermata.toml:2: modules must be a list of texts"),
        ("handlers = 1", "fermata.toml:1: 'handlers' must be a table"),
        ("[application]\nname = 1", "fermata.toml:2: name must be a text"),
        ("[database]\nhistory_time_to_live = 'soon'", "fermata.toml:2: 'soon' is no time to live"),
        ("[database]\nhistory_time_to_live = -1", "fermata.toml:2: '-1' is no time to live"),
        ("[database]\nhistory_partition = 'year'", "fermata.toml:2: 'year' is no span of a partition"),
        ("[application\n", "fermata.toml:1: not valid TOML"),
    ],
)
def test_a_wrong_setting_names_its_line_and_what_is_allowed(folder: Path, text: str, says: str) -> None:
    assert says in wrong(folder, text)


def test_the_database_is_the_one_given_else_the_nearest_files_else_the_environments(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = folder / "inner"
    inner.mkdir()
    monkeypatch.delenv("FERMATA_DATABASE", raising=False)
    assert database_url(start=inner) == DEFAULT_DATABASE

    monkeypatch.setenv("FERMATA_DATABASE", "postgresql://here/x")
    assert database_url(start=inner) == "postgresql://here/x"

    settings(folder, "[database]\nurl = 'postgresql://there/y'")
    assert database_url(start=inner) == "postgresql://there/y"
    assert database_url("sqlite:///z.db", inner) == "sqlite:///z.db"


@pytest.mark.parametrize(
    ("said", "longest"), [(["30", "P6M"], "P6M"), (["P1Y", None], None), (["P1D", "30"], "30"), ([], None)]
)
def test_applications_that_share_a_database_keep_history_as_long_as_the_longest_says(
    said: list[str | None], longest: str | None
) -> None:
    assert longest_time_to_live([Settings(history_time_to_live=each) for each in said]) == longest


def test_two_applications_may_both_have_handlers_py(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "handlers.py").write_text(HANDLER.format(name=f"do-{name}", by=name))
        found.append(load_application(tmp_path / name).handlers()[0])

    assert [(each.name, each.function(None)) for each in found] == [
        ("do-one", {"by": "one"}),
        ("do-two", {"by": "two"}),
    ]


def test_a_handler_module_may_import_its_siblings(folder: Path) -> None:
    (folder / "rates.py").write_text("RATE = 3\n")
    (folder / "handlers.py").write_text(
        "from engine import handler\nfrom . import rates\n\n@handler('rate')\ndef rate(job):\n    return rates.RATE\n"
    )

    assert collect_handlers(folder, ["handlers.py"])[0].function(None) == 3


def test_handlers_are_imported_afresh(folder: Path) -> None:
    file = folder / "handlers.py"
    file.write_text(HANDLER.format(name="do", by="before"))
    load_application(folder).handlers()
    file.write_text(HANDLER.format(name="do", by="afterwards"))

    assert load_application(folder).handlers()[0].function(None) == {"by": "afterwards"}


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("\nimport nowhere_to_be_found\n", r"handlers.py:2: cannot be imported: ModuleNotFoundError"),
        ("def f(:\n", r"handlers.py:1: cannot be imported: SyntaxError"),
        (
            HANDLER.format(name="do", by="a") + HANDLER.format(name="do", by="b").replace("def do", "def other"),
            "two functions",
        ),
    ],
)
def test_a_handler_module_that_cannot_be_used_is_named_with_its_line(folder: Path, code: str, says: str) -> None:
    (folder / "handlers.py").write_text(code)

    with pytest.raises(ApplicationError, match=says):
        load_application(folder).handlers()


def test_a_module_that_is_not_there_or_not_inside_is_refused(folder: Path) -> None:
    (folder.parent / "outside.py").write_text("")

    for name in ("missing.py", "../outside.py", "handlers"):
        with pytest.raises(ApplicationError, match="no such Python file"):
            collect_handlers(folder, [name])


def test_two_applications_on_one_engine_must_not_share_a_handler_name(tmp_path: Path) -> None:
    from engine import Engine

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "handlers.py").write_text(HANDLER.format(name="notify", by=name))

    with Engine(f"sqlite:///{tmp_path / 'x.db'}") as engine:
        load_application(tmp_path / "one").install(engine)
        load_application(tmp_path / "one").install(engine)
        with pytest.raises(ApplicationError, match=r"'notify' is taken by .*one"):
            load_application(tmp_path / "two").install(engine)


def test_a_function_is_found_by_module_and_name(folder: Path) -> None:
    (folder / "tools.py").write_text("def look():\n    return 1\n")
    application = load_application(folder)

    assert application.function("tools:look")() == 1
    assert application.function("tools.py:look")() == 1
    with pytest.raises(ApplicationError, match="no function 'missing'"):
        application.function("tools:missing")
    with pytest.raises(ApplicationError, match="names no function"):
        application.function("tools")
