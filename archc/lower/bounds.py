"""What a run of lowering may take: beyond it the network is given up."""

from __future__ import annotations

from typing import Any

from archc.diagnostics import Diagnostic, Span, SpecError
from archc.graph import Module
from archc.limits import MAX_ALL_WORK, MAX_OPS, MAX_STEPS, MAX_WORK, Excess, measure


class TooLarge(Exception):
    """The network is beyond a limit: it is given up, and nothing else is said of it."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message, self.help = message, help


class Bounds:
    """The part of lowering that counts what it takes; raises TooLarge where that is too much."""

    def __init__(self) -> None:
        self.spent = self.reckoned = 0
        self.sizes: dict[Module, int] = {}

    def spend(self) -> None:
        """Count a step that is lowered."""
        self.spent += 1
        if self.spent > MAX_STEPS:
            raise TooLarge(
                f"the network has more than {MAX_STEPS} steps",
                "the copies of a block with the same arguments count once",
            )

    def reckon(self, steps: int) -> None:
        """Count what all expressions take together, and what is handed from step to step."""
        self.reckoned += steps
        if self.reckoned > MAX_WORK:
            raise TooLarge(
                f"the expressions of the network take more than {MAX_WORK} steps",
                "reckon what is large once, under `let:`, or write out what comes of it",
            )

    @property
    def work(self) -> int:
        """What it took so far, in steps of expressions; to lower a step takes some fifty."""
        return self.reckoned + 50 * self.spent

    def expect_time(self, work: int) -> None:
        """Give up a variant where those before it took very long."""
        if work > MAX_ALL_WORK:
            raise TooLarge(
                f"the variants before this one take more than {MAX_ALL_WORK} steps together",
                "name one with `--variant`, or make fewer or smaller ones",
            )

    def expect_small(self, value: list[Any], span: Span) -> None:
        """Hold a list that steps or values make to the limits of those in expressions."""
        try:
            self.reckon(measure(value) // 10)
        except Excess as fault:
            raise SpecError([Diagnostic("too-much", str(fault), span)]) from None

    def expect_room(self, module: Module) -> None:
        """Give up a network with more ops than a command can write out, draw or run.

        They are counted on shared modules, inner ones first: none is written out for it.
        """
        size = sum(1 if n.module is None else self.sizes[n.module] for n in module.nodes)
        self.sizes[module] = size
        if size > MAX_OPS:
            raise TooLarge(
                f"`{module.name}` has {size} ops, and a network at most {MAX_OPS}",
                "every copy of every block counts: a block that uses itself twice doubles them",
            )
