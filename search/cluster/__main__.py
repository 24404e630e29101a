"""`python -m search.cluster`."""

from search.cluster.command import main

if __name__ == "__main__":
    main()
