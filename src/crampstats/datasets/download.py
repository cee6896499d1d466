"""Official files: from a folder that has them, or downloaded once, with checksums either way."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from crampstats.errors import ReferenceDataError

FOLDER_VARIABLE = "CRAMPSTATS_DATA"
CACHE_VARIABLE = "CRAMPSTATS_CACHE"
NHANES_ADDRESS = "https://wwwn.cdc.gov/Nchs/Data/Nhanes/Public"
NHANES_FIRST_YEAR = {"D": 2005, "E": 2007}

SHA256 = {
    "DEMO_D": "bf9cc79cce501b2fbe5aa8d5b403b618548d02d4aefeb528335cdd9f4c40a3af",
    "DEMO_E": "02b8e97703d04bc99769c751881bece51ac9ba68cf18a2992a45d3bdfb856147",
    "SLQ_D": "c89d7cb94511f76984ab5635c2c5a29d770d58f8f504589e3783ae93d7a5f813",
    "SLQ_E": "07d092371d7611d44c65d94e453920cea54050e574801ab67851c6eb9ef57676",
}


def nhanes_file(name: str, folder: str | os.PathLike[str] | None = None) -> Path:
    """Return the path of an official NHANES file whose checksum is right.

    Parameters
    ----------
    name
        Such as ``"DEMO_D"``.
    folder
        A folder with ``<name>.xpt``, itself or one level below. None for the one that the variable ``CRAMPSTATS_DATA``
        names; without that, the file is downloaded from the US National Center for Health Statistics into a cache
        (``CRAMPSTATS_CACHE`` says where).

    Raises
    ------
    ReferenceDataError
        If the folder lacks the file, the download fails, or the file is not the one that was published.
    """
    place = folder if folder is not None else os.environ.get(FOLDER_VARIABLE)
    if place is None:
        return _downloaded(name)
    here = Path(place)
    found = [path for pattern in (f"{name}.xpt", f"*/{name}.xpt") for path in sorted(here.glob(pattern))]
    if not found:
        raise ReferenceDataError(f"{name}.xpt is not in {here} nor one folder below it; {_how_to_get(name)}")
    if hashlib.sha256(found[0].read_bytes()).hexdigest() != SHA256[name]:
        raise ReferenceDataError(f"{found[0]} is not the published file: its SHA-256 differs. {_how_to_get(name)}")
    return found[0]


def _address(name: str) -> str:
    """Return where the file is published."""
    return f"{NHANES_ADDRESS}/{NHANES_FIRST_YEAR[name[-1]]}/DataFiles/{name}.xpt"


def _how_to_get(name: str) -> str:
    """Say what to do when the file is not there."""
    return (
        f"Download {_address(name)} on a machine with a network and let the variable {FOLDER_VARIABLE} name its folder; "
        "or use source='packaged', which needs no file."
    )


def _downloaded(name: str) -> Path:
    """Download a file unless the cache has it."""
    import pooch

    cache = os.environ.get(CACHE_VARIABLE) or pooch.os_cache("crampstats")
    try:
        path = pooch.retrieve(
            _address(name),
            known_hash=f"sha256:{SHA256[name]}",
            fname=f"{name}.xpt",
            path=cache,
            downloader=pooch.HTTPDownloader(progressbar=True, timeout=30),
        )
    except ValueError as error:
        raise ReferenceDataError(
            f"{name}.xpt was downloaded and is not the published file. {_how_to_get(name)}"
        ) from error
    except OSError as error:  # what requests raises for every failure of a network is one
        raise ReferenceDataError(
            f"{name}.xpt could not be downloaded ({type(error).__name__}). {_how_to_get(name)}"
        ) from error
    return Path(path)
