"""The container engine: `interface` says what smlocal needs of one, an adapter per engine stands beside it."""
