"""Words that the model is trained on and the product writes for it, so that both mean the same."""

from __future__ import annotations

# What the model reads for a subject whose picture it is conditioned on; it knows no names.
SOMEONE = "someone"
# Words that refer to such a subject.
REFERRING = (SOMEONE, "somebody", "a person", "my friend", "this one")
