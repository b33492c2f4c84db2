"""Networks to verify against, by name: `torchvision:resnet50`, `timm:resnet50`, `my.py:Net`."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from archc.runtime.torchvision import import_torchvision


class UnknownPeer(LookupError):
    """A peer that can't be had, and why."""


def _torchvision(name: str, **arguments: Any) -> Any:
    models = import_torchvision().models
    return models.get_model(name, weights=None, **arguments)


def _timm(name: str, **arguments: Any) -> Any:
    import_torchvision()  # timm imports it, and it may need help to be imported
    return importlib.import_module("timm").create_model(name, pretrained=False, **arguments)


PEERS = {"torchvision": _torchvision, "timm": _timm}


def peer(text: str) -> nn.Module:
    """Return a new instance of a peer, with arguments where any are given.

    `text` is `torchvision:NAME`, `timm:NAME` or `FILE.py:CLASS`, and may end with arguments as
    in Python, `torchvision:resnet18(num_classes=10)`. The file is run, as Python runs a script
    that imports it. Raises UnknownPeer, and ModuleNotFoundError where the library is missing.
    """
    source, name, arguments = parse(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on what their weights will be some day
            if source in PEERS:
                made = PEERS[source](name, **arguments)
            else:
                made = getattr(_file(source), name)(**arguments)
    except ModuleNotFoundError as error:
        if error.name != source:
            raise
        message = f"{source} is not installed: pip install {source}"
        raise ModuleNotFoundError(message, name=source) from None
    except Exception as error:
        message = f"{text}: {type(error).__name__}: {error}"
        raise UnknownPeer(message) from error
    if not isinstance(made, nn.Module):
        message = f"{text} gives no torch.nn.Module but {type(made).__name__}"
        raise UnknownPeer(message)
    return made


@contextmanager
def of_peer(text: str) -> Iterator[None]:
    """Raise what the file of a peer raises, when it is run, as UnknownPeer with its line."""
    path = os.path.realpath(parse(text)[0])
    try:
        yield
    except Exception as error:
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if os.path.realpath(frame.filename) == path:
                message = f"{frame.filename}:{frame.lineno}: {type(error).__name__}: {error}"
                raise UnknownPeer(message.partition("\n")[0]) from error
        raise


def parse(text: str) -> tuple[str, str, dict[str, Any]]:
    """Split the name of a peer: `torchvision:resnet18(num_classes=10)` into its three parts."""
    source, bracket, call = text.partition("(")
    source, _, name = source.rpartition(":")
    known = source in PEERS or source.endswith(".py")
    try:
        tree = ast.parse(f"f({call}" if bracket else "f()", mode="eval").body
    except SyntaxError:
        tree = None
    if not known or not name or not isinstance(tree, ast.Call) or tree.args:
        forms = ", ".join([*(f"{known}:NAME" for known in PEERS), "FILE.py:CLASS"])
        message = f"`{text}` names no peer: write {forms}, with (NAME=VALUE) where wanted"
        raise UnknownPeer(message)
    try:
        return source, name, {str(k.arg): ast.literal_eval(k.value) for k in tree.keywords}
    except ValueError:
        message = f"`{text}`: arguments are plain values, not names or calls"
        raise UnknownPeer(message) from None


def _file(path: str) -> Any:
    if not Path(path).is_file():
        message = f"there is no file {path}"
        raise FileNotFoundError(message)
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        message = f"{path} is no Python file"
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
