"""Measurements: a report, never a test. `make bench`, or `python -m bench stream latency`."""
