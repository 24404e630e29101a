"""What tests of several parts share besides their fixtures: the classes that fixtures give, and plain functions."""
