"""What operators do to instances that run or have ended: modify, restart, migrate, and all of it to many at once."""
