"""PyYAML as magnus imports it is what it always is, without patterns that nothing used."""

import subprocess
import sys

DEFERRED = """
import re
{first}
from magnus.definition.yaml_package import yaml

reader, constructor = yaml.reader.Reader, yaml.constructor.SafeConstructor
def is_compiled(owner, name):
    return isinstance(vars(owner)[name], re.Pattern)

print(is_compiled(reader, "NON_PRINTABLE"), is_compiled(constructor, "timestamp_regexp"))
print(yaml.load("a: 2020-02-01\\nb: [1, x]", yaml.SafeLoader))
print(yaml.load("a: 2020-02-01\\nb: [1, x]", yaml.CSafeLoader))
try:
    yaml.load("a: \\x07", yaml.SafeLoader)
except yaml.reader.ReaderError as error:
    print(error.reason)
print(is_compiled(reader, "NON_PRINTABLE"), is_compiled(constructor, "timestamp_regexp"))
print(re.compile.__module__, re.compile("a").match("a") is not None)
"""
READ = "{'a': datetime.date(2020, 2, 1), 'b': [1, 'x']}"


def printed(first):
    program = [sys.executable, "-c", DEFERRED.format(first=first)]
    return subprocess.run(program, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_pattern_is_compiled_when_it_is_used():
    before, *rest = printed("")
    assert before == "False False"
    assert rest == [READ, READ, "special characters are not allowed", "True True", "re True"]


def test_a_program_that_imported_it_first_keeps_it_as_it_is():
    assert printed("import yaml") == [
        "True True", READ, READ, "special characters are not allowed", "True True", "re True"
    ]  # fmt: skip
