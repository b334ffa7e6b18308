"""How riffle-tiny is trained and measured. Not installed with the product."""
