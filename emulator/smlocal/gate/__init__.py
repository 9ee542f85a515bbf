"""Between a verdict and production: kept verdicts, publishing what was checked, and the statement about it."""
