"""Refused bodies are read to their end, so that clients see the refusal."""

from __future__ import annotations

from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send

# A phone's clip with room to spare; whoever sends more than this to be refused loses the connection.
MAX_DRAINED_BYTES = 64 * 1024 * 1024


def drain_request_body(app: ASGIApp) -> ASGIApp:
    """Middleware: read the body to its end before responding; a client that still sends would see a reset."""

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        unread = MAX_DRAINED_BYTES

        async def receive_counted() -> HTTPReceiveMessage:
            nonlocal unread
            message: HTTPReceiveMessage = await receive()  # type: ignore[assignment]
            if message["type"] == "http.request" and message["more_body"]:
                unread -= len(message["body"])
            else:
                unread = 0
            return message

        async def send_after_body(message: Message) -> None:
            while message["type"] == "http.response.start" and unread > 0:
                await receive_counted()
            await send(message)

        await app(scope, receive_counted, send_after_body)

    return middleware
