"""Accounts, sessions, who follows and blocks whom, and credits."""
