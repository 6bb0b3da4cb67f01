"""Reads BPMN and DMN models into frozen records. Runs nothing and imports neither engine nor webapp."""
