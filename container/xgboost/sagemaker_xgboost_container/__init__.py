"""Names that scripts written for AWS's image import; the code is smlocal_xgboost's."""
