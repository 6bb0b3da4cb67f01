"""What happened: written from the events, read by instance."""
