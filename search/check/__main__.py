"""`python -m search.check`."""

from search.check.command import main

if __name__ == "__main__":
    main()
