"""Whether a variant of a document is right: the rules of its text, its network, the passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archc.diagnostics import Diagnostic, errors, sort
from archc.graph import Network
from archc.language.source import Text
from archc.language.spec import Document
from archc.lower.lowering import lower
from archc.passes import CHECKS
from archc.rules import judge_text
from archc.trying import Trials


def judge(
    parsed: Document, variant: str, settings: Mapping[str, Any], outputs: Sequence[Text] = ()
) -> tuple[list[Diagnostic], Network | None]:
    """Apply the rules of the text, lower a variant, run the passes; return what is wrong."""
    text, faulty = judge_text(parsed)
    found, network = build(parsed, variant, settings, faulty, outputs)
    tried = Trials(parsed, settings, outputs).settle(found, [variant])
    return settled([*text, *tried]), network


def settled(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Order diagnostics; what is left out for want of a reader is told of a right spec only."""
    wrong = errors(found)
    return sort(d for d in found if not wrong or d.code != "dead-work")


def build(
    parsed: Document,
    variant: str,
    settings: Mapping[str, Any],
    faulty: frozenset[str],
    outputs: Sequence[Text] = (),
) -> tuple[list[Diagnostic], Network | None]:
    """Lower a variant and run the passes; return what is wrong, and the network if it has one."""
    network, found = lower(parsed, variant, settings, faulty, outputs)
    if network is not None:
        found = [*found, *(d for judge_network in CHECKS for d in judge_network(network))]
    return found, network
