"""Settings that a spec has not: what is asked for by the names of torchvision, timm and others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archc.diagnostics import Diagnostic, Source, Span, nearest
from archc.language.expr import Expr
from archc.language.spec import Document

INPUT = "the input's sizes are `input=(1, 224, 224)`, or `--input 1,224,224`"
WEIGHTS = "weights are loaded: `archc.load(..., weights=...)`, or `archc.create_model`"
OPS = "which op stands where is written in the spec: copy it, and write another there"
ZERO_INIT = "write `init: {weight: zeros}` in the spec, at the last norm of the block"
OUTPUTS = "choose what comes out by `outputs=[...]`, or `--outputs A,B`"


@dataclass(frozen=True)
class Alias:
    """A name that others have: what params it may be here, and what to say where none is there."""

    params: tuple[str, ...] = ()
    else_: str = ""


def _aliases(names: str, params: str = "", else_: str = "") -> Iterator[tuple[str, Alias]]:
    yield from ((name, Alias(tuple(params.split()), else_)) for name in names.split())


ALIASES: Mapping[str, Alias] = dict(
    (
        *_aliases("in_chans in_channels in_ch input_channels num_channels", "colors", INPUT),
        *_aliases(
            "img_size image_size input_size input_shape resolution",
            "image_size resolution size",
            INPUT,
        ),
        *_aliases("classes n_classes nb_classes num_labels num_class", "num_classes"),
        *_aliases("pretrained weights checkpoint_path weights_backbone progress", else_=WEIGHTS),
        *_aliases("zero_init_residual zero_init_last zero_init_last_gamma", else_=ZERO_INIT),
        *_aliases(
            "replace_stride_with_dilation output_stride",
            "output_stride",
            "strides and dilations are written in the spec",
        ),
        *_aliases("norm_layer norm", "norm", OPS),
        *_aliases("act_layer activation_layer activation nonlinearity", "act", OPS),
        *_aliases("block block_fn stem_type", "block", OPS),
        *_aliases("features_only out_indices return_nodes return_layers", else_=OUTPUTS),
        *_aliases("global_pool avgpool", "pool", OUTPUTS),
        *_aliases("width_per_group base_width", "base"),
        *_aliases("cardinality", "groups cardinality"),
        *_aliases("layers depth num_layers repetitions", "depths"),
        *_aliases("drop_rate dropout drop_prob dropout_rate p", "drop_rate dropout"),
        *_aliases(
            "drop_path_rate drop_path stochastic_depth_prob survival_prob",
            "drop_path_rate survival",
        ),
        *_aliases("width_mult width_coefficient multiplier alpha", "width_mult alpha"),
        *_aliases("depth_mult depth_coefficient", "depth_mult"),
        *_aliases("aux_logits aux_loss", "aux_logits aux_loss"),
    )
)


def unknown_settings(document: Document, settings: Mapping[str, Any]) -> list[Diagnostic]:
    """Return a diagnostic for every setting that is no param of a spec."""
    params = [str(name) for name in document.params]
    unknown = [name for name in settings if name not in params]
    places = dict(zip(unknown, _places(unknown, settings), strict=True))
    return [
        Diagnostic(
            "unknown-setting",
            f"`{name}` is no param of `{document.name}`",
            place,
            help=_asked(name, params)
            or nearest(name, params)
            or f"params: {', '.join(sorted(params))}",
        )
        for name, place in places.items()
    ]


def _places(names: Sequence[str], settings: Mapping[str, Any]) -> Iterator[Span]:
    """Yield where settings are written, as far as their names go: side by side in one text."""
    values = (settings[name] for name in names)
    pieces = [
        f"{n}={v if isinstance(v, Expr) else '...'}" for n, v in zip(names, values, strict=True)
    ]
    source, column = Source("--set", " ".join(pieces)), 1
    for name, piece in zip(names, pieces, strict=True):
        yield Span(1, column, 1, column + len(name), source)
        column += len(piece) + 1


def _asked(name: str, params: Iterable[str]) -> str:
    """Say what a name of others is called here."""
    alias = ALIASES.get(name.lower())
    if alias is None:
        return ""
    known = [param for param in alias.params if param in params]
    return f"it is called `{known[0]}` here" if known else alias.else_
