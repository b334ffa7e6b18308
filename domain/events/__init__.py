"""Streams of numbered events, and how a phone resumes one."""
