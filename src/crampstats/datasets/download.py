"""Official files: from a folder that has them, or downloaded once, with checksums either way."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from crampstats.errors import ReferenceDataError

FOLDER_VARIABLE = "CRAMPSTATS_DATA"
CACHE_VARIABLE = "CRAMPSTATS_CACHE"
NHANES_ADDRESS = "https://wwwn.cdc.gov/Nchs/Data/Nhanes/Public"
NHANES_FIRST_YEAR = {"D": 2005, "E": 2007, "L": 2021}

SHA256 = {
    "ALQ_L": "24debf0555c8253e34cce8d6a2e21766c84b10559e0c979c1a36fb4dd86789d9",
    "BIOPRO_L": "912b345aad6b71d53a3bc299a7f3bb0d5530e9fa5b6e76d2d00103979861a476",
    "BMX_L": "44440c416d9ad709e8b1708a5975378ab4d5b18edc39eb5015c2ae7186500170",
    "BPQ_L": "0acde3af0526c375942fe0735e3bf69a0422bcbc606f98a478209d2f47baa4b5",
    "DEMO_D": "bf9cc79cce501b2fbe5aa8d5b403b618548d02d4aefeb528335cdd9f4c40a3af",
    "DEMO_E": "02b8e97703d04bc99769c751881bece51ac9ba68cf18a2992a45d3bdfb856147",
    "DEMO_L": "ca4374a158b493b8b0163e1388da21d57a18d1b9cecff2aa4e2fa2bec494fe23",
    "DIQ_L": "9535a023673ae869afae19d842d8679e06f6a464606ac15900686b41ef05090f",
    "GHB_L": "67aee0353160e2392dc0a33bece99b90764a630c76d82415ac4639105ad9dd03",
    "PAQ_L": "de34acfed4523f10f52bea06e64ed33c8db973cb38d3539eeceb2b68039248c8",
    "SLQ_D": "c89d7cb94511f76984ab5635c2c5a29d770d58f8f504589e3783ae93d7a5f813",
    "SLQ_E": "07d092371d7611d44c65d94e453920cea54050e574801ab67851c6eb9ef57676",
    "SMQ_L": "abbefebfa5585b1e19c079fa14be20c113a4649318070197214b258d05b93c50",
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
    place = folder if folder is not None else os.environ.get(FOLDER_VARIABLE) or None
    if place is None:
        return _downloaded(name)
    # The files were published as .XPT for some years.
    path = found_file(f"{name}.[xX][pP][tT]", place)
    if path is None:
        raise ReferenceDataError(f"{name}.xpt is not in {Path(place)} nor one folder below it. {_how_to_get(name)}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256[name]:
        raise ReferenceDataError(f"{path} is not the published file: its SHA-256 differs. {_how_to_get(name)}")
    return path


def found_file(pattern: str, folder: str | os.PathLike[str]) -> Path | None:
    """Return a file of a folder, or of a folder one level below; None if it has none.

    Parameters
    ----------
    pattern
        Of its name, as for `Path.glob`.
    folder
        Where to look.
    """
    here = Path(folder)
    return next((path for each in (pattern, f"*/{pattern}") for path in sorted(here.glob(each))), None)


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
