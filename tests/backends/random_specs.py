"""Random specs over the core of the language: most are right, those that are not are left out.

A generator draws text as a writer would: it knows the channels of the values in scope where
it must, and reads `x.channels` where it can.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

NAMES = [
    "in_channels",
    "out_channels",
    "channels",
    "nn",
    "F",
    "torch",
    "math",
    "self",
    "super",
    "forward",
    "training",
    "sum",
    "len",
    "range",
    "max",
    "min",
    "int",
    "tuple",
    "list",
    "zip",
    "enumerate",
    "isinstance",
    "getattr",
    "OrderedDict",
    "args",
    "kwargs",
    "block",
    "stage",
    "cut",
    "m",
    "k",
    "linspace",
    "make_divisible",
    "init",
    "weight",
    "bias",
    "modules",
    "half",
    "x1",
    "value",
    "out",
    "y",
    "keep",
    "branches",
    "scale",
    "shape",
    "size",
    "type",
    "object",
    "float",
    "bool",
    "str",
    "dict",
    "any",
    "all",
    "abs",
    "attention",
    "pair",
    "identity",
    "add",
    "mean",
    "concat",
    "width",
    "w",
    "n",
    "act",
    "gate",
    "beta",
    "fc",
    "first",
    "pool",
    "i",
    "j",
    "stride",
    "depth",
    "T_destination",
]
"""What a name can be that Python, torch, an emitted file or an op has too."""

ACTS = ["relu", "gelu", "hardswish", "sigmoid", "leaky_relu(0.2)"]
WIDTHS = [4, 6, 8]


@dataclass
class Writer:
    """Draws the parts of one spec."""

    draw: Any
    blocks: dict[str, list[str]] = field(default_factory=dict)
    count: int = 0

    def pick(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def chance(self, percent: int) -> bool:
        return bool(self.draw(st.integers(1, 100)) <= percent)

    def name(self, stem: str = "s") -> str:
        self.count += 1
        return f"{stem}{self.count}"

    # Steps: each returns the lines of one named step that keeps any size

    def op(self, c: str) -> str:
        """Draw an op that takes any value; `c` is an expression of channels to give."""
        act = self.pick(*ACTS)
        return str(
            self.pick(
                f"conv({c}, 3)",
                f"conv({c}, 1)",
                "bn",
                act,
                act,
                "dropout(0.1)",
                "identity",
                "max_pool(3, stride=1, padding=1)",
            )
        )

    def width(self, params: list[str]) -> str:
        return str(
            self.pick(*map(str, WIDTHS), *params, "x.channels", *(f"2 * {p}" for p in params))
        )

    def test(self, params: list[str], depth: str = "") -> str:
        """A condition on arguments, or on nothing that varies."""
        options = ["gate", "not gate", "x.channels > 5", *(f"{p} > 5" for p in params)]
        options += [f"{depth} > 0", f"{depth} == 1"] if depth else []
        return str(self.pick(*options))

    def listed(self, params: list[str], deep: int = 1) -> list[str]:
        """Draw the lines of a list of steps."""
        lines: list[str] = []
        for _ in range(self.pick(1, 2, 3, 3, 4)):
            c, test = self.width(params), self.test(params)
            kind = self.pick(
                "op",
                "op",
                "op",
                "op",
                "optional",
                "either",
                "if",
                "else",
                "repeat",
                "splice",
                "nested",
                "block",
            )
            if kind == "op":
                lines.append(f'- "{self.op(c)}"')
            elif kind == "optional":
                lines.append(f'- "{self.op(c)} if {test} else none"')
            elif kind == "either":
                lines.append(f'- "{self.op(c)} if {test} else {self.op(c)}"')
            elif kind == "if":
                lines.append(f'- {{if: "{test}", do: "{self.op(c)}"}}')
            elif kind == "else":
                lines.append(
                    f'- {{if: "{test}", do: "{self.op(c)}", else: ["{self.op(c)}", relu]}}'
                )
            elif kind == "repeat":
                n = self.pick("2", "3", "5", *params[:1])
                lines.append(
                    f'- {{repeat: "i < {n}", do: ["{self.op(c)}", "{self.pick("relu", "bn", "relu if i > 0 else none")}"]}}'
                )
            elif kind == "splice" and deep:
                lines += [f'- if: "{test}"', "  do:", *indented(self.listed(params, deep - 1), 2)]
            elif kind == "nested" and deep:
                inner = self.listed(params, deep - 1)
                lines += ["-", *indented(inner, 2)]
            elif kind == "block":
                lines.append(f'- "{self.call(params)}"')
        return lines or ["- relu"]

    def call(self, params: list[str], *, kinds: tuple[str, ...] = ("one",)) -> str:
        """Draw a call of a block that was written before, or of one of the library."""
        known = [n for n, signature in self.blocks.items() if signature[0] in kinds]
        if not known or self.chance(15):
            return f"conv_norm_act({self.width(params)}, act={self.pick('relu', 'gelu', 'none')})"
        return self.call_of(self.pick(*known))

    def use(self, name: str, kind: str) -> list[str]:
        """Draw steps that use a block, so that none is unused, often several times."""
        found = []
        for _ in range(self.pick(1, 2, 2, 3)):
            a, b = self.name("u"), self.name("u")
            found += [f'{a}: "{self.call_of(name)}"']
            found += [f'{b}: "concat({a}[0], {a}[1])"'] if kind == "pair" else []
        return found

    def call_of(self, name: str) -> str:
        """Draw a call of a block."""
        drawn = {
            "w": lambda: str(self.pick(*WIDTHS)),
            "n": lambda: str(self.pick(*WIDTHS)),
            "act": lambda: f"act={self.pick('relu', 'gelu', 'none')}",
        }
        arguments = [drawn[p]() for p in self.blocks[name][1:]]
        return f"{name}({', '.join(arguments)})"

    def body(self, params: list[str], deep: int = 2) -> list[str]:
        """Draw the lines of named steps; the last gives one value."""
        lines: list[str] = []
        for _ in range(self.pick(1, 2, 2, 3, 4)):
            lines += self.step(params, deep)
        return lines

    def step(self, params: list[str], deep: int) -> list[str]:
        s, c, test = self.name(), self.width(params), self.test(params)
        kind = self.pick(
            "op", "op", "op", "list", "optional", "either", "if", "else", "residual", "residual", "branches", "gate",
            "repeat", "silent", "templated", "mapping", "block", "composed", "scaled", "split", "for", "steps", "dotted",
            "reuse", "source", "nothing", "init", "else_body", "prev", "pair", "table", "steps", "collected",
            "parts", "shuffle", "passed", "named_copies", "looked_up",
        )  # fmt: skip
        match kind:
            case "list":
                return [f"{s}:", *indented(self.listed(params), 0)]
            case "optional":
                return [f'{s}: "{self.op(c)} if {test} else none"']
            case "either":
                return [f'{s}: "{self.op(c)} if {test} else {self.op(c)}"']
            case "if":
                return [f'{s}: {{if: "{test}", do: "{self.op(c)}"}}']
            case "else":
                return [f'{s}: {{if: "{test}", do: "{self.op(c)}", else: "{self.op(c)}"}}']
            case "else_body" if deep:
                a, b = self.body(params, 0), self.listed(params, 0)
                return [
                    f"{s}:",
                    f'  if: "{test}"',
                    "  do:",
                    *indented(a, 4),
                    "  else:",
                    *indented(b, 2),
                ]
            case "residual":
                a, b = self.name(), self.name()
                short = self.pick(
                    f"projection({c}, 1)",
                    f"conv({c}, 1)",
                    "none",
                    f"(projection if gate else always_projection)({c}, 1)",
                    "same",
                )
                start = self.name()
                main = [
                    f'{start}: "conv({c}, 1)"',
                    f"{a}:",
                    *indented(["- bn", *self.listed(params, 0), f'- "conv({c}, 3)"'], 0),
                ]
                if short == "same":
                    return [
                        f'{start}: "conv({c}, 1)"',
                        f'{a}: "conv({c}, 3)({start})"',
                        f'{b}: "relu({a} + {start})"',
                    ]
                main[1] = f"{a}:"
                return [
                    f'{start}: "conv({c}, 1)"', f"{a}:", f"  from: {start}", "  do:", *indented(["- bn", *self.listed(params, 0), f'- "conv({c}, 3)"'], 2),
                    f'{b}: "{short}({start})"', f'{s}: "{self.pick("relu", "hardswish", "identity")}({a} + {b})"',
                ]  # fmt: skip
            case "branches":
                start, names = self.name(), [self.name() for _ in range(3)]
                lines = [f'{start}: "{self.op(c)}"']
                for n in names:
                    inner = self.pick(
                        f'{n}: "conv({c}, {self.pick(1, 3)})({start})"',
                        f'{n}: {{from: {start}, do: ["conv({c}, 1)", relu]}}',
                    )
                    lines.append(inner)
                return [*lines, f'{s}: "{self.pick("concat", "sum", "mean")}({", ".join(names)})"']
            case "gate":
                a, g = self.name(), self.name()
                return [
                    f'{a}: "conv({c}, 3)"',
                    f'{g}: "sigmoid()({a})"',
                    f'{s}: "{self.pick(f"{g} * {a}", f"(1 - {g}) * {a}", f"{a} - 0.5 * {g} / 2")}"',
                ]
            case "repeat":
                n = self.pick("2", "3", "5", *params[:1])
                i = self.pick(c, f"{c} + i", c)
                return [
                    self.pick(
                        f'{s}: {{repeat: "i < {n}", do: "conv({i}, 3)"}}',
                        f'{s}: {{repeat: "i < {n}", do: ["conv({i}, 1)", bn, relu]}}',
                        f'{s}: {{repeat: "i < {n}", do: {{a: "conv({i}, 1)", b: relu}}}}',
                    )
                ]
            case "table":
                return [
                    f'{s}: {{repeat: "k, v in zip([1, 3, 1, 3], [4, 6, 6, 8])", do: "conv(v, k)"}}'
                ]
            case "silent":
                inner = self.body(params, 0)
                return [f"_{s}:", *indented(inner, 2)]
            case "templated":
                n = self.pick("2", "3", "5", *params[:1])
                return [
                    f'{s}_{{i + 1}}: {{repeat: "i < {n}", do: "{self.pick(self.call(params), f"conv({c} + i, 3)")}"}}'
                ]
            case "mapping" if deep:
                return [f"{s}:", *indented(self.body(params, deep - 1), 2)]
            case "block":
                return [f'{s}: "{self.call(params)}"']
            case "composed":
                return [f'{s}: "relu(conv({c}, 3))"']
            case "scaled":
                a = self.name()
                return [
                    f'{a}: "conv({c}, 1)"',
                    f'{s}: "{self.pick("0.5 * ", "beta * ", "-", "2 + ")}{a}"',
                ]
            case "split":
                a, p, q, r = (self.name() for _ in range(4))
                return [
                    f'{a}: "conv({c} * 2, 1)"',
                    f"{p}: split(2)",
                    f'{q}: "{p}[0]"',
                    f'{r}: "conv({c}, 3)({p}[1])"',
                    f'{s}: "concat({q}, {r})"',
                ]
            case "for":
                a, f = self.name(), self.name()
                return [
                    f'{a}: "{self.op(c)}"',
                    f'{f}: {{for: "j < 3", from: {a}, do: "conv({c} + j, 1)"}}',
                    f'{s}: "concat({f}[0], {f}[1], {f}[2])"',
                ]
            case "steps":
                a = self.name()
                return [
                    f'{a}: {{repeat: "i < 3", do: "conv({c}, 3)"}}',
                    f'{s}: "concat({a}.steps[0], {a}.steps[2])"',
                ]
            case "collected":
                a, b, n = self.name(), self.name(), self.pick(3, 4, 5)
                taken = self.pick(
                    f"concat({a}.steps)", f"concat({b}, {a}.steps)", f"{a}.steps[1] + {a}.steps[-1]"
                )
                return [
                    f'{b}: "conv({c}, 1)"',
                    f'{a}: {{from: {b}, repeat: "i < {n}", do: "{self.pick(f"conv({c}, 3)", f"conv_norm_act({c})")}"}}',
                    f'{s}: "{taken}"',
                ]
            case "parts":
                a, p = self.name(), self.name()
                sizes = self.pick("[2, x.channels]", "[x.channels, 3, 1]", f"[{c}, {c}]")
                total = {"[2": "2 + x.channels", "[x": "x.channels + 4"}.get(
                    sizes[:2], f"2 * ({c})"
                )
                return [
                    f'{a}: "conv({total}, 1)"',
                    f"{p}: split({sizes})",
                    f'{s}: "concat(conv({c}, 3)({p}[1]), {p}[0])"',
                ]
            case "shuffle":
                a, g = self.name(), self.pick(2, 3)
                return [
                    f'{a}: "conv({g} * ({c}), 1)"',
                    f"{s}: {{do: 'rearrange(\"b (g c) h w -> b (c g) h w\", g={g})'}}",
                ]
            case "passed":
                act = self.pick("relu", "gelu", "silu", "none")
                return [
                    f'{s}: "squeeze_excitation({self.pick(2, 3)}, act={act})"'
                    if act != "none"
                    else f'{s}: "conv_norm_act({c}, act=none)"'
                ]
            case "named_copies":
                a, n = self.name(), self.pick(2, 4, 5)
                return [
                    f"{a}:",
                    f'  k{{i}}: {{repeat: "i < {n}", do: "conv_norm_act({c} + i)"}}',
                    "  last: bn",
                ]
            case "looked_up":
                n = self.pick(2, 5, 6)
                return [f'{s}: {{repeat: "i < {n}", do: "conv([4, 6][i % 2], 3)"}}']
            case "dotted":
                a, b = self.name(), self.name()
                return [
                    f'{s}.0: "{self.op(c)}"',
                    f'{s}.1: "{self.op(c)}"',
                    f'{a}.{b}: "{self.op(c)}"',
                    f'{s}.2: "relu"' if self.chance(30) else f'{a}.x1: "{self.op(c)}"',
                ]
            case "reuse":
                a, b = self.name(), self.name()
                return [
                    f'{a}: "conv({c}, 1)"',
                    f'{b}: "conv({c}, 3)({a})"',
                    f'{s}: "reuse({b})({b}) + {a}"',
                ]
            case "source":
                a, g = self.name(), self.name()
                return [
                    f'{a}: "conv({c}, 1)"',
                    f'{g}: "parameter({c}, 1, 1, init=0.5)"',
                    f'{s}: "{g} * {a}"',
                ]
            case "nothing":
                a, b = self.name(), self.name()
                return [
                    f'{a}: "conv({c}, 1)"',
                    f'{b}: "(conv({c}, 3) if {test} else none)({a})"',
                    f'{s}: "{a} + {b}"',
                ]
            case "init":
                rule = self.pick(
                    "{weight: zeros}", "{weight: normal(0.1), bias: 1}", "{conv: {weight: ones}}"
                )
                return [f'{s}: {{do: "conv({c}, 3)", init: {rule}}}']
            case "prev":
                a = self.name()
                return [f'{a}: "conv({c}, 1)"', f'{s}: "concat(prev, {a})"']
            case "pair" if any(v[0] == "pair" for v in self.blocks.values()):
                a, b = self.name(), self.name()
                return [
                    f'{a}: "{self.call(params, kinds=("pair",))}"',
                    f'{b}: "conv({c}, 1)({a}[0])"',
                    f'{s}: "concat({b}, {a}[1])"',
                ]
        return [f'{s}: "{self.op(c)}"']

    def block(self) -> list[str]:
        """Draw the definition of a block."""
        name = self.name("b")
        kind = self.pick(
            "named", "named", "named", "list", "one", "if", "pair", "recursive", "lets"
        )
        params = self.pick(["w"], ["w"], ["w", "n"])
        signature = f"{name}({', '.join(params)})"
        shown = ["one", *params]
        if kind == "list":
            lines = self.listed(params)
            self.blocks[name] = [*shown, "act"]
            return [f"{name}({', '.join(params)}, act=relu):", *lines, "- act"]
        if kind == "one":
            lines = [
                f'{signature}: "{self.pick(self.op("w"), "relu(conv(w, 3))", "x + 1", "x * sigmoid(x)", self.call(params))}"'
            ]
        elif kind == "if":
            lines = [
                f"{signature}:",
                f'  if: "{self.test(params)}"',
                "  do:",
                *indented(self.listed(params, 0), 2),
            ]
            lines += ["  else:", *indented(self.body(params, 0), 4)] if self.chance(40) else []
        elif kind == "pair":
            self.blocks[name] = ["pair", *params]
            return [
                f"{signature}:",
                '  a0: "conv(w, 3)"',
                '  b0: "conv(6, 1)(x)"',
                "  outputs: [a0, b0]",
            ]
        elif kind == "recursive":
            lines = [
                f"{name}(w, n):", '  start: "conv(w, 1)"', "  deeper:", '    if: "n > 5"', "    from: start",
                f'    do: {{one: "{name}(w, n - 1)", two: relu}}', '  out: "start + deeper" ' if self.chance(50) else '  out: "concat(start, deeper)"',
            ]  # fmt: skip
            shown = ["one", "w", "n"]
        elif kind == "lets":
            lines = [
                f"{signature}:",
                f'  let: {{u: "{self.pick("2 * w", "max(w, 6)", "w + x.channels")}", t: u // 2 + 1}}',
                *indented(self.body([*params, "u", "t"]), 2),
            ]
            lines.append('  last0: "conv(u + t, 1)"')
        else:
            lines = [f"{signature}:", *indented(self.body(params), 2)]
        self.blocks[name] = shown
        return lines


def renamed(draw: Any, text: str) -> str:
    """Give some names of a spec names that something else has."""
    own = sorted({*re.findall(r"\b(?:[subk]\d+|unit0|rates|i|j|k|v|w|n|u|t|a|b)\b", text)})
    taken = draw(st.permutations(NAMES))
    chosen = draw(st.lists(st.sampled_from(own), min_size=1, max_size=4, unique=True))
    pairs = dict(zip(chosen, taken, strict=False))
    quoted = r"(?<!\.)\b(" + "|".join(pairs) + r")\b"
    return re.sub(quoted, lambda found: pairs[found[1]], text)


def indented(lines: list[str], by: int) -> list[str]:
    return [" " * by + line for line in lines]


@st.composite
def specs(draw: Any, *, named: bool = False) -> str:
    """Draw a spec; `named` gives names to its steps, params and loops that others bear too."""
    text = draw(plain())
    return renamed(draw, text) if named else str(text)


@st.composite
def plain(draw: Any) -> str:
    """Draw a spec whose names nothing else has."""
    w = Writer(draw)
    blocks = [line for _ in range(w.pick(1, 2, 3, 4)) for line in w.block()]
    form = w.pick("body", "body", "stages")
    lines = w.body([])
    calls = [line for name, (kind, *_) in w.blocks.items() for line in w.use(name, kind)]
    steps = [*calls, *lines] if w.chance(50) else [*lines, *calls]
    head = [
        "archc: 1",
        "name: tiny",
        "input: [4, 6, 6]",
        "params: {gate: true, beta: 0.5, classes: 5}",
        "variants: {a: {}, b: {gate: false}}",
    ]
    init = ["init: {conv: {weight: kaiming_normal(fan_out), bias: zeros}}"] if w.chance(40) else []
    defaults = ["defaults: {conv: {bias: false}}"] if w.chance(30) else []
    first = 'gated0: "relu if gate else gelu"'
    last = [f'beta0: "beta * {"prev"}"', "pool0: global_avg_pool", 'fc: "linear(classes)"']
    text = [*head, *init, *defaults, "blocks:", *indented(blocks, 2)]
    if form == "body":
        outputs = (
            ["outputs: {main: fc, side: {value: side0, when: training}}"] if w.chance(30) else []
        )
        side = (
            ['keep0: "conv(4, 1)"', 'side0: "conv(2, 1)(keep0)"', 'after0: "relu()(keep0)"']
            if outputs
            else []
        )
        return "\n".join(
            [*text, "body:", *indented([first, *steps, *side, *last], 2), *outputs, ""]
        )
    unit = [
        "  unit0(width, rate=0.0, stride=1, entry=false):",
        '    a: "conv(width, 3, stride=stride)"',
        '    b: "dropout(rate)"',
        '    c: "conv(width, 1, stride=stride)(x) if entry else x"',
        '    d: "relu(b + c)"',
    ]
    rows = []
    tabled = w.chance(50)
    if tabled:
        rates = w.pick("linspace(0, beta, 12)", "beta * j / 12 for j in range(12)")
        text.insert(len(head), f"let: {{rates: {rates!r}}}".replace("'", '"'))
        rows.append(
            '  layer9: {block: unit0, width: 6, depth: 4, rate: "rates[i + 2]", first: {entry: true}}'
        )
    for k in range(w.pick(1, 2, 3)):
        rate = w.pick(
            "0.1",
            "i / 20",
            "0.05 * (i + 1)",
            "0.0",
            *(["rates[i]", "rates[-1 - i]"] if tabled else []),
        )
        more = w.pick("", ", stride: 2", ", last: {rate: 0.3}")
        rows.append(
            f'  layer{k}: {{block: unit0, width: {w.pick(*WIDTHS)}, depth: {w.pick(1, 2, 3, 5, 6)}, rate: "{rate}", first: {{entry: true}}{more}}}'
        )
    if w.chance(40):
        rows.append(
            '  group{k}: {repeat: "k < 2", block: unit0, width: 4 * k + 4, depth: k + 2, first: {entry: true}}'
        )
    return "\n".join(
        [
            *text,
            *unit,
            "stem:",
            *indented([first, *steps], 2),
            "stages:",
            *rows,
            "head:",
            *indented(last, 2),
            "",
        ]
    )
