"""How riffle-tiny is made: a drawn world, a video autoencoder, a teacher, a distilled student, a judge."""
