"""A scikit-learn classifier as a SageMaker container of one's own: training and serving."""
