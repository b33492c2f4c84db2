"""Writing files: the one room that does."""
