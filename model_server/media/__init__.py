"""Frames to files: encoding, the visible mark, joining clips."""
