"""Numbers and timelines, from what is stored; pure."""
