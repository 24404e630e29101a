"""A server of the Model Context Protocol: searches and their results as tools for language models."""

from search.mcp.command import main as main
