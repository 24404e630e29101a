"""`python -m search`: lists the commands."""

VERBS = {
    "launch": "search a space and end with an answer",
    "worker": "join a study, from this or another host, and work on its trials",
    "status": "show how a study stands: trials, best, workers, failures, time left",
    "report": "write what a study found on one page: figures, a table of all trials, how sure it is",
    "best": "print the best configuration",
    "export": "write a trained model that Keras opens without this project",
    "doctor": "examine this machine and say what to do about each problem",
    "stop": "drain a study: trials in hand are finished, no other is begun",
}


def main() -> None:
    """Prints the commands."""
    print("Hyperparameter search for Keras image models.\n")
    for verb, purpose in VERBS.items():
        print(f"  python -m search.{verb:<10} {purpose}")
    print("\nEach explains itself: python -m search.launch --help")


if __name__ == "__main__":
    main()
