"""What differs between two networks: their text, their blocks and stages, their state_dict."""

from archc.passes.difference.compare import difference
from archc.passes.difference.model import BlockChange, Difference, Keys, Pair, Setting, StageChange
from archc.passes.difference.text import TextChange, text_changes

__all__ = [
    "BlockChange",
    "Difference",
    "Keys",
    "Pair",
    "Setting",
    "StageChange",
    "TextChange",
    "difference",
    "text_changes",
]
