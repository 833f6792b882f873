"""Conditions: match maps, and CEL where they don't reach; pure."""
