"""Parameters, buffers and multiply-adds, by named conventions."""

from __future__ import annotations

from archc.graph import Module, Node


def params(module: Module) -> int:
    """Return the number of trainable parameters; a reused tensor counts once."""
    return module.total(own_params, reused=False)


def buffers(module: Module) -> int:
    """Return the number of elements of buffers, such as running statistics."""
    return module.total(own_buffers, reused=False)


def macs(module: Module) -> int:
    """Return the multiply-adds of convolutions, linear layers and matrix products."""
    return module.total(lambda n: n.macs)


def own_params(node: Node) -> int:
    """Return the trainable parameters of one op."""
    return sum(t.numel for t in node.tensors.values() if t.trainable)


def own_buffers(node: Node) -> int:
    """Return the elements of the buffers of one op."""
    return sum(t.numel for t in node.tensors.values() if not t.trainable)
