"""The ledger in one SQLite file: everything that knows it is one."""
