"""Mean average precision of three-dimensional detections."""
