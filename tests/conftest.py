"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# A build repeats what the last one tried; whoever works on the code tries something new each time.
settings.register_profile("ci", derandomize=True)
settings.register_profile("explore", max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))
