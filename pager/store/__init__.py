"""Redis: the adapters of the ports, one file each, and what they share. `embedded` runs a server of our own."""
