"""The stages of a training, each resuming from its checkpoint."""
