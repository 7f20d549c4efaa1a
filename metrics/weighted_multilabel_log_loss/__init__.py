"""Binary log loss of several kinds of labels, weighted, by groups of rows."""
