"""The functions of the language that Python lacks, as the file spells them."""

HELPERS = {
    "make_divisible": '''\
def make_divisible(value, divisor=8, minimum=None):
    """Round to a multiple of a divisor, never below 90 % of the value."""
    least = divisor if minimum is None else minimum
    rounded = max(least, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded
''',
    "linspace": '''\
def linspace(first, last, count):
    """Return evenly spaced numbers, the first and the last included."""
    return [first + (last - first) * k / max(count - 1, 1) for k in range(count)]
''',
    "cut": '''\
def cut(items, sizes):
    """Cut a list into consecutive parts of the given sizes."""
    rest = iter(items)
    return [[next(rest) for _ in range(size)] for size in sizes]
''',
}
