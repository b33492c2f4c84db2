"""What `archc diff` compares: what its arguments name, in pairs of networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archc import api, zoo
from archc.commands.common import names_of, spec_of, usage
from archc.diagnostics import Source
from archc.passes.difference import Difference, difference

Asked = tuple[str | Source, str | None, dict[str, Any]]


def compared(
    specs: Sequence[str],
    variant: str | None,
    variants: str | None,
    settings: dict[str, str],
    options: dict[str, Any],
) -> list[Difference]:
    """Compare what the user named; of two files with several variants, each that both have.

    `settings` are of the second one, `options` of both. Raises SpecError, or OSError where there
    is no such file or network.
    """
    second = {**options, **settings}
    if len(specs) > 2 or specs.count("-") > 1:
        usage("diff compares two specs; standard input can be one of them")
    names = names_of(variants)
    if names:
        if len(specs) > 1 or len(names) != 2 or variant is not None:
            usage("--variants A,B takes two variants of one spec, and goes with no --variant")
        spec = spec_of(specs[0])
        return [between((spec, names[0], options), (spec, names[1], second))]
    if len(specs) == 1 and not settings:
        usage("diff compares two: give a second spec, --variants A,B or --set NAME=VALUE")
    a, b = [spec_of(spec) for spec in (*specs, *specs)[:2]]
    if len(specs) == 2 and variant is None and all(map(_has_all, (a, b))):
        return of_all(a, b, settings, options)
    return [between((a, variant, options), (b, variant, second))]


def between(first: Asked, second: Asked) -> Difference:
    """Compare two networks; raises SpecError where one is wrong."""
    a, b = (
        api.compile(spec, variant, **options).network for spec, variant, options in (first, second)
    )
    return difference(a, b)


def of_all(
    a: str | Source, b: str | Source, settings: dict[str, str], options: dict[str, Any]
) -> list[Difference]:
    """Compare each variant that two files have: the default first, or one that differs.

    Raises SpecError where one is wrong.
    """
    second, allow_ops = {**options, **settings}, options["allow_ops"]
    (old, chosen), (new, _) = (api.open_spec(spec, None, allow_ops=allow_ops) for spec in (a, b))
    common = [str(v) for v in old.variants if v in new.variants]
    if len(common) < 2 or old.name != new.name:
        return [between((a, None, options), (b, None, second))]
    common.sort(key=lambda v: v != chosen)
    found = [between((a, v, options), (b, v, second)) for v in common]
    return sorted(found, key=lambda d: not d.network_differs)


def _has_all(spec: str | Source) -> bool:
    """Whether a SPEC means all that its file has: a path, or the name of a file of the zoo."""
    return isinstance(spec, Source) or Path(spec).is_file() or not zoo.find(spec)
