"""The tests of pages notice what a page says and what does not happen."""

import pytest
from printed_pages import files, follow, matches

PAGE = """\
# A page

```text title="a.txt"
one
```

```text title="a.txt, continued"
two
```

```shell
cat a.txt
ls nowhere  # exit status 2
```

```text
one
...
two
ls: cannot access 'nowhere': No such file or directory
```
"""


@pytest.fixture
def page(tmp_path):
    def written(text):
        (tmp_path / "page.md").write_text(text)
        (tmp_path / "folder").mkdir(exist_ok=True)
        return tmp_path / "page.md", tmp_path / "folder", {"LANG": "C.UTF-8", "PATH": "/bin:/usr/bin"}

    return written


def test_a_page_that_is_true_is_followed(page):
    file, folder, environment = page(PAGE)
    follow(file, folder, environment)
    assert files(file) == {"a.txt": "one\ntwo\n"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("```text\none\n", "```text\nOne\n"),
        ("two\nls:", "three\nls:"),
        ("exit status 2", "exit status 1"),
        ("cat a.txt\n", "cat a.txt b.txt\n"),
        ("continued", "b.txt, continued"),
        ("one\n...\ntwo", "one"),
    ],
)
def test_a_page_that_is_wrong_is_noticed(page, before, after):
    assert before in PAGE
    with pytest.raises((AssertionError, FileNotFoundError)):
        follow(*page(PAGE.replace(before, after)))


def test_ids_times_and_sizes_are_not_compared():
    shown = "run calm-abel-1126-80395c  SUCCESS  12 s\n  put x.csv (1.2 MB)\n"
    real = "run witty-yau-0001-000000  SUCCESS  310 ms\n  put   x.csv (12 B)\n"
    assert matches(shown, real)
    assert not matches(shown, real.replace("x.csv", "y.csv"))


def test_what_is_typed_into_the_debugger_is_not_printed():
    assert matches("(Pdb) p x\n5\n(Pdb) q\n", "(Pdb) 5\n(Pdb) \n")
    assert not matches("(Pdb) p x\n5\n(Pdb) q\n", "(Pdb) 6\n(Pdb) \n")
