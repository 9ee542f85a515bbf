"""Script mode: the customer's own program trains and serves, with xgboost at hand."""
