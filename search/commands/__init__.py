"""What the commands have in common: flags, their values, and what a shell offers for them."""
