"""Plug-ins: Python files of the user with ops of their own, run only where that is allowed."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import inspect
import keyword
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from archc.diagnostics import Diagnostic, Note, Source, Span, SpecError, spec_error
from archc.language.functions import FUNCTIONS
from archc.language.reading import read
from archc.language.source import Text
from archc.ops.base import Op
from archc.ops.definitions import at, definitions, parsed
from archc.ops.facts import Facts
from archc.ops.guard import class_span, guard, method_span, raised

Ops = Mapping[str, type[Op]]

WORDS = ("x", "prev", "none", "true", "false", "reuse", *FUNCTIONS)
PREFIX = "archc_ops_"
"""How the modules of plug-ins are called."""

TAKES_SHAPES = ("shape", "tensors", "macs", "drawn")
BY_CLASS = ("module", "function", "helper", "buffers", "call", "label")


class Plugins:
    """The plug-ins of a spec and of the files that it imports; each is run once.

    `builtin` are the ops that no plug-in may rename.
    """

    def __init__(self, builtin: Ops, *, allowed: bool) -> None:
        self.builtin, self.allowed = builtin, allowed
        self.loaded: dict[Path, Ops] = {}
        self.defined: dict[str, tuple[str, str]] = {}

    def load(self, entries: Iterable[Text], taken: Mapping[str, str]) -> dict[str, type[Op]]:
        """Return the ops of the files under `ops:`, by name.

        `taken` says what else a name means in the spec. Raises SpecError: where plug-ins are
        not allowed, and with whatever is wrong with a file.
        """
        entries = tuple(entries)
        if entries and not self.allowed:
            raise SpecError([_refusal(entries)])
        found: dict[str, type[Op]] = {}
        used = {**dict.fromkeys(self.builtin, "an op of archc"), **taken}
        for entry in entries:
            for name, op in self.file(entry).items():
                if name in used:
                    message = f"`{entry}` has an op `{name}`, but that is {used[name]}"
                    raise spec_error("name-taken", message, entry.span, "give one another name")
                found[name], used[name] = op, f"an op of `{entry}`"
        return found

    def file(self, entry: Text) -> Ops:
        """Return the ops of a file; its path is meant from the folder of the spec."""
        path, shown = beside(entry)
        real = path.resolve()
        if real not in self.loaded:
            source = _read(path, shown, entry.span, "unknown-ops-file")
            try:
                ops = run(source)
                for op in ops.values():
                    self.define(op, source)
                    guard(op, source)
            except SpecError as error:
                named = (Note(entry.span, "it is named here"),)
                raise SpecError(replace(d, notes=named) for d in error.diagnostics) from None
            self.loaded[real] = ops
        return self.loaded[real]

    def define(self, op: type[Op], source: Source) -> None:
        """Read the file with the op's PyTorch classes; names are those of one emitted file."""
        if not op.torch_file:
            return
        span = class_span(op, source)
        path = Path(str(source.path)).parent / op.torch_file
        shown = str(Path(source.name).parent / op.torch_file)
        op.definitions = definitions(_read(path, shown, span, "bad-torch-file"))
        if op.torch_module and "." not in op.torch_module and op.torch_module not in op.definitions:
            message = f"`{shown}` has no `{op.torch_module}`, the `torch_module` of `{op.name}`"
            raise spec_error("bad-torch-file", message, span)
        for name, text in op.definitions.items():
            if self.defined.setdefault(name, (text, shown))[0] != text:
                message = f"`{shown}` and `{self.defined[name][1]}` both define `{name}`"
                hint = "give one another name: both are copied into one file"
                raise spec_error("bad-torch-file", message, span, hint)


def is_plugin(op: type[Op]) -> bool:
    """Whether an op is of a user's file."""
    return op.__module__.startswith(PREFIX)


def beside(entry: Text) -> tuple[Path, str]:
    """Return the path that a spec names, and how messages call it."""
    source = entry.span.source
    folder = source.path.parent if source.path is not None else Path()
    return folder / entry, str(Path(source.name).parent / entry)


def _read(path: Path, shown: str, span: Span, code: str) -> Source:
    try:
        return read(path, shown)
    except OSError as error:
        message = f"`{shown}` can't be read: {error.strerror}"
        hint = "a path is meant from the folder of the file that names it"
        raise spec_error(code, message, span, hint) from None


def _refusal(entries: tuple[Text, ...]) -> Diagnostic:
    listed = " and ".join(f"`{entry}`" for entry in entries)
    message = f"{listed} would be run as Python, which must be allowed"
    hint = f"read {listed}; then say `--allow-ops`, in Python `allow_ops=True`"
    return Diagnostic("ops-not-allowed", message, entries[0].span, help=hint)


# Running a file


def run(source: Source) -> dict[str, type[Op]]:
    """Run a plug-in and return its ops: classes derived from `Op` that have a `name`."""
    _expect_no_torch(source)
    module = ModuleType(_module_name(source))
    module.__file__ = str(source.path)
    sys.modules[module.__name__] = module  # where pydantic and pickle look for it
    try:
        # standard output is for what archc writes; `_faults` tells of what pydantic warns of
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Field name .* shadows an attribute")
            exec(compile(source.text, module.__file__, "exec", dont_inherit=True), vars(module))  # noqa: S102 - the user allowed it
    except (Exception, SystemExit) as error:  # noqa: BLE001 - of code of the user's
        del sys.modules[module.__name__]
        raise SpecError([raised(error, f"running `{source.name}`", source)]) from None
    ops = list(_ops(module))
    if not ops:
        message = f"`{source.name}` has no op"
        hint = "an op is a class derived from `archc.ops.Op` that has a `name`"
        raise spec_error("bad-op", message, at(source, 1), hint)
    found: dict[str, type[Op]] = {}
    for op in ops:
        faults = list(_faults(op, found, source))
        if faults:
            raise SpecError(faults)
        found[op.name] = op
    return found


def _expect_no_torch(source: Source) -> None:
    for node in parsed(source).body:
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(name.partition(".")[0] == "torch" for name in names):
            message = "an op's file needs no PyTorch: `archc check` runs it, and works without"
            hint = "move what needs it into a file of its own, and name that by `torch_file`"
            raise spec_error("bad-op", message, at(source, node.lineno), hint)


def _module_name(source: Source) -> str:
    path = Path(str(source.path)).resolve()
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:10]
    return f"{PREFIX}{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}_{digest}"


def _ops(module: ModuleType) -> Iterator[type[Op]]:
    for value in vars(module).values():
        own = isinstance(value, type) and value.__module__ == module.__name__
        if own and issubclass(value, Op) and "name" in vars(value):
            yield value


# What an op must have


def _faults(op: type[Op], found: Ops, source: Source) -> Iterator[Diagnostic]:
    """Yield what is wrong with an op's declaration, before anything of it is called."""

    def fault(message: str, hint: str = "", method: Any = None) -> Diagnostic:
        span = class_span(op, source) if method is None else method_span(method, op, source)
        return Diagnostic("bad-op", message, span, help=hint)

    name: Any = op.name
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        yield fault(f"`{name}` can't be the name of an op", "a spec writes it as a Python name")
        return
    if op.name in WORDS:
        yield fault(f"`{op.name}` has a meaning of its own in a spec", "give the op another name")
    if op.name in found:
        yield fault(f"`{source.name}` has two ops called `{op.name}`")
    if not (op.inputs is None or (type(op.inputs) is int and op.inputs >= 0)):
        yield fault(f"`inputs` of `{op.name}` is a number of values, or None for any number")
        return
    own = {n for c in op.__mro__ if issubclass(c, Op) for n in vars(c)} & set(op.model_fields)
    if own:
        listed = " and ".join(f"`{n}`" for n in sorted(own))
        hint = "give the argument another name"
        yield fault(f"an argument of `{op.name}` is called {listed}, as what every op has", hint)
        return
    facts: Any = op.facts
    if not isinstance(facts, Facts):
        yield fault(f"`facts` of `{op.name}` is no `Facts`", "write `facts = Facts(...)`")
        return
    if wrong := [f"`{fact}` is {words}" for fact, words in facts.misfits()]:
        yield fault(f"the facts of `{op.name}` are none that there are", "; ".join(wrong))
    for method, takes in _expected(op).items():
        raw = inspect.getattr_static(op, method)
        by_class = isinstance(raw, classmethod)
        function = raw.__func__ if by_class else raw
        said = f"`{method}` of `{op.name}` must"
        if by_class is not (method in BY_CLASS):
            kind = "a class method" if method in BY_CLASS else "a method"
            hint = "write `@classmethod` above it" if method in BY_CLASS else ""
            yield fault(f"{said} be {kind}", hint, function)
        elif not _fits(function, takes):
            yield fault(f"{said} take {takes}", f"`def {method}{takes}`", function)


def _expected(op: type[Op]) -> dict[str, str]:
    """Return the signature that each method must fit."""
    xs = "*xs" if op.inputs is None else ", ".join(f"x{k}" for k in range(op.inputs))
    xs = "x" if op.inputs == 1 else xs
    shapes = f"(self{', ' * bool(xs)}{xs})"
    given = f"(cls, use{', ' * bool(xs)}{xs})"
    styled = f"(self, style{', ' * bool(xs)}{xs})"
    spelling = {"module": "(cls, use)", "function": given}
    spelling |= {"onnx": "(self, call)"} if hasattr(op, "onnx") else {}
    return {**dict.fromkeys(TAKES_SHAPES, shapes), "tabled": styled, **spelling}


def _fits(method: Any, takes: str) -> bool:
    """Whether a method can be called with arguments as a signature names them, by place."""
    names = takes.strip("()").replace("*xs", "x0, x1").split(", ")
    try:
        inspect.signature(method).bind(*names)
    except (TypeError, ValueError):
        return False
    return True
