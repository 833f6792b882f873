"""Who is on call, when, and why; pure."""
