"""Writes what the documents say of ops, commands and diagnostics, from archc itself.

    python docs/generate.py

writes the pages ops.md and diagnostics.md, and in other pages what stands between
`<!-- begin: NAME -->` and `<!-- end: NAME -->`, each by the function of that name;
`--pictures` draws docs/images as well. A test holds the pages to what this would write.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import typer
from causes import CAUSES

import archc
from archc import api
from archc.cli import app
from archc.diagnostics import Source
from archc.functions import FUNCTIONS
from archc.ops import OPS, Op
from archc.passes.conventions import CONVENTIONS
from archc.scope import library

DOCS = Path(__file__).resolve().parent
BAD = DOCS.parent / "tests" / "bad"

PICTURES = {
    "resnet50.svg": ("resnet50", "stage"),
    "resnet20.svg": ("resnet20", "block"),
}


def table(*rows: Iterable[str]) -> str:
    """Write a table of Markdown; the first row is its head."""
    head, *rest = (list(row) for row in rows)
    lines = [head, ["---"] * len(head), *rest]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def fence(kind: str, body: str) -> str:
    """Write a fenced block."""
    return f"```{kind}\n{body.rstrip()}\n```\n"


def sentences(thing: object) -> str:
    """Return a docstring as one paragraph."""
    return " ".join((inspect.getdoc(thing) or "").split())


# Ops

FAMILIES = {
    "conv": "Convolutions and linear layers",
    "norm": "Norms",
    "activation": "Activations",
    "pool": "Pools",
    "drop": "Dropping",
    "wiring": "Wiring",
    "cut": "Cutting and flattening",
    "resize": "Padding and resizing",
    "source": "Sources",
}
SIGNS = {"add": "a + b", "sub": "a - b", "mul": "a * b", "div": "a / b", "scale": "2 * x", "shift": "x + 1", "negate": "-x"}
# An example of each op that needs arguments, and the map that it is shown on.
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
    "split": "split([4, 12])",
    "narrow": "narrow(0, 4)",
    "select": "select(0, dim=\"h\")",
    "pad": "pad([0, 1, 0, 1])",
    "pad_channels": "pad_channels(32)",
    "pad_to": "pad_to(7)",
    "subsample": "subsample(2)",
    "prelu": "prelu(channelwise=true)",
}
VECTORS = {"linear"}
MAP, VECTOR = [16, 32, 32], [64]


def ops() -> str:
    """Return the page of all ops, family by family."""
    parts = [
        "# Ops and the library\n",
        "<!-- written by docs/generate.py from archc/ops and archc/library -->\n",
        f"The {len(OPS)} ops of the language, and the blocks that are written in it. Names, arguments and defaults are PyTorch's, but for `padding` of `conv`.",
        "Arguments may be given by place, in the order of the tables, or by name.",
        "A layout is spelled with the batch dimension, `b c h w`; sizes in this page leave the batch out, `16×32×32`.\n",
        *(f"- {FAMILIES[family]}: " + ", ".join(f"[`{o.name}`](#{o.name})" for o in family_of(family)) for family in FAMILIES),
        "- [The library](#the-library): " + ", ".join(f"[`{name}`](#{name})" for name in library()),
        "",
        *(f"## {FAMILIES[family]}\n\n{intro(family)}\n\n" + "\n".join(map(entry, family_of(family))) for family in FAMILIES),
        "## The library\n",
        "Blocks that every spec may use, written in the language itself. A block of the same name in a spec goes before them.\n",
        *library_entries(),
    ]
    return "\n".join(parts)


def module_of(family: str) -> Any:
    """Return the module of a family of ops."""
    return sys.modules[f"archc.ops.{family}"]


def intro(family: str) -> str:
    """Return what the family's docstring says."""
    return sentences(module_of(family))


def family_of(family: str) -> list[type[Op]]:
    """Return the ops of a family, in the order of the table of all."""
    return [op for op in OPS.values() if op.__module__ == f"archc.ops.{family}"]


def entry(op: type[Op]) -> str:
    """Return what the page says of an op."""
    lines = [f"### `{op.name}`\n\n{sentences(op)}\n"]
    if op.name in SIGNS:
        lines.append(f"Written `{SIGNS[op.name]}`.\n")
    if op.model_fields:
        lines.append(table(("argument", "", "default"), *arguments(op)))
    lines.append("\n".join(f"- {fact}" for fact in facts(op)) + "\n")
    return "\n".join(lines)


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
        kinds = [kind(part) for part in schema["anyOf"]]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return ", ".join(f'`"{value}"`' for value in schema["enum"])
    match schema.get("type"):
        case "array" if schema.get("maxItems") == 2 and "prefixItems" in schema:
            return "a pair of them"
        case "array":
            inner = schema.get("items", {})
            return "a list of whole numbers" if inner.get("type") == "integer" else "a list of numbers"
        case "integer":
            bound = schema.get("minimum", schema.get("ge"))
            return "whole number" + (f" from {bound}" if bound is not None else "")
        case "number":
            low, high, above = (schema.get(k) for k in ("minimum", "maximum", "exclusiveMinimum"))
            if low is not None and high is not None:
                return f"number from {low:g} to {high:g}"
            return f"number from {low:g}" if low is not None else f"number above {above:g}" if above is not None else "number"
        case "boolean":
            return "`true` or `false`"
        case "null":
            return "`none`"
    return "the name of a dimension, in quotes" if schema.get("type") == "string" else "a value"


def facts(op: type[Op]) -> Iterator[str]:
    """Yield what an op takes, gives, owns and costs."""
    count = {None: "any number of values", 0: "nothing", 1: "one value"}.get(op.inputs, f"{op.inputs} values")
    layouts = " or ".join(f"`{layout}`" for layout in op.layouts)
    yield f"Takes {count}" + (f", {layouts}." if layouts else ", of any layout." if op.inputs != 0 else ".")
    yield "Shape: " + (sentences(op.shape) if own(op, "shape") else "that of its input.")
    if own(op, "tensors"):
        yield "Tensors: " + sentences(op.tensors)
    if own(op, "macs"):
        yield "MACs: " + sentences(op.macs)
    if example := shown(op):
        yield example


def own(op: type[Op], method: str) -> bool:
    """Whether an op has a method of its own."""
    return getattr(op, method) is not getattr(Op, method)


def shown(op: type[Op]) -> str:
    """Return an example of an op and what it does to a map or a vector."""
    if op.inputs != 1 or op.name in SIGNS or any(f.is_required() for f in op.model_fields.values()) and op.name not in SHOWN:
        return ""
    call = SHOWN.get(op.name, op.name)
    shape = VECTOR if op.name in VECTORS else MAP
    arch = api.compile_block(Source("ops.yaml", "archc: 1\nname: ops\ninput: [1]\nbody: {a: relu}\n"), call, shape)
    node = arch.network.root.nodes[-1]
    given = ", ".join(dict.fromkeys(f"{v.shape}" for v in node.outputs))
    given = " and ".join(str(v.shape) for v in node.outputs) if len(node.outputs) > 1 else given
    tensors = ", ".join(f"`{n}` {'×'.join(map(str, t.shape)) or 'scalar'}" for n, t in node.tensors.items())
    cost = f"; {node.macs:,} MACs" if node.macs else ""
    return f"For example `{call}` of {'×'.join(map(str, shape))}: {given}" + (f"; {tensors}" if tensors else "") + cost + "."


def library_entries() -> Iterator[str]:
    """Yield each block of the library with its text."""
    source = files("archc").joinpath("library/prelude.yaml").read_text(encoding="utf-8")
    starts = [m for m in re.finditer(r"^  (\w+)(\(.*\))?: *(#.*)?$", source, re.MULTILINE)]
    for here, after in zip(starts, [*starts[1:], None], strict=True):
        body = source[here.start() : after.start() if after else None]
        body = re.sub(r"^  ", "", body, flags=re.MULTILINE)
        lines = [line for line in body.rstrip().splitlines() if not line.startswith("#")]
        yield f"### `{here[1]}`\n\n" + fence("yaml part", "\n".join(lines))


# Diagnostics


def diagnostics() -> str:
    """Return the page of all diagnostics: what each means, and a spec that provokes it."""
    specs: dict[str, Path] = {}
    for path in sorted(BAD.glob("*.yaml")):
        specs.setdefault(path.name.partition(".")[0], path)
    parts = [
        "# Diagnostics\n",
        "<!-- written by docs/generate.py from tests/bad and docs/causes.py -->\n",
        "Every message begins with its code, `error[channel-mismatch]`. Below it are the place, the line with carets, "
        "the places where what does not fit comes from, and a help. All faults of a file are reported, each once.\n",
        *(f"- {group}: " + ", ".join(f"[{code}](#{code})" for code in codes) for group, codes in CAUSES.items()),
        "",
    ]
    for group, codes in CAUSES.items():
        parts.append(f"## {group}\n")
        for code, cause in codes.items():
            parts.append(f"### {code}\n\n{cause}\n\n{example(specs.get(code))}")
    return "\n".join(parts)


def example(path: Path | None) -> str:
    """Return a bad spec and what is said of it."""
    if path is None:
        return ""
    body = path.read_text(encoding="utf-8", errors="replace").partition("\n")[2]
    said = path.with_suffix(".txt").read_text(encoding="utf-8")
    return fence("yaml part", body.replace("\t", "→")) + "\n" + fence("text", said)


# Sections of other pages


def functions() -> str:
    """Return the functions of expressions with what they do, where Python has none of the name."""
    own_ones = {n: f for n, f in FUNCTIONS.items() if getattr(f, "__module__", "") == "archc.functions" and n in ("make_divisible", "unique", "cut", "linspace")}
    rest = ", ".join(f"`{n}`" for n in FUNCTIONS if n not in own_ones and n != "list")
    rows = [(f"`{n}({', '.join(inspect.signature(f).parameters)})`", sentences(f)) for n, f in own_ones.items()]
    rows += [("`count(items, item)`", "How often an item is in a list."), ("`list(a, b, ...)`", "The list of its arguments, which may be values.")]
    return f"As in Python: {rest.replace('`count`, ', '')}. Beside them:\n\n" + table(("function", ""), *rows)


def conventions() -> str:
    """Return all conventions of counting."""
    rows = [(f"`{name}`", c.quantity, " ".join(c.text.split()), c.digits if c.quantity in ("params", "macs") else "") for name, c in CONVENTIONS.items()]
    return table(("convention", "of", "what it counts", "digits"), *rows)


def he2015() -> str:
    """Return Table 1 of the ResNet paper, its last row, beside what archc counts."""
    rows = []
    for name in ("resnet18", "resnet34", "resnet50_paper", "resnet101_paper", "resnet152_paper"):
        verdict = next(v for v in api.judge_claims("resnet", name) if v.quantity == "macs")
        arch = archc.compile("resnet", variant=name)
        fused = CONVENTIONS["he2015"].count(arch.network)
        rows.append((name, verdict.figure.text, f"{fused:,}", f"{arch.macs:,}", f"{arch.params:,}", verdict.outcome))
    return table(("network", "printed", "by `he2015`", "by `macs`", "params", "the claim"), *rows)


def commands() -> str:
    """Return every command with its arguments and options."""
    group: Any = typer.main.get_command(app)
    parts = []
    for name, command in group.commands.items():
        rows = [("", "", "default"), *(option(p) for p in command.params)]
        usage = " ".join(["archc", name, *(p.name.upper() for p in command.params if p.param_type_name == "argument"), "[OPTIONS]"])
        parts.append(f"### `archc {name}`\n\n{inspect.cleandoc(command.help)}\n\n{fence('text', usage)}\n{table(*rows)}")
    return "\n".join(parts)


def option(param: Any) -> tuple[str, str, str]:
    """Return how a parameter is written, what it says, and its default."""
    if param.param_type_name == "argument":
        return f"`{param.name.upper()}`", param.help or "", "required" if param.required else ""
    shown = ", ".join(f"`{o}`" for o in param.opts) + (f" `{param.metavar}`" if param.metavar else "")
    return shown, param.help or "", "" if param.default is None or param.default is False else f"`{param.default}`"


PAGES: Mapping[str, Callable[[], str]] = {"ops.md": ops, "diagnostics.md": diagnostics}
SECTIONS: Mapping[str, Callable[[], str]] = {f.__name__: f for f in (functions, conventions, he2015, commands)}
SECTION = re.compile(r"(<!-- begin: (\w+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)


def written(page: Path) -> str:
    """Return a page as it should be."""
    if page.name in PAGES:
        return PAGES[page.name]().rstrip() + "\n"
    return SECTION.sub(lambda m: m[1] + "\n" + SECTIONS[m[2]]().rstrip() + "\n\n" + m[3], page.read_text(encoding="utf-8"))


def pictures() -> None:
    """Draw the pictures that pages show."""
    for name, (network, level) in PICTURES.items():
        path = DOCS / "images" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(archc.compile(network).svg(level=level), encoding="utf-8")


def main() -> None:
    """Write all pages."""
    for page in sorted({*DOCS.glob("*.md"), *(DOCS / name for name in PAGES)}):
        page.write_text(written(page), encoding="utf-8")
    if "--pictures" in sys.argv[1:]:
        pictures()


if __name__ == "__main__":
    main()
