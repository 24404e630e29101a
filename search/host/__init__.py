"""This machine: its processors, memory, GPUs and packages."""
