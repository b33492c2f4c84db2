"""The forward method: values as Python expressions, nested where they are used once.

An expression waits until it is used, so that a chain of calls becomes one line. Statements
keep the order of the text, and a variable is written over only when nothing reads it any more.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count

from archc.backends.pytorch.conditions import negated
from archc.backends.pytorch.items import Spelling, Val
from archc.backends.pytorch.layout import WIDTH, fit
from archc.backends.pytorch.statements import Branch, Call, Collect, Each, Statement, counted
from archc.ops import HELPERS

RESERVED = frozenset([*HELPERS, "self", "F", "nn", "torch", "math", "range", "getattr"])
ROOM = 12
"""What a line keeps free for its variable."""


@dataclass(eq=False)
class Waiting:
    """An expression that is not in a variable yet, and the values whose variables it reads."""

    val: Val
    text: str
    reads: tuple[Val, ...]


@dataclass
class Forward:
    """Writes statements; `left` counts the uses of each value that are still to come."""

    left: Counter[Val]
    indent: str = " " * 8
    lines: list[str] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    names: dict[Val, str] = field(default_factory=dict)
    near: set[Val] = field(default_factory=set)
    lists: dict[str, int] = field(default_factory=dict)

    def start(self, val: Val, name: str) -> None:
        """Give an input its name."""
        self.names[val] = name

    # Statements

    def write(self, statements: Sequence[Statement]) -> None:
        """Write statements; those for training alone stand under one test."""
        position = 0
        while position < len(statements):
            statement = statements[position]
            run = [statement]
            if statement.training:
                run = self.training_run(statements[position:])
                self.guarded("self.training", run)
            else:
                following = statements[position + 1] if position + 1 < len(statements) else None
                self.statement(statement, following)
            position += len(run)

    def training_run(self, statements: Sequence[Statement]) -> list[Statement]:
        """Return the statements from the first on that only training needs."""
        run: list[Statement] = []
        for s in statements:
            if not s.training:
                break
            run.append(s)
        return run

    def guarded(self, test: str, statements: Sequence[Statement]) -> None:
        """Write statements under a test; their values stay in variables."""
        self.settle_all()
        self.emit(f"if {test}:")
        outer, self.indent = self.indent, f"{self.indent}    "
        for k, statement in enumerate(statements):
            self.statement(statement, statements[k + 1] if k + 1 < len(statements) else None)
        self.settle_all()
        self.indent = outer

    def statement(self, statement: Statement, following: Statement | None) -> None:
        """Write one statement."""
        match statement:
            case Call():
                self.call(statement, following)
            case Branch():
                self.branch(statement)
            case Each():
                self.each(statement, following)
            case Collect():
                self.collect(statement)

    def call(self, call: Call, following: Statement | None) -> None:
        """Write an expression: nested in what uses it, or in a variable."""
        if call.starts:
            for w in [w for w in self.waiting if w.val in call.inputs]:
                self.settle(w.val)
        if not call.inputs and len(call.outputs) == 1 and self.left[call.outputs[0]]:
            self.names[call.outputs[0]] = call.spell([])  # a parameter has a name already
            return
        text, reads = self.spelled(call)
        if len(call.outputs) != 1:
            self.several(call, text)
            return
        val = call.outputs[0]
        if len(call.inputs) == 1 and text == self.names.get(call.inputs[0]):
            self.names[val] = text  # the same value under another name
            return
        if not self.left[val]:
            self.settle_all()
            self.emit(text)
            return
        if following is not None and self.is_near(val, following):
            self.near.add(val)
        self.waiting.append(Waiting(val, text, reads))
        if self.left[val] > 1 or (call.ends and val in self.near):
            self.settle(val)

    def is_near(self, val: Val, following: Statement) -> bool:
        """Whether only the next statement reads a value, and beside it none with a name of its own."""
        reads = following.reads()
        waiting = {w.val for w in self.waiting} - self.near
        names = [self.names.get(v, "x") for v in reads if v is not val]
        plain = all(n in ("x", "y") for n in names) and not any(v in waiting for v in reads)
        return self.left[val] == reads[val] and plain

    def several(self, call: Call, text: str) -> None:
        """Write a call that gives several values."""
        self.settle_all()
        targets = []
        for val in call.outputs:
            targets.append(self.choose(val) if self.left[val] else "_")
            if self.left[val]:
                self.names[val] = targets[-1]
        self.emit(f"{', '.join(targets)}{',' * (len(targets) == 1)} = {text}")

    def spelled(self, call: Call) -> tuple[str, tuple[Val, ...]]:
        """Write a call over expressions that wait, or over variables where that is too long."""
        pending = [w for w in self.waiting if w.val in call.inputs]
        while pending and not self.in_order(call, pending):
            self.settle(pending.pop(0).val)
        text = call.spell([self.text(v) for v in call.inputs])
        if pending and len(self.indent) + len(text) + ROOM > WIDTH:
            for w in pending:
                self.settle(w.val)
            pending = []
            text = call.spell([self.text(v) for v in call.inputs])
        return text, self.taken(call, pending)

    def in_order(self, call: Call, pending: list[Waiting]) -> bool:
        """Whether a call may take expressions that wait: they are the last, and in its order."""
        order = [v for v in call.inputs if any(w.val is v for w in pending)]
        return self.waiting[-len(pending) :] == pending and [w.val for w in pending] == order

    def taken(self, call: Call, pending: list[Waiting]) -> tuple[Val, ...]:
        """Count the inputs of a call as used; return the values whose variables it reads."""
        for w in pending:
            self.waiting.remove(w)
        self.left.subtract(call.inputs)
        nested = {w.val for w in pending}
        return (
            *(v for w in pending for v in w.reads),
            *(v for v in call.inputs if v not in nested),
        )

    def text(self, val: Val) -> str:
        """Return how a value is read now."""
        found = next((w.text for w in self.waiting if w.val is val), None)
        if found is None and val not in self.names and val.of is not None:
            return f"{self.text(val.whole)}[{val.of[1]}]"
        return self.names[val] if found is None else found

    def branch(self, branch: Branch) -> None:
        """Write an `if`, or a conditional expression where both sides are one."""
        if branch.merged is None or not self.left[branch.merged[0]]:
            self.one_sided(branch)
            return
        val, yes, no = branch.merged
        self.settle_all()
        alone = no in self.names and not any(
            self.left[v] for v, n in self.names.items() if v is not no and n == self.names.get(no)
        )
        over = not branch.no and alone and self.left[no] == 1 + counted(branch.yes)[no]
        if not over and self.conditional(branch):
            return
        if over:
            target = self.names[no]
        else:
            target = self.choose(val)
            if not branch.no:
                self.emit(f"{target} = {self.text(no)}")
        held = dict(self.names)
        self.names[val] = target
        first = self.side(branch.yes, yes, target)
        second = self.side(branch.no, no, target) if branch.no else []
        if not branch.no:
            self.left[no] -= 1
        self.sides(branch.flag, first, second)
        self.names = {**held, val: target}

    def sides(self, flag: str, first: list[str], second: list[str]) -> None:
        """Write the lines of both sides of an `if`, either of which may have none."""
        if first:
            self.lines += [f"{self.indent}if {flag}:", *first]
        if second:
            head = "else:" if first else f"if {negated(flag)}:"
            self.lines += [self.indent + head, *second]

    def side(self, statements: list[Statement], result: Val, target: str) -> list[str]:
        """Return the lines of one side of an `if`, its result in the variable of both."""
        inner = self.nested(f"{self.indent}    ")
        inner.write(statements)
        for w in inner.waiting[:-1]:
            inner.settle(w.val)
        text = inner.text(result)
        if text != target:
            inner.emit(f"{target} = {text}")
        inner.left[result] -= 1
        return inner.lines

    def nested(self, indent: str) -> Forward:
        """Return the writer of a nested body."""
        return Forward(self.left, indent, [], [], dict(self.names), self.near, self.lists)

    def conditional(self, branch: Branch) -> bool:
        """Write a choice as an expression, if both sides are short ones."""
        if branch.merged is None:
            return False
        val, *ends = branch.merged
        texts: list[str] = []
        left = Counter(self.left)
        reads: list[Val] = []
        for side, end in zip((branch.yes, branch.no), ends, strict=True):
            trial = Forward(left, self.indent, [], [], dict(self.names), set(self.near))
            trial.write(side)
            if (
                trial.lines
                or len(trial.waiting) > 1
                or (trial.waiting and trial.waiting[0].val is not end)
            ):
                return False
            reads += [end.whole] if not trial.waiting else trial.waiting[0].reads
            texts.append(trial.text(end))
            left[end] -= 1
        same = texts[0] == texts[1]
        text = texts[0] if same else f"{texts[0]} if {branch.flag} else {texts[1]}"
        if len(self.indent) + len(text) + ROOM > WIDTH or any(" if " in t for t in texts):
            return False
        self.left.clear()
        self.left.update(left)
        self.waiting.append(Waiting(val, text, tuple(reads)))
        if self.left[val] > 1:
            self.settle(val)
        return True

    def one_sided(self, branch: Branch) -> None:
        """Write branches that give nothing that is used."""
        self.settle_all()
        lines: list[list[str]] = []
        for side in (branch.yes, branch.no):
            inner = self.nested(f"{self.indent}    ")
            inner.write(side)
            inner.settle_all()
            lines.append(inner.lines)
            self.names |= {v: n for v, n in inner.names.items() if v not in self.names}
        self.sides(branch.flag, *lines)
        self.left.subtract(branch.merged[1:] if branch.merged is not None else ())

    def each(self, each: Each, following: Statement | None) -> None:
        """Write a loop over modules."""
        self.settle_all()
        if len(each.outputs) == 1 and (
            following is None or self.left[each.outputs[0]] == following.reads()[each.outputs[0]]
        ):
            self.near.add(each.outputs[0])
        sources = [self.text(v) for v in each.sources]
        self.left.subtract(each.sources)
        targets: list[str] = []
        for val in each.outputs:
            targets.append(next(n for n in self.choices(val) if self.free(n) and n not in targets))
        both = ", ".join(targets)
        moved = [(t, s) for t, s in zip(targets, sources, strict=True) if t != s]
        if moved:
            self.emit(" = ".join(", ".join(side) for side in zip(*moved, strict=True)))
        self.emit(f"{each.head}:")
        self.emit(f"    {both} = {each.module}({both})")
        self.names |= dict(zip(each.outputs, targets, strict=True))

    def collect(self, collect: Collect) -> None:
        """Write a loop over modules that keeps what each gives in a list."""
        self.settle_all()
        self.left[collect.source] -= 1
        values = self.choose(Val(collect.name))
        running = "x" if self.free("x") else "y"
        source = self.text(collect.source)
        self.emit(f"{values} = []")
        if running != source:
            self.emit(f"{running} = {source}")
        self.emit(f"for layer in {collect.modules}:")
        self.emit(f"    {running} = layer({running})")
        self.emit(f"    {values}.append({running})")
        self.lists[values] = len(collect.results)
        self.names |= {v: f"{values}[{k}]" for k, v in enumerate(collect.results)}

    # Variables

    def settle(self, val: Val) -> None:
        """Put a value into its variable, after all that waits from before it."""
        if not any(w.val is val for w in self.waiting):
            return
        while self.waiting[0].val is not val:
            self.settle(self.waiting[0].val)
        first = self.waiting.pop(0)
        target = self.choose(val)
        if target != first.text:
            self.emit(f"{target} = {first.text}")
        self.names[val] = target

    def settle_all(self) -> None:
        """Put everything that waits into variables."""
        while self.waiting:
            self.settle(self.waiting[0].val)

    def choose(self, val: Val) -> str:
        """Choose the variable of a value."""
        return next(n for n in self.choices(val) if self.free(n))

    def choices(self, val: Val) -> Iterator[str]:
        """Yield variables for a value: its own, or x or y where only the next step reads it."""
        own = variable(val.name)
        wanted = ["x", "y", own] if val in self.near or not val.name else [own]
        numbered = (f"{own}_{k}" for k in count(1))
        yield from chain(wanted, numbered)

    def free(self, name: str) -> bool:
        """Whether nothing reads a variable any more."""
        holders = [v for v, n in self.names.items() if n.partition("[")[0] == name]
        waiting = {v for w in self.waiting for v in w.reads}
        return name.isidentifier() and not any(self.left[v] > 0 or v in waiting for v in holders)

    def emit(self, statement: str) -> None:
        """Write a statement; all values of a list, one after the other, are the list."""
        for name, length in self.lists.items():
            whole = ", ".join(f"{name}[{k}]" for k in range(length))
            statement = statement.replace(whole, f"*{name}").replace(f"[*{name}]", name)
        self.lines += fit(self.indent + statement)

    def returns(self, values: Sequence[Val], spell: Spelling) -> None:
        """Write the return of values."""
        if len(values) == 1 and self.waiting and self.waiting[-1].val is values[0]:
            for w in self.waiting[:-1]:
                self.settle(w.val)
        else:
            self.settle_all()
        texts = [self.text(v) for v in values]
        if len(values) > 1:
            texts = [f"*{t}" if v.many else t for v, t in zip(values, texts, strict=True)]
        self.emit(f"return {spell(texts)}")


def variable(name: str) -> str:
    """Return a name that Python takes."""
    plain = re.sub(r"\W", "_", name).strip("_") or "y"
    taken = keyword.iskeyword(plain) or plain[0].isdigit() or plain in RESERVED
    return f"v{plain}" if plain[0].isdigit() else f"{plain}_" if taken else plain
