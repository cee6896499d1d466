"""Numbers from print: each with its source, its place there and its standing."""

from crampstats.reference.claim_tables import claims
from crampstats.reference.limits import cutoffs
from crampstats.reference.populations import AgeBand, StandardPopulation, standard_population
from crampstats.reference.sourced import Sourced
from crampstats.reference.tables import cramp_prevalences, magnesium_prevalences, sources
from crampstats.reference.trial_tables import trial_reviews, trials
from crampstats.reference.variation import magnesium_variation

__all__ = [
    "AgeBand",
    "Sourced",
    "StandardPopulation",
    "claims",
    "cramp_prevalences",
    "cutoffs",
    "magnesium_prevalences",
    "magnesium_variation",
    "sources",
    "standard_population",
    "trial_reviews",
    "trials",
]
