"""Noise: what an alert is to what is known already. Every verdict carries its reason; pure."""
