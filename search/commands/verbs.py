"""The commands, by the task that they serve."""

# A command is one line here, in the task that it serves; its module is search/VERB.py.
TASKS = {
    "search": {
        "spaces": "list the search spaces, or show one in full",
        "launch": "search a space and print the best model",
        "worker": "join a study, or all studies of a database, and run their trials",
        "cluster": "run a study's workers on Slurm, Kubernetes or Ray",
        "queue": "say which studies workers serve first; pause, resume or cancel one",
        "stop": "drain a study: finish running trials, start no others",
    },
    "inspect": {
        "studies": "list the studies of a database; rename, copy or delete one; clean up",
        "status": "show the progress of a study: trials, best, workers, failures, time left",
        "trials": "print all trials of a study, also as CSV, JSON or Markdown",
        "check": "check whether a search's result can be trusted, and what to do about it",
        "report": "write a study's results on one page: figures, all trials, statistical certainty",
        "dashboard": "show studies in the browser",
    },
    "compare": {
        "compare": "compare arms on common replicates, with error bars",
        "confirm": "train the best trials of a search again, on fresh seeds",
        "answer": "race a search's best trials: which is best, and how sure that is",
        "explain": "find out which settings matter, by a designed screening",
        "noise": "measure where the spread of equal trainings is from",
    },
    "use": {
        "best": "print the best configuration",
        "export": "write a trained model that Keras loads without this project",
        "predict": "classify images with an exported model",
        "mcp": "serve studies as tools to language models",
        "doctor": "examine this machine and say what to do about each problem",
    },
}

VERBS = {verb: purpose for verbs in TASKS.values() for verb, purpose in verbs.items()}
