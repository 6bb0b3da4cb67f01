"""Which flow nodes and sequence flows of the models the scenarios took, in figures and as pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from bpmn.model import FlowElements, Process
from bpmn.reader import read_bpmn
from engine.testing.drawing import draw
from engine.testing.reader import read_scenario_file
from engine.testing.runner import Result
from engine.testing.source import ScenarioFileError


@dataclass(frozen=True, slots=True)
class ProcessCoverage:
    """*elements* and *flows*: all there are, in document order; *taken*: the ids of both that were taken."""

    file: Path
    process: str
    elements: tuple[str, ...]
    flows: tuple[str, ...]
    taken: frozenset[str]

    @property
    def missed_elements(self) -> tuple[str, ...]:
        return tuple(each for each in self.elements if each not in self.taken)

    @property
    def missed_flows(self) -> tuple[str, ...]:
        return tuple(each for each in self.flows if each not in self.taken)

    @property
    def size(self) -> int:
        return len(self.elements) + len(self.flows)

    @property
    def covered(self) -> int:
        return self.size - len(self.missed_elements) - len(self.missed_flows)

    @property
    def percent(self) -> float:
        return 100 * self.covered / self.size if self.size else 100.0

    @property
    def share_text(self) -> str:
        return f"{self.percent:.1f} % ({self.covered} of {self.size})"


@dataclass(frozen=True, slots=True)
class Coverage:
    processes: tuple[ProcessCoverage, ...]

    @property
    def percent(self) -> float:
        """Of all elements and flows together, so that a large process weighs more than a small one."""
        size = sum(each.size for each in self.processes)
        return 100 * sum(each.covered for each in self.processes) / size if size else 100.0


def measure(scenario_files: Iterable[Path], results: Sequence[Result]) -> Coverage:
    """What *results* took of the executable processes in the models of *scenario_files*."""
    taken: dict[tuple[Path, str], set[str]] = {}
    for result in results:
        for (file, process), each in result.taken.items():
            taken.setdefault((Path(file).resolve(), process), set()).update(each.elements, each.flows)
    return Coverage(
        tuple(
            ProcessCoverage(
                file=model,
                process=process.key,
                elements=tuple(node.id for node in process.elements.walk()),
                flows=tuple(_flows(process.elements)),
                taken=frozenset(taken.get((model.resolve(), process.key), ())),
            )
            for model in _models(scenario_files)
            for process in _executable(model)
        )
    )


def _models(scenario_files: Iterable[Path]) -> list[Path]:
    """The diagrams that scenarios deploy, each once; those that must be refused have nothing to cover."""
    found: dict[Path, Path] = {}
    for file in scenario_files:
        try:
            plan = read_scenario_file(file)
        except ScenarioFileError:
            continue
        if plan.deploy_error is None:
            found.update({model.resolve(): model for model in plan.models if model.suffix == ".bpmn"})
    return list(found.values())


def _executable(model: Path) -> Iterator[Process]:
    definitions, _ = read_bpmn(model.read_bytes(), model.name)
    if definitions is not None:
        yield from (process for process in definitions.processes if process.is_executable)


def _flows(elements: FlowElements) -> Iterator[str]:
    yield from elements.flows
    for node in elements.nodes.values():
        if node.body is not None:
            yield from _flows(node.body)


def write_html(coverage: Coverage, folder: Path) -> Path:
    """Writes index.html, and a page and an SVG for each diagram; returns the index."""
    folder.mkdir(parents=True, exist_ok=True)
    pages: dict[Path, str] = {}
    for process in coverage.processes:
        name = pages.setdefault(process.file, f"{len(pages) + 1}-{process.file.stem}")
        of_file = [each for each in coverage.processes if each.file == process.file]
        drawing = draw(
            process.file.read_bytes(), process.file.name, frozenset().union(*(each.taken for each in of_file))
        )
        (folder / f"{name}.svg").write_text(drawing, encoding="utf-8")
        (folder / f"{name}.html").write_text(_diagram_page(process.file, of_file, drawing), encoding="utf-8")
    index = folder / "index.html"
    index.write_text(_index_page(coverage, pages), encoding="utf-8")
    return index


def _index_page(coverage: Coverage, pages: dict[Path, str]) -> str:
    rows = "".join(
        f'<tr><td><a href="{escape(pages[each.file])}.html">{escape(each.file.name)}</a></td>'
        f"<td>{escape(each.process)}</td>{_meter(each.percent)}<td>{each.covered} of {each.size}</td></tr>"
        for each in coverage.processes
    )
    table = (
        f"<table><thead><tr><th>Model<th>Process<th>Covered<th>Elements and flows</thead><tbody>{rows}</tbody></table>"
    )
    return _page("Scenario coverage", f"<p>{coverage.percent:.1f} % of all elements and flows were taken.</p>{table}")


def _meter(percent: float) -> str:
    return f'<td><meter max="100" value="{percent:.1f}"></meter> {percent:.1f} %</td>'


def _diagram_page(file: Path, processes: Sequence[ProcessCoverage], drawing: str) -> str:
    parts = [f'<p><a href="index.html">All models</a></p><figure>{drawing[drawing.index("<svg") :]}</figure>']
    for each in processes:
        parts.append(f"<h2>{escape(each.process)}</h2><p>{each.share_text}</p>")
        parts += [
            _missed("Elements never entered", each.missed_elements),
            _missed("Flows never taken", each.missed_flows),
        ]
    return _page(file.name, "".join(parts))


def _missed(title: str, ids: Sequence[str]) -> str:
    if not ids:
        return ""
    items = "".join(f"<li><code>{escape(each)}</code></li>" for each in ids)
    return f"<h3>{title}</h3><ul>{items}</ul>"


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )


_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem;color:#1c2430}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.35rem 1rem .35rem 0;border-bottom:1px solid #d8dde5}"
    "figure{margin:0;overflow:auto;border:1px solid #d8dde5;border-radius:6px;padding:1rem;background:#fff}"
    "figure svg{max-width:100%;height:auto}"
)
