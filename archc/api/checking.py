"""What is wrong with a spec, and what became of its published figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from archc import zoo
from archc.api.compiling import kept_in, open_spec
from archc.diagnostics import Diagnostic, Source, SpecError, joined, listed, sort
from archc.graph import Network
from archc.judging import all_faults, build, judge, settled
from archc.language.spec import Document
from archc.lower.linking import link
from archc.lower.opening import library_of, once
from archc.lower.request import Request
from archc.passes import Verdict, claims, idle, misnamed, verdicts
from archc.rules import judge_text
from archc.trying import Trials


def check(
    spec: str | Path | Source,
    variant: str | None = None,
    *,
    input: Iterable[int] | None = None,
    outputs: Sequence[str] = (),
    allow_ops: bool = False,
    **settings: Any,
) -> list[Diagnostic]:
    """Return every diagnostic of a spec: of all its variants, or of the one named.

    A library of blocks is judged by its text. Published figures that don't hold are warnings,
    in the zoo errors. The other arguments are those of `compile`.
    """
    return checked(spec, variant, settings, input=input, outputs=outputs, allow_ops=allow_ops)[0]


def checked(
    spec: str | Path | Source,
    variant: str | None,
    settings: Mapping[str, Any],
    *,
    input: Iterable[int] | None = None,
    outputs: Sequence[str] = (),
    allow_ops: bool = False,
) -> tuple[list[Diagnostic], int]:
    """Check a spec; return its diagnostics, and how many variants it has that were built."""
    if (kept := kept_in(spec)) is not None:
        return checked(
            kept.source,
            variant or kept.variant,
            {**kept.settings, **settings},
            input=input or kept.input or None,
            outputs=outputs or kept.outputs,
            allow_ops=allow_ops,
        )
    spec = once(spec)
    try:
        parsed, chosen = open_spec(spec, variant, allow_ops=allow_ops)
    except SpecError as error:
        try:
            library = library_of(spec)
        except SpecError as faulty_library:
            return all_faults(faulty_library, allow_ops=allow_ops), 0
        if library is None:
            return list(error.diagnostics), 0
        link(library, allow_ops=allow_ops)
        return listed(judge_text(library)[0]), 0
    request = Request.of(settings, outputs, input)
    text, faulty = judge_text(parsed)
    found = [*misnamed(parsed), *text]
    published: list[Network] = []
    networks: list[Network | None] = []
    built: list[tuple[str, list[Diagnostic]]] = []
    meant = _meant(spec, parsed, variant, chosen)
    for name in meant:
        more, network = build(parsed, name, request, faulty)
        built.append((name, more))
        networks.append(network)
        if any(d.code == "too-large" for d in more):
            break  # the other variants take as long, to say the same
        if network is not None and request.plain:  # a claim is about the network as published
            found += claims(network, strict=parsed.name.span.source.path in zoo.files())
            published.append(network)
    wrong = joined(built) if len(meant) > 1 else built[0][1]
    found += Trials(parsed, request).settle(sort(wrong), meant)
    whole = [n for n in networks if n is not None]
    if len(whole) == len(networks):
        found += idle(whole)
    if parsed.paper and len(published) == max(len(parsed.variants), 1):
        from archc.backends.table import misprinted

        found += misprinted(sorted(published, key=lambda n: n.variant != chosen))
    return listed(settled(found)), len(meant)


def judge_claims(
    spec: str | Path | Source, variant: str | None = None, *, allow_ops: bool = False
) -> list[Verdict]:
    """Return what became of every published figure: of all variants, or of the one named."""
    parsed, chosen = open_spec(spec, variant, allow_ops=allow_ops)
    networks = (judge(parsed, name)[1] for name in _meant(spec, parsed, variant, chosen))
    return [v for network in networks if network is not None for v in verdicts(network)]


def _meant(
    spec: str | Path | Source, parsed: Document, variant: str | None, chosen: str
) -> list[str]:
    """Return the variants that a check is of: all of a file, the one of a name."""
    named = variant is not None or (not isinstance(spec, Source) and str(spec) == chosen)
    return [chosen] if named or not parsed.variants else [str(v) for v in parsed.variants]
