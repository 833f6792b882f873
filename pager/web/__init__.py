"""HTTP: what watches us, and what providers call back."""
