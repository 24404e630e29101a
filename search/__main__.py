"""`python -m search`: lists the commands."""

VERBS = {
    "spaces": "list what can be searched, or show one space in full",
    "launch": "search a space and end with an answer",
    "worker": "join a study, from this or another host, and work on its trials",
    "compare": "compare arms on common replicates, and end with an answer with error bars",
    "confirm": "train the best trials of a search again, on fresh seeds",
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
