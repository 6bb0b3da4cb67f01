"""[agents] in fermata.toml: every key, and what is said about a wrong one."""

import dataclasses
import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from engine.errors import InvalidInput
from engine.executors.agent import AgentSettings, Limits, Price, read_agents
from engine.executors.agent.declared import _COUNTS, _KEYS
from engine.executors.agent.settings import ERROR_CODES

DOCS = Path(__file__).parents[3] / "docs" / "agents.md"


def look_up() -> str:
    return ""


def answer(turn):
    return {}


FUNCTIONS = {"handlers:look_up": look_up, "offline.py:answer": answer}


def _read(text, folder):
    return read_agents(tomllib.loads(text)["agents"], folder=folder, resolve=FUNCTIONS.__getitem__)


def test_every_key_is_read(tmp_path):
    (tmp_path / "judge.md").write_text("Judge.", encoding="utf-8")
    (tmp_path / "answer.json").write_text('{"type": "object"}', encoding="utf-8")
    text = """
        [agents."assess cv"]
        model = "openai:gpt-5-mini"
        instructions = "judge.md"
        prompt = "Now."
        inputs = { cv = "documents[1]" }
        tools = ["handlers:look_up"]
        output_schema = "answer.json"
        result_variable = "verdict"
        offline = "offline.py:answer"
        base_url = "http://127.0.0.1:1/v1"
        api_key_env = "MY_KEY"
        output_tries = 2
        on_limit = "incident"
        on_invalid = "incident"
        on_change = "restart"
        [agents."assess cv".limits]
        model_calls = 5
        tool_calls = 6
        input_tokens = 7
        output_tokens = 8
        tokens = 9
        cost = "0.50"
        seconds = 30
        [agents."assess cv".price]
        input = 2.5
        output = "10"
        [agents."assess cv".error_codes]
        cost = "TOO_DEAR"
        [agents."assess cv".model_settings]
        temperature = 0
    """

    assert _read(text, tmp_path) == (
        AgentSettings(
            job_type="assess cv",
            model="openai:gpt-5-mini",
            instructions="Judge.",
            prompt="Now.",
            inputs={"cv": "documents[1]"},
            tools=(look_up,),
            output={"type": "object"},
            result_variable="verdict",
            offline=answer,
            base_url="http://127.0.0.1:1/v1",
            api_key_env="MY_KEY",
            output_tries=2,
            limits=Limits(
                model_calls=5,
                tool_calls=6,
                input_tokens=7,
                output_tokens=8,
                total_tokens=9,
                cost=Decimal("0.50"),
                seconds=30.0,
            ),
            price=Price(Decimal("2.5"), Decimal(10)),
            on_limit="incident",
            on_invalid="incident",
            on_change="restart",
            error_codes={**ERROR_CODES, "cost": "TOO_DEAR"},
            model_settings={"temperature": 0},
        ),
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", r'\[agents."a"\] model is missing'),
        ('model = "gpt"', "model is 'gpt'. Write it like"),
        ('model = "offline"', "no scripted model is given. Add offline"),
        ('model = "nobody:x"', "unknown provider 'nobody'"),
        ('model = "openai:x"\ntemprature = 1', "temprature is no key that an agent has"),
        ('model = "openai:x"', "output is missing"),
        ('model = "openai:x"\nresult_variable = "x"\nlimits.pages = 1', "limits.pages is no key"),
        ('model = "openai:x"\nresult_variable = "x"\nlimits.cost = "much"', "limits.cost must be a number"),
        ('model = "openai:x"\nresult_variable = "x"\nlimits.model_calls = "3"', "model_calls must be a whole number"),
        ('model = "openai:x"\nresult_variable = "x"\nprice.input = 1', "price.output is missing"),
        (
            'model = "openai:x"\nresult_variable = "x"\non_limit = "stop"',
            "on_limit is 'stop'. Allowed: error, incident",
        ),
        ('model = "openai:x"\nresult_variable = "x"\noutput_tries = 0', "output_tries must be at least 1"),
        ('model = "openai:x"\nresult_variable = "x"\nerror_codes.speed = "S"', "unknown key 'speed'"),
        ('model = "openai:x"\nresult_variable = "x"\ninputs = "cv"', "inputs must be a list of texts"),
        ('model = "openai:x"\ninstructions = "missing.md"\nresult_variable = "x"', "names missing.md, which cannot be"),
        ('model = "openai:x"\ninstructions = "../x.md"\nresult_variable = "x"', "outside the application's folder"),
        ('model = "openai:x"\noutput_schema = { type = "string" }', "must describe an object"),
        ('model = "openai:x"\noutput_schema = { type = "thing" }', "is no valid JSON schema"),
        (
            'model = "openai:x"\noutput_schema = { type = "object", properties.a."$ref" = "http://x/y" }',
            "Only references into its own",
        ),
    ],
)
def test_wrong_settings_are_refused_with_a_remedy(tmp_path, line, message):
    with pytest.raises(InvalidInput, match=message):
        _read(f'[agents."a"]\n{line}', tmp_path)


@pytest.mark.parametrize(
    "name",
    [*_KEYS, *_COUNTS, "tokens", "cost", "seconds", *ERROR_CODES.values()],
)
def test_every_key_and_error_code_is_documented(name):
    assert re.search(rf"`{name}`", DOCS.read_text(encoding="utf-8"))


def test_examples_in_the_documentation_run(monkeypatch):
    from engine.executors.agent import MemoryJournal
    from engine.model import Job

    declared, scripted = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    names: dict = {}
    exec(compile(declared, "agents.md", "exec"), names)
    exec(compile(scripted, "agents.md", "exec"), names)
    names["engine"].close()

    settings = dataclasses.replace(names["assess"], offline=names["assess_cv"])
    job = Job("i.1", "assess-cv", "i", 1, "Assess", "hiring", None, {"cv": "ten years at Nordic"})
    answer = names["AgentExecutor"](settings)(job, MemoryJournal())

    assert answer == {"verdict": "invite", "reasons": ["Nordic: ships, 1,200 people"]}
