"""One dispatcher's websocket: MessagePack frames in, frames out in order, bounded both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.types import Receive, Send

from schemas.work import MAX_WORK_FRAME_BYTES, BadFrame, FromModels, ToModels, decode_to_models

# A dispatcher that leaves this many frames unread is gone or hung: 64 jobs of 4 steps each.
MAX_UNSENT = 256
# Close codes (RFC 6455): the frame can't be understood, is too big, or the peer doesn't keep up.
UNSUPPORTED = 1003
TOO_BIG = 1009
TRY_LATER = 1013
# A close frame carries 125 bytes, 2 of them the code.
MAX_REASON_BYTES = 123

_encoder = msgspec.msgpack.Encoder()


class Connection:
    """Frames to `post` are sent by `write`, which runs beside the loop over `frames`."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._unsent: asyncio.Queue[FromModels | None] = asyncio.Queue()
        self.open = True

    def post(self, frame: FromModels) -> None:
        """Send a frame soon. One that doesn't keep up is closed; its jobs go on, repeats get their ends."""
        if not self.open:
            return
        if self._unsent.qsize() >= MAX_UNSENT:
            self.open = False
            self._unsent.put_nowait(None)
            return
        self._unsent.put_nowait(frame)

    async def write(self) -> None:
        """Send what is posted, until the connection ends."""
        while (frame := await self._unsent.get()) is not None:
            await self._send({"type": "websocket.send", "bytes": _encoder.encode(frame)})
        await self.close(TRY_LATER, f"{MAX_UNSENT} frames were not read")

    async def frames(self) -> AsyncIterator[ToModels]:
        """Received frames; ends when the peer leaves or breaks the protocol (the close frame says how)."""
        while (message := await self._receive())["type"] == "websocket.receive":
            data = message.get("bytes")
            if not data:
                await self.close(UNSUPPORTED, "frames are MessagePack in binary messages")
                return
            if len(data) > MAX_WORK_FRAME_BYTES:
                await self.close(TOO_BIG, f"a frame holds at most {MAX_WORK_FRAME_BYTES} bytes")
                return
            try:
                frame = decode_to_models(data)
            except BadFrame as error:
                await self.close(UNSUPPORTED, f"bad frame: {error}")
                return
            yield frame
        self.open = False

    async def close(self, code: int, reason: str) -> None:
        """End the connection from this side."""
        self.open = False
        cut = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        await self._send({"type": "websocket.close", "code": code, "reason": cut})
