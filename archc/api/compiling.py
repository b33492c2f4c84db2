"""From what a user names to an Architecture: a network, a family, a block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from archc.api.architecture import Architecture
from archc.diagnostics import Source, SpecError, errors
from archc.graph import Network
from archc.judging import all_faults, judge
from archc.language.document import Faulty
from archc.language.given import numbers, sizes, written
from archc.language.scalars import Key
from archc.language.source import Text
from archc.language.spec import Body, Document
from archc.lower.foreign import unknown_settings
from archc.lower.linking import link, pick
from archc.lower.lowering import lower
from archc.lower.opening import opened
from archc.lower.request import Request
from archc.ops import OPS
from archc.passes import idle
from archc.recipe import Recipe
from archc.rules import judge_text
from archc.weights.record import file_of, recipe_in


def open_spec(
    spec: str | Path | Source, variant: str | None, *, allow_ops: bool = False
) -> tuple[Document, str]:
    """Return the document that a path or zoo name means, its names linked, and the variant.

    Of a file that `archc.save` wrote it is the spec, without the settings that are kept.
    """
    if (kept := kept_in(spec)) is not None:
        spec, variant = kept.source, variant or kept.variant
    try:
        parsed, chosen = opened(spec, variant)
    except Faulty as error:
        raise SpecError(all_faults(error, allow_ops=allow_ops)) from None
    link(parsed, allow_ops=allow_ops)
    return parsed, chosen


def kept_in(spec: object) -> Recipe | None:
    """Return what a file that `archc.save` wrote keeps; None for any other spec."""
    path = file_of(spec)
    return None if path is None else recipe_in(path)


def compile(  # noqa: A001 - as `re.compile` is called
    spec: str | Path | Source,
    variant: str | None = None,
    *,
    input: Iterable[int] | None = None,
    outputs: Sequence[str] = (),
    allow_ops: bool = False,
    **settings: Any,
) -> Architecture:
    """Compile a spec, a path or the name of a zoo network, to an Architecture.

    `input` are the sizes of a sample, channels first, in place of those of the spec;
    `num_classes=0` leaves the classifier out. `outputs` name the stages or steps whose values the network gives, in place of what the
    spec says; steps that none of them needs are left out. With `allow_ops` the Python files
    that the spec names under `ops` are run. `settings` set params of the spec; a string is
    read as an expression of the spec. Raises SpecError with every diagnostic where the spec
    is wrong, FileNotFoundError where there is no such file or network. A file that `archc.save`
    wrote is a spec too: the one that it keeps.
    """
    sample = numbers(input)
    if (kept := kept_in(spec)) is not None:
        given = {"variant": variant, "input": sample, "outputs": outputs, "allow_ops": allow_ops}
        return recompiled(kept.changed(**given), **settings)
    parsed, chosen = open_spec(spec, variant, allow_ops=allow_ops)
    return _whole(parsed, Recipe(parsed.source, chosen, settings, sample, outputs, allow_ops))


def _whole(parsed: Document, recipe: Recipe) -> Architecture:
    made = _architecture(parsed, recipe)
    _expect_read([made.network])
    return made


def recompiled(recipe: Recipe, **settings: Any) -> Architecture:
    """Compile what an Architecture or a module was compiled from, over its settings those given."""
    recipe = replace(recipe, settings={**recipe.settings, **settings})
    if recipe.block:
        where = (recipe.source, recipe.block, recipe.input, recipe.variant)
        alone = compile_block(*where, allow_ops=recipe.allow_ops, **recipe.settings)
        return replace(alone, recipe=recipe)
    parsed, _ = open_spec(recipe.source, recipe.variant, allow_ops=recipe.allow_ops)
    return _whole(parsed, recipe)


def _architecture(parsed: Document, recipe: Recipe) -> Architecture:
    request = Request.of(recipe.settings, recipe.outputs, recipe.input or None)
    found, network = judge(parsed, recipe.variant, request)
    if network is None or errors(found):
        raise SpecError(found)
    return Architecture(network, recipe)


def _expect_read(networks: Sequence[Network]) -> None:
    """Raise where a setting changes none of the networks."""
    if networks and (wrong := idle(networks)):
        raise SpecError(wrong)


def compile_family(
    spec: str | Path | Source,
    variants: Sequence[str] = (),
    /,
    *,
    input: Iterable[int] | None = None,
    allow_ops: bool = False,
    **settings: Any,
) -> list[Architecture]:
    """Compile several variants of a spec: those named, or those that its paper's table shows.

    A spec whose `paper` names none gives all its variants.
    """
    if (kept := kept_in(spec)) is not None:
        options = {"input": input or kept.input or None, "allow_ops": allow_ops}
        named = variants or [kept.variant]
        return compile_family(kept.source, named, **{**kept.settings, **settings, **options})
    parsed, chosen = open_spec(spec, None, allow_ops=allow_ops)
    shown = parsed.paper.variants if parsed.paper else ()
    names = [pick(parsed, str(v)) for v in variants or shown or parsed.variants or [chosen]]
    sample = numbers(input)
    made = [
        _architecture(parsed, Recipe(parsed.source, name, settings, sample, (), allow_ops))
        for name in names
    ]
    _expect_read([arch.network for arch in made])
    return made


def compile_block(
    spec: str | Path | Source,
    block: str,
    shape: Sequence[int],
    variant: str | None = None,
    /,
    *,
    allow_ops: bool = False,
    **settings: Any,
) -> Architecture:
    """Compile a block of a spec on its own, `"bottleneck(64)"`, over an input of a shape.

    The params of the spec are those of the variant.
    """
    if (kept := kept_in(spec)) is not None:
        settings = {**kept.settings, **settings}
    parsed, chosen = open_spec(spec, variant, allow_ops=allow_ops)
    if wrong := errors(judge_text(parsed)[0]):
        raise SpecError(wrong)
    step = written("--block", "block", block)
    key = block.partition("(")[0]
    if key not in OPS:  # what is in a block has its names without the block's
        key = "_block"
    alone = parsed.model_copy(
        update={
            "input": sizes(shape),
            "body": Body.model_construct(root={Key(Text.at(key, step.text.span), (key,)): step}),
            **dict.fromkeys(("stem", "stages", "head", "outputs")),
        }
    )
    given = Request.of(settings, (), None).settings
    if unknown := unknown_settings(parsed, given):
        raise SpecError(unknown)
    network, found = lower(alone, chosen, given)
    if network is None or errors(found):
        raise SpecError(found)
    recipe = Recipe(parsed.source, chosen, settings, tuple(shape), (), allow_ops, block)
    return Architecture(replace(network, name=block), recipe)
