"""What a loaded module knows of where it comes from: its attribute `archc`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from archc.recipe import Recipe


@dataclass(frozen=True)
class Handle:
    """`model.archc`: plain data, so that the module pickles and deepcopies as before.

    `weights` are what it was loaded with, as they were called: a file, `torchvision:...`.
    """

    name: str
    recipe: Recipe
    weights: str = ""

    @property
    def spec(self) -> str:
        """The text of the spec."""
        return self.recipe.source.text

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings that the network was compiled with, as they were written."""
        return self.recipe.settings


def attach(model: nn.Module, name: str, recipe: Recipe, weights: str = "") -> None:
    """Let a module know where it comes from; a step of the network that is called so is left."""
    if not hasattr(model, "archc"):
        vars(model)["archc"] = Handle(name, recipe, weights)
