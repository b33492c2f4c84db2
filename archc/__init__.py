"""archc: a compiler for vision architectures, from YAML to PyTorch, diagrams and tables."""

from archc.api import Architecture, check, compile, load, names  # noqa: A004
from archc.diagnostics import Diagnostic, SpecError

__version__ = "0.1.0"
__all__ = [
    "Architecture",
    "Diagnostic",
    "SpecError",
    "__version__",
    "check",
    "compile",
    "load",
    "names",
]
