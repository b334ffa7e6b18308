"""What Riffle decides and keeps, by noun. Pure decisions stand in files of their own, which do no I/O."""
