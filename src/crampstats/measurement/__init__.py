"""Behind the reported number: rounding, one draw of blood, imperfect tests, reference limits."""

from crampstats.measurement.usual_levels import usual_prevalence

__all__ = ["usual_prevalence"]
