"""PostgreSQL on one's own machine."""
