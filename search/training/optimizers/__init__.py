"""Optimizers and schedules of the learning rate: Keras' own, and those whose settings change while a program stays."""
