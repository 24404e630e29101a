"""What is written for people to read: logs, what comes from outside made safe to show, standard error held back."""
