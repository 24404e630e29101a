"""Whether a study's answer is to be trusted: checks of what is stored of it, and of its images."""

from search.check.command import main as main
