"""The executor that hands a job to an agent."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, cast

from engine.clock import Clock, SystemClock
from engine.errors import BpmnError, InvalidInput, PermanentFailure
from engine.executors.agent.journal import Journal
from engine.executors.agent.limits import LimitReached
from engine.executors.agent.offline import scripted_model
from engine.executors.agent.prices import has_price
from engine.executors.agent.prompt import inputs_of, instructions_of, prompt_of
from engine.executors.agent.recorder import Recorder, RunChanged, refuse_change
from engine.executors.agent.settings import AgentSettings
from engine.model import Job

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    from engine.executors.agent.loop import NoValidAnswer, Task

log = logging.getLogger(__name__)


class AgentExecutor:
    """Does the jobs of one agent, in any number of threads; docs/agents.md says how it behaves.

    *environ*: where keys are looked up, at every run. *timer*: seconds, to measure durations.
    Raises InvalidInput when a limit of cost is declared for a model whose price nobody knows.
    """

    gets_secrets = False  # what it is given goes to the model and into the journal

    def __init__(
        self,
        settings: AgentSettings,
        *,
        clock: Clock | None = None,
        environ: Mapping[str, str] = os.environ,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._environ = environ
        self._timer = timer
        if settings.limits.cost is not None and not settings.runs_offline(environ) and not has_price(settings):
            raise InvalidInput(
                f"Agent '{settings.job_type}': no price is known for model '{settings.model}', so limits.cost cannot "
                'be kept. Add price = { input = "...", output = "..." } (USD for a million tokens), or take it out.'
            )

    def __call__(self, job: Job, journal: Journal) -> dict[str, Any]:
        """The agent's answer as variables.

        Raises BpmnError (a limit, no valid answer, or a tool's), PermanentFailure, RetryLater; any other
        exception means an ordinary retry, which goes on after the last saved step.
        """
        _require_library()
        from engine.executors.agent.loop import NoValidAnswer, converse

        recorder = self._recorder(job, journal)
        tries = self.settings.output_tries
        while True:
            task, inputs = self._task(job, recorder.asked_at)
            model = self._model(task, inputs, recorder)
            try:
                return self._variables(_run(converse(self.settings, task, model, recorder, tries)))
            except LimitReached as limit:
                self._stop_at(limit)
            except RunChanged as changed:
                self._start_over(recorder, changed)
            except NoValidAnswer as problem:
                tries += self._ask_again(recorder, problem, tries)

    def _task(self, job: Job, asked_at: datetime) -> tuple[Task, Mapping[str, Any]]:
        from engine.executors.agent.loop import Task

        inputs = inputs_of(self.settings, job, asked_at)
        task = Task(job=job, instructions=instructions_of(self.settings), prompt=prompt_of(self.settings, inputs))
        return task, inputs

    def _recorder(self, job: Job, journal: Journal) -> Recorder:
        is_offline = self.settings.runs_offline(self._environ)
        limits = self.settings.limits
        return Recorder(job.id, journal, limits, clock=self._clock, is_offline=is_offline, timer=self._timer)

    def _model(self, task: Task, inputs: Mapping[str, Any], recorder: Recorder) -> Model:
        from engine.executors.agent.models import missing_script, real_model

        if not recorder.is_offline:
            return real_model(self.settings, self._environ)
        if self.settings.offline is None:
            raise missing_script(self.settings, self._environ)
        return scripted_model(self.settings.offline, inputs=inputs, instructions=task.instructions, prompt=task.prompt)

    def _variables(self, answer: Any) -> dict[str, Any]:
        if self.settings.result_variable:
            return {self.settings.result_variable: answer}
        if not isinstance(answer, Mapping):
            raise PermanentFailure(
                f"Agent '{self.settings.job_type}' answered with a {type(answer).__name__}, which has no fields to "
                "become variables. Add a result_variable."
            )
        return dict(cast("Mapping[str, Any]", answer))

    def _start_over(self, recorder: Recorder, changed: RunChanged) -> None:
        """Harmless while only answers are saved: they cost money, but nothing outside was touched."""
        tools = recorder.tools_asked_for()
        if tools and self.settings.on_change == "incident":
            raise refuse_change(self.settings.job_type, changed, tools) from None
        log.info("agent starts over: agent=%s step=%d", self.settings.job_type, changed.sequence)
        recorder.start_over()

    def _ask_again(self, recorder: Recorder, problem: NoValidAnswer, tries: int) -> int:
        """How many more answers the model may give: some when an operator retries the incident.

        That it is a retry shows in that the whole run was played back and nothing was asked anew.
        """
        has_gone_on = recorder.is_live or not (problem.is_final or tries <= recorder.steps_saved)
        if has_gone_on or self.settings.on_invalid == "error":
            self._give_up(problem)
        if problem.is_final:
            recorder.replace_last()
            return 0
        recorder.rewind()
        return self.settings.output_tries

    def _stop_at(self, limit: LimitReached) -> NoReturn:
        name = self.settings.job_type
        message = (
            f"Agent '{name}' reached its limit {limit.limit}: it used {limit.used}, allowed are {limit.allowed}. "
            f'Its steps are saved; raise {limit.limit} in [agents."{name}".limits] to let it go on.'
        )
        if self.settings.on_limit == "incident":
            raise PermanentFailure(message) from None
        raise BpmnError(self.settings.code(limit.limit), message) from None

    def _give_up(self, problem: NoValidAnswer) -> NoReturn:
        """The causes are left behind: they quote the model's answer, which belongs in the history alone."""
        message = f"Agent '{self.settings.job_type}': {problem}"
        if self.settings.on_invalid == "incident":
            raise PermanentFailure(message) from None
        raise BpmnError(self.settings.code(problem.reason), message) from None


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Runs *work* in an event loop of its own: in this thread, or beside it where a loop runs here already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as beside:
        return beside.submit(contextvars.copy_context().run, asyncio.run, work).result()


def _require_library() -> None:
    try:
        import pydantic_ai  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as problem:
        raise PermanentFailure(
            "Agents need the 'agents' extra, which is not installed. Run: pip install 'fermata[agents]'."
        ) from problem
