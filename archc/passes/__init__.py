"""Passes over a lowered network, one a file."""

from archc.passes.claims import Verdict, claims, misnamed, verdicts
from archc.passes.conventions import CONVENTIONS, Convention
from archc.passes.costs import macs, params
from archc.passes.depth import depth
from archc.passes.idle import idle
from archc.passes.initialisers import initialisers
from archc.passes.structure import structure

CHECKS = (structure, initialisers)
"""The passes that judge a lowered network, in order: each returns diagnostics."""

__all__ = [
    "CHECKS",
    "CONVENTIONS",
    "Convention",
    "Verdict",
    "claims",
    "depth",
    "idle",
    "initialisers",
    "macs",
    "misnamed",
    "params",
    "structure",
    "verdicts",
]
