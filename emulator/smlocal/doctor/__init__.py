"""Is this machine ready for smlocal, and if not, which command makes it so."""
