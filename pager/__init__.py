"""pagerd: an on-call paging daemon. The rooms and the way of an alert are described in docs/architecture.md."""

__version__ = "0.1.0"
