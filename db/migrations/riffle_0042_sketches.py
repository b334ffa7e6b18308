"""What frames look like, so that pictures of others' likenesses are refused; and which were."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-30T15:42:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "sketches"

STATEMENTS = (
    # Kept when the picture or video itself is deleted: nobody can see a likeness in it, and the copy that
    # somebody has kept is still refused.
    """
    CREATE TABLE sketches (
        id bigserial PRIMARY KEY,
        cameo_id text REFERENCES cameos,
        video_id text REFERENCES videos,
        cells bytea NOT NULL CHECK (length(cells) = 256),
        CONSTRAINT sketches_one_subject CHECK (num_nonnulls(cameo_id, video_id) = 1)
    )
    """,
    "CREATE INDEX sketches_cameo ON sketches (cameo_id) WHERE cameo_id IS NOT NULL",
    "CREATE INDEX sketches_video ON sketches (video_id) WHERE video_id IS NOT NULL",
    """
    CREATE TABLE refused_copies (
        id bigserial PRIMARY KEY,
        cameo_id text NOT NULL REFERENCES cameos,
        account_id text NOT NULL REFERENCES accounts,
        video_id text,
        upload text NOT NULL CHECK (upload IN ('reference', 'proof', 'input_reference')),
        found_by text NOT NULL CHECK (found_by IN ('credentials', 'picture')),
        at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX refused_copies_cameo ON refused_copies (cameo_id, account_id, at)",
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
