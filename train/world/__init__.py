"""The drawn world that the model learns from."""
