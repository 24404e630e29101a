"""Trackers: other programs' records of a search, kept up to date while a launch watches it.

They follow the ledger from a thread of the launch, and no worker knows of them: they see the trials of all hosts, cost
training nothing, and fail softly. What they miss while no launch watches, the next one catches up on, as the ledger
has every epoch.
"""
