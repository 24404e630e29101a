"""A job of the trainer: resumed, trained epoch by epoch, stopped early or not, checkpointed, evaluated."""
