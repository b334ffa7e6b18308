"""What every route shares: bodies, errors, authentication, limits, OpenAPI."""
