"""Designed comparisons: arms times replicates on a study's ledger, from the flags of a command to an answer.

    options -> base, arms -> plan -> slots -> scores -> result -> text, JSON, Markdown, figures

The statistics are those of `search.statistics`; the training is that of any study's workers.
"""
