"""Batches: those that were, how far each is, steering it, and starting one from a list of instances."""

from webapp.areas.batches import looking, starting
from webapp.areas.batches.room import area

__all__ = ["area", "looking", "starting"]
