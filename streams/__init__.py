"""Moving recorded events to those who give them meaning: in order, nothing skipped."""
