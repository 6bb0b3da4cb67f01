"""Runs the models: instances, jobs, user tasks, history. Knows nothing of the web."""
