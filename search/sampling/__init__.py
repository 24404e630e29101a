"""What samplers are given, and how a slot's parameters are drawn."""
