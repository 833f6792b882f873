"""The proof: whatever comes, whenever in the horizon, somebody is paged before the catch-all; a counterexample for each hole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pager.model.policy import Stage
from pager.model.problem import Problem
from pager.rehearse.check.cases import Case, Subject
from pager.rehearse.check.ground import problem
from pager.rehearse.check.holes import Finding
from pager.rehearse.check.scene import Scene
from pager.rehearse.check.spans import joined, more_times, named, when
from pager.rehearse.check.walk import Passed, Step


def reach(scene: Scene) -> Iterable[Problem]:
    """One problem for what has the same holes for the same reasons: the first of them, and how much more there is."""
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for finding in scene.findings:
        alike.setdefault(_likeness(finding), []).append(finding)
    for group in alike.values():
        yield _said(scene, group)


def _likeness(finding: Finding) -> tuple[object, ...]:
    case, first = finding.case, finding.holes[0]
    if any(step.how is Passed.LEFT for step in first.way.steps):
        return (case.policy, case.start, finding.level, Passed.LEFT)  # each service level makes other spans of the same mistake
    return (case.policy, case.start, finding.level, tuple((hole.span, hole.way.steps) for hole in finding.holes))


def _said(scene: Scene, group: Sequence[Finding]) -> Problem:
    finding = group[0]
    config, ground = scene.ground.config, scene.ground
    case, first = finding.case, finding.holes[0]
    subjects = tuple(subject for each in group for subject in each.case.subjects)
    example = next((s for s in case.subjects if not s.route), case.subjects[0])
    timezone = _timezone(scene, first.way.steps)
    about = f"service {example.service}" if example.service else "no service"
    about += f", severity {example.severity}{f', route {example.route}' if example.route else ''}"
    about += f", an alert with {finding.world}" if str(finding.world) else ""
    spans = joined(hole.span for hole in finding.holes)
    moment = when(first.span, (ground.start, ground.end), timezone)
    more = "; ".join(filter(None, (_others(example, subjects), more_times(spans, timezone))))
    last = "only the catch-all is left" if config.settings.catch_all else "nobody is left, and no catch-all is set"
    reached = any(scene.catch_all_reaches(variant.urgency, first.span[0]) for variant in case.variants())
    if config.settings.catch_all and not reached:
        last += ", and that reaches nobody"
    message = f"{about}, {moment}: {'; '.join(_reasons(case, first.way.steps))}; {last}{f' (also {more})' if more else ''}"
    policy = config.policies.get(case.policy)
    if policy is None:
        service = config.services.get(example.service)
        return problem(finding.level, service.origin if service else None, f"services.{example.service}", message, "give it a policy")
    step = next((s for s in first.way.steps if s.how is Passed.EMPTY), first.way.steps[0])
    stage = config.policies[step.policy].stages[step.index]
    return problem(finding.level, stage.origin, f"policies.{case.policy}", message, _advice(step, stage))


def _others(example: Subject, subjects: Sequence[Subject]) -> str:
    severities = [s for s in dict.fromkeys(str(s.severity) for s in subjects) if s != example.severity]
    services = [s for s in dict.fromkeys(s.service or "no service" for s in subjects) if s != (example.service or "no service")]
    found = []
    if severities:
        found.append(f"severity {named(severities, 4)}")
    if services:
        kind = "" if services == ["no service"] else "service " if len(services) == 1 else "services "
        found.append(f"{kind}{named(services)}")
    return "; ".join(found)


def _reasons(case: Case, steps: Iterable[Step]) -> list[str]:
    if not case.policy:
        return ["it has no policy, and there is no default_policy"]
    found: dict[str, None] = {}
    for step in steps:
        stage = f"stage {step.index + 1}{'' if step.policy == case.policy else f' of policy {step.policy}'}"
        if step.how is Passed.EMPTY:
            found[step.why] = None
        found[f"{stage} {step.how}"] = None
    return list(found)


def _advice(step: Step, stage: Stage) -> str:
    match step.how:
        case Passed.EMPTY if step.schedules:
            return f"let schedule {named(step.schedules)} have somebody then, or add a stage that names a person"
        case Passed.EMPTY | Passed.POSTS:
            return "add a stage that names somebody who can be paged"
        case Passed.LEFT:
            return "give these services no sla, or a policy that does not wait"
        case Passed.UNMET if stage.condition:
            return "add a last stage without match and if"
        case _:
            return "add a last stage without hours"


def _timezone(scene: Scene, steps: Iterable[Step]) -> str:
    """The clock of those who are to look at it: of the schedule that is empty, else of the hours."""
    config = scene.ground.config
    for step in steps:
        for name in step.schedules:
            if name in config.schedules:
                return config.schedules[name].timezone
    for step in steps:
        stage = config.policies[step.policy].stages[step.index]
        for hours in (stage.during, stage.wait_for_hours):
            if hours and hours.timezone:
                return hours.timezone
    return config.settings.timezone
