"""What restrictions of cameos say of the words of videos: judged once for each video, and stored.

A verdict belongs to one video's own words, one revision of the restrictions, and this version of the lists of
words. What is asked of a lineage is asked of the stored verdicts of its videos.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from db.engine import fetch, in_transaction
from domain.consent.policy import CameoFacts, UseReason, strictest, text_refusal
from domain.consent.refused_topics import WORDS
from domain.work_threads import WorkThreads
from schemas.cameos import Restrictions

# 1 ms each, 15 at the longest words: a second at most. The rest is refused until somebody asks again.
MAX_JUDGED = 500
THREADS = WorkThreads(
    "restrictions", threads=2, max_waiting=50, busy="many texts are being looked at: try again in a moment"
)
# Raise the number whenever `text_refusal` answers differently for the same words.
LISTS = hashlib.sha256(b"1" + msgspec.json.encode(WORDS, order="sorted")).hexdigest()[:16]
# The words of a video `v`: what was typed, what the model was given beyond that, and captions. Who takes a
# post back takes its caption back; who deletes a video takes back no words.
TEXTS = """
    array(SELECT text FROM (
        SELECT coalesce(v.sealed, v.prompt) AS text UNION SELECT v.recipe ->> 'prompt'
        UNION SELECT p.caption FROM posts p
        WHERE p.video_id = v.id AND (p.deleted_at IS NULL OR v.deleted_at IS NOT NULL)
    ) AS every WHERE text <> '' ORDER BY text)
"""


async def refusals(
    lineages: Sequence[Sequence[str]], cameos: Sequence[Sequence[CameoFacts]]
) -> list[dict[str, UseReason]]:
    """For each list of videos, which of its cameos' restrictions the words of their lineages break.

    Returns:
        The strictest reason by cameo id; a cameo whose restrictions hold is left out.
    """
    pairs = [
        (nr, cameo) for nr, each in enumerate(cameos) for cameo in each if _restricts(cameo.restrictions)
    ]
    found: list[dict[str, UseReason]] = [{} for _ in lineages]
    if not pairs:
        return found
    rows = await fetch(
        f"""
        WITH pair AS (
            SELECT * FROM unnest($1::integer[], $2::text[], $3::integer[]) AS p(nr, cameo_id, revision)
        ), line AS (
            SELECT DISTINCT r.nr, a.ancestor_id AS id FROM unnest($4::integer[], $5::text[]) AS r(nr, id)
            JOIN ancestors a ON a.video_id = r.id WHERE r.nr IN (SELECT nr FROM pair)
        ), said AS MATERIALIZED (
            SELECT v.id, md5(array_to_json({TEXTS})::text) AS digest
            FROM videos v WHERE v.id IN (SELECT id FROM line)
        )
        SELECT pair.nr, pair.cameo_id, array_agg(DISTINCT t.reason) FILTER (WHERE t.reason <> '') AS reasons,
            array_agg(said.id) FILTER (WHERE t.reason IS NULL) AS missing
        FROM pair JOIN line USING (nr) JOIN said ON said.id = line.id
        LEFT JOIN text_verdicts t ON t.video_id = said.id AND t.cameo_id = pair.cameo_id
            AND t.revision = pair.revision AND t.digest = said.digest AND t.lists = $6
        GROUP BY 1, 2
        """,
        [nr for nr, _ in pairs],
        [cameo.id for _, cameo in pairs],
        [cameo.revision for _, cameo in pairs],
        [nr for nr, ids in enumerate(lineages) for _ in ids],
        [video for ids in lineages for video in ids],
        LISTS,
    )
    known = {cameo.id: cameo for _, cameo in pairs}
    missing = dict.fromkeys((video, row["cameo_id"]) for row in rows for video in row["missing"] or ())
    judged = await _judge([(video, known[cameo]) for video, cameo in missing])
    for row in rows:
        reasons = [UseReason(reason) for reason in row["reasons"] or ()]
        # What there was no time for is refused, not let through.
        reasons += [
            reason
            for video in row["missing"] or ()
            if (reason := judged.get((video, row["cameo_id"]), UseReason.RESTRICTED_WORDS)) is not None
        ]
        if reasons:
            found[row["nr"]][row["cameo_id"]] = strictest(reasons)
    return found


async def _judge(pairs: Sequence[tuple[str, CameoFacts]]) -> dict[tuple[str, str], UseReason | None]:
    """Judge the words of these videos and store what comes of it."""
    taken = pairs[:MAX_JUDGED]
    if not taken:
        return {}
    rows = await fetch(
        f"""
        SELECT v.id, {TEXTS} AS texts, md5(array_to_json({TEXTS})::text) AS digest
        FROM videos v WHERE v.id = ANY ($1::text[])
        """,
        [video for video, _ in taken],
    )
    said = {row["id"]: row for row in rows}
    reasons = await THREADS.run(
        lambda: [text_refusal(cameo.restrictions, said[video]["texts"]) for video, cameo in taken]
    )
    # A transaction would hold others up at these rows until its end.
    if not in_transaction():
        await fetch(
            """
            INSERT INTO text_verdicts (video_id, cameo_id, revision, digest, reason, lists)
            SELECT *, $6 FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::text[])
                AS n(video_id, cameo_id, revision, digest, reason)
            ORDER BY 1, 2
            ON CONFLICT (video_id, cameo_id) DO UPDATE SET revision = EXCLUDED.revision,
                digest = EXCLUDED.digest, lists = EXCLUDED.lists, reason = EXCLUDED.reason
            """,
            [video for video, _ in taken],
            [cameo.id for _, cameo in taken],
            [cameo.revision for _, cameo in taken],
            [said[video]["digest"] for video, _ in taken],
            [reason or "" for reason in reasons],
            LISTS,
        )
    return {(video, cameo.id): reason for (video, cameo), reason in zip(taken, reasons, strict=True)}


def _restricts(restrictions: Restrictions) -> bool:
    return bool(restrictions.words or restrictions.topics or restrictions.styles)
