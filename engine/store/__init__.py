"""Everything that is kept: the only package with SQL."""
