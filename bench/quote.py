"""Copies results into bench/figures/ and their tables into README.md, between its two marker comments."""

import shutil
from pathlib import Path

from bench.results import FOLDER
from bench.scenarios import SCENARIOS

_HERE = Path(__file__).parent
_README = _HERE / "README.md"
_FIGURES = _HERE / "figures"
_BEGIN, _END = "<!-- figures: written by `python -m bench quote` -->", "<!-- end of figures -->"


def quote_results() -> list[str]:
    """Copy the files of bench/results/ and rewrite the README's figures. Returns the names of the quoted scenarios."""
    _FIGURES.mkdir(exist_ok=True)
    for name in SCENARIOS:
        for kind in ("json", "md", "svg"):
            source = FOLDER / f"{name}.{kind}"
            if source.exists():
                shutil.copy(source, _FIGURES)
    quoted = [name for name in SCENARIOS if (_FIGURES / f"{name}.md").exists()]
    sections = [
        f"{(_FIGURES / f'{name}.md').read_text()}\n![{SCENARIOS[name].title}](figures/{name}.svg)\n"
        for name in quoted
    ]
    before, _, rest = _README.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    _README.write_text(f"{before}{_BEGIN}\n\n{chr(10).join(sections)}\n{_END}{after}")
    return quoted
