"""Whether a variant of a document is right: the rules of its text, its network, the passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archc.diagnostics import Diagnostic, SpecError, errors, joined, sort
from archc.graph import Network
from archc.language.document import Faulty
from archc.language.spec import Document
from archc.lower.linking import link
from archc.lower.lowering import lower
from archc.lower.marks import Faults
from archc.lower.request import PLAIN, Request
from archc.passes import CHECKS, misnamed
from archc.rules import judge_text
from archc.trying import Trials


def judge(
    parsed: Document, variant: str, request: Request = PLAIN
) -> tuple[list[Diagnostic], Network | None]:
    """Apply the rules of the text, lower a variant, run the passes; return what is wrong."""
    text, faulty = judge_text(parsed)
    faults, network = build(parsed, variant, request, faulty)
    tried = Trials(parsed, request).settle(faults, [variant])
    return settled([*text, *tried]), network


def settled(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Order diagnostics; what is left out for want of a reader is told of a right spec only."""
    wrong = errors(found)
    return sort(d for d in found if not wrong or d.code != "dead-work")


def all_faults(error: SpecError, *, allow_ops: bool = False) -> list[Diagnostic]:
    """Return what a file has wrong that can't be read as a whole, and what its sound rest has."""
    rest = error.rest if isinstance(error, Faulty) else None
    if rest is None:
        return list(error.diagnostics)
    sound = rest.model
    link(sound, allow_ops=allow_ops)
    text, faulty = judge_text(sound)
    faults = [*error.diagnostics, *text]
    if isinstance(sound, Document):
        if not rest.whole:
            faulty = replace(faulty, places=faulty.places | {"the text"})
        names = [str(v) for v in sound.variants] or [str(sound.name)]
        built = [(name, build(sound, name, PLAIN, faulty)[0]) for name in names]
        faults += misnamed(sound)
        wrong = joined(built) if len(names) > 1 else built[0][1]
        faults += Trials(sound).settle(sort(wrong), names)
    return settled(faults)


def build(
    parsed: Document, variant: str, request: Request, faulty: Faults
) -> tuple[list[Diagnostic], Network | None]:
    """Lower a variant and run the passes; return what is wrong, and the network if it has one."""
    try:
        asked, settings = request.applied(parsed, variant)
    except SpecError as error:
        return list(error.diagnostics), None
    network, faults = lower(asked, variant, settings, faulty, request.outputs)
    if asked is not parsed:  # what the text sets may be read by what has been replaced
        faults = [d for d in faults if d.code != "idle-setting"]
    if network is not None:
        network.settings = {**request.settings, **settings}
        faults = [*faults, *(d for judge_network in CHECKS for d in judge_network(network))]
    return faults, network
