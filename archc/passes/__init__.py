"""Passes over a lowered network, one a file."""

from archc.passes.costs import macs, params
from archc.passes.depth import depth
from archc.passes.structure import structure

__all__ = ["depth", "macs", "params", "structure"]
