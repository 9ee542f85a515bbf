"""Objects in buckets: `interface` says what smlocal needs of a store, an adapter per store stands beside it."""
