"""Where bfloat16 helps: on accelerators, and on CPUs whose matrix products are made for it."""

from functools import cache

import torch

# Without one of these a CPU emulates bfloat16: 1 GFLOP/s instead of 111 on two cores that have AVX2 alone.
NATIVE = ("avx512_bf16", "amx_bf16", "bf16")  # the last: ARM


@cache
def bfloat16_helps(device_type: str) -> bool:
    """Whether this kind of device ("cpu", "cuda", ...) computes faster in bfloat16 than in float32."""
    if device_type != "cpu":
        return True
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in NATIVE)


def mixed(device: str | torch.device, *, wanted: bool = True) -> torch.autocast:
    """Computing in bfloat16 where that's wanted and helps, in float32 elsewhere."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=wanted and bfloat16_helps(kind))
