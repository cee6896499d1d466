"""What the comparison of new results with committed ones must find, and what it must let pass."""

import base64
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pytest

from crampstats.report.compare import (
    compare_bytes,
    compare_files,
    compare_notebooks,
    compare_pngs,
    compare_svgs,
    compare_tables,
)

TABLE = 'term,n,estimate,note\n"any, or more",10902,0.30885,\nnever,10902,0.69115,all\n'


def png(pixels: np.ndarray) -> bytes:
    """Return a PNG of RGBA pixels, shape (rows, columns, 4), uint8."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows, columns, _ = pixels.shape
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 6, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


PIXELS = np.full((4, 6, 4), 200, dtype=np.uint8)


def defaced(*changes: int) -> bytes:
    """Return the picture with these changes of one pixel each, in the row 1."""
    pixels = PIXELS.copy()
    for column, change in enumerate(changes):
        pixels[1, column, 0] = 200 + change
    return png(pixels)


@pytest.fixture
def compared(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a comparison of contents."""

    def compare(comparer: Callable[[Path, Path], list[str]], old: str | bytes, new: str | bytes) -> list[str]:
        paths = tmp_path / "old", tmp_path / "new"
        for path, content in zip(paths, (old, new), strict=True):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return comparer(*paths)

    return compare


@pytest.mark.parametrize(
    ("before", "after", "differences"),
    [
        ("0.30885", "0.30885", []),
        ("0.30885", "0.3088500309", []),
        ("0.30885", "0.3088809", ["row 1, estimate: committed '0.30885', new '0.3088809'"]),
        ("0.30885", "", ["row 1, estimate: committed '0.30885', new ''"]),
        ("0.30885", "nan", ["row 1, estimate: committed '0.30885', new 'nan'"]),
        ("10902,0.69115", "10903,0.69115", ["row 2, n: committed '10902', new '10903'"]),
        ("never", "Never", ["row 2, term: committed 'never', new 'Never'"]),
        ("estimate,note", "value,note", ["row 0, header: committed 'estimate', new 'value'"]),
        ("all\n", "all\nmore,1,1,\n", ["3 rows of 4 became 4 rows of 4"]),
        (",note\n", "\n", ["3 rows of 4 became 3 rows of 4"]),
        (",all\n", ",all,\n", ["3 rows of 4 became 3 rows of 5"]),
    ],
)
def test_tables(before: str, after: str, differences: list[str], compared: Callable[..., list[str]]) -> None:
    changed = TABLE.replace(before, after)
    assert (changed != TABLE) == (before != after)
    assert compared(compare_tables, TABLE, changed) == differences


@pytest.mark.parametrize(
    ("value", "change", "count"), [(1.0, 1e-4, 1), (1.0, 1e-7, 0), (1e6, 1e-4, 1), (1e-6, 1e-7, 0)]
)
def test_numbers_of_tables_differ_relatively(
    value: float, change: float, count: int, compared: Callable[..., list[str]]
) -> None:
    old, new = (f"x\n{number!r}\n" for number in (value, value * (1 + change)))
    assert len(compared(compare_tables, old, new)) == count
    assert len(compared(compare_tables, new, old)) == count


@pytest.mark.parametrize(
    ("old", "new"), [("1000001", "1000002"), ("10902", "10902.1"), ("10902.1", "10902"), ("-1000001", "-1000002")]
)
def test_whole_numbers_are_equal_or_not(old: str, new: str, compared: Callable[..., list[str]]) -> None:
    assert compared(compare_tables, f"n\n{old}\n", f"n\n{new}\n") == [f"row 1, n: committed {old!r}, new {new!r}"]
    assert compared(compare_tables, f"n\n{old}\n", f"n\n{old}\n") == []


def test_what_is_nothing_but_rounding_is_equal(compared: Callable[..., list[str]]) -> None:
    assert compared(compare_tables, "x\n0\n-0\n", "x\n1e-17\n0\n") == []


def test_the_first_differences_are_shown_and_the_others_counted(compared: Callable[..., list[str]]) -> None:
    old, new = ("x\n" + "".join(f"{number}\n" for number in range(start, start + 8)) for start in (0, 100))
    found = compared(compare_tables, old, new)
    assert found[0] == "row 1, x: committed '0', new '100'"
    assert found[4:] == ["row 5, x: committed '4', new '104'", "and 3 more"]


@pytest.mark.parametrize(
    ("content", "differences"),
    [
        (defaced(), []),
        (defaced(2, -2), []),
        (defaced(3), ["1 pixels differ"]),
        (defaced(0, 50, 50, -90), ["3 pixels differ"]),
        (png(PIXELS[:3]), ["size 6 x 4 became 6 x 3 pixels"]),
    ],
    ids=["equal", "unseen", "seen", "three", "smaller"],
)
def test_pictures(content: bytes, differences: list[str], compared: Callable[..., list[str]]) -> None:
    assert compared(compare_pngs, defaced(), content) == differences


SVG = """<svg xmlns:xlink="x"><clipPath id="p0123456789"/><path clip-path="url(#p0123456789)" d="M 10.5 -20 L 30.25 40"/>
<g id="text_1"><use xlink:href="#DejaVuSans-41" style="fill: #0072b2"/></g></svg>"""


@pytest.mark.parametrize(
    ("before", "after", "differences"),
    [
        ("10.5", "10.505", []),
        ("10.5 -20", "10.6 -21", ["2 coordinates differ"]),
        ("0123456789", "0a1b2c3d4e", []),
        ('url(#p0123456789)"', 'url(#p9999999999)"', ["1 coordinates differ"]),
        ("#0072b2", "#0074b2", ["1 coordinates differ"]),
        ("#0072b2", "#d55e00", ["other shapes or texts"]),
        ("L 30.25 40", "L 30.25 40 L 1 1", ["other shapes or texts"]),
        ("DejaVuSans-41", "DejaVuSans-42", ["1 coordinates differ"]),
    ],
)
def test_drawings(before: str, after: str, differences: list[str], compared: Callable[..., list[str]]) -> None:
    assert before in SVG
    assert compared(compare_svgs, SVG, SVG.replace(before, after)) == differences


def test_files_of_other_kinds(compared: Callable[..., list[str]]) -> None:
    assert compared(compare_bytes, b"a\r\n", b"a\r\n") == []
    assert compared(compare_bytes, b"a\r\n", b"a\n") == ["other content"]


def executed() -> nbformat.NotebookNode:
    """Return an executed notebook with a text, a table, a picture and a print."""
    picture = base64.b64encode(defaced()).decode()
    outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="30.9 %\n"),
        nbformat.v4.new_output(
            "display_data", data={"image/png": picture, "text/plain": "Figure"}, metadata={"alt": "A"}
        ),
        nbformat.v4.new_output("execute_result", data={"text/html": "<td>30.9</td>"}, execution_count=1),
        nbformat.v4.new_output("display_data", data={"application/json": {"value": 30.9}}),
    ]
    code = nbformat.v4.new_code_cell("cs.show()", id="cell-02", execution_count=1, outputs=outputs)
    heading = nbformat.v4.new_markdown_cell("# How many?", id="cell-01")
    return nbformat.v4.new_notebook(cells=[heading, code], metadata={"kernelspec": {"name": "p", "display_name": "P"}})


def change(what: str, notebook: nbformat.NotebookNode) -> None:
    """Change one thing of the notebook."""
    heading, code = notebook.cells
    text, picture, table, other = code.outputs
    match what:
        case "nothing":
            pass
        case "source":
            heading.source = "# How few?"
        case "id":
            code.id = "abc"
        case "kind":
            notebook.cells[0] = nbformat.v4.new_raw_cell(heading.source, id=heading.id)
        case "tag":
            code.metadata = {"tags": ["hidden"]}
        case "metadata":
            notebook.metadata.language_info = {"name": "python"}
        case "count":
            code.execution_count = 7
        case "text":
            text.text = "31.9 %\n"
        case "stderr":
            text.name = "stderr"
        case "pixels":
            picture.data["image/png"] = base64.b64encode(defaced(50)).decode()
        case "alt":
            picture.metadata = {"alt": "B"}
        case "table":
            table.data["text/html"] = "<td>31.9</td>"
        case "json":
            other.data["application/json"] = {"value": 31.9}
        case "representation":
            table.data["text/plain"] = "30.9"
        case "output":
            code.outputs = [picture]
        case "cell":
            notebook.cells = [heading]


@pytest.mark.parametrize(
    ("what", "differences"),
    [
        ("nothing", []),
        ("source", ["cell 1: another source"]),
        ("id", ["cell 2: another id"]),
        ("kind", ["cell 1: another cell type"]),
        ("tag", ["cell 2: another metadata"]),
        ("metadata", ["other metadata"]),
        ("count", ["cell 2: another execution count"]),
        ("text", ["cell 2: text of an output: committed …'30.9 %\\n', new …'31.9 %\\n'"]),
        ("stderr", ["cell 2: name of an output: committed …'stdout', new …'stderr'"]),
        ("pixels", ["cell 2: 1 pixels differ"]),
        ("alt", ["cell 2: metadata of an output: committed …\"{'alt': 'A'}\", new …\"{'alt': 'B'}\""]),
        ("table", ["cell 2: committed …'<td>30.9</td>', new …'<td>31.9</td>'"]),
        ("json", ["cell 2: committed …\"{'value': 30.9}\", new …\"{'value': 31.9}\""]),
        ("representation", ["cell 2: outputs as ['text/html'] became ['text/html', 'text/plain']"]),
        (
            "output",
            [
                "cell 2: outputs ['stream', 'display_data', 'execute_result', 'display_data'] became ['display_data']",
            ],
        ),
        ("cell", ["2 cells became 1"]),
    ],
)
def test_notebooks(what: str, differences: list[str], compared: Callable[..., list[str]]) -> None:
    changed = executed()
    change(what, changed)
    assert compared(compare_notebooks, nbformat.writes(executed()), nbformat.writes(changed)) == differences


def test_text_is_shown_where_it_parts(compared: Callable[..., list[str]]) -> None:
    old, new = executed(), executed()
    old.cells[1].outputs[0].text = "a" * 100 + "bc" + "d" * 100
    new.cells[1].outputs[0].text = "a" * 100 + "xc" + "d" * 100
    (found,) = compared(compare_notebooks, nbformat.writes(old), nbformat.writes(new))
    shown = ["a" * 20 + letter + "c" + "d" * 28 for letter in "bx"]
    assert found == f"cell 2: text of an output: committed …{shown[0]!r}, new …{shown[1]!r}"


def files(folder: Path, **contents: str | bytes) -> dict[str, Path]:
    folder.mkdir()
    paths = {}
    for name, content in contents.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths[path.name] = path
    return paths


def test_files_are_compared_by_their_kinds_and_names(tmp_path: Path) -> None:
    committed = files(
        tmp_path / "committed",
        b_csv="x\n1.0\n",
        a_svg=SVG,
        c_png=defaced(),
        e_txt="1.0",
        only_csv="x\n",
        d_csv="x\n1\n",
    )
    new = files(
        tmp_path / "new",
        b_csv="x\n1\n",
        a_svg=SVG.replace("40", "50"),
        c_png=defaced(),
        e_txt="1",
        f_csv="x\n",
        d_csv="x\n2\n",
    )
    findings = compare_files(committed, new)
    assert list(findings) == sorted(findings)
    assert findings == {
        "a.svg": ["1 coordinates differ"],
        "b.csv": [],
        "c.png": [],
        "d.csv": ["row 1, x: committed '1', new '2'"],
        "e.txt": ["other content"],
        "f.csv": ["new, not committed"],
        "only.csv": ["committed, but the notebooks do not make it"],
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("one_png", b"\x89PNG\r\n\x1a\n"),
        ("one_png", b""),
        ("one_png", defaced()[:-40]),
        ("one_csv", b"x\n\xff\n"),
        ("one_svg", b"\xff"),
        ("one_ipynb", b"{}"),
        ("one_ipynb", b"<html>"),
    ],
    ids=["cut off", "empty", "cut", "not text", "not drawing", "not notebook", "page"],
)
def test_a_damaged_file_is_a_difference(name: str, content: bytes, tmp_path: Path) -> None:
    whole = {"one_png": defaced(9), "one_csv": TABLE, "one_svg": SVG, "one_ipynb": nbformat.writes(executed())}
    findings = compare_files(files(tmp_path / "old", **{name: content}), files(tmp_path / "new", **{name: whole[name]}))
    ((said,),) = findings.values()
    assert said.startswith(f"cannot be read as .{name.removeprefix('one_')} (")
