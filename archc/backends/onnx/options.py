"""What may be chosen of a file of ONNX."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """The batch, free where it is None; whether height and width are free; where the numbers are.

    With `external_data` they stay in the file of the weights, which lies beside the model.
    """

    batch: int | None = None
    any_size: bool = False
    external_data: bool = False

    def __post_init__(self) -> None:
        if self.batch is not None and self.batch < 1:
            message = f"a batch has at least one sample, not {self.batch}"
            raise ValueError(message)
