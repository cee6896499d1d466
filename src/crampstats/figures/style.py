"""The style of the house: colours, an empty canvas, and how a figure is saved the same to the last byte."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.image import imread
from PIL import Image

from crampstats.errors import CrampstatsError
from crampstats.output import check_name, output_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from matplotlib.axes import Axes

# Okabe M, Ito K, Color Universal Design, 2008: told apart by colour-blind readers; markers tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
MARKERS = ("o", "D", "s", "^")
INK = "#222222"
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
    ax.grid(axis="x", color="#dddddd", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    sns.despine(ax=ax, left=True)


def draw_legend(figure: Figure, ax: Axes) -> None:
    """Write above all axes of a figure what the colours and markers of one of them mean.

    Parameters
    ----------
    figure
        As from `canvas`.
    ax
        One of its axes.
    """
    with mpl.rc_context(STYLE):
        handles, labels = ax.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), handletextpad=0.4)


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
        If the name cannot be a file's, or `alt` is empty.
    """
    if not alt.strip():
        raise CrampstatsError("save: alt has to say what the figure shows.")
    folder = output_folder() / "figures"
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
