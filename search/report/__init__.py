"""The report on a study: one page that needs no network, or a few lines of Markdown."""

from search.report.command import main as main
