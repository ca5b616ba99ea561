"""Read models, KPI evaluation, scorecard and explanation: what the recorded events mean."""
