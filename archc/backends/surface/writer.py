"""An emitted file with the methods that timm's networks have, found in the network's graph."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from archc.backends.surface.cutting import Halves, cut
from archc.backends.surface.heads import attribute, new_layer, with_logits
from archc.backends.surface.naming import (
    alternatives,
    exactly,
    module_paths,
    owning_paths,
    patterns,
)
from archc.backends.torchfile.printer import printed
from archc.graph import Network
from archc.passes.landmarks import Landmarks, landmarks

FORMS = {("c", "h", "w"): "NCHW", ("h", "w", "c"): "NHWC", ("n", "c"): "NLC"}
"""What timm calls the layouts of features."""

POOL = "avg"
"""What timm calls the pool that a head has; "" leaves head and pool out."""


def surfaced(text: str, network: Network) -> str:
    """Return an emitted file whose network has the methods of timm's; its outputs are the same.

    A method whose name a step of the network bears is left out, and so are `forward_features`
    and `forward_head` where the head does not take one value.
    """
    marks = landmarks(network)
    tree = ast.parse(text)
    model = next(n for n in reversed(tree.body) if isinstance(n, ast.ClassDef))
    methods = {n.name: n for n in model.body if isinstance(n, ast.FunctionDef)}
    forward = methods.get("forward")
    halves = cut(forward, marks) if forward is not None else None
    if halves is not None and marks.classifier is not None:
        logits = with_logits(halves.head, marks, model)
        halves = None if logits is None else Halves(halves.features, logits, halves.whole)
    taken = {p.partition(".")[0] for p in (*marks.head, *marks.body)}
    added = _parsed(_methods(network, marks, halves))
    own = [s for s in added if _name(s) not in taken]
    lines = text.splitlines()
    if halves is not None and halves.whole and forward is not None:
        place, rest, own_lines = forward.lineno - 1, lines[forward.end_lineno :], _inside(own)
    else:
        own = [s for s in own if _name(s) != "forward"]
        place = model.end_lineno or len(lines)
        rest, own_lines = lines[place:], ["", *_inside(own)]
    written = "\n".join([*_with_state(lines[:place], methods, marks), *own_lines, *rest])
    return _with_imports(written + "\n", _imports(own))


def _name(statement: ast.stmt) -> str:
    match statement:
        case ast.FunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case _:
            return ""


def _parsed(texts: Iterable[str]) -> list[ast.stmt]:
    return [statement for text in texts for statement in ast.parse(text).body]


def _inside(statements: Sequence[ast.stmt]) -> list[str]:
    """Return statements as they stand in a class."""
    holder = ast.ClassDef("_", [], [], list(statements), [])
    text = printed(ast.Module([holder], []))
    return text.replace("pre_logits=False", "pre_logits: bool = False").splitlines()[1:]


def _with_state(
    lines: Sequence[str], methods: dict[str, ast.FunctionDef], marks: Landmarks
) -> list[str]:
    """Return lines whose constructor knows how many classes the network has."""
    build = methods.get("__init__")
    if build is None or build.end_lineno is None:
        return list(lines)
    known = any(a.arg == "num_classes" for a in build.args.args) and marks.classifier is not None
    state = ["self.num_classes = " + ("num_classes" if known else str(marks.classes))]
    state.append(f'self.global_pool = "{POOL}"')
    return [
        *lines[: build.end_lineno],
        *(f"        {s}" for s in state),
        *lines[build.end_lineno :],
    ]


def _methods(network: Network, marks: Landmarks, halves: Halves | None) -> Iterable[str]:
    """Yield what is put into the class, as text."""
    yield from _facts(network, marks)
    if halves is not None:
        if halves.whole:
            yield "def forward(self, x):\n    return self.forward_head(self.forward_features(x))"
        features = [ast.unparse(s) for s in halves.features]
        yield _function("forward_features(self, x)", "The map that the head takes.", features)
        unpooled = "if not self.global_pool:\n    return x"
        head = [unpooled, *(ast.unparse(s) for s in halves.head)]
        said = "From features to logits, or to what the classifier takes."
        yield _function("forward_head(self, x, pre_logits=False)", said, head)
    yield from _classifying(marks, pooled=halves is None or not halves.whole)
    yield from _training(network, marks)


def _function(signature: str, said: str, body: Iterable[str]) -> str:
    lines = [f'"""{said}"""', *(line for text in body for line in text.splitlines())]
    return "\n".join([f"def {signature}:", *(f"    {line}" for line in lines)])


def _facts(network: Network, marks: Landmarks) -> Iterable[str]:
    yield f"num_features = {marks.features.channels}"
    yield f"head_hidden_size = {marks.hidden}"
    levels = [
        {"num_chs": v.channels, "reduction": v.reduction, "module": v.module} for v in marks.levels
    ]
    yield f"feature_info = {levels!r}"
    yield f"output_fmt = {FORMS.get(marks.features.layout, 'NC')!r}"
    name = marks.classifier.path if marks.classifier else ""
    config = {
        "input_size": network.input.sizes,
        "pool_size": marks.features.spatial or None,
        "num_classes": marks.classes,
        "first_conv": marks.first,
        "classifier": name,
        "fixed_input_size": marks.fixed,
    }
    yield f"default_cfg = pretrained_cfg = {config!r}"


def _classifying(marks: Landmarks, *, pooled: bool) -> Iterable[str]:
    """Yield the methods about the classifier; `pooled` says that the head is no method of its own."""
    if marks.classifier is None:
        yield _function(
            "get_classifier(self, name_only=False)",
            "There is none.",
            ['return "" if name_only else nn.Identity()'],
        )
        return
    path = marks.classifier.path
    place = attribute(path)
    yield _function(
        "get_classifier(self, name_only=False)",
        "The layer that makes the classes.",
        [f"return {path!r} if name_only else {place}"],
    )
    known, said = ((None, POOL), "") if pooled else ((None, "", POOL), ' or none, \\"\\"')
    refused = f'raise ValueError(f"there is no pool `{{global_pool}}`: choose `{POOL}`{said}")'
    yield _function(
        "reset_classifier(self, num_classes, global_pool=None)",
        "Make a new classifier: none of 0 classes."
        if pooled
        else 'Make a new classifier: none of 0 classes; no pool either where that is "".',
        [
            f"if global_pool not in {known!r}:",
            f"    {refused}",
            "self.num_classes = num_classes",
            "if global_pool is not None:",
            "    self.global_pool = global_pool",
            "like = next(self.parameters())",
            f"{place} = {new_layer(marks.classifier)} if num_classes else nn.Identity()",
        ],
    )


def _training(network: Network, marks: Landmarks) -> Iterable[str]:
    """Yield the methods that training asks for."""
    others = module_paths(network)
    inside = tuple(f"{path}." for path in (*marks.blocks, *marks.stem))
    owners = [p for p in owning_paths(network) if p not in marks.stem and not p.startswith(inside)]
    if marks.blocks:
        pattern = exactly(marks.blocks, others)
        yield _function(
            "set_grad_checkpointing(self, enable=True)",
            "Make the values of each block once more in the backward pass, in place of keeping them.",
            [
                "for name, block in self.named_modules():",
                f"    if re.fullmatch({pattern!r}, name):",
                '        vars(block).pop("forward", None)',
                "        if enable:",
                f"            block.forward = {CHECKPOINTED}",
            ],
        )
        coarse, fine = (_matchers(patterns(p, owners)) for p in (marks.stages, marks.blocks))
        blocks_of = f"{coarse} if coarse else {fine}" if coarse != fine else fine
        stem = [f'"stem": {"^" + alternatives(marks.stem) + _END!r}'] if marks.stem else []
        groups = f"{{{', '.join([*stem, chr(34) + 'blocks' + chr(34) + ': blocks'])}}}"
        yield _function(
            "group_matcher(self, coarse=False)",
            "Which parameters belong together, from input to output, as regular expressions.",
            [
                f"blocks = {blocks_of}",
                f"return {groups}",
            ],
        )
    names = sorted(marks.undecayed)
    parameters = "name for name, _ in self.named_parameters()"
    found = f'{{{parameters} if name.rpartition(".")[2] in {names!r}}}' if names else "set()"
    yield _function(
        "no_weight_decay(self)",
        "The names of learned embeddings and the like.",
        [f"return {found}"],
    )


_END = r"(?:\.|$)"
CHECKPOINTED = "partial(checkpoint, block.forward, use_reentrant=False)"


def _matchers(found: Sequence[tuple[str, tuple[int, ...]]]) -> str:
    if len(found) == 1 and not found[0][1]:
        return repr(f"^{found[0][0]}{_END}")
    if all(len(behind) == 1 for _, behind in found):  # each by itself, in order
        names = [text for text, _ in found]
        return f'[(rf"^{{name}}{_END}", (k,)) for k, name in enumerate({names!r})]'
    return repr([(f"^{text}{_END}", behind or None) for text, behind in found])


def _imports(statements: Sequence[ast.stmt]) -> list[str]:
    """Return the imports that the methods need."""
    text = "\n".join(map(ast.unparse, statements))
    needs = {
        "import re": "re.fullmatch(",
        "import torch": "torch.jit",
        "from functools import partial": "partial(",
        "from torch import nn": "nn.",
        "from torch.utils.checkpoint import checkpoint": "checkpoint,",
    }
    return [line for line, use in needs.items() if use in text]


def _with_imports(text: str, wanted: Sequence[str]) -> str:
    """Return a file with further imports: Python's own, a line between, and PyTorch's."""
    tree = ast.parse(text)
    known = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    lines = text.splitlines()
    start, end = known[0].lineno - 1, known[-1].end_lineno or 0
    own = {ast.unparse(n) for n in known} | set(wanted)
    groups = ([n for n in own if "torch" not in n], [n for n in own if "torch" in n])
    blocks = [sorted(g, key=lambda n: (n.startswith("from"), n)) for g in groups if g]
    head = "\n\n".join("\n".join(block) for block in blocks).splitlines()
    return "\n".join([*lines[:start], *head, *lines[end:]]) + "\n"
