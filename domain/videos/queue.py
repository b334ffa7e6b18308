"""Where queued videos stand: the order in which they are drawn, and a guess when each is."""

from __future__ import annotations

from collections.abc import Sequence

from db.engine import fetch
from schemas.videos import QueuePlace, Tier

# Until a few have been drawn: what one takes on two busy cores, in seconds.
FIRST_GUESS_S = {Tier.PREVIEW: 2.0, Tier.FULL: 20.0}
# Enough to even out, few enough to follow a machine that got busier.
PACE_OF_LAST = 20
# Previews go first. Within a tier come everybody's first jobs, then everybody's second ones, and so on; those
# that run count too.
DISPATCH_ORDER = """
    SELECT q.id, q.tier, q.created_at, q.swarm_index, coalesce(busy.running, 0) + row_number() OVER (
        PARTITION BY q.tier, q.account_id ORDER BY q.created_at, q.swarm_index, q.id) AS turn
    FROM videos q LEFT JOIN (
        SELECT account_id, tier, count(*) AS running FROM videos WHERE status = 'in_progress' GROUP BY 1, 2
    ) busy USING (account_id, tier)
    WHERE q.status = 'queued'
"""


async def places(video_ids: Sequence[str]) -> dict[str, QueuePlace]:
    """Where queued videos stand in the order of dispatch, and a guess when each starts."""
    if not video_ids:
        return {}
    rows = await fetch(
        f"""
        WITH waiting AS ({DISPATCH_ORDER}), place AS (
            SELECT id, tier, row_number() OVER w AS position,
                count(*) FILTER (WHERE tier = 'preview') OVER w AS previews,
                count(*) FILTER (WHERE tier = 'full') OVER w AS renders
            FROM waiting WINDOW w AS (
                ORDER BY tier = 'full', turn, created_at, swarm_index, id ROWS UNBOUNDED PRECEDING
            )
        ), running AS (
            SELECT count(*) FILTER (WHERE tier = 'preview') AS previews,
                count(*) FILTER (WHERE tier = 'full') AS renders
            FROM videos WHERE status = 'in_progress'
        )
        SELECT place.id, place.tier, position, place.previews + running.previews AS previews,
            place.renders + running.renders AS renders
        FROM place, running WHERE place.id = ANY ($1::text[])
        """,
        list(video_ids),
    )
    pace = await _pace() if rows else {}
    found = {}
    for row in rows:
        before_s = (row["previews"] - (row["tier"] == "preview")) * pace[Tier.PREVIEW]
        # A preview is drawn between the steps of a render, so it waits for none.
        if row["tier"] == "full":
            before_s += (row["renders"] - 1) * pace[Tier.FULL]
        found[row["id"]] = QueuePlace(position=row["position"], eta_ms=round(1000 * before_s))
    return found


async def _pace() -> dict[Tier, float]:
    """Seconds from one completed video to the next while there was work, by tier."""
    rows = await fetch(
        """
        SELECT tier, avg(extract(epoch FROM ended_at - greatest(started_at, before)))::float8 AS seconds
        FROM unnest(ARRAY['preview', 'full']) AS t(tier), LATERAL (
            SELECT started_at, ended_at, lag(ended_at) OVER (ORDER BY ended_at) AS before FROM (
                SELECT started_at, ended_at FROM videos v WHERE v.tier = t.tier AND v.status = 'completed'
                ORDER BY ended_at DESC LIMIT $1
            ) latest
        ) gaps GROUP BY tier
        """,
        PACE_OF_LAST,
    )
    return FIRST_GUESS_S | {Tier(row["tier"]): row["seconds"] for row in rows if row["seconds"] is not None}
