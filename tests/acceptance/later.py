"""The daemon of a later release. PAGERD_TEST_RELEASE: `reads`, the next one, or `writes`, the one after."""

from __future__ import annotations

import os

from pager.cli.main import main
from tests.later_release import learn

learn(writes=os.environ["PAGERD_TEST_RELEASE"] == "writes")

if __name__ == "__main__":
    main()
