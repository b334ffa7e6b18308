"""The key that signs what this Riffle makes: an authority and a leaf of its own, made at first use."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FOLDER = "keys"
CHAIN, KEY, AUTHORITY = "chain.pem", "key.pem", "authority.pem"
# As long as the media may be asked about. The key of the authority is thrown away once the leaf is signed.
LIFE = timedelta(days=3650)


class Credentials(NamedTuple):
    """PEM texts: the leaf with its authority, the leaf's key, and the authority alone, to verify by."""

    chain: str
    key: str
    authority: str


class BadCertificate(ValueError):
    """The certificate of the settings can't sign; the text says why."""


def credentials(home: Path, chain: Path | None = None, key: Path | None = None) -> Credentials:
    """The credentials under `home`/keys, made if there are none. Two processes that do so at once agree.

    `chain` and `key` are PEM files of a certificate of one's own, leaf first, to sign with instead; what was
    signed with the made key stays trusted.

    Raises:
        OSError: a file or the folder can't be read or written.
        BadCertificate: the key is none of P-256, or not the leaf's.
    """
    folder = home / FOLDER
    if not folder.exists():
        _make(folder)
    made = Credentials(*((folder / name).read_text() for name in (CHAIN, KEY, AUTHORITY)))
    if chain is None or key is None:
        return made
    return _given(chain.read_text(), key.read_text(), made.authority)


def _given(chain: str, key: str, authority: str) -> Credentials:
    try:
        certificates = x509.load_pem_x509_certificates(chain.encode())
        private = serialization.load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError) as error:
        raise BadCertificate(f"the certificate or its key can't be read: {error}") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
        raise BadCertificate("the key must be an EC key on P-256")
    if certificates[0].public_key() != private.public_key():
        raise BadCertificate("the key is not that of the first certificate of the chain")
    top = certificates[-1].public_bytes(serialization.Encoding.PEM).decode()
    return Credentials(chain, key, authority + top)


def _make(folder: Path) -> None:
    made = Path(tempfile.mkdtemp(prefix=".keys-", dir=folder.parent))
    authority, leaf, key = _certificates()
    pem = serialization.Encoding.PEM
    (made / CHAIN).write_bytes(leaf.public_bytes(pem) + authority.public_bytes(pem))
    (made / AUTHORITY).write_bytes(authority.public_bytes(pem))
    (made / KEY).touch(mode=0o600)
    (made / KEY).write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    try:
        made.rename(folder)
    except OSError:
        # Another process was first; its keys are as good.
        for path in made.iterdir():
            path.unlink()
        made.rmdir()
        if not folder.exists():
            raise
    os.chmod(folder, 0o700)


def _certificates() -> tuple[x509.Certificate, x509.Certificate, ec.EllipticCurvePrivateKey]:
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _name("Riffle media authority")
    root_id = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    authority = (
        _builder(root, root, root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(root_id, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _builder(_name("Riffle media"), root, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_id), critical=False
        )
        .sign(root_key, hashes.SHA256())
    )
    return authority, leaf, key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # Clocks differ a little between machines.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFE)
    )


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Riffle"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
