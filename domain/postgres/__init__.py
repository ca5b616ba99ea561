"""The ledger in a PostgreSQL database: everything that knows it is one."""
