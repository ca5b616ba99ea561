"""HTTP: the intake, the API and what guards them.

The intake is a thin endpoint of its own because it carries the load; everything else is an ordinary
FastAPI application.
"""
