"""Compiled programs that train many configurations each: their layers, their optimizers, and how they are cached."""
