"""Everything that needs PyTorch: loading a network, verifying it against another.

The one room that imports torch; nothing outside it does so before it is asked to.
"""

try:
    import torch as _  # noqa: F401 - that it is there
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    message = "PyTorch is not installed: pip install 'archc[torch]'"
    raise ModuleNotFoundError(message, name="torch") from None

from archc.runtime.load import load

__all__ = ["load"]
