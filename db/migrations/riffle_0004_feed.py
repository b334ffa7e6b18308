"""Trends, their posts, and likes."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-25T06:00:04:000000"
VERSION = "1.38.0"
DESCRIPTION = "feed"

STATEMENTS = (
    """
    CREATE TABLE trends (
        id text PRIMARY KEY,
        points integer NOT NULL,
        score double precision NOT NULL,
        created_at timestamptz NOT NULL,
        latest_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX trends_score ON trends (score, id)",
    "CREATE INDEX trends_latest ON trends (latest_at, id)",
    """
    CREATE TABLE posts (
        id text PRIMARY KEY,
        video_id text NOT NULL REFERENCES videos,
        account_id text NOT NULL REFERENCES accounts,
        caption text NOT NULL,
        trend_id text NOT NULL REFERENCES trends,
        source_post_id text REFERENCES posts,
        source_closeness double precision,
        root_closeness double precision,
        likes integer NOT NULL CHECK (likes >= 0),
        remixes integer NOT NULL CHECK (remixes >= 0),
        created_at timestamptz NOT NULL,
        deleted_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX posts_video ON posts (video_id) WHERE deleted_at IS NULL",
    """
    CREATE INDEX posts_by_closeness ON posts (trend_id, coalesce(root_closeness, -1), id)
    WHERE deleted_at IS NULL
    """,
    "CREATE INDEX posts_by_likes ON posts (trend_id, likes, id) WHERE deleted_at IS NULL",
    "CREATE INDEX posts_by_age ON posts (trend_id, created_at, id) WHERE deleted_at IS NULL",
    "CREATE INDEX posts_of_account ON posts (account_id, created_at) WHERE deleted_at IS NULL",
    "CREATE INDEX posts_source ON posts (source_post_id)",
    "ALTER TABLE videos ADD CONSTRAINT videos_post FOREIGN KEY (post_id) REFERENCES posts",
    """
    CREATE TABLE likes (
        id bigserial PRIMARY KEY,
        post_id text NOT NULL REFERENCES posts,
        account_id text NOT NULL REFERENCES accounts,
        created_at timestamptz NOT NULL,
        UNIQUE (post_id, account_id)
    )
    """,
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
