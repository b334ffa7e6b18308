"""Drawing: the preview engine, the full renderer, and what both share."""
