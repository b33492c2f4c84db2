"""Published figures held against the network: their convention must give the printed digits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from archc.diagnostics import Diagnostic, nearest
from archc.graph import Network
from archc.language.figures import Count, Digits, Figure, Listing, spelled
from archc.language.published import Claim
from archc.language.spec import Document
from archc.passes.conventions import CONVENTIONS, known

Outcome = Literal["holds", "fails", "unreproducible", "holds after all"]
OUTCOMES: dict[tuple[bool, bool], Outcome] = {
    (True, False): "holds",
    (False, False): "fails",
    (False, True): "unreproducible",
    (True, True): "holds after all",
}
"""By whether the figure holds, and whether it is marked as unreproducible."""


@dataclass(frozen=True)
class Verdict:
    """What became of one published figure of one variant."""

    variant: str
    quantity: str
    figure: Figure | Listing
    count: Count
    convention: str
    digits: Digits
    where: str
    outcome: Outcome
    reason: str = ""
    fits: tuple[str, ...] = ()
    """The other named conventions that give the figure, where its own does not."""

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as plain data."""
        return {
            "variant": self.variant,
            "quantity": self.quantity,
            "printed": self.figure.text,
            "count": self.count,
            "convention": self.convention,
            "digits": self.digits,
            "where": self.where,
            "verdict": self.outcome,
            "reason": self.reason,
            "fits": list(self.fits),
        }


def is_published(network: Network) -> bool:
    """Whether a network is that of its spec: at its own input, nothing of it set or chosen."""
    own = all(size.text.span.source is network.document.source for size in network.document.input)
    return own and not network.settings and not network.chosen


def verdicts(network: Network) -> list[Verdict]:
    """Judge every claim of a network's variant; those of unknown conventions are left out."""
    return [v for claim in network.claims for v in _judge(network, claim)]


def _judge(network: Network, claim: Claim) -> Iterator[Verdict]:
    for quantity, figure in claim.figures.items():
        name = convention_of(claim, quantity)
        convention = known(quantity).get(name)
        if convention is None:
            continue
        digits = claim.digits or convention.digits
        count = convention.count(network)
        holds = figure.agrees(count, digits)
        reason = str(claim.unreproducible or "")
        fits = () if holds else _fits(network, quantity, figure)
        yield Verdict(
            network.variant, quantity, figure, count, name, digits,
            str(claim.where or ""), OUTCOMES[holds, bool(reason)], reason, fits,
        )  # fmt: skip


def convention_of(claim: Claim, quantity: str) -> str:
    """Return the name of a figure's convention: the claim's if it counts that, or the plain one."""
    name = str(claim.convention or "")
    return name if name in known(quantity) else quantity


def _fits(network: Network, quantity: str, figure: Figure | Listing) -> tuple[str, ...]:
    fitting = []
    for name, convention in known(quantity).items():
        ways: tuple[Digits, ...] = ("rounded", "truncated")
        cuts = [d for d in ways if figure.agrees(convention.count(network), d)]
        fitting += [f"`{name}`, {' or '.join(cuts)}"] * bool(cuts)
    return tuple(fitting)


def claims(network: Network, *, strict: bool) -> list[Diagnostic]:
    """Return what is wrong with the claims of a network's variant.

    A network that was changed is not the paper's any more, so these are warnings; `strict`
    makes them errors.
    """
    faults = [d for verdict in verdicts(network) if (d := _diagnostic(verdict))]
    return held(faults) if strict else faults


def held(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return diagnostics with those of claims as errors."""
    codes = ("claim-failed", "claim-holds")
    return [replace(d, severity="error") if d.code in codes else d for d in diagnostics]


def _diagnostic(verdict: Verdict) -> Diagnostic | None:
    figure, what = verdict.figure, f"{verdict.variant}: {verdict.quantity}"
    if verdict.outcome == "holds after all":
        message = (
            f"{what} {figure.text} is called unreproducible, but the count is {_counted(verdict)}"
        )
        hint = "take `unreproducible` away"
        return Diagnostic("claim-holds", message, figure.span, help=hint, severity="warning")
    if verdict.outcome != "fails":
        return None
    message = f"{what} {figure.text} can't be had: the count is {_counted(verdict)}"
    hint = _advice(verdict)
    return Diagnostic("claim-failed", message, figure.span, help=hint, severity="warning")


def _counted(verdict: Verdict) -> str:
    rule = f" by `{verdict.convention}`" if len(known(verdict.quantity)) > 1 else ""
    cut = f", {verdict.digits}" if verdict.figure.step > 1 else ""
    return f"{spelled(verdict.count)}{rule}{cut}"


def _advice(verdict: Verdict) -> str:
    if verdict.fits:
        return f"it fits {'; '.join(verdict.fits)}"
    return (
        "no named convention gives it: take it away where the network is not the paper's, "
        "or say `unreproducible: reason` where print is wrong"
    )


def misnamed(document: Document) -> list[Diagnostic]:
    """Return the names that claims and `paper` use and nothing bears."""
    variants = [str(v) for v in document.variants] or [str(document.name)]
    names = [*document.claims, *(document.paper.variants if document.paper else ())]
    faults = [
        Diagnostic(
            "unknown-variant", f"`{document.name}` has no variant `{name}`", name.span,
            help=nearest(name, variants) or f"variants: {', '.join(variants)}",
        )
        for name in names
        if name not in variants
    ]  # fmt: skip
    listed = (c for claims in document.claims.values() for c in claims if c.convention)
    return faults + [d for claim in listed for d in _unknown_convention(claim)]


def _unknown_convention(claim: Claim) -> Iterator[Diagnostic]:
    name, quantities = claim.convention, list(claim.figures)
    fitting = [c for quantity in quantities for c in known(quantity)]
    if name is None or name in fitting:
        return
    stated = " or ".join(quantities)
    message = f"there is no convention `{name}` for {stated}"
    if name in CONVENTIONS:
        message = f"the convention `{name}` counts {CONVENTIONS[name].quantity}, not {stated}"
    yield Diagnostic("unknown-convention", message, name.span, help=nearest(name, fitting))
