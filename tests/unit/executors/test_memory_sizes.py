"""Amounts of memory mean the same in the options of all executors; a number alone has the unit of its place."""

import pytest

from magnus.executors.container.options import Memory
from magnus.executors.memory_sizes import MEBIBYTE, memory_bytes
from magnus.executors.slurm.words import Size

GIBIBYTE = 1024 * MEBIBYTE


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("2G", 2 * GIBIBYTE),
        ("2g", 2 * GIBIBYTE),
        ("2Gi", 2 * GIBIBYTE),
        ("2 GB", 2 * GIBIBYTE),
        ("2GiB", 2 * GIBIBYTE),
        (" 1.5T ", 1536 * GIBIBYTE),
        ("512m", 512 * MEBIBYTE),
        ("8192k", 8 * MEBIBYTE),
        ("16777216b", 16 * MEBIBYTE),
    ],
)
def test_an_amount_with_a_unit_is_the_same_everywhere(written, size):
    assert memory_bytes(written, number_bytes=1) == memory_bytes(written, number_bytes=MEBIBYTE) == size
    assert Memory.read(written) == size
    assert Size.read(written) * MEBIBYTE == size


@pytest.mark.parametrize("written", [16_777_216, "16777216"])
def test_a_number_alone_is_in_bytes_for_containers_and_in_mebibytes_for_slurm(written):
    assert Memory.read(written) == 16 * MEBIBYTE
    assert Size.read(written) == 16_777_216


@pytest.mark.parametrize(
    "written", ["", "much", "-1g", "1.g", ".5g", "1e9", "2i", "2 G B", "٢g", "2gg", 1.5, True, None, ["2g"], "2g\n3g"]
)
def test_what_is_no_amount_is_refused_by_both(written):
    assert memory_bytes(written, number_bytes=1) is None
    for kind in (Memory, Size):
        with pytest.raises(ValueError, match="must be an amount of memory such as"):
            kind.read(written)


def test_bytes_are_no_mebibytes():
    with pytest.raises(ValueError, match="must be an amount of memory such as 4000M"):
        Size.read("4000b")
    assert Size.read(0) == Size.read("0") == 0
