"""Watching the engine: metrics, traces, slow commits, health. Each is off until somebody turns it on."""
