"""A difference as sections of lines and tables, from which text and Markdown are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from archc.backends.difference.folding import folded, gathered, listed
from archc.backends.tables.columns import reader
from archc.backends.tables.model import Cell, Column, Table
from archc.backends.tables.row_selection import of_stages
from archc.graph import Network
from archc.passes.difference import BlockChange, Difference, Keys, StageChange, TextChange
from archc.passes.difference.model import StepChange

SIGNS = {
    "added": "+",
    "removed": "-",
    "changed": "~",
    "renamed": ">",
    "rewired": "~",
    "moved": ">",
    "follows": "≈",
    "same": "",
}
"""What became of a thing, in front of its line."""

LEGEND = {
    "+": "added",
    "-": "removed",
    "~": "changed",
    ">": "renamed or moved",
    "≈": "the same steps on other sizes",
}

WIDE = 96
"""A longer text of a step is cut."""

MANY = 16
"""Of a kind of thing so many lines are shown."""


@dataclass(frozen=True)
class Line:
    """A line: its sign, what it says, and how deep it is indented."""

    sign: str
    text: str
    depth: int = 0


@dataclass(frozen=True)
class Section:
    """A heading with lines, or with a table."""

    title: str
    lines: tuple[Line, ...] = ()
    table: Table | None = None


def heading(differences: Sequence[Difference]) -> str:
    """Say what is compared: names, with files and settings where these tell them apart."""
    networks = (differences[0].before, differences[0].after)
    names = {network.name for network in networks}
    files = {network.document.name.span.source.name for network in networks}
    both_needed = len(names) == 1 and len(files) > 1
    return " → ".join(_named(network, with_file=both_needed) for network in networks)


def _named(network: Network, *, with_file: bool) -> str:
    file = f" of {network.document.name.span.source.name}" * with_file
    texts = {name: getattr(value, "text", value) for name, value in network.settings.items()}
    settings = ", ".join(f"{name}={text}" for name, text in texts.items())
    return network.name + file + f" with {settings}" * bool(settings)


def sections(differences: Sequence[Difference], *, full: bool = False) -> Iterator[Section]:
    """Yield what there is to say: of the first in detail, of several a row each."""
    first = differences[0]
    most = None if full else MANY
    if sum(d.network_differs for d in differences) > 1:
        yield Section("Variants", table=variants(differences))
    if first.texts:
        lines = [_text(change, full=full) for change in first.texts]
        yield Section("Text", tuple(cropped(lines, most)))
    if first.settings:
        lines = [_changed(s.name, s.before, s.after, full=full) for s in first.settings]
        yield Section("Settings", tuple(lines))
    if first.network_differs:
        yield Section(
            f"Stages of {first.after.name}" * (len(differences) > 1) or "Stages",
            table=stages(first),
        )
    for title, lines in (
        ("Steps", [*_ends(first), *(line for s in first.stages for line in _stage(s))]),
        ("Blocks", [line for block in first.blocks for line in _block(block)]),
    ):
        if lines:
            yield Section(title, tuple(cropped(lines, None if most is None else 4 * most)))
    if first.network_differs:
        yield Section("state_dict", tuple(_keys(first.keys, most)))


def cropped(lines: Sequence[Line], most: int | None) -> Iterator[Line]:
    """Yield the first lines, and how many more there are."""
    yield from lines[:most]
    if most is not None and len(lines) > most:
        yield Line("", f"and {len(lines) - most} more: --full shows them")


# The text, and params


def _text(change: TextChange, *, full: bool) -> Line:
    if change.kind == "moved":
        return Line(SIGNS["moved"], f"{change.path}: moved among its neighbours")
    if change.kind == "renamed":
        return Line(SIGNS["renamed"], f"{change.path} is now {change.after}")
    return _changed(change.path, change.before, change.after, full=full)


def _changed(name: str, before: str | None, after: str | None, *, full: bool) -> Line:
    sign = SIGNS["added" if before is None else "removed" if after is None else "changed"]
    texts = [shortened(t, full=full) for t in (before, after) if t is not None]
    return Line(sign, f"{name}: {' → '.join(texts)}")


def shortened(text: str, *, full: bool = False) -> str:
    """Cut a long text."""
    return text if full or len(text) <= WIDE else f"{text[: WIDE - 4]} ..."


# Stages, steps and blocks


COUNTS = (
    Column("params", "params", number=True),
    Column("params_difference", "difference", number=True),
    Column("macs", "MACs", number=True),
    Column("macs_difference", "difference", number=True),
)


def stages(found: Difference) -> Table:
    """Return the table of stages: what each has, gives and costs, before and after."""
    columns = (
        Column("sign", ""),
        Column("name", "stage"),
        Column("block", "block"),
        Column("output", "output"),
        *COUNTS,
    )
    blocks = _described(found.before) | _described(found.after)
    rows = tuple(
        (
            SIGNS[stage.kind], stage.name, both([blocks[id(s)] for s in stage.stages]),
            both([s.output for s in stage.stages]), *_counts(stage.counts("params")),
            *_counts(stage.counts("macs")),
        )
        for stage in found.stages
    )  # fmt: skip
    total = ("", "total", "", both([found.before.output, found.after.output]))
    counts = [_counts(found.totals(name)) for name in ("params", "macs")]
    signs = dict.fromkeys(str(row[0]) for row in rows if row[0])
    notes = (", ".join(f"{sign} {LEGEND[sign]}" for sign in signs),) if signs else ()
    return Table("", columns, rows, ((*total, *counts[0], *counts[1]),), notes, keys=2)


def _described(network: Network) -> dict[int, Cell]:
    """Return what each stage is made of, as tables say it, by the identity of the stage."""
    selection = of_stages(network)
    return dict(
        zip(map(id, network.stages), reader("block", selection).read(selection), strict=True)
    )


def both(values: Sequence[object]) -> str:
    """Write one value, or two that differ."""
    return " → ".join(dict.fromkeys(map(str, values)))


def _counts(pair: tuple[int, int]) -> tuple[str, str]:
    before, after = pair
    return both([f"{n:,}" for n in pair]), delta(after - before)


def delta(number: int) -> str:
    """Write a difference with its sign; nothing for none."""
    return f"{number:+,}".replace("-", "−") if number else ""


def _ends(found: Difference) -> Iterator[Line]:
    shapes = [str(network.input) for network in (found.before, found.after)]
    if shapes[0] != shapes[1]:
        yield Line("~", f"input: {both(shapes)}")
    outputs = [_outputs(network) for network in (found.before, found.after)]
    if found.outputs_differ:
        yield Line("~", f"outputs: {both(outputs)}")


def _outputs(network: Network) -> str:
    names = [o.name for o in network.root.outputs]
    shapes = ", ".join(str(v.shape) for v in network.root.values)
    return (", ".join(filter(None, names)) + " " + shapes).strip()


def _stage(stage: StageChange) -> Iterator[Line]:
    """Yield the steps of the network's own body; those of a stage that came or went as one."""
    if stage.before is None or stage.after is None:
        steps = [s.pair.path for s in stage.steps]
        yield Line(SIGNS[stage.kind], f"{stage.name}: {shortened(listed(steps))}")
        return
    yield from _steps([s for s in stage.steps if s.has_line], 0)


def _steps(steps: Iterable[StepChange], depth: int) -> Iterator[Line]:
    """Yield a line for each run of steps of which the same is to be said."""
    for (kind, text), run in groupby(steps, key=lambda s: (s.kind, s.text)):
        for fold in folded((step.pair.path, "") for step in run):
            times = f" ×{fold.count}" if fold.count > 1 else ""
            yield Line(SIGNS[kind], f"{fold.path}: {text}{times}", depth)


def _block(block: BlockChange) -> Iterator[Line]:
    """Yield a block that differs, where it stands, and its steps."""
    yield Line("~", f"{block.name} at {listed([both(place) for place in block.places])}")
    yield from _steps([s for s in block.steps if s.has_line], 1)


# The state_dict


def _keys(keys: Keys, most: int | None) -> Iterator[Line]:
    """Yield how many tensors are kept, and those that are not."""
    counts = ", ".join(f"{count} {kind}" for kind, count in keys.counts.items() if count)
    yield Line("", f"{counts or 'no'} of {_tensors(sum(keys.counts.values()))}")
    reshaped = (
        (key, both(["×".join(map(str, s)) or "one" for s in shapes]))
        for key, shapes in keys.reshaped.items()
    )
    renamed = [f"{a} is now {b}" for a, b in (_heads(*pair) for pair in keys.renamed.items())]
    held = (*keys.kept, *keys.reshaped)
    groups = (
        [Line("~", f"{f.path}: {f.detail}{_times(f.count)}") for f in folded(reshaped)],
        [Line(">", text + _times(renamed.count(text))) for text in dict.fromkeys(renamed)],
        [Line("-", f.path + _times(f.count)) for f in gathered(keys.lost, (*held, *keys.renamed))],
        [
            Line("+", f.path + _times(f.count))
            for f in gathered(keys.new, (*held, *keys.renamed.values()))
        ],
    )
    for lines in groups:
        yield from cropped(lines, most)


def _heads(old: str, new: str) -> tuple[str, str]:
    """Cut off what two keys end with alike."""
    a, b = old.split("."), new.split(".")
    same = next((k for k, (x, y) in enumerate(zip(a[::-1], b[::-1], strict=False)) if x != y), 0)
    keep = max(1, len(a) - same), max(1, len(b) - same)
    marks = [".*" * (len(parts) > k) for parts, k in zip((a, b), keep, strict=True)]
    return ".".join(a[: keep[0]]) + marks[0], ".".join(b[: keep[1]]) + marks[1]


def _times(count: int) -> str:
    return f" ({_tensors(count)})" if count > 1 else ""


def _tensors(count: int) -> str:
    return f"{count:,} tensor{'s' * (count != 1)}"


# Several variants


def variants(differences: Sequence[Difference]) -> Table:
    """Return a table with a row for each variant that differs."""
    differing = [d for d in differences if d.network_differs]
    columns = (
        Column("sign", ""),
        Column("name", "variant"),
        *COUNTS,
        Column("keys", "state_dict"),
    )
    rows = tuple(
        (
            SIGNS["changed"], d.after.name, *_counts(d.totals("params")),
            *_counts(d.totals("macs")),
            ", ".join(f"{count} {kind}" for kind, count in d.keys.counts.items() if count),
        )
        for d in differing
    )  # fmt: skip
    rest = len(differences) - len(differing)
    notes = (f"the same: {rest} other variant{'s' * (rest > 1)}",) if rest else ()
    return Table("", columns, rows, notes=notes, keys=2)
