"""Measurements of trained weights."""
