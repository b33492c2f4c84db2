"""archc: a compiler for vision architectures, from YAML to PyTorch, diagrams and tables."""

from archc.api import Architecture, check, compile, load, names  # noqa: A004
from archc.diagnostics import Diagnostic, SpecError
from archc.version import VERSION

__version__ = VERSION
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
