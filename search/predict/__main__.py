"""`python -m search.predict`."""

from search.predict.command import main

if __name__ == "__main__":
    main()
