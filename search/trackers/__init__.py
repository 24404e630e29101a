"""Trackers: TensorBoard and MLflow, kept up to date while a launch runs.

They follow the ledger from a thread of the launch, independently of the workers: they see the trials of all hosts, cost
training nothing, and their failures don't affect the search. The next launch catches up on what they missed, as the
ledger has every epoch.
"""
