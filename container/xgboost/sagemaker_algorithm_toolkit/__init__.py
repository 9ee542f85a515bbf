"""Names that scripts written for AWS's image may import; the code is smlocal_xgboost's."""
