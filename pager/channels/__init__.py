"""One file per vendor, both directions: sending, and reading what comes back."""
