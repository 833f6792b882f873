"""A config takes the place of another whole, or not at all."""

from __future__ import annotations

from pager.config import Loaded
from pager.loops.reload import Reload
from pager.model.config import Config
from pager.model.problem import Problem
from tests.night import config_of
from tests.payments import PAYMENTS

FIRST, SECOND = config_of(PAYMENTS), config_of(PAYMENTS.replace("ack_timeout: 5m", "ack_timeout: 6m"))


class Setting:
    def __init__(self) -> None:
        self.config = FIRST
        self.good: list[bool] = []
        self.reload = Reload(lambda: self.config, self.put, self.good.append)

    def put(self, config: Config) -> None:
        self.config = config


def test_a_good_one_takes_its_place() -> None:
    here = Setting()
    assert here.reload.apply(Loaded(SECOND, ()))
    assert (here.config, here.good) == (SECOND, [True])


def test_a_bad_one_never_does() -> None:
    here = Setting()
    assert not here.reload.apply(Loaded(None, (Problem(file="a.yaml", line=1, column=1, path="x", message="wrong"),)))
    assert (here.config, here.good) == (FIRST, [False])


def test_the_same_again_changes_nothing() -> None:
    here = Setting()
    assert not here.reload.apply(Loaded(FIRST, ()))
    assert here.good == [True]
