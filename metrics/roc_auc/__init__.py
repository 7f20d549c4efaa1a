"""Area under the ROC curve."""
