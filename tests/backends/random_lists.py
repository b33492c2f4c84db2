"""Random specs whose blocks take and give lists of values, of any length, and values that may be absent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

STEPS = ["op", "sum", "either", "absent", "present", "list", "chosen", "concat", "inside", "mean"]


@dataclass
class Writer:
    """Draws the parts of one spec; every value has 4 channels.

    `values`, `lists` and `absent` are the names in scope: of one value, of several, and of
    values that some uses of a block lack. `blocks` says which block gives a list.
    """

    draw: Any
    blocks: dict[str, bool] = field(default_factory=dict)
    values: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    count: int = 0

    def pick(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def value(self) -> str:
        return str(self.pick(*self.values))

    def listed(self) -> str:
        """Draw a list: one that is there, or some values and lists in a new one."""
        if self.lists and self.pick(True, False):
            return str(self.pick(*self.lists))
        known = [*self.values, *self.lists, *self.absent]
        parts = [self.value(), *(self.pick(*known) for _ in range(self.pick(0, 1, 2)))]
        return f"list({', '.join(parts)})"

    def add(self, text: str, names: list[str]) -> None:
        """Write a step, and let its value be known."""
        self.count += 1
        self.lines.append(f's{self.count}: "{text}"')
        names.append(f"s{self.count}")

    def step(self, *, inside: bool) -> None:
        """Draw a step; `inside` a block there are arguments to ask."""
        test = self.pick("flag", "not flag", "n > 1", "n == 2") if inside else "true"
        a, b, many = self.value(), self.value(), self.listed()
        kind = self.pick(*STEPS, *["call"] * 3 * bool(self.blocks))
        if kind == "op":
            self.add(f"{self.pick('conv(4, 3)', 'bn', 'relu', 'dropout(0.1)')}({a})", self.values)
        elif kind == "sum":
            self.add(f"{a} + {b}", self.values)
        elif kind == "either":
            self.add(f"conv(4, 1)({a}) if {test} else {b}", self.values)
        elif kind == "absent":
            op = self.pick("conv(4, 1)", "bn", "relu")
            self.add(f"{op}({a}) if {test} else none({a})", self.absent)
        elif kind == "present" and self.absent:
            self.add(f"{a} + {self.pick(*self.absent)} + {b}", self.values)
        elif kind == "list":
            self.add(many, self.lists)
        elif kind == "chosen":
            self.add(f"{many} if {test} else {self.listed()}", self.lists)
        elif kind == "concat":
            self.add(f"conv(4, 1)(concat({a}, {many}))", self.values)
        elif kind == "inside":
            self.add(f"conv(4, 1)(concat({a}, {many}) if {test} else {b})", self.values)
        elif kind == "mean":
            self.add(f"live_mean(0.0)({a}, {many})", self.values)
        elif kind == "call":
            self.call(self.pick(*self.blocks), inside=inside)

    def call(self, name: str, *, inside: bool) -> None:
        """Draw a use of a block."""
        flag = self.pick("true", "false", *["flag"] * inside)
        n = self.pick("1", "2", "3", *["n"] * inside)
        given = ", ".join([self.value(), *(self.listed() for _ in range(self.pick(0, 1, 2)))])
        self.add(f"{name}({flag}, {n})({given})", self.lists if self.blocks[name] else self.values)

    def block(self) -> list[str]:
        """Draw the lines of a block; its last step reads whatever is left."""
        lead = self.pick(True, True, False)
        self.values, self.lists, self.absent = ["x" if lead else "rest[0]"], ["rest"], []
        self.lines = []
        for _ in range(self.pick(1, 2, 3, 4)):
            self.step(inside=True)
        left = ", ".join([*self.values, *self.lists, *self.absent])
        gives_list = self.pick(True, False, False)
        end = [f"end: list({left})"] if gives_list else [f"all: live_mean(0.0)({left})", "end: bn"]
        name = "abc"[len(self.blocks)]
        self.blocks[name] = gives_list
        inputs = "x, ...rest" if lead else "...rest"
        return [f"  {name}(flag, n):", f"    inputs: [{inputs}]", *indented([*self.lines, *end], 4)]


def indented(lines: list[str], by: int) -> list[str]:
    return [" " * by + line for line in lines]


@st.composite
def specs(draw: Any) -> str:
    """Draw the text of a spec."""
    writer = Writer(draw)
    blocks = [line for _ in range(writer.pick(1, 2, 3)) for line in writer.block()]
    writer.values, writer.lists, writer.absent, writer.lines = ["first"], [], [], []
    for _ in range(writer.pick(1, 2, 3)):
        writer.step(inside=False)
    for name in writer.blocks:
        for _ in range(writer.pick(2, 3)):
            writer.call(name, inside=False)
    left = ", ".join([*writer.values, *writer.lists, *writer.absent])
    body = ["first: conv(4, 3)", *writer.lines, f"last: live_mean(0.0)({left})"]
    head = ["archc: 1", "name: random", "input: [4, 6, 6]", "blocks:"]
    return "\n".join([*head, *blocks, "body:", *indented(body, 2), ""])
