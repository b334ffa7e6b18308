"""Prompts and subjects by HTTP: what the api asks before a video is created, beside the drawing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from model_server.engine.understanding import Understanding
from model_server.serve.replies import error, reply
from model_server.serve.worker import Worker
from schemas.errors import Code
from schemas.library import ReadPrompt

T = TypeVar("T")
# The longest prompt, with four bytes to a character and escapes.
MAX_BODY_BYTES = 32_000
MAX_QUERY_CHARS = 200
MAX_PAGE = 100
# Prompts are read one after another; whoever would wait longer than the api does is told so.
MAX_WAITING = 50
BUSY = "many prompts are being read: try again in a moment"


class PromptPages:
    """What a worker's libraries answer."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._thread = ThreadPoolExecutor(1, "read")
        self._waiting = 0

    async def names(self, request: Request) -> Response:
        """All names of a model's library."""
        understanding = self._understanding(request)
        if understanding is None:
            return _no_library(request)
        return reply(200, understanding.library.index)

    async def subjects(self, request: Request) -> Response:
        """A page of what a model's library shows, by meaning."""
        understanding = self._understanding(request)
        if understanding is None:
            return _no_library(request)
        query, after = request.query_params.get("q", ""), request.query_params.get("after")
        try:
            limit = min(MAX_PAGE, max(1, int(request.query_params.get("limit", "1"))))
            page = await self._run(partial(understanding.page, query[:MAX_QUERY_CHARS], after, limit))
        except KeyError:
            return error(Code.NOT_FOUND, f"there is no subject {after!r} here")
        except ValueError:
            return error(Code.INVALID_REQUEST, "limit is no number")
        except asyncio.QueueFull:
            return error(Code.BUSY, BUSY)
        return reply(200, page)

    async def subject(self, request: Request) -> Response:
        """The subject that has a picture."""
        understanding = self._understanding(request)
        if understanding is None:
            return _no_library(request)
        picture = request.path_params["picture"]
        try:
            subject = understanding.library.subject(picture)
            return reply(200, await self._run(partial(understanding.card, subject)))
        except KeyError:
            return _no_picture(picture)
        except asyncio.QueueFull:
            return error(Code.BUSY, BUSY)

    async def picture(self, request: Request) -> Response:
        """A small picture, by its id."""
        understanding = self._understanding(request)
        if understanding is None:
            return _no_library(request)
        picture = request.path_params["picture"]
        try:
            small = await self._run(partial(understanding.small_picture, picture))
        except KeyError:
            return _no_picture(picture)
        except asyncio.QueueFull:
            return error(Code.BUSY, BUSY)
        return Response(small, media_type="image/webp")

    async def read(self, request: Request) -> Response:
        """What a prompt says."""
        understanding = self._understanding(request)
        if understanding is None:
            return _no_library(request)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return error(Code.BODY_TOO_LARGE, f"a prompt has at most {MAX_BODY_BYTES} bytes")
        try:
            asked = msgspec.json.decode(bytes(body), type=ReadPrompt)
            reading = await self._run(partial(understanding.read, asked.prompt, referring=asked.referring))
        except msgspec.MsgspecError as wrong:
            return error(Code.INVALID_REQUEST, str(wrong))
        except asyncio.QueueFull:
            return error(Code.BUSY, BUSY)
        return reply(200, reading)

    def _understanding(self, request: Request) -> Understanding | None:
        return self._worker.engines.understanding(request.path_params["model"])

    async def _run(self, work: Callable[[], T]) -> T:
        """`work` in the one thread that reads.

        Raises:
            asyncio.QueueFull: too many wait.
        """
        if self._waiting >= MAX_WAITING:
            raise asyncio.QueueFull
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._waiting -= 1


def prompt_routes(worker: Worker) -> list[Route]:
    """Names, subjects and readings of each model with a library."""
    pages = PromptPages(worker)
    return [
        Route("/v1/models/{model:str}/names", pages.names),
        Route("/v1/models/{model:str}/subjects", pages.subjects),
        Route("/v1/models/{model:str}/subjects/{picture:str}", pages.subject),
        Route("/v1/models/{model:str}/subjects/{picture:str}/picture", pages.picture),
        Route("/v1/models/{model:str}/read", pages.read, methods=["POST"]),
    ]


def _no_library(request: Request) -> Response:
    return error(Code.NOT_FOUND, f"there is no library of pictures of {request.path_params['model']!r}")


def _no_picture(picture: str) -> Response:
    return error(Code.NOT_FOUND, f"there is no picture {picture!r} here")
