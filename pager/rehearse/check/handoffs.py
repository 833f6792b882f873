"""What a config would not tell of its hand-offs."""

from __future__ import annotations

from collections.abc import Iterable

from pager.model.handoff import telling
from pager.model.problem import Level, Problem
from pager.oncall.who import people_of
from pager.rehearse.check.ground import problem
from pager.rehearse.check.scene import Scene


def hand_offs(scene: Scene) -> Iterable[Problem]:
    """People who can't be told over any of `via`, and people whom Slack can't show; each once for a schedule."""
    c, providers = scene.ground.config, scene.ground.providers
    for name, schedule in c.schedules.items():
        how = telling(schedule.handoff, c.settings.handoff)
        own = schedule.handoff.origin if schedule.handoff else c.settings.handoff.origin if c.settings.handoff else None
        known = [c.users[user] for user in people_of(schedule) if user in c.users]
        untold = [p.id for p in known if how and not any(via in p.contact and providers.carrying(via) for via in how.via)]
        if how is not None and untold:
            team = c.teams.get(schedule.team or "")
            instead = f"{team.lead} is told instead" if team is not None and team.lead else "only the log says so"
            message = f"{', '.join(untold)} can't be told of hand-offs over {' or '.join(how.via)}: {instead}"
            yield problem(Level.WARNING, own, f"schedules.{name}.handoff", message, "add contact, or another way to `via`")
        shown = schedule.slack
        unseen = [p.id for p in known if shown and shown.user_group and not p.contact.get("chat")]
        if shown is not None and unseen:
            message = f"{', '.join(unseen)} can't be a member of {shown.user_group}: no contact.chat"
            yield problem(
                Level.WARNING, shown.origin, f"schedules.{name}.slack.user_group", message, 'add contact: {chat: "slack:U0123ABCD"}'
            )
