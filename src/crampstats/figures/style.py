"""The style of the house: colours, an empty canvas, and how a figure is saved the same to the last byte."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from matplotlib.ticker import NullLocator
from PIL import Image

from crampstats.errors import CrampstatsError
from crampstats.output import check_name, output_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# Okabe M, Ito K, Color Universal Design, 2008: told apart by colour-blind readers; markers tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
MARKERS = ("o", "D", "s", "^")
INK = "#222222"
GRID = "#dddddd"
# Letters of at least 7 points on a page of A4, whose text is 170 mm wide: 9.4 points in a figure of 9 inches. They are as
# large on a screen that shows the picture at half size.
LEAST_POINTS, PAGE_INCHES = 7.0, 170 / 25.4
# Marks of a logarithmic axis, from sparse to dense.
LOG_TICKS = (
    tuple(10.0**power for power in range(-6, 7)),
    tuple(digit * 10.0**power for power in range(-6, 7) for digit in (1, 2, 5)),
    tuple(digit * 10.0**power for power in range(-6, 7) for digit in (1, 1.5, 2, 3, 4, 5, 7)),
)
MOST_TICKS = 7
STYLE: Any = {
    **sns.axes_style("ticks"),
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 12,
    "axes.titlelocation": "left",
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "legend.fontsize": 12,
    "legend.frameon": False,
    "savefig.dpi": 150,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "crampstats",
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 12,
    "ytick.color": INK,
    "ytick.labelsize": 12,
}


@dataclass(frozen=True)
class Picture:
    """A saved figure as a notebook shows it.

    Attributes
    ----------
    name
        Of its files.
    alt
        What it shows, for who cannot see it.
    png
        The bytes of the picture.
    """

    name: str
    alt: str
    png: bytes

    def __repr__(self) -> str:
        return f"Figure {self.name}: {self.alt}"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"image/png": self.png, "text/plain": repr(self)}, {"image/png": {"alt": self.alt}}


def canvas(
    *, columns: int = 1, heights: Sequence[float] = (1.0,), width: float = 9.0, height: float = 4.5
) -> tuple[Figure, list[Axes]]:
    """Return an empty figure in the style of the house, and its axes from left to right, row by row.

    Parameters
    ----------
    columns
        Axes beside each other, with one scale of y.
    heights
        Of the rows of axes, in proportion to each other; axes above each other have one scale of x.
    width, height
        Inches.
    """
    # A Figure of its own, not pyplot's: nothing global is set, nothing shows itself by accident.
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        ratios = {"height_ratios": heights}
        axes = figure.subplots(len(heights), columns, sharex="col", sharey="row", squeeze=False, gridspec_kw=ratios)
    return figure, list(axes.ravel())


def finish_rows(ax: Axes) -> None:
    """Give axes whose rows are named things the lines of the house: a grid for the values, no spine at the names.

    Parameters
    ----------
    ax
        Whose y axis names rows.
    """
    ax.grid(axis="x", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    sns.despine(ax=ax, left=True)


def with_dashes(text: object) -> str:
    """Return a label as print has it: an en dash in a range of numbers, ``"20–39"``, and a minus before a negative one.

    Parameters
    ----------
    text
        Of a row, a group or a series.
    """
    return re.sub(r"(?<![\w–−-])-(?=\d)", "−", re.sub(r"(?<=\d)-(?=\d)", "–", str(text)))


def set_log_ticks(axis: Axis) -> None:
    """Mark a logarithmic axis with plain numbers, as many of them as can be read.

    Parameters
    ----------
    axis
        With its final limits.
    """
    low, high = sorted(axis.get_view_interval())
    ticks: list[float] = []
    for marks in LOG_TICKS:
        inside = [tick for tick in marks if low <= tick * (1 + 1e-9) and tick <= high * (1 + 1e-9)]
        if not ticks or len(inside) <= MOST_TICKS:
            ticks = inside
    axis.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axis.set_minor_locator(NullLocator())


def draw_legend(figure: Figure, ax: Axes) -> None:
    """Write above all axes of a figure what the colours and markers of one of them mean, in as many rows as that takes.

    Parameters
    ----------
    figure
        As from `canvas`.
    ax
        One of its axes.
    """
    with mpl.rc_context(STYLE):
        handles, labels = ax.get_legend_handles_labels()
        for columns in range(len(labels), 0, -1):
            legend = figure.legend(handles, labels, loc="outside upper left", ncols=columns, handletextpad=0.4)
            if columns == 1 or legend.get_window_extent().width <= figure.bbox.width:
                break
            legend.remove()


def save(figure: Figure, name: str, *, alt: str) -> Picture:
    """Save a figure as SVG and PNG, and return it for the notebook to show.

    Parameters
    ----------
    figure
        To save.
    name
        Of the files, without ending; written whole to ``figures/`` in `crampstats.output.output_folder`.
    alt
        What the figure shows, in a sentence or two.

    Returns
    -------
    Picture
        The PNG; the last value of its cell.

    Raises
    ------
    CrampstatsError
        If the name cannot be a file's, `alt` is empty, or a text is too small: below 7 points when the figure is printed
        170 mm wide.
    """
    if not alt.strip():
        raise CrampstatsError("save: alt has to say what the figure shows.")
    folder = output_folder() / "figures"
    _check_legible(figure)
    with mpl.rc_context(STYLE):
        contents = {}
        # Nothing of the time, the machine or the version goes into the files, so that equal figures are equal bytes.
        for ending, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=ending, metadata=metadata)
            contents[ending] = buffer.getvalue()
        contents["png"] = _with_palette(contents["png"])
    for ending, content in contents.items():
        write_whole(folder / f"{check_name(name)}.{ending}", content)
    return Picture(name, alt, contents["png"])


def _check_legible(figure: Figure) -> None:
    """Refuse a figure whose smallest text cannot be read on a page."""
    shrunk = PAGE_INCHES / figure.get_figwidth()
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_visible() and text.get_text()]
    smallest = min(texts, key=lambda text: float(text.get_fontsize()), default=None)
    if smallest is not None and (points := float(smallest.get_fontsize()) * shrunk) < LEAST_POINTS:
        raise CrampstatsError(
            f"save: {smallest.get_text()!r} would have {points:.1f} points on a page 170 mm wide, and {LEAST_POINTS:g} are "
            f"the least: make the figure narrower than {figure.get_figwidth():g} inches, or its letters larger."
        )


def _with_palette(png: bytes) -> bytes:
    """Return a picture with 256 colours, a third of the bytes: the few colours of the house lose nothing that can be seen."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def pixels_of(png: bytes) -> np.ndarray:
    """Return the pixels of a picture.

    Parameters
    ----------
    png
        The bytes of the file.

    Returns
    -------
    ndarray
        Shape (rows, columns, 4) between 0 and 1 for the figures of `save`; grey pictures have no third axis.
    """
    return imread(io.BytesIO(png), format="png")
