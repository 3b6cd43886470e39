"""A picture of a dataset: tables as boxes, keys as arrows. As SVG (drawn here), Mermaid, or Graphviz source.

create_png() and save() to other forms than .svg, .mmd, .gv and .dot need the program `dot`; nothing else does.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Mapping, Optional, Sequence, Union

from .errors import GNNError, ValidationError
from .tables import GNNTable
from .tasks import LinkTask, NodeTask

INSTALL = (
    "install Graphviz: `apt-get install graphviz` (Debian, Ubuntu), `brew install graphviz` (macOS), or https://graphviz.org/download/"
)
ROW, PAD, CHAR, GAP_X, GAP_Y = 20, 8, 7.2, 90, 28  # in SVG units; CHAR: width of a monospaced character of 12 px


class GraphvizError(GNNError, RuntimeError):
    """The program `dot` is not installed, or failed."""


@dataclass
class Box:
    """A table, or the task."""

    name: str
    rows: list[tuple[str, str]]  # column, what stands beside it
    is_task: bool = False
    level: int = 0
    x: float = 0
    y: float = 0

    @property
    def width(self) -> float:
        """In SVG units."""
        longest = max([len(self.name), *(len(c) + (len(m) + 2 if m else 0) for c, m in self.rows)])
        return longest * CHAR + 2 * PAD

    @property
    def height(self) -> float:
        """In SVG units."""
        return ROW * (len(self.rows) + 1) + 4

    def row_y(self, column: Optional[str]) -> float:
        """The middle of a column's row; of the title where there is no such column."""
        for i, (name, _) in enumerate(self.rows):
            if name == column:
                return self.y + ROW * (i + 1) + ROW / 2 + 2
        return self.y + ROW / 2


@dataclass(frozen=True)
class Arrow:
    """From a column to the key that it points to."""

    source: str
    column: str
    target: str
    key: str


@dataclass(repr=False)
class DatasetDiagram:
    """The picture. Notebooks show it as it is.

    Attributes:
        boxes: tables, then the task.
        arrows: foreign keys, and the task's entities.
    """

    boxes: list[Box]
    arrows: list[Arrow]
    _placed: bool = field(default=False, init=False, repr=False)

    def __repr__(self) -> str:
        return f"DatasetDiagram({', '.join(box.name for box in self.boxes)}; {len(self.arrows)} arrows)"

    @property
    def source(self) -> str:
        """The picture in Graphviz' language."""
        lines = ["digraph dataset {", "  rankdir=LR;", '  node [shape=plaintext, fontname="Helvetica", fontsize=11];']
        for box in self.boxes:
            ports = "".join(
                f'<TR><TD ALIGN="LEFT" PORT="{_port(box, column)}">{escape(column)}{"  <I>" + escape(mark) + "</I>" if mark else ""}</TD></TR>'
                for column, mark in box.rows
            )
            color = "#fde9c9" if box.is_task else "#d6e6f5"
            lines.append(
                f'  "{_dot(box.name)}" [label=<<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0"><TR><TD BGCOLOR="{color}"><B>{escape(box.name)}</B></TD></TR>{ports}</TABLE>>];'
            )
        by_name = {b.name: b for b in self.boxes}
        for arrow in self.arrows:
            source, target = by_name[arrow.source], by_name[arrow.target]
            lines.append(f'  "{_dot(arrow.source)}":{_port(source, arrow.column)} -> "{_dot(arrow.target)}":{_port(target, arrow.key)};')
        return "\n".join([*lines, "}"])

    @property
    def mermaid(self) -> str:
        """The picture in Mermaid's language (erDiagram), for Markdown."""
        ids = {b.name: f"t{i}" for i, b in enumerate(self.boxes)}
        lines = ["erDiagram"]
        for box in self.boxes:
            lines.append(f'  {ids[box.name]}["{box.name}"] {{')
            lines += [f'    {_word(mark.split(",")[0]) or "column"} {_word(column)}' for column, mark in box.rows]
            lines.append("  }")
        lines += [f'  {ids[a.target]} ||--o{{ {ids[a.source]} : "{a.column}"' for a in self.arrows]
        return "\n".join(lines)

    def _repr_svg_(self) -> str:
        """The picture as SVG, drawn without Graphviz."""
        self._place()
        width = max(b.x + b.width for b in self.boxes) + PAD
        height = max(b.y + b.height for b in self.boxes) + PAD
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" font-family="monospace" font-size="12">',
            '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#555"/></marker></defs>',
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        ]
        by_name = {b.name: b for b in self.boxes}
        parts += [_curve(by_name[a.source], by_name[a.target], a) for a in self.arrows]
        parts += [_box_svg(b) for b in self.boxes]
        return "".join([*parts, "</svg>"])

    def create_png(self) -> bytes:
        """The picture as PNG.

        Raises:
            GraphvizError: `dot` is not installed (the text says how to install it), or failed.
        """
        return self._dot_output("png")

    def save(self, path: Union[str, Path]) -> None:
        """Writes the picture; the ending of `path` names its form: .svg, .mmd, .gv, .dot, and with Graphviz .png, .pdf, ...

        Raises:
            ValidationError: the path has no ending.
            GraphvizError: the form needs `dot`.
        """
        ending = Path(path).suffix[1:].lower()
        if not ending:
            raise ValidationError(f'path: "{path}" has no ending that names a form, such as .svg or .png', field="path")
        if ending in ("svg", "mmd", "gv", "dot"):
            text = self._repr_svg_() if ending == "svg" else self.mermaid if ending == "mmd" else self.source
            Path(path).write_text(text, encoding="utf-8")
        else:
            Path(path).write_bytes(self._dot_output(ending))

    def display(self) -> None:
        """Shows the picture in a notebook; elsewhere prints its Graphviz source."""
        try:
            from IPython import display  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            print(self.source)
            return
        display.display(display.SVG(self._repr_svg_()))

    def __str__(self) -> str:
        return self.source

    def _dot_output(self, form: str) -> bytes:
        try:
            done = subprocess.run(["dot", f"-T{form}"], input=self.source.encode(), capture_output=True, timeout=60, check=False)
        except FileNotFoundError:
            raise GraphvizError(
                f'a picture as {form} needs the program "dot", which is not installed',
                advice=f"To get it, {INSTALL}. save(\"x.svg\") works without it.",
            ) from None
        if done.returncode != 0:
            raise GraphvizError(f"dot failed: {done.stderr.decode(errors='replace').strip()[:500]}")
        return done.stdout

    def _place(self) -> None:
        """Boxes in columns: what is pointed to stands left of what points to it."""
        if self._placed:
            return
        by_name = {b.name: b for b in self.boxes}
        for _ in self.boxes:  # longest path; a cycle of keys ends after as many rounds as there are boxes
            for arrow in self.arrows:
                source, target = by_name[arrow.source], by_name[arrow.target]
                if source is not target:
                    source.level = min(max(source.level, target.level + 1), len(self.boxes) - 1)
        levels = sorted({b.level for b in self.boxes})
        x = float(PAD)
        for level in levels:
            y = float(PAD)
            column = [b for b in self.boxes if b.level == level]
            for box in column:
                box.x, box.y = x, y
                y += box.height + GAP_Y
            x += max(b.width for b in column) + GAP_X
        self._placed = True


def draw(tables: Sequence[GNNTable], task: Union[NodeTask, LinkTask], show_dtypes: bool) -> DatasetDiagram:
    """The picture of a dataset."""
    boxes, arrows = [], []
    for table in tables:
        boxes.append(Box(table.name, [(c.name, _marks(table, c.name, str(c.dtype or "?") if show_dtypes else "")) for c in table.columns]))
        arrows += [Arrow(table.name, k.column_name, k.table, k.column) for k in table.foreign_keys]
    task_name = f"task {task.name}"
    roles: Mapping[str, str] = {**task._roles(), **({task.time_column: "time"} if task.time_column is not None else {})}
    boxes.append(
        Box(
            task_name,
            [
                (c.name, ", ".join(filter(None, [str(c.dtype or "?") if show_dtypes else "", roles.get(c.name, "").split(" (")[0]])))
                for c in task.columns
            ],
            is_task=True,
        )
    )
    by_name = {t.name: t for t in tables}
    if isinstance(task, NodeTask):
        arrows.append(
            Arrow(task_name, task.entity_column, task.entity_table, task.entity_key or _key(by_name[task.entity_table], task.entity_column))
        )
    else:
        arrows += _link_arrows(task_name, task, by_name)
    return DatasetDiagram(boxes, arrows)


def _link_arrows(name: str, task: LinkTask, by_name: Mapping[str, GNNTable]) -> list[Arrow]:
    arrows = [Arrow(name, task.source_column, task.source_table, task.source_key or _key(by_name[task.source_table], task.source_column))]
    if task.target_column is not None and task.target_table is not None:
        arrows.append(
            Arrow(name, task.target_column, task.target_table, task.target_key or _key(by_name[task.target_table], task.target_column))
        )
    return arrows


def _key(table: GNNTable, column: str) -> str:
    return column if column in table.keys() else table.keys()[0]


def _marks(table: GNNTable, column: str, dtype: str) -> str:
    role = table._key_role(column)
    short = {"primary key": "PK", "candidate key": "CK", "foreign key": "FK", None: ""}[role]
    return ", ".join(filter(None, [dtype, short, "time" if column == table.time_column else ""]))


def _box_svg(box: Box) -> str:
    head = "#fde9c9" if box.is_task else "#d6e6f5"
    parts = [
        f'<g><rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" fill="#ffffff" stroke="#555"/>',
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{ROW}" fill="{head}" stroke="#555"/>',
        f'<text x="{box.x + PAD:.1f}" y="{box.y + 14:.1f}" font-weight="bold">{escape(box.name)}</text>',
    ]
    for column, mark in box.rows:
        y = box.row_y(column) + 4
        parts.append(f'<text x="{box.x + PAD:.1f}" y="{y:.1f}">{escape(column)}</text>')
        if mark:
            parts.append(f'<text x="{box.x + box.width - PAD:.1f}" y="{y:.1f}" text-anchor="end" fill="#777">{escape(mark)}</text>')
    return "".join([*parts, "</g>"])


def _curve(source: Box, target: Box, arrow: Arrow) -> str:
    y0, y1 = source.row_y(arrow.column), target.row_y(arrow.key)
    leftward = target.x < source.x
    x0 = source.x if leftward else source.x + source.width
    x1 = target.x + target.width
    bend = 40 if leftward else 70
    c0 = x0 - bend if leftward else x0 + bend
    return f'<path d="M{x0:.1f},{y0:.1f} C{c0:.1f},{y0:.1f} {x1 + bend:.1f},{y1:.1f} {x1 + 1:.1f},{y1:.1f}" fill="none" stroke="#555" marker-end="url(#head)"/>'


def _port(box: Box, column: str) -> str:
    names = [c for c, _ in box.rows]
    return f"c{names.index(column)}" if column in names else "c0"


def _dot(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _word(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text)
