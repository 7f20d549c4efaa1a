"""Getting data: raw data from Kaggle, or data that the published benchmark has prepared."""
