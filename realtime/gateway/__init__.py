"""Phones on sockets: who follows what, and what each one still lacks."""
