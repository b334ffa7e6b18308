"""The registry of names, reports, appeals, takedowns and enrolments, the moderators."""

from __future__ import annotations

import asyncio
import hmac
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from piccolo.apps.user.tables import BaseUser
from piccolo.columns import JSONB, Array, BigSerial, Boolean, Bytea, Integer, Text, Timestamptz
from piccolo.table import Table
from piccolo_api.session_auth.tables import SessionsBase

from db.engine import ENGINE

# Moderators are few.
HASHING = ThreadPoolExecutor(1, thread_name_prefix="moderators")


class AuditLogTable(Table, tablename="audit_log", db=ENGINE):
    """What a moderator did, to what. Append-only."""

    id = BigSerial(primary_key=True)
    at = Timestamptz()
    actor = Text()
    action = Text()
    subject = Text()
    detail = JSONB()


class RegistryEntryTable(Table, tablename="registry_entries", db=ENGINE):
    """A person who never enrolled, or a protected character; see domain.safety.name_match.Entry."""

    id = Text(primary_key=True)
    name = Text()
    kind = Text()
    names = JSONB()
    handles = JSONB()
    near = JSONB()
    unless = JSONB()
    origin = Text()
    active = Boolean()
    changed_at = Timestamptz()


class RegistryRepresentativeTable(Table, tablename="registry_representatives", db=ENGINE):
    """`account_id` may grant the use of an entry, until `ended_at`."""

    id = Text(primary_key=True)
    entry_id = Text()
    account_id = Text()
    role = Text()
    since = Timestamptz()
    ended_at = Timestamptz(null=True)


class RegistryGrantTable(Table, tablename="registry_grants", db=ENGINE):
    """A representative lets `grantee_id` name an entry."""

    id = Text(primary_key=True)
    entry_id = Text()
    grantee_id = Text()
    granted_by = Text()
    until = Timestamptz(null=True)
    created_at = Timestamptz()
    revoked_at = Timestamptz(null=True)


class RefusalTable(Table, tablename="refusals", db=ENGINE):
    """A text that was refused, by the id of the request, so that it can be appealed."""

    request_id = Text(primary_key=True)
    account_id = Text()
    texts = JSONB()
    texts_hash = Text()
    rules = JSONB()
    at = Timestamptz()


class AppealTable(Table, tablename="appeals", db=ENGINE):
    """A person says that a refusal was wrong."""

    id = Text(primary_key=True)
    request_id = Text()
    account_id = Text()
    reason = Text()
    status = Text()
    created_at = Timestamptz()
    decided_at = Timestamptz(null=True)
    decided_by = Text(null=True)
    note = Text(null=True)


class ReportTable(Table, tablename="reports", db=ENGINE):
    """A person says that something should not be there; `outcome` names what was done."""

    id = Text(primary_key=True)
    account_id = Text()
    kind = Text()
    subject_id = Text()
    reason = Text()
    note = Text(null=True)
    status = Text()
    created_at = Timestamptz()
    decided_at = Timestamptz(null=True)
    decided_by = Text(null=True)
    outcome = Text(null=True)


class HiddenVideoTable(Table, tablename="hidden_videos", db=ENGINE):
    """A video that moderators took out of sight, until `ended_at`."""

    id = BigSerial(primary_key=True)
    video_id = Text()
    reason = Text()
    since = Timestamptz()
    ended_at = Timestamptz(null=True)


class MinorCameoTable(Table, tablename="minor_cameos", db=ENGINE):
    """A cameo that shows a minor: used by nobody and shown to nobody, until `ended_at`."""

    id = BigSerial(primary_key=True)
    cameo_id = Text()
    since = Timestamptz()
    ended_at = Timestamptz(null=True)


class FingerprintTable(Table, tablename="fingerprints", db=ENGINE):
    """What a video looks like (media.fingerprint), and the same cut into bands for the index."""

    video_id = Text(primary_key=True)
    hash = Text()
    bands = Array(base_column=Integer())


class SketchTable(Table, tablename="sketches", db=ENGINE):
    """What a frame of a cameo's picture, or of a video, looks like (media.sketch)."""

    id = BigSerial(primary_key=True)
    cameo_id = Text(null=True)
    video_id = Text(null=True)
    cells = Bytea()


class RefusedCopyTable(Table, tablename="refused_copies", db=ENGINE):
    """Somebody uploaded a copy of a cameo's picture, or of a video with it; its owner was told."""

    id = BigSerial(primary_key=True)
    cameo_id = Text()
    account_id = Text()
    video_id = Text(null=True)
    upload = Text()
    found_by = Text()
    at = Timestamptz()


class TakedownTable(Table, tablename="takedowns", db=ENGINE):
    """A demand to take videos down; undecided by `due_at` it counts as upheld.

    `sought`: the copies that were there when it was filed are under it.
    """

    id = Text(primary_key=True)
    claimant = Text()
    contact = Text()
    role = Text()
    identification = Text()
    statement = Text()
    signature = Text()
    status = Text()
    created_at = Timestamptz()
    due_at = Timestamptz()
    sought = Boolean()
    decided_at = Timestamptz(null=True)
    decided_by = Text(null=True)
    note = Text(null=True)


class TakedownTargetTable(Table, tablename="takedown_targets", db=ENGINE):
    """A video that a takedown is about, and how it was found; `distance` in bits of 256 for copies."""

    id = BigSerial(primary_key=True)
    takedown_id = Text()
    video_id = Text()
    match = Text()
    distance = Integer(null=True)


class CounterNoticeTable(Table, tablename="counter_notices", db=ENGINE):
    """The maker of a video that was taken down disagrees."""

    id = Text(primary_key=True)
    takedown_id = Text()
    account_id = Text()
    statement = Text()
    contact = Text()
    signature = Text()
    created_at = Timestamptz()


class ChallengeTable(Table, tablename="challenges", db=ENGINE):
    """What a person must say and do in a proof clip; used once."""

    id = Text(primary_key=True)
    cameo_id = Text()
    digits = Text()
    turns = JSONB()
    created_at = Timestamptz()
    expires_at = Timestamptz()
    used_at = Timestamptz(null=True)


class ProofTable(Table, tablename="proofs", db=ENGINE):
    """A sealed clip that answers a challenge, and what a moderator made of it; the clip goes in time."""

    id = Text(primary_key=True)
    cameo_id = Text()
    challenge_id = Text()
    media_key = Text(null=True)
    hash = Text()
    bands = Array(base_column=Integer())
    checks = JSONB()
    status = Text()
    created_at = Timestamptz()
    decided_at = Timestamptz(null=True)
    decided_by = Text(null=True)
    note = Text(null=True)


class ModeratorTable(BaseUser, tablename="moderators", db=ENGINE):
    """Who may sign in to /admin: `admin` decides, `superuser` also changes the registry and its speakers."""

    @classmethod
    async def login(cls, username: str, password: str) -> int | None:
        """The id of the moderator with this password; a name that nobody has takes as long.

        Piccolo's own hashes on the event loop, a third of a second.
        """
        found = await cls.select(cls.id, cls.password).where(cls.username == username).first()
        loop = asyncio.get_running_loop()
        fits = await loop.run_in_executor(HASHING, cls._fits, password, found["password"] if found else "")
        if not fits or found is None:
            return None
        await cls.update({cls.last_login: datetime.now()}).where(cls.username == username)
        return int(found["id"])

    @classmethod
    def _fits(cls, password: str, stored: str) -> bool:
        if len(password) > cls._max_password_length:
            return False
        if not stored:
            cls.hash_password(password)
            return False
        _, iterations, salt, _ = cls.split_stored_password(stored)
        return hmac.compare_digest(cls.hash_password(password, salt, int(iterations)), stored)


class ModeratorSessionTable(SessionsBase, tablename="moderator_sessions", db=ENGINE):
    """A moderator's sign-in."""
