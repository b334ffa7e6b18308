"""Frames to files: encoding, and the visible mark."""
