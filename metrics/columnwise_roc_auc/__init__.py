"""Column-wise area under the ROC curve."""
