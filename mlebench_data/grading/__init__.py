"""Grading: from a submission file and the answers to a report."""

from mlebench_data.grading.grade import grade, validate
from mlebench_data.grading.report import GradeReport, ValidationReport

__all__ = ["GradeReport", "ValidationReport", "grade", "validate"]
