"""The tensors of one network put into another, once their graphs are aligned."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping, Sequence
from math import prod

import torch

from archc.runtime.adopt import resampling, widths
from archc.runtime.adopt.align import Pairs
from archc.runtime.adopt.graph import Node, Operand
from archc.runtime.adopt.operands import Tensors, put, value
from archc.runtime.adopt.starting import AFFINE, IDENTITY, starts
from archc.weights.fates import Fate

DRAWN = "as drawn"
"""What is said of a tensor that has nothing of the old network, and starts as any new one."""

COMPUTED = "computed by the network"
COUNTER = "num_batches_tracked"


class Move:
    """Moves tensors along the pairs of two graphs; `rows` of the old head make the new one.

    One move can be made with several numbers: with perturbed ones, which outputs judge, and
    with those of a checkpoint. `fixed` tensors are those that the new network computes itself. `chosen`:
    the rows are a user's, and not there to compare heads alone.
    """

    def __init__(
        self,
        pairs: Pairs,
        rows: Sequence[int] | None = None,
        fixed: Collection[str] = (),
        *,
        chosen: bool = True,
    ) -> None:
        self.pairs, self.rows, self.fixed, self.chosen = pairs, rows, fixed, chosen
        self.old, self.new = pairs.old, pairs.new
        self.channels = widths.channels(self.old, self.new, pairs.to_old)
        self.starts = starts(self.new, pairs.to_old)
        self.heads = {k for k in range(len(self.new.nodes)) if self._is_head(k)}
        self.head_keys = {key for k in self.heads for key in self.new.nodes[k].keys}
        self.old_head_keys = {
            key for k in self.heads for key in self.old.nodes[pairs.to_old[k]].keys
        }
        self.old_users = self.old.users()

    def _is_head(self, k: int) -> bool:
        """Whether a layer gives an output, and another number of classes than before."""
        node, last = self.new.nodes[k], self.new.nodes[-1]
        weight = node.operand("weight")
        before = self.old.nodes[self.pairs.to_old[k]] if k in self.pairs.to_old else None
        was = before.operand("weight") if before else None
        gives = any(edge.source == k for edge in last.edges)
        return bool(
            gives and node.op == "affine" and weight and was and weight.sizes[0] != was.sizes[0]
        )

    def __call__(self, old: Tensors, new: Tensors) -> tuple[dict[str, torch.Tensor], list[Fate]]:
        """Return the tensors of the new network, and what became of each; nothing is changed."""
        tensors = dict(new)
        fates: dict[str, Fate] = {}
        used: set[str] = set()
        for k, node in enumerate(self.new.nodes):
            if k in self.pairs.to_old:
                before = self.old.nodes[self.pairs.to_old[k]]
                for operand in node.operands:
                    how = self._moved(k, operand, before, old, tensors)
                    self._note(fates, used, operand, how, old, new)
        for k, (start, why) in self.starts.items():
            node = self.new.nodes[k]
            start(node, tensors)
            for slot, key in ((o.slot, key) for o in node.operands for key in o.keys):
                known = fates.get(key)
                if known is None:
                    fates[key] = Fate("new", (), key, (), tuple(new[key].shape), why)
                elif slot in AFFINE:
                    fates[key] = Fate("grown", known.old, key, known.before, known.after, why)
        for k in self.starts:
            self._unfold(k, old, tensors, fates, used)
        self._rest(old, new, tensors, fates, used)
        order = {key: n for n, key in enumerate(new)}
        return tensors, sorted(fates.values(), key=lambda f: order.get(f.new, len(order)))

    def _moved(
        self,
        k: int,
        operand: Operand,
        before: Node,
        old: Tensors,
        tensors: MutableMapping[str, torch.Tensor],
    ) -> tuple[str, tuple[str, ...], str]:
        """Move an operand; return its fate: the kind, the old keys, and what was done."""
        node = self.new.nodes[k]
        source = before.operand(operand.slot)
        folded = self._folded(node, self.pairs.to_old[k], operand, old)
        if folded is not None:
            put(operand, folded[0], tensors)
            return "folded", folded[1], "the norm behind it is in it"
        if set(operand.keys) <= set(self.fixed) and (
            source is None or source.sizes != operand.sizes
        ):
            if source is None:
                return "new", (), COMPUTED
            return "resampled", source.keys, COMPUTED
        if source is None:
            fresh = torch.zeros(operand.sizes) if operand.slot in ("bias", "mean") else None
            if fresh is not None:
                put(operand, fresh, tensors)
            return "new", (), "zeros" if fresh is not None else DRAWN
        numbers = value(source, old)
        if k in self.heads and self.rows is None and operand.slot in ("weight", "bias"):
            return "new", (), "the new head"
        if k in self.heads and self.rows is not None:
            put(operand, self._row_numbers(k, operand, numbers), tensors)
            return "cut", source.keys, "rows of the old head"
        if prod(operand.sizes) == prod(source.sizes) and _plain(operand) == _plain(source):
            put(operand, numbers, tensors)
            return _same(operand, source), source.keys, ""
        kind, how, made = self._resized(k, operand, numbers)
        if made is None or made.numel() != prod(operand.sizes):
            return "new", (), DRAWN
        put(operand, made, tensors)
        return kind, source.keys, how

    def _row_numbers(self, k: int, operand: Operand, numbers: torch.Tensor) -> torch.Tensor:
        """Return rows of the old head, as wide as the new one is."""
        assert self.rows is not None
        rows = numbers[list(self.rows)]
        if operand.slot != "weight" or rows.numel() == prod(operand.sizes):
            return rows
        taken = self.channels[self.new.nodes[k].edges[0].source]
        return widths.layer(rows, None, taken, operand.sizes)

    def _resized(
        self, k: int, operand: Operand, numbers: torch.Tensor
    ) -> tuple[str, str, torch.Tensor | None]:
        """Return an operand of other sizes: its fate, what was done, and its numbers if any."""
        node, sizes = self.new.nodes[k], operand.sizes
        own = self.channels[k]
        if operand.slot == "weight" and node.op == "affine":
            return self._weight(node, own, sizes, numbers)
        flat = numbers.reshape(-1, numbers.shape[-1]) if numbers.dim() > 1 else numbers
        if (
            operand.chain
            and len(sizes) == 2
            and numbers.dim() == 2
            and sizes[1] == numbers.shape[1]
        ):
            table = resampling.relative_positions(numbers, sizes[0])
            return "resampled", "bicubic, of relative positions", table
        if (
            operand.slot == "term"
            and len(sizes) > 1
            and sizes[-1] == flat.shape[-1]
            and len(flat) > 1
        ):
            made = resampling.positions(numbers, prod(sizes[:-1]))
            return "resampled", "bicubic, of positions", made
        if numbers.dim() > 1 and prod(sizes[:-1]) == prod(numbers.shape[:-1]):
            last = numbers.shape[-1]
            taken = list(widths.repeated(last, sizes[-1]))
            return (
                "grown" if sizes[-1] > last else "cut",
                f"{last} to {sizes[-1]}",
                numbers[..., taken],
            )
        length, was = prod(sizes), numbers.numel()
        if numbers.squeeze().dim() == 1:
            channels = own if widths.fit(own, was, length) else widths.repeated(was, length)
            kind = "grown" if length > was else "cut"
            return kind, f"{was} to {length}", numbers.reshape(-1)[list(channels)]
        return "new", DRAWN, None

    def _weight(
        self, node: Node, own: widths.Channels | None, sizes: tuple[int, ...], numbers: torch.Tensor
    ) -> tuple[str, str, torch.Tensor | None]:
        """Return the matrix or kernel of a layer for other channels, or another window."""
        source = node.edges[0].source if node.edges else 0
        if numbers.dim() != len(sizes):
            if numbers[0].numel() % prod(sizes[2:]):
                return "new", DRAWN, None
            numbers = numbers.reshape(numbers.shape[0], -1, *sizes[2:])
        done: list[str] = []
        kind = "grown"
        if numbers.shape[2:] != tuple(sizes[2:]):
            kind, numbers, how = _window(node, numbers, (sizes[2], sizes[3]))
            done.append(how)
        groups = dict(node.arguments).get("groups", 1)
        first = self.new.nodes[source].op == "input"
        if first and numbers.shape[1] != sizes[1]:
            numbers = resampling.input_channels(numbers, sizes[1])
            done.append("other input channels")
        taken = None if first or groups != 1 else self.channels[source]
        if (numbers.shape[:2] != tuple(sizes[:2])) or taken is not None:
            if groups != 1 and numbers.shape[1] != sizes[1]:
                return "new", DRAWN, None
            kind = "cut" if sizes[0] < numbers.shape[0] or sizes[1] < numbers.shape[1] else kind
            done.append(f"{'×'.join(map(str, numbers.shape[:2]))} before")
            numbers = widths.layer(numbers, own, taken, sizes)
        return kind, ", ".join(done), numbers

    def _folded(
        self, node: Node, number: int, operand: Operand, old: Tensors
    ) -> tuple[torch.Tensor, tuple[str, ...]] | None:
        """Return a layer with the norm behind it, which the new network has not."""
        users = self.old_users[number]
        if node.op != "affine" or operand.slot not in ("weight", "bias") or len(users) != 1:
            return None
        pair = [n.operand("weight") for n in (node, self.old.nodes[number])]
        if len({w.canonical for w in pair if w is not None}) != 1:
            return None
        (user, edge) = users[0]
        norm, layer = self.old.nodes[user], self.old.nodes[number]
        if (
            norm.op != "batch_norm"
            or user in self.pairs.to_new
            or edge.chain
            or not node.operand("bias")
        ):
            return None
        slots = {
            o.slot: value(o, old) for o in (*norm.operands, *layer.operands) if o.slot != "weight"
        }
        gains = norm.operand("weight")
        scale = (slots["var"] + float(dict(norm.arguments).get("eps", 0))).rsqrt()  # type: ignore[arg-type]
        scale = scale * value(gains, old) if gains else scale
        weight = layer.operand("weight")
        assert weight is not None
        if operand.slot == "weight":
            numbers = value(weight, old)
            keys = (*weight.keys, *norm.keys)
            return numbers * scale.reshape(-1, *(1,) * (numbers.dim() - 1)), keys
        own = layer.operand("bias")
        shift = norm.operand("bias")
        before = value(own, old) if own else 0.0
        after = value(shift, old) if shift else 0.0
        return after + (before - slots["mean"]) * scale, norm.keys

    def _unfold(
        self,
        k: int,
        old: Tensors,
        tensors: MutableMapping[str, torch.Tensor],
        fates: dict[str, Fate],
        used: set[str],
    ) -> None:
        """Let a new norm behind a layer add the bias that the layer had, and has no longer."""
        norm = self.new.nodes[k]
        shift = norm.operand("bias")
        if norm.op != "batch_norm" or shift is None or self.starts[k][1] != IDENTITY:
            return
        source = norm.edges[0].source
        bias = self.old.nodes[self.pairs.to_old.get(source, 0)].operand("bias")
        layer = self.new.nodes[source]
        if bias and layer.op == "affine" and not norm.edges[0].chain and not layer.operand("bias"):
            put(shift, value(bias, old), tensors)
            self._note(
                fates, used, shift, ("folded", bias.keys, "the bias before it"), old, tensors
            )

    @staticmethod
    def _note(
        fates: dict[str, Fate],
        used: set[str],
        operand: Operand,
        how: tuple[str, tuple[str, ...], str],
        old: Tensors,
        new: Tensors,
    ) -> None:
        kind, keys, text = how
        used.update(keys)
        for key in operand.keys:
            before = tuple(old[keys[0]].shape) if keys else ()
            after = tuple(new[key].shape)
            if kind == "same":
                kind = _fate(keys, key, before, after)
            fates[key] = Fate(kind, keys, key, before, after, text)

    @staticmethod
    def _rest(
        old: Tensors,
        new: Tensors,
        tensors: dict[str, torch.Tensor],
        fates: dict[str, Fate],
        used: set[str],
    ) -> None:
        """See to tensors that no run in inference reads: counters with their norm, others by key."""
        partner = {
            f.new.rpartition(".")[0]: f.old[0].rpartition(".")[0]
            for f in fates.values()
            if len(f.old) == 1
        }
        for key in sorted(new, key=lambda k: k.rpartition(".")[0] not in partner):
            if key in fates:
                continue
            path, _, name = key.rpartition(".")
            other = key
            if name == COUNTER and path in partner:
                other = f"{partner[path]}.{name}" if partner[path] else name
            fixed = not new[key].is_floating_point() and name != COUNTER
            if (
                other in old
                and other not in used
                and old[other].shape == new[key].shape
                and not fixed
            ):
                tensors[key] = old[other]
                used.add(other)
                kind = "kept" if other == key else "renamed"
                fates[key] = Fate(
                    kind, (other,), key, tuple(old[other].shape), tuple(new[key].shape)
                )
            else:
                how = COMPUTED if fixed else "not read in inference"
                if fixed and key in old:
                    used.add(key)
                    fates[key] = Fate(
                        "kept", (key,), key, tuple(old[key].shape), tuple(new[key].shape), how
                    )
                else:
                    fates[key] = Fate("new", (), key, (), tuple(new[key].shape), how)
        for key in old:
            if key not in used:
                how = "" if old[key].is_floating_point() else COMPUTED
                fates["- " + key] = Fate("dropped", (key,), "", tuple(old[key].shape), (), how)


def _plain(operand: Operand) -> tuple[int, ...]:
    return tuple(size for size in operand.canonical if size > 1)


def _same(operand: Operand, source: Operand) -> str:
    if len(operand.pieces) > len(source.pieces):
        return "split"
    return "joined" if len(operand.pieces) < len(source.pieces) else "same"


def _fate(keys: Sequence[str], key: str, before: tuple[int, ...], after: tuple[int, ...]) -> str:
    if before != after:
        return "reshaped"
    return "kept" if keys == (key,) else "renamed"


def _window(
    node: Node, numbers: torch.Tensor, size: tuple[int, int]
) -> tuple[str, torch.Tensor, str]:
    """Return a kernel of another size: resampled where it cuts patches, else padded or cut."""
    if dict(node.arguments).get("stride") == size:
        return "resampled", resampling.patches(numbers, size), "patches of another size"
    larger = size[0] >= numbers.shape[2] and size[1] >= numbers.shape[3]
    kind = "grown" if larger else "cut"
    return (
        kind,
        resampling.window(numbers, size),
        "zeros around the kernel" if larger else "the kernel's middle",
    )
