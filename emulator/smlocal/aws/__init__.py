"""The AWS wire: what unmodified AWS clients send, and what they get."""
