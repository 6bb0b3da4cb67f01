"""A real model's client against a server on this machine that speaks as OpenAI does."""

import dataclasses
import json
import socket
import threading
import traceback
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine.errors import BpmnError, PermanentFailure, RetryLater
from engine.executors.agent import Limits, MemoryJournal, Price, totals

KEY = "sk-very-secret-key"


def look_up(name: str) -> str:
    """Looks a person up."""
    return f"{name} is known"


class Server:
    """Answers POSTs from a list of (status, headers, body); keeps what it was sent."""

    def __init__(self):
        self.answers = []
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append(
                    (self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(body))
                )
                status, headers, answer = outer.answers.pop(0)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def will_call(self, tool, arguments, **usage):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        call = {
            "id": f"call_{len(self.answers)}",
            "type": "function",
            "function": {"name": tool, "arguments": text},
        }
        self._will_say({"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls", usage)

    def will_say(self, text, finish_reason="stop", **usage):
        self._will_say({"role": "assistant", "content": text}, finish_reason, usage)

    def _will_say(self, message, finish_reason, usage):
        counts = {"prompt_tokens": 1000, "completion_tokens": 200, **usage}
        answer = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        }
        if "usage" not in usage:
            answer["usage"] = {**counts, "total_tokens": sum(counts.values())}
        self.answers.append((200, {}, answer))

    def will_call_by_responses(self, tool, arguments):
        """As OpenAI's newer interface answers, with the reasoning that must go back with the next request."""
        number = len(self.answers)
        self.answers.append((200, {}, {
            "id": f"resp_{number}", "object": "response", "created_at": 1_790_000_000, "status": "completed",
            "model": "gpt-5-mini-2025-08-07", "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
            "output": [
                {"type": "reasoning", "id": f"rs_{number}", "summary": [], "encrypted_content": f"sealed-{number}"},
                {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": tool,
                 "arguments": json.dumps(arguments), "status": "completed"},
            ],
            "usage": {"input_tokens": 1000, "input_tokens_details": {"cached_tokens": 600}, "output_tokens": 200,
                      "output_tokens_details": {"reasoning_tokens": 150}, "total_tokens": 1200},
        }))  # fmt: skip

    def will_call_by_messages(self, tool, arguments):
        """As Anthropic answers, with the signed thinking that must go back with the next request."""
        number = len(self.answers)
        self.answers.append((200, {}, {
            "id": f"msg_{number}", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5",
            "content": [
                {"type": "thinking", "thinking": "Let me see.", "signature": f"signed-{number}"},
                {"type": "tool_use", "id": f"toolu_{number}", "name": tool, "input": arguments},
            ],
            "stop_reason": "tool_use", "stop_sequence": None,
            "usage": {"input_tokens": 400, "cache_read_input_tokens": 600, "cache_creation_input_tokens": 0,
                      "output_tokens": 200},
        }))  # fmt: skip

    def will_fail(self, status, headers=None, body=None):
        error = {"error": {"message": f"no, {KEY}", "type": "x", "code": "some_code"}}
        self.answers.append((status, headers or {}, error if body is None else body))


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def online(declare, server):
    def online(**changes):
        fields = {"model": "openai:gpt-4o-mini", "base_url": server.url, "api_key_env": "STUB_KEY", "offline": None}
        return declare(None, **{**fields, **changes})

    return online


@pytest.fixture
def ask(run):
    return lambda settings, journal=None: run(settings, journal, STUB_KEY=KEY)


def test_tools_are_called_and_the_answer_is_returned(ask, online, server):
    server.will_call("look_up", {"name": "Ann"})
    server.will_call("answer", {"verdict": "yes"})

    assert ask(online(tools=(look_up,))) == {"verdict": "yes"}

    (path, headers, first), (_, _, second) = server.requests
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert [tool["function"]["name"] for tool in first["tools"]] == ["look_up", "answer"]
    assert second["messages"][-1]["content"] == "Ann is known"


def test_crash_after_an_answer_does_not_ask_for_it_again(ask, online, server, crashing):
    server.will_call("look_up", {"name": "Ann"})
    journal = crashing([], lasts=1, saves_the_last=True)
    with pytest.raises(crashing.Crash):
        ask(online(tools=(look_up,)), journal)

    server.will_call("answer", {"verdict": "yes"})
    resumed = MemoryJournal(journal.steps())
    assert ask(online(tools=(look_up,)), resumed) == {"verdict": "yes"}
    assert len(server.requests) == 2
    assert [step.sequence for step in resumed.steps()] == [1, 2, 3]


INTERFACES = {
    "will_call": {"model": "openai:gpt-4o-mini"},
    "will_call_by_responses": {"model": "openai-responses:gpt-5-mini"},
    "will_call_by_messages": {"model": "anthropic:claude-sonnet-5-5", "model_settings": {"max_tokens": 1000}},
}


@pytest.mark.parametrize("interface", INTERFACES)
def test_request_after_a_crash_is_the_one_that_an_unbroken_run_sends(ask, online, server, crashing, interface):
    settings = online(tools=(look_up,), **INTERFACES[interface])
    if interface == "will_call_by_messages":
        settings = dataclasses.replace(settings, base_url=server.url.removesuffix("/v1"))

    def answer_twice():
        getattr(server, interface)("look_up", {"name": "Ann"})
        getattr(server, interface)("answer", {"verdict": "yes"})

    answer_twice()
    unbroken = MemoryJournal()
    assert ask(settings, unbroken) == {"verdict": "yes"}
    answer_twice()
    broken = crashing([], lasts=1, saves_the_last=True)
    with pytest.raises(crashing.Crash):
        ask(settings, broken)
    resumed = MemoryJournal(broken.steps())
    assert ask(settings, resumed) == {"verdict": "yes"}

    bodies = [body for _, _, body in server.requests]
    assert len(bodies) == 4
    assert bodies[3] == bodies[1]
    assert totals(resumed.steps()).cost == totals(unbroken.steps()).cost > 0


def test_cost_agrees_with_the_published_price_list(ask, online, server):
    from genai_prices import Usage, calc_price

    server.will_call("look_up", {"name": "Ann"}, prompt_tokens=1200, completion_tokens=34)
    server.will_call("answer", {"verdict": "yes"}, prompt_tokens=1400, completion_tokens=56)
    journal = MemoryJournal()
    ask(online(tools=(look_up,)), journal)

    prices = [
        calc_price(Usage(input_tokens=i, output_tokens=o), "gpt-4o-mini", provider_id="openai").total_price
        for i, o in ((1200, 34), (1400, 56))
    ]
    assert totals(journal.steps()).cost == sum(prices) > 0
    assert (totals(journal.steps()).input_tokens, totals(journal.steps()).output_tokens) == (2600, 90)


def test_own_price_is_used_where_given(ask, online, server):
    server.will_call("answer", {"verdict": "yes"})
    journal = MemoryJournal()
    ask(online(model="openai:our-own", price=Price(Decimal("2.50"), Decimal(10))), journal)

    assert totals(journal.steps()).cost == Decimal("0.0045")


def test_cost_is_limited(ask, online, server):
    server.will_call("look_up", {"name": "Ann"})
    settings = online(tools=(look_up,), price=Price(Decimal(1), Decimal(1)), limits=Limits(cost=Decimal("0.001")))

    with pytest.raises(BpmnError, match=r"used 0\.0012 USD, allowed are 0\.001 USD") as caught:
        ask(settings)
    assert caught.value.code == "AGENT_LIMIT_COST"


def test_limits_of_tokens_need_a_server_that_reports_usage(ask, online, server):
    server.will_call("answer", {"verdict": "yes"}, usage=None)

    with pytest.raises(PermanentFailure, match="reports no token usage"):
        ask(online(limits=Limits(total_tokens=10_000)))


def test_rate_limit_is_retried_when_the_server_says(ask, online, server):
    server.will_fail(429, {"Retry-After": "17"})

    with pytest.raises(RetryLater) as caught:
        ask(online())
    assert caught.value.after == timedelta(seconds=17)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_passing_trouble_is_an_ordinary_retry(ask, online, server, status):
    server.will_fail(status)

    with pytest.raises(Exception, match=f"gave no answer .status {status}") as caught:
        ask(online())
    assert not isinstance(caught.value, PermanentFailure | BpmnError)


def test_unreachable_server_is_an_ordinary_retry(ask, online):
    with pytest.raises(Exception, match=r"gave no answer .*no connection.*FERMATA_OFFLINE=1") as caught:
        ask(online(base_url="http://127.0.0.1:9/v1"))
    assert not isinstance(caught.value, PermanentFailure)


def test_answer_that_is_no_json_is_an_ordinary_retry(ask, online, server):
    server.will_fail(200, body=b"<html>a proxy's page</html>")

    with pytest.raises(Exception, match="gave no answer") as caught:
        ask(online())
    assert not isinstance(caught.value, PermanentFailure | BpmnError)


@pytest.mark.parametrize("status", [401, 403])
def test_refused_key_is_an_incident_that_names_the_variable_but_not_the_key(ask, online, server, status):
    server.will_fail(status)

    with pytest.raises(PermanentFailure, match="Check the environment variable STUB_KEY") as caught:
        ask(online())
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(("status", "remedy"), [(404, "Correct model"), (400, "Check the agent's settings")])
def test_rejected_request_is_an_incident(ask, online, server, status, remedy):
    server.will_fail(status)

    with pytest.raises(PermanentFailure, match=remedy):
        ask(online())


def test_arguments_that_are_no_json_are_sent_back(ask, online, server):
    server.will_call("answer", '{"verdict": ')
    server.will_call("answer", {"verdict": "yes"})

    assert ask(online()) == {"verdict": "yes"}


def test_answer_cut_off_at_the_token_limit_is_asked_for_again_when_the_incident_is_retried(ask, online, server):
    journal = MemoryJournal()
    server.will_call("answer", '{"verdict": "y')
    server.answers[0][2]["choices"][0]["finish_reason"] = "length"
    with pytest.raises(PermanentFailure, match="cut off at the model's token limit"):
        ask(online(on_invalid="incident", output_tries=1), journal)

    server.will_call("answer", {"verdict": "yes"})
    assert ask(online(on_invalid="incident", output_tries=1), journal) == {"verdict": "yes"}
    assert ask(online(on_invalid="incident", output_tries=1), journal) == {"verdict": "yes"}
    assert [step.request.get("replaces") for step in journal.steps()] == [None, 1]


def test_filtered_answer_is_a_bpmn_error_of_its_own(ask, online, server):
    server.will_say("", finish_reason="content_filter")

    with pytest.raises(BpmnError) as caught:
        ask(online())
    assert caught.value.code == "AGENT_OUTPUT_REFUSED"


def test_key_is_nowhere_in_what_is_saved(ask, online, server):
    server.will_call("answer", {"verdict": "yes"})
    journal = MemoryJournal()
    ask(online(), journal)

    assert KEY not in repr(journal.steps())


def test_without_key_the_scripted_model_answers_and_is_marked(run, declare):
    journal = MemoryJournal()
    run(declare(model="openai:gpt-4o-mini"), journal)

    [step] = journal.steps()
    assert (step.is_offline, step.name) == (True, "offline:script")


def test_switch_turns_the_scripted_model_on_in_spite_of_a_key(run, declare):
    settings = declare(model="openai:gpt-4o-mini")

    assert run(settings, OPENAI_API_KEY=KEY, FERMATA_OFFLINE="1") == {"verdict": "yes"}


def test_neither_key_nor_scripted_model_is_an_incident_with_both_remedies(run, declare):
    with pytest.raises(PermanentFailure, match=r"OPENAI_API_KEY is not set.*add offline"):
        run(declare(model="openai:gpt-4o-mini", offline=None))


def test_own_server_without_a_key_gets_none(run, online, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.will_call("answer", {"verdict": "yes"})

    assert run(online(api_key_env=None), OPENAI_API_KEY=KEY) == {"verdict": "yes"}
    assert KEY not in str(server.requests[0][1])


def test_time_limit_interrupts_a_model_that_does_not_answer(ask, online):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(BpmnError) as caught:
            ask(online(base_url=url, limits=Limits(seconds=0.3)))

    assert caught.value.code == "AGENT_LIMIT_TIME"
