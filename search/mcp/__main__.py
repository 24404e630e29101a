"""`python -m search.mcp`."""

from search.mcp.command import main

if __name__ == "__main__":
    main()
