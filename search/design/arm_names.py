"""What the trials of a search are called as the arms of a confirmation or a race."""

PREFIX = "trial "


def arm_name(number: int) -> str:
    """What the trial of that number is called as an arm."""
    return f"{PREFIX}{number}"


def trial_of_arm(name: str) -> int | None:
    """The number of the trial that an arm is; None if it is another, such as a baseline."""
    number = name.removeprefix(PREFIX)
    return int(number) if number != name and number.isdecimal() else None
