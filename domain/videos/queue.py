"""Where queued videos stand: the order in which they are drawn, and a guess when each is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from db.engine import fetch
from domain.videos.pricing import FIRST_GUESS_S
from schemas.videos import PRICE_SECONDS, QueuePlace, Tier

# Enough to even out, few enough to follow a machine that got busier.
PACE_OF_LAST = 20
# Seconds of a clip: what drawing it takes grows with them. A row that can't be read counts as a short one.
CLIP_S = f"""
    CASE WHEN jsonb_typeof(v.recipe -> 'frames') = 'number' AND jsonb_typeof(v.recipe -> 'fps') = 'number'
            AND (v.recipe ->> 'fps')::numeric >= 1
        THEN least((v.recipe ->> 'frames')::numeric / (v.recipe ->> 'fps')::numeric, 1000)::float8
        ELSE {PRICE_SECONDS} END
"""
# Previews go first, and within a tier what people wait for. Of that come everybody's first jobs, then
# everybody's second ones, and so on; those that run count too.
DISPATCH_ORDER = """
    SELECT q.id, q.tier, q.background, q.created_at, q.swarm_index,
        coalesce(busy.running, 0) + row_number() OVER (
            PARTITION BY q.tier, q.background, q.account_id ORDER BY q.created_at, q.swarm_index, q.id
        ) AS turn
    FROM videos q LEFT JOIN (
        SELECT account_id, tier, background, count(*) AS running FROM videos
        WHERE status = 'in_progress' GROUP BY 1, 2, 3
    ) busy USING (account_id, tier, background)
    WHERE q.status = 'queued'
"""


# Seconds from one completed video to the next while there was work, for each second of clip, by tier.
PACE = f"""
    SELECT tier,
        (sum(extract(epoch FROM ended_at - greatest(started_at, before))) / sum(clip_s))::float8 AS seconds
    FROM unnest(ARRAY['preview', 'full']) AS t(tier), LATERAL (
        SELECT started_at, ended_at, clip_s, lag(ended_at) OVER (ORDER BY ended_at) AS before FROM (
            SELECT started_at, ended_at, {CLIP_S} AS clip_s FROM videos v
            -- What runs in the background stands still while people's work is done.
            WHERE v.tier = t.tier AND v.status = 'completed' AND NOT v.background
            ORDER BY ended_at DESC LIMIT {PACE_OF_LAST}
        ) latest
    ) gaps GROUP BY tier
"""


async def places(video_ids: Sequence[str]) -> dict[str, QueuePlace]:
    """Where queued videos stand in the order of dispatch, and a guess when each starts."""
    if not video_ids:
        return {}
    rows = await fetch(
        f"""
        WITH waiting AS (
            {DISPATCH_ORDER}
            -- What was leased and is not drawn yet comes first.
            UNION ALL SELECT l.id, l.tier, l.background, l.created_at, l.swarm_index, 0
            FROM videos l WHERE l.status = 'in_progress' AND NOT l.begun
        ), place AS (
            SELECT id, tier, row_number() OVER w AS position, clip_s,
                sum(clip_s) FILTER (WHERE tier = 'preview') OVER w AS previews,
                sum(clip_s) FILTER (WHERE tier = 'full') OVER w AS renders
            FROM (SELECT waiting.*, {CLIP_S} AS clip_s FROM waiting JOIN videos v USING (id)) known
            WINDOW w AS (
                ORDER BY tier = 'full', background, turn, created_at, swarm_index, id ROWS UNBOUNDED PRECEDING
            )
        ), running AS (
            -- At 99 nothing is left but to store it.
            SELECT sum({CLIP_S} * (1 - progress / 100.0)) FILTER (WHERE tier = 'preview') AS previews,
                sum({CLIP_S} * (1 - progress / 100.0)) FILTER (WHERE tier = 'full') AS renders
            FROM videos v WHERE status = 'in_progress' AND begun AND progress < 99 AND NOT background
        ), pace AS ({PACE})
        SELECT place.id, place.tier, position, clip_s,
            coalesce(place.previews, 0) + coalesce(running.previews, 0) AS previews,
            coalesce(place.renders, 0) + coalesce(running.renders, 0) AS renders,
            coalesce((SELECT seconds FROM pace WHERE tier = 'preview'), $2) AS preview_s,
            coalesce((SELECT seconds FROM pace WHERE tier = 'full'), $3) AS render_s
        FROM place, running WHERE place.id = ANY ($1::text[])
        """,
        list(video_ids),
        FIRST_GUESS_S[Tier.PREVIEW] / PRICE_SECONDS,
        FIRST_GUESS_S[Tier.FULL] / PRICE_SECONDS,
    )
    return {row["id"]: _place(row) for row in rows}


def _place(row: dict[str, Any]) -> QueuePlace:
    """From the seconds of clip before it, and its own, and what each of them takes."""
    own_s = row["clip_s"]
    before_s = (row["previews"] - (own_s if row["tier"] == "preview" else 0)) * row["preview_s"]
    # A preview is drawn between the steps of a render, so it waits for none.
    if row["tier"] == "full":
        before_s += (row["renders"] - own_s) * row["render_s"]
    return QueuePlace(position=row["position"], eta_ms=max(0, round(1000 * before_s)))
