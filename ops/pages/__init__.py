"""The pages a committee member reads: scorecard, KPI, explanation, event, agency, and the reference behind them.

Rendered on the server from the same figures as the JSON, so that they can be read, printed and kept without a script.
"""

from ops.pages.routes import Pages, routes

__all__ = ["Pages", "routes"]
