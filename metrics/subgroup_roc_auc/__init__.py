"""Area under the ROC curve, averaged with that of subgroups."""
