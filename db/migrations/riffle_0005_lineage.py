"""Every ancestor of every video by name, so that consent can be asked of a whole lineage at once."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from db.migrations import plain

ID = "2026-11-25T06:00:05:000000"
VERSION = "1.38.0"
DESCRIPTION = "lineage"

STATEMENTS = (
    """
    CREATE TABLE ancestors (
        id bigserial PRIMARY KEY,
        video_id text NOT NULL REFERENCES videos,
        ancestor_id text NOT NULL REFERENCES videos,
        UNIQUE (video_id, ancestor_id)
    )
    """,
    "CREATE INDEX ancestors_down ON ancestors (ancestor_id, video_id)",
    """
    INSERT INTO ancestors (video_id, ancestor_id)
    WITH RECURSIVE up(video_id, ancestor_id) AS (
        SELECT id, id FROM videos
        UNION SELECT up.video_id, s.parent_id FROM up JOIN sources s ON s.child_id = up.ancestor_id
    )
    SELECT video_id, ancestor_id FROM up
    """,
    # Kept by the database, so that no way of making a video can leave its lineage out.
    """
    CREATE FUNCTION videos_own_ancestor() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO ancestors (video_id, ancestor_id) VALUES (NEW.id, NEW.id);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER videos_own_ancestor AFTER INSERT ON videos
    FOR EACH ROW EXECUTE FUNCTION videos_own_ancestor()
    """,
    """
    CREATE FUNCTION sources_ancestors() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO ancestors (video_id, ancestor_id)
        SELECT NEW.child_id, ancestor_id FROM ancestors WHERE video_id = NEW.parent_id
        ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER sources_ancestors AFTER INSERT ON sources
    FOR EACH ROW EXECUTE FUNCTION sources_ancestors()
    """,
    "ALTER TABLE videos ADD COLUMN sealed text",
    "ALTER TABLE videos ADD COLUMN remixed boolean NOT NULL DEFAULT false",
    "ALTER TABLE videos ADD COLUMN trend_id text",
    "ALTER TABLE videos ADD COLUMN media_hash text",
    """
    ALTER TABLE videos ADD COLUMN withheld text CHECK (withheld IN ('hide_posts', 'tombstone'))
    """,
    "ALTER TABLE videos ADD COLUMN withheld_at timestamptz",
    "ALTER TABLE videos ADD COLUMN withheld_by bigint",
    "CREATE INDEX videos_media_hash ON videos (media_hash) WHERE media_hash IS NOT NULL",
    "CREATE INDEX videos_withheld_by ON videos (withheld_by) WHERE withheld_by IS NOT NULL",
    """
    UPDATE videos v SET remixed = EXISTS (
        SELECT FROM ancestors a JOIN videos o ON o.id = a.ancestor_id
        WHERE a.video_id = v.id AND o.relation <> 'render'
    ), trend_id = (
        SELECT p.trend_id FROM ancestors a JOIN posts p ON p.video_id = a.ancestor_id
        WHERE a.video_id = v.id AND a.ancestor_id <> v.id ORDER BY p.created_at DESC LIMIT 1
    )
    WHERE v.relation IS NOT NULL
    """,
)


async def forwards() -> MigrationManager:
    """Piccolo calls this."""
    return plain(ID, DESCRIPTION, STATEMENTS)
