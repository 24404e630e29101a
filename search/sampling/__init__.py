"""Samplers, pruners and seeds; the history that they see, and how a slot's parameters are drawn."""
