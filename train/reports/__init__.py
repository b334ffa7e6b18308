"""Pictures that a training writes beside its checkpoints."""
