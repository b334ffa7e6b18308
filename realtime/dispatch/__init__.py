"""Queued videos to the model server, and what it sends back into the database."""
