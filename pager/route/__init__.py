"""Routing: which service, policy, severity and urgency an alert is given; pure."""
