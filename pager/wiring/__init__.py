"""The only room that names concrete adapters: puts the others together for the daemon and for the command line."""
