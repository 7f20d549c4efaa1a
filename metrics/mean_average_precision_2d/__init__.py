"""Mean average precision of two-dimensional detections."""
