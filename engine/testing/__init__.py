"""Scenario files: how a process must behave, run with a virtual clock and a fresh store each."""
