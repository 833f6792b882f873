"""The loops that keep the daemon going. Each exposes one step."""
