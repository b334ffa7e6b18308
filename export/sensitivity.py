"""Which layers stay in higher precision: measured, role by role, on inputs from several prompts and steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

import onnx

from export.measure import agreement, run
from export.quantise import Feed, quantised_nodes
from schemas.bundle import KeptLayer, Quantised

Quantiser = Callable[[Collection[str]], onnx.ModelProto]


def choose(
    model: onnx.ModelProto,
    name: str,
    scheme: str,
    roles: dict[str, list[str]],
    quantiser: Quantiser,
    feeds: Sequence[Feed],
    goal_db: float,
    say: Callable[[str], None] = lambda _: None,
    candidates: Sequence[Sequence[KeptLayer]] = (),
) -> tuple[onnx.ModelProto, Quantised]:
    """Quantise all roles if the graph's outputs stay within `goal_db`; else all but those that cost most.

    `quantiser` makes the graph with these nodes quantised. What a role costs is measured by quantising it
    alone. Noise of different layers adds up nearly independently, so the costs tell how many roles must stay;
    that many, and then one more at a time, until the graph as a whole is measured to be within the goal.
    `candidates` are choices of layers to keep that were measured before, for this target or another: they
    are tried first, and the first with which the graph is within the goal is taken.

    Raises:
        ExportError: the quantiser stopped, or a graph can't be run.
    """
    expected = run(model, name, feeds)

    def measured(made: onnx.ModelProto) -> float:
        return agreement(expected, run(made, name, feeds))["sqnr_db"]

    def quantised(left: Sequence[str]) -> onnx.ModelProto:
        nodes = [node for role, members in roles.items() if role not in left for node in members]
        return quantiser(nodes) if nodes else model

    known = [layers for layers in candidates if {layer.role for layer in layers} <= set(roles)]
    for layers in [*known, ()]:
        alone = {layer.role: layer.alone_db for layer in layers}
        kept = list(alone)
        made = quantised(kept)
        reached = measured(made)
        if reached >= goal_db:
            break
    else:
        if known:
            say(f"no recorded choice of layers reaches {goal_db:.1f} dB: measuring anew")
    if reached < goal_db:
        for number, (role, members) in enumerate(roles.items()):
            say(f"measuring {role} ({number + 1} of {len(roles)})")
            alone[role] = measured(quantiser(members))
        order = sorted(roles, key=lambda role: alone[role])
        for many in range(fewest(order, alone, goal_db), len(order) + 1):
            kept = order[:many]
            made = quantised(kept)
            reached = measured(made)
            say(f"{many} of {len(roles)} kinds of layers kept: {reached} dB")
            if reached >= goal_db:
                break
    return made, Quantised(
        scheme=scheme,
        goal_db=goal_db,
        reached_db=reached,
        samples=len(feeds),
        quantised_nodes=quantised_nodes(made),
        kept=[KeptLayer(role=role, nodes=len(roles[role]), alone_db=alone[role]) for role in kept],
    )


def fewest(order: Sequence[str], alone: dict[str, float], goal_db: float) -> int:
    """How many of the costliest roles must stay, at least 1, for the others' noise to be within the goal."""
    allowed = 10 ** (-goal_db / 10)
    for many in range(1, len(order) + 1):
        if math.fsum(10 ** (-alone[role] / 10) for role in order[many:]) <= allowed:
            return many
    return max(1, len(order))
