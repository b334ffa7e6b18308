"""Videos: created, queued, leased, ended; what each is made from and who may see it."""
