"""What the consent policy says of videos: those that stand, one that is to be drawn, and who may see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from domain.consent.facts import CameoRequester, LineageFacts, cameo_facts, lineage_facts
from domain.consent.policy import Action, CameoFacts, UseRequest, Verdict, action_of, decide
from domain.videos.record import VideoRow
from schemas.videos import Relation, Source, Tier


async def of_videos(
    rows: Sequence[VideoRow],
    now: datetime,
    action: Action | None = None,
    trend: str | None = None,
    caption: str | None = None,
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
    found: dict[str, dict[str, Verdict]] = {row.id: {} for row in rows}
    for row in with_cameos:
        request = UseRequest(
            requester=row.account_id,
            action=action or action_of(row.tier, row.relation),
            prompt=row.prompt,
            now=now,
            texts=[*lineages[row.id].texts, *([caption] if caption else [])],
            trend=trend or lineages[row.id].trend,
            video=row.id,
            remixed=row.remixed,
        )
        found[row.id] = _decide_all([known[pair] for pair in wanted[row.id]], request, lineages[row.id])
    return found


async def of_request(
    requester: str,
    cameos: Sequence[str],
    source: Source | None,
    tier: Tier,
    prompt: str,
    now: datetime,
    model_prompts: Sequence[str] = (),
) -> dict[str, Verdict]:
    """Whether a video may be drawn that does not exist yet, by cameo; one that there is not is left out.

    `model_prompts` is what the model reads, where that is not only the prompt.
    """
    (lineage,) = await lineage_facts([source.video_ids if source else []])
    known = await cameo_facts([CameoRequester(cameo, requester) for cameo in cameos])
    request = UseRequest(
        requester=requester,
        action=action_of(tier, source.relation if source else None),
        prompt=prompt,
        now=now,
        texts=[*lineage.texts, *model_prompts],
        trend=lineage.trend,
        remixed=lineage.remixed or (source is not None and source.relation is not Relation.RENDER),
    )
    return _decide_all(list(known.values()), request, lineage)


def _decide_all(
    cameos: Sequence[CameoFacts], request: UseRequest, lineage: LineageFacts
) -> dict[str, Verdict]:
    owners = {cameo.owner for cameo in cameos}
    return {
        cameo.id: decide(
            cameo,
            msgspec.structs.replace(
                request, others=owners != {cameo.owner}, withdrawn=lineage.withdrawn.get(cameo.id)
            ),
        )
        for cameo in cameos
    }


async def may_show(rows: Sequence[VideoRow], now: datetime, viewer: str) -> set[str]:
    """The ids of those posted videos that consent lets be shown to this viewer."""
    standing = [row for row in rows if row.withheld is None]
    found = await of_videos(standing, now, Action.SHOW)
    shown = [row for row in standing if all(verdict.allowed for verdict in found[row.id].values())]
    return await may_read(shown, now, viewer)


async def may_read(rows: Sequence[VideoRow], now: datetime, viewer: str) -> set[str]:
    """The ids of those videos whose likenesses this viewer may look at, if they may be shown at all."""
    cameos = sorted({cameo for row in rows for cameo in row.cameos})
    facts = await cameo_facts([CameoRequester(cameo, viewer) for cameo in cameos])
    known = {fact.id: fact for fact in facts.values()}
    request = UseRequest(requester=viewer, action=Action.READ, prompt="", now=now)
    return {row.id for row in rows if all(decide(known[cameo], request).allowed for cameo in row.cameos)}
