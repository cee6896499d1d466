"""Numbers from print: each with its source, its place there and its standing."""

from crampstats.reference.populations import AgeBand, StandardPopulation, standard_population
from crampstats.reference.sourced import Sourced
from crampstats.reference.tables import cramp_prevalences, sources

__all__ = ["AgeBand", "Sourced", "StandardPopulation", "cramp_prevalences", "sources", "standard_population"]
