"""`python -m search.trials`."""

from search.trials.command import main

if __name__ == "__main__":
    main()
