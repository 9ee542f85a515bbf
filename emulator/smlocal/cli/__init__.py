"""The command line: arguments in, one call of the library, its answer rendered, an exit code out."""
