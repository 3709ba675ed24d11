"""docs/indicators.md and its plots are what the catalogue says."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataflows.indicator_pages.page import IMAGES, PAGE, RENEW, pages, write_pages
from operators.indicators.registry import CATALOGUE

DOCS = Path(__file__).parents[3] / "docs"
SMALL = 15_000


@pytest.fixture(scope="module")
def generated():
    return pages()


def test_the_committed_page_and_plots_are_those_of_the_catalogue(generated):
    for name, text in generated.items():
        file = DOCS / name
        assert file.is_file(), f"docs/{name} is missing; {RENEW}"
        # Git may write other line ends
        assert file.read_text(encoding="utf-8") == text, f"docs/{name} is not what the catalogue says; {RENEW}"


def test_no_plot_is_left_of_a_kind_that_is_no_more(generated):
    found = {f"{IMAGES}/{file.name}" for file in (DOCS / IMAGES).iterdir()}
    assert found == set(generated) - {PAGE}, RENEW


def test_every_kind_has_a_section_and_all_that_have_values_a_small_plot(generated):
    for kind in CATALOGUE.values():
        assert f"\n### {kind.name}\n" in generated[PAGE]
        plot = generated.get(f"{IMAGES}/{kind.name}.svg")
        assert (plot is None) == (kind.unavailable is not None)
        assert plot is None or len(plot.encode()) < SMALL


def test_a_kind_that_never_has_a_value_says_so(generated):
    assert generated[PAGE].count("has no value in this version (no coefficients)") == 2


def test_files_are_written_below_the_folder_and_old_plots_go(generated, tmp_path):
    old = tmp_path / IMAGES / "GONE.svg"
    old.parent.mkdir(parents=True)
    old.write_text("")
    written = write_pages(tmp_path)
    assert {file.relative_to(tmp_path).as_posix() for file in written} == set(generated)
    assert not old.exists()
    assert (tmp_path / PAGE).read_bytes().decode() == generated[PAGE]
