"""Figures: one style, colour-blind safe, readable at half size; saved the same to the last byte."""

from crampstats.figures.alt_texts import describe
from crampstats.figures.contours import draw_tipping_point
from crampstats.figures.curves import draw_cutoff_curve
from crampstats.figures.diagrams import draw_flow, draw_graph
from crampstats.figures.distributions import draw_rounded
from crampstats.figures.forests import draw_forest, draw_funnel, draw_worthwhile
from crampstats.figures.missingness import draw_missing_patterns
from crampstats.figures.points import (
    draw_against_truth,
    draw_calibration,
    draw_performance,
    draw_prevalence,
    draw_ratios,
)
from crampstats.figures.power_curves import draw_power
from crampstats.figures.specification_curves import draw_shares, draw_specifications
from crampstats.figures.style import Picture, canvas, draw_legend, pixels_of, save

__all__ = [
    "Picture",
    "canvas",
    "describe",
    "draw_against_truth",
    "draw_calibration",
    "draw_cutoff_curve",
    "draw_flow",
    "draw_forest",
    "draw_funnel",
    "draw_graph",
    "draw_legend",
    "draw_missing_patterns",
    "draw_performance",
    "draw_power",
    "draw_prevalence",
    "draw_ratios",
    "draw_rounded",
    "draw_shares",
    "draw_specifications",
    "draw_tipping_point",
    "draw_worthwhile",
    "pixels_of",
    "save",
]
