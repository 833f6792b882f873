"""Asking beforehand: what is configured, and what it would do; pure."""
