"""The moderators' pages: every table to read, every act a form that is checked and written down."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from piccolo.columns import Column
from piccolo_admin.endpoints import FileResponse, FormConfig, TableConfig, create_admin
from piccolo_api.crud.endpoints import OrderBy, PiccoloCRUD
from piccolo_api.crud.validators import Validators
from piccolo_api.rate_limiting.middleware import RateLimitProvider
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp

from db.tables.safety import (
    AppealTable,
    AuditLogTable,
    CounterNoticeTable,
    HiddenVideoTable,
    MinorCameoTable,
    ModeratorSessionTable,
    ModeratorTable,
    ProofTable,
    RefusalTable,
    RegistryEntryTable,
    RegistryGrantTable,
    RegistryRepresentativeTable,
    ReportTable,
    TakedownTable,
    TakedownTargetTable,
)
from domain.clock import Clock
from domain.consent import enrolments
from domain.safety.admin import admin_actions, evidence
from schemas.errors import RiffleError

SITE = "Riffle moderation"
# Clips lie in the media store, which this floor does not know, proofs sealed: the api opens them.
OpenProof = Callable[[str, str], Awaitable[bytes]]
OpenVideo = Callable[[str], Awaitable[bytes]]


def pages(open_proof: OpenProof, open_video: OpenVideo, clock: Clock, *, secure: bool) -> ASGIApp:
    """The ASGI app to mount. `open_proof(key, proof id)` and `open_video(key)` give clips.

    `secure` cookies need HTTPS.
    """
    app: ASGIApp = create_admin(
        tables=[
            # The clock first: what runs out next.
            _table(TakedownTable, "Takedowns", TakedownTable.due_at),
            _table(TakedownTargetTable, "Takedowns", TakedownTargetTable.id),
            _table(CounterNoticeTable, "Takedowns", CounterNoticeTable.created_at),
            _table(
                ProofTable, "Enrolments", ProofTable.created_at, hidden=[ProofTable.hash, ProofTable.bands]
            ),
            _table(ReportTable, "Reports", ReportTable.created_at),
            _table(HiddenVideoTable, "Reports", HiddenVideoTable.since),
            _table(MinorCameoTable, "Reports", MinorCameoTable.since),
            _table(AppealTable, "Appeals", AppealTable.created_at),
            _table(RefusalTable, "Appeals", RefusalTable.at, newest=True),
            _table(RegistryEntryTable, "Registry", RegistryEntryTable.name),
            _table(RegistryRepresentativeTable, "Registry", RegistryRepresentativeTable.since, newest=True),
            _table(RegistryGrantTable, "Registry", RegistryGrantTable.created_at, newest=True),
            _table(AuditLogTable, "Audit log", AuditLogTable.id, newest=True),
        ],
        forms=[
            *(_form(act, clock) for act in admin_actions.ADMIN_ACTIONS),
            *_clip_forms(open_proof, open_video, clock),
        ],
        auth_table=ModeratorTable,
        session_table=ModeratorSessionTable,
        production=secure,
        site_name=SITE,
        # Wrong sign-ins are counted before they come here; the pages' own block would never end.
        rate_limit_provider=_Unlimited(),
        # People's accounts hang on every table, and are none of these pages' business.
        auto_include_related=False,
    )
    return app


class _Unlimited(RateLimitProvider):
    """Counts nothing."""

    def increment(self, identifier: str) -> None:
        """Let it pass."""


def _table(
    table: type[Any], group: str, by: Column, *, newest: bool = False, hidden: list[Column] | None = None
) -> TableConfig:
    return TableConfig(
        table_class=table,
        menu_group=group,
        order_by=[OrderBy(by, ascending=not newest)],
        exclude_visible_columns=hidden,
        validators=Validators(every=[_read_only]),
    )


def _read_only(piccolo_crud: PiccoloCRUD, request: Request) -> None:
    """Rows change by forms alone, where the change is checked and written into the audit log."""
    if request.method not in ("GET", "HEAD"):
        raise HTTPException(405, "use the forms: each act is checked and written down")


def _form(act: admin_actions.AdminAction, clock: Clock) -> FormConfig:
    async def endpoint(request: Request, data: BaseModel) -> str:
        _check_role(request, act.superuser)
        try:
            return await act.run(data, _name(request), clock())
        except RiffleError as refused:
            # The form shows the words of a ValueError.
            raise ValueError(refused.message) from None

    return FormConfig(act.name, act.model, endpoint, description=act.about, form_group=act.group)


def _clip_forms(open_proof: OpenProof, open_video: OpenVideo, clock: Clock) -> list[FormConfig]:
    async def proof(data: admin_actions.SeeProof, actor: str) -> tuple[str, bytes]:
        key = await enrolments.sealed_key(data.proof_id, actor, now=clock())
        return data.proof_id, await open_proof(key, data.proof_id)

    async def video(data: admin_actions.SeeVideo, actor: str) -> tuple[str, bytes]:
        key = await evidence.video_key(data.video_id, actor, now=clock())
        return data.video_id, await open_video(key)

    logged = "That you looked is written down."
    return [
        FormConfig(
            "See a proof",
            admin_actions.SeeProof,
            _download(proof),
            description=f"Download the clip of a proof to compare it with its challenge. {logged}",
            form_group="Enrolments",
        ),
        FormConfig(
            "See a video",
            admin_actions.SeeVideo,
            _download(video),
            description=f"Download one that is reported, hidden or under a takedown. {logged}",
            form_group="Reports",
        ),
    ]


def _download(
    find: Callable[[Any, str], Awaitable[tuple[str, bytes]]],
) -> Callable[[Request, BaseModel], Coroutine[None, None, FileResponse]]:
    async def endpoint(request: Request, data: BaseModel) -> FileResponse:
        try:
            name, clip = await find(data, _name(request))
        except RiffleError as refused:
            raise ValueError(refused.message) from None
        return FileResponse(io.BytesIO(clip), f"{name}.mp4", "video/mp4")

    return endpoint


def _check_role(request: Request, superuser: bool) -> None:
    if superuser and not request.user.user.superuser:
        raise ValueError("only a superuser may do this")


def _name(request: Request) -> str:
    return str(request.user.user.username)
