from archc.ops import Op


class Gate(Op)
    name = "gate"
