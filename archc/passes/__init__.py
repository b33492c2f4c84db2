"""Passes over a lowered network, one a file."""

from archc.passes.claims import Verdict, claims, misnamed, verdicts
from archc.passes.conventions import CONVENTIONS, Convention
from archc.passes.costs import macs, params
from archc.passes.depth import depth
from archc.passes.structure import structure

__all__ = [
    "CONVENTIONS",
    "Convention",
    "Verdict",
    "claims",
    "depth",
    "macs",
    "misnamed",
    "params",
    "structure",
    "verdicts",
]
