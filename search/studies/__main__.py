"""`python -m search.studies`."""

from search.studies.command import main

if __name__ == "__main__":
    main()
