"""What crampstats raises: each error says, in one sentence or one list, what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class CrampstatsError(ValueError):
    """Anything that crampstats refuses to do."""


class SchemaError(CrampstatsError):
    """Data that do not fit what is declared of them; `faults` holds every fault found.

    Parameters
    ----------
    message
        The report, a line a fault.
    faults
        The same as records, `crampstats.schema.Fault`, for `crampstats.schema.faults_frame`.
    """

    def __init__(self, message: str, faults: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class QuestionError(CrampstatsError):
    """A question or formula that cannot be read, does not fit the columns, or has missing answers."""


class DesignError(CrampstatsError):
    """A sampling design that gives no variance, or estimates that cannot be combined under theirs."""


class IntervalError(CrampstatsError):
    """An interval that does not exist for this estimate by this method."""


class ReferenceDataError(CrampstatsError):
    """Reference data or a data file that is missing, altered, or carries no source."""


class ConvergenceError(CrampstatsError):
    """An iteration that did not reach its solution."""


class IdentifiabilityError(CrampstatsError):
    """Quantities that the data do not determine, however many people are asked.

    Parameters
    ----------
    message
        Why, and what would determine them.
    bounds
        What the data do allow, `crampstats.measurement.latent_bounds.LatentClassBounds`; None where they contradict the
        assumptions.
    """

    def __init__(self, message: str, bounds: Any = None) -> None:
        super().__init__(message)
        self.bounds = bounds
