"""Intake: a vendor's payload in, an Alert out. One file per source; pure."""
