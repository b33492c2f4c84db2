from archc.ops import Op


class Gate(Op):
    """It has no name."""
