"""What is said where the kill switch stays on, whoever asked for something less. Pure."""

PAUSE_CHANGES_NOTHING = "It stays KILLED, which is stricter than a pause: nothing has changed."
RESUME_CHANGES_NOTHING = "It stays KILLED: nothing has changed."
