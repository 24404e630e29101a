"""Workers that a cluster places: Slurm starts the command of a worker many times, and the ledger
does the rest. Nothing of ours runs on a login node, and no engine is asked what it did: what counts is in the study.
"""

from search.cluster.command import main as main
