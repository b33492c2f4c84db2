"""Backends: each turns a lowered network into text or bytes; none writes a file."""
