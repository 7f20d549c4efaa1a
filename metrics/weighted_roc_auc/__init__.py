"""Area under the ROC curve whose bands of the true positive rate weigh differently."""
