"""The methods that users of timm know, written into an emitted file; plain files have none."""

from archc.backends.surface.listing import listed
from archc.backends.surface.writer import surfaced

__all__ = ["listed", "surfaced"]
