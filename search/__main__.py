"""`python -m search`: lists the commands, by what people want to do."""

# A command is one line here, in the task that it serves; its module is search/VERB.py.
TASKS = {
    "search": {
        "launch": "search a space and end with an answer",
        "worker": "join a study, from this or another host, and work on its trials",
        "stop": "drain a study: trials in hand are finished, no other is begun",
    },
    "look": {
        "dashboard": "show studies in the browser",
    },
}

VERBS = {verb: purpose for verbs in TASKS.values() for verb, purpose in verbs.items()}


def main() -> None:
    """Prints the commands."""
    print("Hyperparameter search for Keras image models.")
    for task, verbs in TASKS.items():
        print(f"\n{task.capitalize()}:")
        for verb, purpose in verbs.items():
            print(f"  python -m search.{verb:<10} {purpose}")
    print("\nEach explains itself: python -m search.launch --help")


if __name__ == "__main__":
    main()
