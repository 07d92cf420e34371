"""What is said where the kill switch is on, whoever asked for less; the kill may have come just after that was stored. Pure."""

PAUSE_IN_A_KILL = "It is KILLED, which is stricter than a pause: no order leaves."
RESUME_IN_A_KILL = "It is KILLED: no order leaves."
