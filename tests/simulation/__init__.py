"""Deterministic simulation: the real loops on a virtual clock, with faults from a seed, and a checker of the promises on what came of it."""
