"""A lowered network as the PyTorch file that a careful engineer would have written."""

from archc.backends.pytorch.file import source

__all__ = ["source"]
