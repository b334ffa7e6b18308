"""Posts: publishing a video, liking one, taking it back."""

from __future__ import annotations

from datetime import datetime

from litestar import Controller, Response, delete, get, post, put

from api.http.auth import AuthedRequest, asker
from api.http.idempotency import idempotent_with_check
from domain.feed import posts
from domain.safety.screen import Screen
from schemas.feed import CreatePost, Deleted, Post


class Posts(Controller):
    """Published videos."""

    path = "/posts"
    tags = ("posts",)

    @post("/", summary="Publish a video")
    async def publish(
        self, request: AuthedRequest, now: datetime, data: CreatePost, screen: Screen
    ) -> Response[Post]:
        """Publish an own, completed video. The consent that it rests on is checked again.

        A preview is then drawn in full in the background, which costs nothing; as soon as that is there, it
        is the `video` of the post. What is made from the preview stays in the trend.

        Raises:
            RiffleError: not_found, invalid_state, conflict, consent_refused, likeness_protected,
                moderation_refused, taken_down.
        """

        async def check() -> None:
            await screen.check_post(asker(request, now), data.video_id, data.caption)

        async def create(_: None) -> Post:
            return await posts.post(data.video_id, request.user.id, data.caption, now)

        async def reread(post_id: str) -> Post:
            return await posts.get_post(post_id, request.user.id, now)

        return await idempotent_with_check(request, data, check, create, reread)

    @get("/{post_id:str}", summary="One post")
    async def one(self, request: AuthedRequest, now: datetime, post_id: str) -> Post:
        """A post as the asker sees it.

        Raises:
            RiffleError: not_found.
        """
        return await posts.get_post(post_id, request.user.id, now)

    @delete("/{post_id:str}", status_code=200, summary="Take a post back")
    async def remove(self, request: AuthedRequest, now: datetime, post_id: str) -> Deleted:
        """The video becomes a draft again; posts made from it stay.

        Raises:
            RiffleError: not_found.
        """
        await posts.delete_post(post_id, request.user.id, now)
        return Deleted(id=post_id)

    @put("/{post_id:str}/like", summary="Like")
    async def like(self, request: AuthedRequest, now: datetime, post_id: str) -> Post:
        """Like; once counts, however often it is sent.

        Raises:
            RiffleError: not_found.
        """
        await posts.like(post_id, request.user.id, now)
        return await posts.get_post(post_id, request.user.id, now)

    @delete("/{post_id:str}/like", status_code=200, summary="Take a like back")
    async def unlike(self, request: AuthedRequest, now: datetime, post_id: str) -> Post:
        """Take a like back; fine where there was none.

        Raises:
            RiffleError: not_found.
        """
        await posts.unlike(post_id, request.user.id, now)
        return await posts.get_post(post_id, request.user.id, now)
