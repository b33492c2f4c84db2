from archc.ops import Op, Use


class Halve(Op):
    name = "halve"
    torch_file = "halve_torch.py"

    @classmethod
    def function(cls, use: Use, x: str) -> str:
        return f"half_of({x})"
