"""Average precision of detections as in the COCO challenge."""
