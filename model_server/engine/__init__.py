"""Generating: the preview engine (onnxruntime), the full renderer (torch), and what both share."""
