"""Writes what the documents say of ops, commands and diagnostics, from archc itself.

    python docs/generate.py

writes the pages ops.md and diagnostics.md, and in other pages what stands between
`<!-- begin: NAME -->` and `<!-- end: NAME -->`, each by the function of that name;
`--pictures` draws docs/images as well, those of gallery.md with them. A test holds the pages to what this would write.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer
import yaml

import archc
from archc import api, zoo
from archc.backends.drawing.captions import short as counted
from archc.backends.picture import Picture
from archc.backends.table import paper, render
from archc.cli import app
from archc.diagnostics import Source
from archc.language.functions import FUNCTIONS
from archc.lower.scope import library
from archc.ops import OPS, Op
from archc.passes.conventions import CONVENTIONS

DOCS = Path(__file__).resolve().parent
BAD = DOCS.parent / "tests" / "bad"
CAUSES: Mapping[str, Mapping[str, str]] = yaml.safe_load(
    (DOCS / "causes.yaml").read_text(encoding="utf-8")
)
PICTURES = {
    "resnet50.svg": ("resnet50", "stage", ""),
    "resnet20.svg": ("resnet20", "block", ""),
    "resnet50_block.svg": ("resnet50", "block", "layer1"),
    "resnet50_op.svg": ("resnet50", "op", "layer3.0"),
    "se_block.svg": ("se_resnet50", "block", "layer1.1"),
    "swin_block.svg": ("swin_t", "block", "features.5.0"),
    "mobilenet_v2_block.svg": ("mobilenet_v2", "block", ""),
}
FIGURE_3 = ("vgg19", "plain34", "resnet34")


def table(*rows: Iterable[str]) -> str:
    """Write a table of Markdown; the first row is its head."""
    head, *rest = ([cell.replace("|", r"\|") for cell in row] for row in rows)
    lines = [head, ["---"] * len(head), *rest]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def fence(kind: str, body: str) -> str:
    """Write a fenced block."""
    return f"```{kind}\n{body.rstrip()}\n```\n"


def links(names: Iterable[str], code: str = "`") -> str:
    """Write names as links to their headings."""
    return ", ".join(f"[{code}{name}{code}](#{name})" for name in names)


def sentences(thing: object) -> str:
    """Return a docstring as one paragraph."""
    return " ".join((inspect.getdoc(thing) or "").split())


# Ops

TITLES = {
    "conv": "Convolutions and linear layers",
    "norm": "Norms",
    "pool": "Pools",
    "activation": "Activations",
    "drop": "Dropping",
    "wiring": "Wiring",
    "cut": "Cutting and flattening",
    "resize": "Padding and resizing",
    "source": "Sources",
}
SIGNS = {
    "add": "a + b",
    "sub": "a - b",
    "mul": "a * b",
    "div": "a / b",
    "scale": "2 * x",
    "shift": "x + 1",
    "negate": "-x",
}
# An example of each op that needs arguments, and what it is shown on.
SHOWN = {
    "conv": "conv(32, 3, stride=2)",
    "conv_transpose": "conv_transpose(32, 2, stride=2)",
    "linear": "linear(10)",
    "group_norm": "group_norm(4)",
    "local_response_norm": "local_response_norm(5)",
    "max_pool": "max_pool(3, stride=2, padding=1)",
    "avg_pool": "avg_pool(2)",
    "adaptive_avg_pool": "adaptive_avg_pool(1)",
    "adaptive_max_pool": "adaptive_max_pool([2, 4])",
    "drop_path": "drop_path(0.1)",
    "stochastic_depth": "stochastic_depth(0.5)",
    "split": "split([4, 12])",
    "narrow": "narrow(0, 4)",
    "select": 'select(0, dim="h")',
    "unfold": "unfold(3, padding=1)",
    "resize": "resize([24, 48])",
    "power": "power(2)",
    "clamp": "clamp(0, 1)",
    "pad": "pad([0, 1, 0, 1])",
    "pad_channels": "pad_channels(32)",
    "pad_to": "pad_to(7)",
    "subsample": "subsample(2)",
    "prelu": "prelu(channelwise=true)",
    "rearrange": 'rearrange("b c h w -> b (h w) c")',
}
VECTORS = {"linear"}
MAP, VECTOR = [16, 32, 32], [64]
INTRO = """\
# Ops and the library

<!-- written by docs/generate.py from archc/ops and archc/library -->

The {count} ops of the language, and the blocks that are written in it.
Names, arguments and defaults are PyTorch's, but for `padding` of `conv`.
Arguments may be given by place, in the order of the tables, or by name.
A layout is spelled with the batch dimension, `b c h w`; sizes leave it out, `16×32×32`.
"""


def ops() -> str:
    """Return the page of all ops, family by family."""
    found = families()
    parts = [
        INTRO.format(count=len(OPS)),
        *(f"- {title(f)}: {links(op.name for op in members)}" for f, members in found.items()),
        f"- [The library](#the-library): {links(library())}\n",
    ]
    for family, members in found.items():
        parts += [f"## {title(family)}\n", f"{intro(family)}\n", *map(entry, members)]
    parts += [
        "## The library\n",
        "Blocks that every spec may use, written in the language itself.",
        "A block of the same name in a spec goes before them.\n",
        *library_entries(),
    ]
    return "\n".join(parts)


def families() -> dict[str, list[type[Op]]]:
    """Return the ops by the module that declares them, in the order of the table of all."""
    found: dict[str, list[type[Op]]] = {}
    for op in OPS.values():
        found.setdefault(op.__module__.rpartition(".")[2], []).append(op)
    return found


def title(family: str) -> str:
    """Return the title of a family."""
    return TITLES.get(family) or re.split("[:.,;]", intro(family))[0]


def intro(family: str) -> str:
    """Return what the family's docstring says."""
    return sentences(sys.modules[f"archc.ops.{family}"])


def entry(op: type[Op]) -> str:
    """Return what the page says of an op."""
    lines = [f"### `{op.name}`\n", f"{sentences(op)}\n"]
    if op.name in SIGNS:
        lines.append(f"Written `{SIGNS[op.name]}`.\n")
    if op.model_fields:
        lines.append(table(("argument", "", "default"), *arguments(op)))
    return "\n".join([*lines, *(f"- {fact}" for fact in facts(op)), ""])


def arguments(op: type[Op]) -> Iterator[tuple[str, str, str]]:
    """Yield name, kind and default of every argument."""
    schema = op.model_json_schema()["properties"]
    for name, field in op.model_fields.items():
        default = "required" if field.is_required() else f"`{spelled(field.default)}`"
        yield f"`{name}`", kind(schema[name]), default


def spelled(value: Any) -> str:
    """Spell a default as a spec does."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)


def kind(schema: Mapping[str, Any]) -> str:
    """Say what an argument may be, from its JSON Schema."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(kind, schema["anyOf"])))
    if "enum" in schema:
        return ", ".join(f'`"{value}"`' for value in schema["enum"])
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return "a pair of them"
        case "array":
            whole = schema.get("items", {}).get("type") == "integer"
            return "a list of whole numbers" if whole else "a list of numbers"
        case "integer":
            least = schema.get("minimum", schema.get("ge"))
            return "whole number" if least is None else f"whole number from {least}"
        case "number":
            return f"number{bounds(schema)}"
        case "boolean":
            return "`true` or `false`"
        case "null":
            return "`none`"
        case "string":
            return "text in quotes"
    return "a value"


def bounds(schema: Mapping[str, Any]) -> str:
    """Say between what a number may be."""
    low, high, above = (schema.get(k) for k in ("minimum", "maximum", "exclusiveMinimum"))
    if above is not None:
        return f" above {above:g}"
    return ("" if low is None else f" from {low:g}") + ("" if high is None else f" to {high:g}")


def facts(op: type[Op]) -> Iterator[str]:
    """Yield what an op takes, gives, owns and costs."""
    counts = {None: "any number of values", 0: "nothing", 1: "one value"}
    layouts = " or ".join(f"`{layout}`" for layout in op.layouts)
    where = "" if op.inputs == 0 else f", {layouts}" if layouts else ", of any layout"
    yield f"Takes {counts.get(op.inputs, f'{op.inputs} values')}{where}."
    yield f"Shape: {sentences(op.shape) if own(op, 'shape') else 'That of its input.'}"
    if own(op, "tensors"):
        yield f"Tensors: {sentences(op.tensors)}"
    if own(op, "macs"):
        yield f"MACs: {sentences(op.macs)}"
    required = any(field.is_required() for field in op.model_fields.values())
    if op.inputs == 1 and op.name not in SIGNS and (op.name in SHOWN or not required):
        yield shown(op)


def own(op: type[Op], method: str) -> bool:
    """Whether an op has a method of its own."""
    return getattr(op, method) is not getattr(Op, method)


def shown(op: type[Op]) -> str:
    """Return an example of an op and what it does to a map or a vector."""
    call = SHOWN.get(op.name, op.name)
    shape = VECTOR if op.name in VECTORS else MAP
    spec = Source("ops.yaml", "archc: 1\nname: ops\ninput: [1]\nbody: {a: relu}\n")
    node = api.compile_block(spec, call, shape).network.root.nodes[-1]
    given = [" and ".join(str(value.shape) for value in node.outputs)]
    tensors = {name: "×".join(map(str, t.shape)) or "one" for name, t in node.tensors.items()}
    given += [", ".join(f"`{name}` {size}" for name, size in tensors.items())] * bool(tensors)
    given += [f"{node.macs:,} MACs"] * bool(node.macs)
    return f"For example `{call}` of {'×'.join(map(str, shape))}: {'; '.join(given)}."


def library_entries() -> Iterator[str]:
    """Yield each block of the library with its text."""
    text = files("archc").joinpath("library/prelude.yaml").read_text(encoding="utf-8")
    starts = [m.start() for m in re.finditer(r"^  \w+(\(.*\))?: *(#.*)?$", text, re.MULTILINE)]
    for name, (start, end) in zip(library(), pairwise([*starts, len(text)]), strict=True):
        body = re.sub(r"^  (#.*\n)?", "", text[start:end], flags=re.MULTILINE)
        yield f"### `{name}`\n\n{fence('yaml part', body)}"


# Diagnostics

ABOUT = """\
# Diagnostics

<!-- written by docs/generate.py from tests/bad and docs/causes.yaml -->

Every message begins with its code, `error[channel-mismatch]`.
Below it are the place, the line with carets, the places where what does not fit comes from, and a help.
The faults of a file are reported together, each once.
"""


def diagnostics() -> str:
    """Return the page of all diagnostics: what each means, and a spec that provokes it."""
    parts = [ABOUT, *(f"- {group}: {links(codes, '')}" for group, codes in CAUSES.items()), ""]
    for group, codes in CAUSES.items():
        parts.append(f"## {group}\n")
        for code, cause in codes.items():
            parts += [f"### {code}\n", f"{cause}\n", example(BAD / f"{code}.yaml")]
    return "\n".join(parts)


def example(path: Path) -> str:
    """Return a bad spec and what is said of it; of a very long one only that."""
    _, _, rest = path.read_text(encoding="utf-8", errors="replace").partition("\n")
    body = f"# {path.name}\n{rest}"
    said = "\n".join(map(short, path.with_suffix(".txt").read_text("utf-8").splitlines()))
    spec = fence("yaml part", body.replace("\t", "→")) + "\n" if len(body) < 2000 else ""
    return spec + fence("text", said)


def short(line: str, most: int = 200) -> str:
    """Cut a line that nobody would read."""
    return line if len(line) <= most else line[:most] + " ..."


# Sections of other pages


def functions() -> str:
    """Return the functions of expressions, and what those do that Python has not."""
    own = {n: f.compute for n, f in FUNCTIONS.items()}
    ours = {n: f for n, f in own.items() if f.__module__ == "archc.language.functions"}
    ours = {n: f for n, f in ours.items() if f.__name__ == n}
    rows = [
        (f"`{n}({', '.join(inspect.signature(f).parameters)})`", sentences(f))
        for n, f in ours.items()
    ]
    rows.append(("`count(items, item)`", "How often an item is in a list."))
    rows.append(
        (
            "`list(a, b, ...)`",
            "The list of its arguments, which may be values, and lists of them, which it takes in.",
        )
    )
    rest = ", ".join(f"`{n}`" for n in FUNCTIONS if n not in {*ours, "count", "list"})
    return f"As in Python: {rest}. Beside them:\n\n" + table(("function", ""), *rows)


def conventions() -> str:
    """Return all conventions of counting."""
    rows = (
        (
            f"`{name}`",
            c.quantity,
            " ".join(c.text.split()),
            c.digits if c.quantity in ("params", "macs") else "",
        )
        for name, c in CONVENTIONS.items()
    )
    return table(("convention", "of", "what it counts", "digits"), *rows)


def he2015() -> str:
    """Return the last row of Table 1 of the ResNet paper beside what archc counts."""
    rows = []
    for name in ("resnet18", "resnet34", "resnet50_paper", "resnet101_paper", "resnet152_paper"):
        verdict = next(v for v in api.judge_claims("resnet", name) if v.quantity == "macs")
        arch = archc.compile("resnet", variant=name)
        counts = (CONVENTIONS["he2015"].count(arch.network), arch.macs, arch.params)
        rows.append((name, verdict.figure.text, *(f"{n:,}" for n in counts), verdict.outcome))
    return table(("network", "printed", "by `he2015`", "by `macs`", "params", "the claim"), *rows)


def commands() -> str:
    """Return every command with its arguments and options."""
    group: Any = typer.main.get_command(app)
    return "\n".join(command(name, found) for name, found in group.commands.items())


def command(name: str, found: Any) -> str:
    """Return what the page says of a command."""
    taken = [p.name.upper() for p in found.params if p.param_type_name == "argument"]
    usage = " ".join(["archc", name, *taken, "[OPTIONS]"])
    about = inspect.cleandoc(found.help)
    rows = table(("", "", "default"), *map(option, found.params))
    return f"### `archc {name}`\n\n{about}\n\n{fence('text', usage)}\n{rows}"


def option(param: Any) -> tuple[str, str, str]:
    """Return how a parameter is written, what it says, and its default."""
    about = param.help or ""
    if param.param_type_name == "argument":
        return f"`{param.name.upper()}`", about, "required" if param.required else ""
    names = ", ".join(f"`{name}`" for name in param.opts)
    default = "" if param.default is None or param.default is False else f"`{param.default}`"
    return names + (f" `{param.metavar}`" if param.metavar else ""), about, default


LEDGER = DOCS.parent / "tests" / "goldens" / "torchvision"
COMPARED = ("eval output", "train output", "running statistics", "gradients")


def torchvision() -> str:
    """Return what was compared with each network of torchvision, from what the tests kept."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for path in sorted(LEDGER.glob("*.json"), key=lambda path: path.name):
        name = path.name.split(".")[0]
        found.setdefault(name, []).append(json.loads(path.read_text(encoding="utf-8")))
    rows = [compared(name, records) for name, records in sorted(found.items())]
    head = ("network", "params", "MACs", "keys", "eval", "train", "statistics", "gradients", "at")
    return f"{len(rows)} networks:\n\n" + table(head, *rows)


def compared(name: str, records: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the row of one network, over all sizes that it was run at."""
    network = archc.compile(name)
    keys = {r["keys"] for r in records} | {r["shapes"] for r in records} - {"equal"}
    results = (
        ", ".join(dict.fromkeys(r[what] for r in records if what in r)) or "none"
        for what in COMPARED
    )
    sizes = (size.split("×", 2)[-1] for r in records for size in r["sizes"])
    counts = (f"{network.params:,}", f"{network.macs:,}")
    return (f"`{name}`", *counts, ", ".join(sorted(keys)), *results, ", ".join(sizes))


def timm() -> str:
    """Return the networks of timm that specs are held to, by spec."""
    sys.path.insert(0, str(DOCS.parent / "tests" / "runtime"))
    held = importlib.import_module("timm_networks").FAMILIES
    return table(
        ("spec", "networks of timm"),
        *((f"`{f}`", ", ".join(f"`{n}`" for n in names)) for f, names in held.items()),
    )


def specs() -> str:
    """Return every spec of the zoo: its paper, its variants, its length, that of what it emits."""
    rows, lines = [], 0
    for path in zoo.files():
        network = archc.compile(path)
        document = network.network.document
        paper, length = document.paper, len(path.read_text(encoding="utf-8").splitlines())
        title = (
            f"[{paper.title}](https://arxiv.org/abs/{paper.arxiv})"
            if paper and paper.arxiv
            else (paper.title if paper else "")
        )
        emitted = len(network.source().splitlines())
        variants = len(document.variants) or 1
        rows.append((f"`{path.stem}`", str(title), f"{variants}", f"{length}", f"{emitted}"))
        lines += length
    head = ("spec", "paper", "networks", "lines of YAML", "lines emitted")
    total = ("", "", str(sum(int(row[2]) for row in rows)), f"{lines:,}", "")
    return table(head, *rows, total)


# The gallery

GALLERY = """\
# Gallery

<!-- written by docs/generate.py from the specs of the zoo -->

A network of every family of the zoo, at level `stage`: `archc draw NAME -o NAME.svg` draws each of them.
Below it is the table of its paper where the spec says what that is like, else one of its stages: `archc table specs/NAME.yaml`, `archc table NAME`.
What the marks mean is in [drawing.md](drawing.md), of tables in [tables.md](tables.md). Counts are of trainable parameters, and of multiply-adds for one sample.
"""


def gallery() -> str:
    """Return the page with a picture of every family, and a table of all."""
    found = {path.stem: archc.compile(path) for path in zoo.files()}
    rows = (
        (
            f"[{stem}](#{stem})",
            a.name,
            str(a.input),
            str(a.depth),
            counted(a.params),
            counted(a.macs),
        )
        for stem, a in found.items()
    )
    heads = ("family", "shown here", "input", "depth", "params", "MACs")
    return "\n".join([GALLERY, table(heads, *rows), *(_shown(s, a) for s, a in found.items())])


def _shown(stem: str, arch: archc.Architecture) -> str:
    paper = arch.network.document.paper
    source = f"*{paper.title}*, arXiv:{paper.arxiv}. " if paper and paper.arxiv else ""
    alt = f"The stages of {arch.name}"
    return (
        f"## {stem}\n\n{source}[specs/{stem}.yaml](../specs/{stem}.yaml)\n\n"
        f"![{alt}](images/gallery/{stem}.svg)\n\n"
        f"<details><summary>Table</summary>\n\n{_tabulated(arch)}\n\n</details>\n"
    )


def _tabulated(arch: archc.Architecture) -> str:
    """Return the table of a family's paper, or of the stages of one network of it."""
    said = arch.network.document.paper
    path = zoo.find(arch.name)
    if said and said.of_one:
        return render(paper([arch.network]), "markdown")
    if path is not None and said and (said.variants or said.by):
        return render(paper([a.network for a in api.compile_family(path)]), "markdown")
    return arch.table(format="markdown")


PAGES: Mapping[str, Callable[[], str]] = {
    "ops.md": ops,
    "diagnostics.md": diagnostics,
    "gallery.md": gallery,
}
SECTIONS: Mapping[str, Callable[[], str]] = {
    "functions": functions,
    "conventions": conventions,
    "he2015": he2015,
    "commands": commands,
    "torchvision": torchvision,
    "timm": timm,
    "families": specs,
}
SECTION = re.compile(r"(<!-- begin: (\w+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)


def written(page: Path) -> str:
    """Return a page as it should be."""
    if page.name in PAGES:
        return PAGES[page.name]().rstrip() + "\n"
    text = page.read_text(encoding="utf-8")
    return SECTION.sub(lambda m: f"{m[1]}\n{SECTIONS[m[2]]().rstrip()}\n\n{m[3]}", text)


def drawn() -> Iterator[tuple[str, Picture]]:
    """Yield the pictures that pages show, each with its place below docs/images."""
    for name, (network, level, at) in PICTURES.items():
        yield name, archc.compile(network).picture(level, at)
    yield "figure3.svg", api.side_by_side([archc.compile(name) for name in FIGURE_3])
    for path in zoo.files():
        yield f"gallery/{path.stem}.svg", archc.compile(path).picture()


def pictures() -> None:
    """Draw the pictures that pages show."""
    for name, picture in drawn():
        path = DOCS / "images" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(picture.svg(), encoding="utf-8")


def main() -> None:
    """Write all pages."""
    for page in sorted({*DOCS.glob("*.md"), *(DOCS / name for name in PAGES)}):
        page.write_text(written(page), encoding="utf-8")
    if "--pictures" in sys.argv[1:]:
        pictures()


if __name__ == "__main__":
    main()
