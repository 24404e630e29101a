"""`python -m search.report`."""

from search.report.command import main

if __name__ == "__main__":
    main()
