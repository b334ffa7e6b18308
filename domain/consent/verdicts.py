"""What the consent policy says of videos: of those that there are, and of one that is to be drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from domain.consent import text_verdicts
from domain.consent.facts import CameoRequester, LineageFacts, cameo_facts, lineage_facts
from domain.consent.policy import Action, CameoFacts, UseReason, UseRequest, Verdict, action_of, decide
from domain.videos.record import VideoRow
from schemas.videos import Relation, Source, Tier


async def of_videos(
    rows: Sequence[VideoRow],
    action: Action | None = None,
    trend: str | None = None,
    caption: str | None = None,
    *,
    now: datetime,
) -> dict[str, dict[str, Verdict]]:
    """For each video, whether its maker may (still) use each of its cameos; `action` None = to draw it.

    `trend` is the one that it is about to be posted to, under `caption`.
    """
    wanted = {
        row.id: [CameoRequester(cameo, row.account_id, row.swarm_id) for cameo in row.cameos] for row in rows
    }
    with_cameos = [row for row in rows if row.cameos]
    lineages = dict(
        zip(
            (row.id for row in with_cameos),
            await lineage_facts([[row.id] for row in with_cameos]),
            strict=True,
        )
    )
    known = await cameo_facts(list(dict.fromkeys(pair for pairs in wanted.values() for pair in pairs)))
    facts = [[known[pair] for pair in wanted[row.id]] for row in with_cameos]
    said = await text_verdicts.refusals([[row.id] for row in with_cameos], facts)
    found: dict[str, dict[str, Verdict]] = {row.id: {} for row in rows}
    for row, cameos, refusals in zip(with_cameos, facts, said, strict=True):
        request = UseRequest(
            requester=row.account_id,
            action=action or action_of(row.tier, row.relation),
            prompt=row.prompt,
            now=now,
            texts=[caption] if caption else [],
            judged=True,
            trend=trend or lineages[row.id].trend,
            video=row.id,
            remixed=row.remixed,
            steered=row.steered,
        )
        found[row.id] = _decide_all(cameos, request, lineages[row.id], refusals)
    return found


async def of_request(
    requester: str,
    cameo_ids: Sequence[str],
    source: Source | None,
    tier: Tier,
    prompt: str,
    *,
    lineage: LineageFacts,
    extra_texts: Sequence[str] = (),
    steered: bool = False,
    now: datetime,
) -> dict[str, Verdict]:
    """Whether a video may be drawn that does not exist yet, by cameo; one that there is not is left out.

    `lineage` says what its sources come from, `extra_texts` is what is said beyond the prompt, such as the
    model's own prompt; `steered` that the model is given other words than were typed, or a
    picture of the maker's own.
    """
    known = list((await cameo_facts([CameoRequester(cameo, requester) for cameo in cameo_ids])).values())
    (refusals,) = await text_verdicts.refusals([source.video_ids if source else []], [known])
    request = UseRequest(
        requester=requester,
        action=action_of(tier, source.relation if source else None),
        prompt=prompt,
        now=now,
        texts=list(extra_texts),
        trend=lineage.trend,
        remixed=is_remixed(lineage, source),
        steered=steered,
    )
    return _decide_all(known, request, lineage, refusals)


def blocked(found: Mapping[str, Verdict]) -> list[str]:
    """The cameos that are refused because one of the two blocks the other."""
    return [cameo for cameo, verdict in found.items() if verdict.reason == UseReason.BLOCKED]


def is_remixed(lineage: LineageFacts, source: Source | None) -> bool:
    """Whether a remix is in the making of what is drawn from a source with this lineage."""
    return lineage.remixed or (source is not None and source.relation is not Relation.RENDER)


def _decide_all(
    cameos: Sequence[CameoFacts],
    request: UseRequest,
    lineage: LineageFacts,
    said_before: Mapping[str, UseReason],
) -> dict[str, Verdict]:
    owners = {cameo.owner for cameo in cameos}
    return {
        cameo.id: decide(
            cameo,
            msgspec.structs.replace(
                request,
                others=owners != {cameo.owner},
                withdrawn=lineage.withdrawn.get(cameo.id),
                said_before=said_before.get(cameo.id),
            ),
        )
        for cameo in cameos
    }
