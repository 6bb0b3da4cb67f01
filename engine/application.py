"""A process application: a folder of models, handlers, scenarios and settings that belong together."""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from engine.errors import EngineError, InvalidInput
from engine.executors import http
from engine.handlers import HandlerDeclaration, declared_in
from engine.settings import DemoPerson, Settings, read_settings

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Deployment

MODEL_SUFFIXES = (".bpmn", ".dmn", ".form")
SCENARIO_SUFFIX = ".scenario.yaml"
_OFFLINE = "FERMATA_OFFLINE"


class ApplicationError(EngineError):
    """An application folder that cannot be loaded. The message names the file."""


@dataclass(frozen=True, slots=True)
class Application:
    """*models* and *scenarios* are files of the folder itself, in order of name."""

    folder: Path
    settings: Settings
    models: tuple[Path, ...]
    scenarios: tuple[Path, ...]

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def people(self) -> tuple[DemoPerson, ...]:
        return self.settings.people

    def handlers(self) -> tuple[HandlerDeclaration, ...]:
        """Imports the handler modules afresh. Raises ApplicationError when one cannot be imported."""
        return collect_handlers(self.folder, self._handler_modules())

    def register(
        self,
        engine: Engine,
        *,
        except_names: Iterable[str] = (),
        handlers: Iterable[HandlerDeclaration] | None = None,
        is_offline: bool = False,
    ) -> None:
        """Makes the handlers and agents known to *engine*, but for *except_names*; deploys nothing.

        *handlers*: what an earlier `handlers()` gave, where the modules shall not be imported again.
        *is_offline*: agents answer from their scripts, whatever keys there are. Raises ApplicationError.
        """
        left_out = frozenset(except_names)
        self._register_connectors(engine, left_out)
        for handler in self.handlers() if handlers is None else handlers:
            if handler.name not in left_out:
                _register(engine, handler, self.settings.save_points)
        for job_type in self.settings.external_types:
            if job_type not in left_out:
                engine.register_external(job_type)
        for job_type in self.settings.exclusive_types:
            engine.register_exclusive(job_type)
        self._register_agents(engine, left_out, {**os.environ, _OFFLINE: "1"} if is_offline else os.environ)
        self._register_hooks(engine)

    def with_handlers(self, *modules: str) -> Application:
        """The same application with these handler modules (file names in the folder) instead of its own."""
        return replace(self, settings=replace(self.settings, handler_modules=modules))

    def install(self, engine: Engine, *, by: str = "system") -> Deployment | None:
        """Registers handlers and agents and deploys the models together; None where there are no models.

        Raises ApplicationError, or DeploymentRefused for models that cannot be run as they are.
        """
        self.register(engine)
        if not self.models:
            return None
        return engine.deploy(*self.models, by=by, name=self.name)

    def _handler_modules(self) -> tuple[str, ...]:
        if self.settings.handler_modules is not None:
            return self.settings.handler_modules
        return ("handlers.py",) if (self.folder / "handlers.py").is_file() else ()

    def _register_connectors(self, engine: Engine, left_out: frozenset[str]) -> None:
        """Before the handlers: one of the same name goes first."""
        for name in http.NAMES:
            if name not in left_out:
                engine.register_executor(name, http.HttpConnector(name, self.settings.allowed_hosts))

    def _register_agents(self, engine: Engine, left_out: frozenset[str], environ: Mapping[str, str]) -> None:
        """Agents come last: importing their module is only worth it where there are some."""
        if not self.settings.agents.keys() - left_out:
            return
        from engine.executors.agent import AgentExecutor, read_agents

        try:
            agents = read_agents(self.settings.agents, folder=self.folder, resolve=self.function)
        except InvalidInput as problem:
            raise ApplicationError(f"{self.settings.file}: {problem}") from problem
        for agent in agents:
            if agent.job_type not in left_out:
                engine.register_executor(agent.job_type, AgentExecutor(agent, clock=engine.clock, environ=environ))

    def _register_hooks(self, engine: Engine) -> None:
        for hook in self.settings.hooks:
            try:
                engine.hooks.add(hook)
            except InvalidInput as problem:
                raise ApplicationError(f"{self.settings.file}: {problem}") from problem

    def function(self, reference: str) -> Callable[..., Any]:
        """The function that 'module:name' or 'module.py:name' means in this folder. Raises ApplicationError."""
        module_name, separator, name = reference.partition(":")
        if not separator:
            raise ApplicationError(f"{self.folder}: '{reference}' names no function. Write it like handlers:lookup.")
        module = _import_file(self.folder, module_name.removesuffix(".py") + ".py")
        function = getattr(module, name, None)
        if not callable(function):
            raise ApplicationError(f"{module.__file__}: there is no function '{name}', which '{reference}' names.")
        return function


def load_application(folder: str | Path) -> Application:
    """Reads the folder without importing anything from it. Raises ApplicationError or SettingsError."""
    path = Path(folder)
    if not path.is_dir():
        raise ApplicationError(f"{path} is no folder. Name the folder of a process application.")
    files = sorted(entry for entry in path.iterdir() if entry.is_file())
    return Application(
        folder=path,
        settings=read_settings(path),
        models=tuple(file for file in files if file.suffix in MODEL_SUFFIXES),
        scenarios=tuple(file for file in files if file.name.endswith(SCENARIO_SUFFIX)),
    )


def collect_handlers(folder: Path, modules: Iterable[str]) -> tuple[HandlerDeclaration, ...]:
    """The `@handler` functions of the *modules* (file names in *folder*), imported afresh, by name.

    Raises ApplicationError when a module cannot be imported or two functions take the same name.
    """
    _forget(folder)
    found: dict[str, HandlerDeclaration] = {}
    for name in modules:
        for declaration in declared_in(vars(_import_file(folder, name))):
            other = found.setdefault(declaration.name, declaration)
            if other.function is not declaration.function:
                raise ApplicationError(
                    f"{declaration.file}: two functions are handlers of '{declaration.name}', "
                    f"here and in {other.file}. Keep one of them."
                )
    return tuple(found.values())


def _package_of(folder: Path) -> str:
    """A package name of its own for each folder, so that two applications may both have handlers.py."""
    path = folder.resolve()
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    return f"fermata_application_{re.sub(r'[^0-9a-z]+', '_', path.name.lower())}_{digest}"


def _forget(folder: Path) -> None:
    package = _package_of(folder)
    for name in [name for name in sys.modules if name == package or name.startswith(package + ".")]:
        del sys.modules[name]


def _import_file(folder: Path, name: str) -> ModuleType:
    file = folder / name
    if file.suffix != ".py" or not file.is_file() or not file.resolve().is_relative_to(folder.resolve()):
        raise ApplicationError(f"{file}: there is no such Python file in the application. Check [handlers] modules.")
    package = _package_of(folder)
    if package not in sys.modules:
        module = ModuleType(package)
        module.__path__ = [str(folder.resolve())]
        sys.modules[package] = module
    parts = file.resolve().relative_to(folder.resolve()).with_suffix("").parts
    try:
        return importlib.import_module(".".join((package, *parts)))
    except Exception as problem:  # an application's own code: whatever it raises is its author's to know
        line = _line_of(problem, folder)
        raise ApplicationError(f"{file}:{line}: cannot be imported: {type(problem).__name__}: {problem}") from problem


def import_module_of(folder: str, module: str) -> ModuleType:
    """The module that goes by the dotted name *module* within the application in *folder*; imported once."""
    path = Path(folder)
    if (known := sys.modules.get(f"{_package_of(path)}.{module}")) is not None:
        return known
    return _import_file(path, module.replace(".", "/") + ".py")


def _line_of(problem: Exception, folder: Path) -> int:
    """The innermost line of the application's own code that *problem* passed through."""
    if isinstance(problem, SyntaxError) and problem.lineno:
        return problem.lineno
    line = 1
    trace = problem.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith(str(folder.resolve())):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


_registered: WeakKeyDictionary[Engine, dict[str, str]] = WeakKeyDictionary()


def _register(engine: Engine, handler: HandlerDeclaration, save_points: bool) -> None:
    """Two applications on one engine may not both claim a handler name: each would run the other's work."""
    owners = _registered.setdefault(engine, {})
    owner = owners.setdefault(handler.name, handler.file)
    if owner != handler.file:
        raise ApplicationError(
            f"{handler.file}: the handler name '{handler.name}' is taken by {owner}. "
            "Rename one of them, in the diagram and in the code."
        )
    options = handler.options if save_points else {"save_point": False, **handler.options}
    engine.handler(handler.name, **options)(handler.function)
