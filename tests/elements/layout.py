"""Where an example is drawn: rows and columns, flows at right angles, names where no line runs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from tests.elements.example import Data, Example, Node

_GAP = 50
_ROW_GAP = 64
_TASK = (100, 80)
_HEADER = 30
_PADDING = 40
_CHARACTER = 6.3

Box = tuple[float, float, float, float]
Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Step:
    """A flow or association as the lines say it. *condition*: its name there; *is_default*: '/'."""

    source: str
    target: str
    condition: str = ""
    is_default: bool = False
    is_association: bool = False

    @property
    def id(self) -> str:
        kind = "Association" if self.is_association else "Flow"
        return f"{kind}_{self.source}_{self.target}"

    @property
    def name(self) -> str:
        return self.condition.replace("_", " ")


@dataclass
class Layout:
    boxes: dict[str, Box] = field(default_factory=dict)
    names: dict[str, Box] = field(default_factory=dict)  # by element id: where the name stands
    edges: dict[str, Points] = field(default_factory=dict)
    width: float = 0
    height: float = 0
    rows: list[tuple[float, float]] = field(default_factory=list)  # top and bottom

    def move(self, dx: float, dy: float) -> Layout:
        def moved(boxes: dict[str, Box]) -> dict[str, Box]:
            return {name: (x + dx, y + dy, w, h) for name, (x, y, w, h) in boxes.items()}

        edges = {name: [(x + dx, y + dy) for x, y in points] for name, points in self.edges.items()}
        rows = [(top + dy, bottom + dy) for top, bottom in self.rows]
        return Layout(moved(self.boxes), moved(self.names), edges, self.width, self.height, rows)

    def take(self, other: Layout) -> None:
        self.boxes |= other.boxes
        self.names |= other.names
        self.edges |= other.edges


def steps_of(lines: str) -> list[Step]:
    found: list[Step] = []
    for line in lines.splitlines():
        source, condition, is_default, is_association = "", "", False, False
        for token in line.split():
            if token == ".":
                continue
            if token[0] in "?/":
                condition, is_default = token[1:], token[0] == "/"
            elif token == "~":
                is_association = True
            else:
                if source:
                    found.append(Step(source, token, condition, is_default, is_association))
                source, condition, is_default, is_association = token, "", False, False
    return found


def lay_out(nodes: tuple[Node, ...], lines: str) -> Layout:
    """From (0, 0); subprocesses are as large as what they hold."""
    return _Grid(nodes, lines).layout()


class _Grid:
    def __init__(self, nodes: tuple[Node, ...], lines: str) -> None:
        self.nodes = {node.id: node for node in nodes}
        self.steps = steps_of(lines)
        self.inner = {node.id: lay_out(node.nodes, node.lines) for node in nodes if node.is_container}
        self.cells: dict[str, tuple[int, int]] = {}
        self.result = Layout()
        self._place(lines)

    def layout(self) -> Layout:
        self._put_boxes()
        self._put_boundary_events()
        for step in self.steps:
            self.result.edges[step.id] = self._route(step)
            if step.name:
                self.result.names[step.id] = _beside(self.result.edges[step.id], step.name)
        self._put_names()
        return self.result

    def _place(self, lines: str) -> None:
        """Column and row of every node that the lines name."""
        for row, line in enumerate(line for line in lines.strip("\n").splitlines()):
            column = -1
            for token in line.split():
                if token[0] in "?/" or token == "~":
                    continue
                if token == ".":
                    column += 1
                    continue
                node = self.nodes[token]
                if node.host:
                    column = self.cells[node.host][0]
                elif token in self.cells:
                    column = self.cells[token][0]
                else:
                    column += 1
                    while (column, row) in self.cells.values():
                        column += 1
                    self.cells[token] = (column, row)
        missing = [node.id for node in self.nodes.values() if node.id not in self.cells and not node.host]
        assert not missing, f"no line places {missing}"

    def _size(self, node: Node) -> tuple[float, float]:
        if node.id in self.inner:
            inside = self.inner[node.id]
            return max(inside.width + 2 * _PADDING, 180), inside.height + _PADDING + 36
        if node.tag.endswith("Event"):
            return 36, 36
        return (50, 50) if node.tag.endswith("Gateway") else _TASK

    def _put_boxes(self) -> None:
        columns = max(column for column, _ in self.cells.values()) + 1
        rows = max(row for _, row in self.cells.values()) + 1
        sizes = {name: self._size(self.nodes[name]) for name in self.cells}
        x = 0.0
        lefts: list[tuple[float, float]] = []
        for column in range(columns):
            width = max((sizes[name][0] for name, (at, _) in self.cells.items() if at == column), default=36)
            lefts.append((x, width))
            named = [len(step.name) for step in self.steps if self._column(step.source) == column and step.name]
            x += width + max([_GAP, *(20 + _CHARACTER * length for length in named)])
        y = 30.0 if any(self._goes_over(step) and self._row(step.source) == 0 for step in self.steps) else 0.0
        for row in range(rows):
            inside = [name for name, (_, at) in self.cells.items() if at == row]
            height = max((sizes[name][1] for name in inside), default=40)
            below = max((sizes[name][1] for name in inside if self._lines_below(name)), default=0)
            self.result.rows.append((y, y + height))
            for name in inside:
                (left, wide), (w, h) = lefts[self.cells[name][0]], sizes[name]
                self.result.boxes[name] = (left + (wide - w) / 2, y + (height - h) / 2, w, h)
                if name in self.inner:
                    box = self.result.boxes[name]
                    side = (w - self.inner[name].width) / 2
                    self.result.take(self.inner[name].move(box[0] + side, box[1] + _PADDING))
            y += height + _ROW_GAP - (14 if not below and row + 1 < rows else 0)
        self.result.width = lefts[-1][0] + lefts[-1][1]
        self.result.height = self.result.rows[-1][1]

    def _column(self, name: str) -> int:
        node = self.nodes[name]
        return self.cells[node.host or name][0]

    def _row(self, name: str) -> int:
        node = self.nodes[name]
        return self.cells[node.host or name][1]

    def _lines_below(self, name: str) -> bool:
        return any(node.host == name for node in self.nodes.values())

    def _goes_over(self, step: Step) -> bool:
        """Back, or over what stands between."""
        (column, row), (to, to_row) = (self._column(step.source), self._row(step.source)), self.cells[step.target]
        if self.nodes[step.source].host or row != to_row:
            return False
        between = [c for c, r in self.cells.values() if r == row and column < c < to]
        return to <= column or bool(between)

    def _put_boundary_events(self) -> None:
        attached: dict[str, list[str]] = {}
        for node in self.nodes.values():
            if node.host:
                attached.setdefault(node.host, []).append(node.id)
        for host, events in attached.items():
            x, y, w, h = self.result.boxes[host]
            for at, event in enumerate(events):
                self.result.boxes[event] = (x + w - 48 - at * 62, y + h - 18, 36, 36)
        if attached:
            self.result.height = max(self.result.height, *(y + 48 for _, y, _, _ in self._boundary_boxes()))

    def _boundary_boxes(self) -> list[Box]:
        return [self.result.boxes[node.id] for node in self.nodes.values() if node.host]

    def _route(self, step: Step) -> Points:
        sx, sy, sw, sh = self.result.boxes[step.source]
        tx, ty, tw, th = self.result.boxes[step.target]
        source, target = self.nodes[step.source], self.nodes[step.target]
        middle, centre, to_middle, to_centre = sx + sw / 2, sy + sh / 2, tx + tw / 2, ty + th / 2
        if source.host:
            if to_centre > sy + sh:
                return [(middle, sy + sh), (middle, to_centre), (tx, to_centre)]
            return [(middle, sy + sh), (middle, sy + sh + 24), (to_middle, sy + sh + 24), (to_middle, ty + th)]
        if self._goes_over(step):
            top = min(self.result.boxes[name][1] for name in self._row_of(step.source)) - 24
            return [(middle, sy), (middle, top), (to_middle, top), (to_middle, ty)]
        if abs(centre - to_centre) < 1:
            return [(sx + sw, centre), (tx, to_centre)]
        below = to_centre > centre
        if tx + tw <= sx + sw:  # back, in another row
            return [(sx + sw / 2, sy if not below else sy + sh), (sx + sw / 2, to_centre), (tx + tw, to_centre)]
        if source.tag.endswith("Gateway") and not (target.tag.endswith("Gateway") and self._is_join(step.target)):
            return [(middle, sy + sh if below else sy), (middle, to_centre), (tx, to_centre)]
        if target.tag.endswith("Gateway"):
            return [(sx + sw, centre), (to_middle, centre), (to_middle, ty if below else ty + th)]
        if self._is_join(step.target):
            turn = tx - 25
        else:
            turn = sx + sw + 25
        return [(sx + sw, centre), (turn, centre), (turn, to_centre), (tx, to_centre)]

    def _is_join(self, name: str) -> bool:
        return sum(step.target == name for step in self.steps) > 1

    def _row_of(self, name: str) -> list[str]:
        row = self._row(name)
        return [each for each, (_, at) in self.cells.items() if at == row]

    def _put_names(self) -> None:
        for node in self.nodes.values():
            if not node.name or not node.tag.endswith(("Event", "Gateway")):
                continue
            x, y, w, h = self.result.boxes[node.id]
            wide, high = _extent(node.name, 90)
            if node.host:
                self.result.names[node.id] = (x + w / 2 + 6, y + h + 2, wide, high)
            elif node.tag.endswith("Gateway"):
                is_over = any(self._goes_over(step) and node.id in (step.source, step.target) for step in self.steps)
                joined = [step for step in self.steps if node.id in (step.source, step.target)]
                row = self.cells[node.id][1]
                up = is_over or any(self._other_row(step, node.id) < row for step in joined)
                down = any(self._other_row(step, node.id) > row for step in joined)
                left = x + w / 2 - wide - 8 if up and down else x + w / 2 - wide / 2
                self.result.names[node.id] = (left, y + h + 2 if up else y - high - 5, wide, high)
            else:
                self.result.names[node.id] = (x + w / 2 - wide / 2, y + h + 5, wide, high)
        inside = [(x, y, w, h) for name, (x, y, w, h) in self.result.names.items() if name in self.nodes]
        self.result.height = max([self.result.height, *(y + h for _, y, _, h in inside)])

    def _other_row(self, step: Step, name: str) -> int:
        return self._row(step.target if step.source == name else step.source)


def _beside(points: Points, name: str) -> Box:
    """Above the last level segment, which no other flow of the same source shares."""
    wide, high = _extent(name, 140)
    for (x, y), (to_x, to_y) in reversed(list(itertools.pairwise(points))):
        if y == to_y:
            return (min(x, to_x) + 8, y - high - 4, wide, high)
    return (points[0][0] + 6, points[0][1], wide, high)


def _extent(text: str, width: float) -> tuple[float, float]:
    lines, longest = 1, 0
    current = ""
    for word in text.split():
        if current and len(current) + 1 + len(word) > max(8, int((width + 6) / 6.1)):
            lines, current = lines + 1, word
        else:
            current = f"{current} {word}".strip()
        longest = max(longest, len(current))
    return round(longest * _CHARACTER), lines * 14


@dataclass
class Sheet:
    """A whole example on its page: the layout, and frames around it."""

    layout: Layout
    pool: Box | None = None
    lanes: dict[str, Box] = field(default_factory=dict)
    partner: Box | None = None
    messages: dict[str, Points] = field(default_factory=dict)
    data: dict[str, Points] = field(default_factory=dict)  # associations


def sheet(example: Example) -> Sheet:
    layout = lay_out(example.nodes, example.lines)
    top = 100 if not example.data else 220
    left = 160 if not example.pool else 210
    page = Sheet(layout.move(left, top))
    for data in example.data:
        _put_data(page, data)
    if example.pool:
        _put_pool(page, example, left, top)
    return page


def _put_data(page: Sheet, data: Data) -> None:
    boxes = page.layout.boxes
    users = [boxes[name] for name in (*data.writes, *data.reads)]
    middle = sum(x + w / 2 for x, _, w, _ in users) / len(users)
    w, h = (50, 50) if data.is_store else (36, 50)
    y = min(box[1] for box in users) - 120
    boxes[data.id] = (middle - w / 2, y, w, h)
    wide, high = _extent(data.name, 90)
    page.layout.names[data.id] = (middle + w / 2 + 6, y + 8, wide, high)
    for name in data.writes:
        x, top, width, _ = boxes[name]
        page.data[f"Writes_{name}_{data.id}"] = [(x + width / 2, top), (middle - 8, y + h)]
    for name in data.reads:
        x, top, width, _ = boxes[name]
        page.data[f"Reads_{name}_{data.id}"] = [(middle + 8, y + h), (x + width / 2, top)]


def _put_pool(page: Sheet, example: Example, left: float, top: float) -> None:
    layout = page.layout
    x = left - _HEADER * (2 if example.lanes else 1) - 50
    width = layout.width + (left - x) + 50
    upper, lower = top - 40, top + layout.height + 40
    page.pool = (x, upper, width, lower - upper)
    rows = layout.rows
    start = upper
    for at, (name, held) in enumerate(example.lanes.items()):
        is_last = at + 1 == len(example.lanes)
        end = lower if is_last else (rows[max(held)][1] + rows[max(held) + 1][0]) / 2
        page.lanes[name] = (x + _HEADER, start, width - _HEADER, end - start)
        start = end
    if example.partner is not None:
        page.partner = (x, lower + 60, width, 60)
        for source, target in example.partner.messages:
            name = target if source == "partner" else source
            if name in layout.names:  # the message flow runs where the name would stand
                named = layout.names[name]
                layout.names[name] = (named[0], layout.boxes[name][1] - named[3] - 5, named[2], named[3])
            bx, by, bw, bh = layout.boxes[name]
            ends = [(bx + bw / 2, by + bh), (bx + bw / 2, lower + 60)]
            page.messages[f"Message_{source}_{target}"] = ends if target == "partner" else ends[::-1]
