"""Networks on the Hugging Face hub, by its own client."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archc.runtime.weights.owners.timm import of_hub
from archc.weights.card import CARD, REPOSITORY, WEIGHTS
from archc.weights.faults import WeightsError, key


def fetched(repository: str) -> Path:
    """Return the weights of a repository, `owner/name` or `owner/name@revision`: cached, or got."""
    _expect_name(repository)
    return of_hub(repository, repository, WEIGHTS)


def push(
    repository: str, files: Mapping[str, bytes], message: str, *, private: bool, token: str | None
) -> str:
    """Upload files as one commit and return its address; a card that is there already stays."""
    _expect_name(repository, revised=False)
    try:
        hub = importlib.import_module("huggingface_hub")
    except ModuleNotFoundError:
        raise WeightsError("the hub needs its client: pip install huggingface_hub") from None
    with _told(repository):
        api = hub.HfApi(token=token)
        name = str(api.create_repo(repository, private=private, exist_ok=True).repo_id)
        kept = {CARD} if api.file_exists(name, CARD) else set()
        operations: list[Any] = [
            hub.CommitOperationAdd(path_in_repo=path, path_or_fileobj=data)
            for path, data in files.items()
            if path not in kept
        ]
        return str(api.create_commit(name, operations, commit_message=message).commit_url)


def _expect_name(repository: str, *, revised: bool = True) -> None:
    if not REPOSITORY.fullmatch(repository) or ("@" in repository and not revised):
        ways = "`owner/name`, with @REVISION where wanted" if revised else "`owner/name`"
        raise WeightsError(f"{key(repository)} is no repository of the hub: write {ways}")


@contextmanager
def _told(repository: str) -> Iterator[None]:
    """Raise what the hub refuses as WeightsError."""
    try:
        yield
    except Exception as error:
        said = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        raise WeightsError(f"{repository} was not uploaded: {said}") from error
