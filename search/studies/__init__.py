"""Studies as wholes: what a database holds, and renaming, copying and deleting one."""

from search.studies.command import main as main
