"""PostgreSQL: tables, migrations, queries by noun and leases. The only folder that knows Piccolo."""
