"""The escalation machine: (state, event) -> state and effects. Pure; time is an argument. Start at `table.py`."""
