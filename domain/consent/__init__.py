"""Cameos and the consent given for them: decided, recorded, revoked, carried out."""
