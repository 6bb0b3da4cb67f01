"""The kinds of things that do jobs: Python functions, agents, or somebody outside."""
