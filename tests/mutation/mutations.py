"""Programs that take a valid pipeline and make exactly one thing in it wrong, in every place where they can.

A fault says in which lines a complaint about it is right. `orders` is in YAML, `stations` in Python.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
YAML, CODE, CONFIG = "pipeline.yaml", "work.py", "config.yaml"
PROGRAM = "pipeline.py"
ORDERS = ["-c", CONFIG, "-p", "parameters.yaml"]
STATIONS = ["--stations", '["a"]']

Files = dict[str, str]


@dataclass
class Fault:
    """One fault: the files of the pipeline with it, and the places where a complaint is right; line 0 is the whole file."""

    operator: str
    site: str
    files: Files
    right: set[tuple[str, int]]
    base: str = "orders"
    arguments: list[str] = field(default_factory=lambda: list(ORDERS))

    @property
    def name(self) -> str:
        return f"{self.operator}: {self.site}"


Operator = Callable[[Files], Iterator[Fault]]
OPERATORS: list[tuple[str, Operator]] = []


def base(name: str) -> Files:
    return {file.name: file.read_text() for file in sorted((HERE / name).iterdir()) if file.is_file()}


def of(name: str) -> Callable[[Operator], Operator]:
    def register(operator: Operator) -> Operator:
        OPERATORS.append((name, operator))
        return operator

    return register


def all_faults() -> list[Fault]:
    found = []
    for name, operator in OPERATORS:
        for fault in operator(base(name)):
            assert fault.files != base(name), fault.name
            fault.base = name
            if name == "stations":
                fault.arguments = list(STATIONS)
            found.append(fault)
    return found


# Lines and what stands in them


def lines_of(files: Files, file: str = YAML) -> list[str]:
    return files[file].split("\n")


def numbered(files: Files, pattern: str, file: str = YAML) -> list[int]:
    """The lines in which the pattern is found."""
    return [number for number, line in enumerate(lines_of(files, file), start=1) if re.search(pattern, line)]


def with_line(files: Files, number: int, *lines: str, file: str = YAML) -> Files:
    """The files with these lines in the place of one."""
    there = lines_of(files, file)
    return {**files, file: "\n".join([*there[: number - 1], *lines, *there[number:]])}


def replaced(files: Files, old: str, new: str, file: str = YAML, count: int = 1) -> Files:
    assert files[file].count(old) >= 1, (file, old)
    return {**files, file: files[file].replace(old, new, count)}


def here(files: Files, text: str, file: str = YAML) -> set[tuple[str, int]]:
    """The lines that hold the text."""
    found = {(file, number) for number, line in enumerate(lines_of(files, file), start=1) if text in line}
    assert found, (file, text)
    return found


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def block(files: Files, number: int) -> range:
    """The lines of what begins in a line."""
    there = lines_of(files)
    end = number
    while end < len(there) and there[end].strip() and indent(there[end]) > indent(there[number - 1]):
        end += 1
    return range(number, end + 1)


def around(files: Files, number: int) -> int:
    """The line of what a line is directly in."""
    there = lines_of(files)
    return next(n for n in range(number - 1, 0, -1) if indent(there[n - 1]) < indent(there[number - 1]))


def command_lines(files: Files, function: str) -> set[tuple[str, int]]:
    return here(files, f"command: work.{function}")


def functions_with(files: Files, argument: str) -> list[str]:
    """The functions that take an argument."""
    signatures = re.findall(r"def (\w+)\((.*?)\)", files[CODE])
    return [name for name, written in signatures if re.search(rf"\b{argument}\b", written)]


def consumers(files: Files, name: str) -> set[tuple[str, int]]:
    """The lines of what takes a parameter."""
    found = set()
    for function in functions_with(files, name):
        if f"work.{function}\n" in files[YAML]:
            found |= command_lines(files, function)
    for number in numbered(files, rf"(iterate_on|parameter|break_on): {name}$|\${name}\b"):
        found.add((YAML, number))
    if name in files["analyse.ipynb"]:
        found |= here(files, "command: analyse.ipynb")
    return found


# Structure and YAML


@of("orders")
def misspelt_field(files):
    """Each field once, with a letter left out: a complaint is right there, and at the step that lacks it."""
    seen = set()
    for number in numbered(files, r"^ +[a-z_]+:( |$)"):
        line = lines_of(files)[number - 1]
        key = line.strip().partition(":")[0]
        if indent(line) < 2 or key in seen or key in {"name", "dag"} or len(key) < 3:
            continue
        owner = around(files, number)
        if key in {
            "fetch",
            "split",
            "report",
            "rating",
            "good",
            "poor",
            "improve",
            "explain",
            "analyse",
            "send",
            "pack",
            "post",
            "write",
            "rate",
            "praise",
        }:  # names of steps and branches
            continue
        seen.add(key)
        changed = with_line(files, number, line.replace(key, key[:-2] + key[-1], 1))
        yield Fault("misspelt field", key, changed, {(YAML, number), (YAML, owner)})


@of("orders")
def misspelt_target(files):
    for number in numbered(files, r"(next|on_failure|start_at): "):
        line = lines_of(files)[number - 1]
        if line.endswith(": success"):
            continue
        site = f"{line.strip()}, line {number}"
        yield Fault("misspelt target", site, with_line(files, number, line + "x"), {(YAML, number)})


@of("orders")
def removed_step(files):
    """Each task, with all of its lines: a complaint is right where a step leads to it, or where its branch begins."""
    for number in numbered(files, r"^ +type: task"):
        start = around(files, number)
        name = lines_of(files)[start - 1].strip().rstrip(":")
        there = lines_of(files)
        gone = block(files, start)
        changed = {**files, YAML: "\n".join([*there[: gone.start - 1], *there[gone.stop - 1 :]])}
        right = {(YAML, n) for n in numbered(changed, rf"(next|on_failure|start_at): {name}$")}
        right |= {(YAML, n) for n in numbered(changed, r"^ +steps:$") if n == start - 1}
        yield Fault("removed step", name, changed, right)


@of("orders")
def duplicated_key(files):
    for key in ("command", "returns", "next", "branches", "type", "iterate_on", "catalog"):
        number = numbered(files, rf"^ +{key}:")[0]
        last = block(files, number)[-1]
        there = lines_of(files)
        again = there[number - 1 : last]
        changed = {**files, YAML: "\n".join([*there[:last], *again, *there[last:]])}
        yield Fault("duplicated key", key, changed, {(YAML, last + 1)})


@of("orders")
def removed_field(files):
    for key in (
        "command: work.rate",
        "iterate_on: regions",
        "iterate_as: region",
        "parameter: rating",
        "max_iterations: 5",
    ):
        number = numbered(files, key)[0]
        owner = around(files, number)
        yield Fault("removed field", key.partition(":")[0], with_line(files, number), {(YAML, owner)})


@of("orders")
def cycle(files):
    for old, new in (
        ("next: each region", "next: fetch"),
        ("next: analyse", "next: split"),
        ("next: post", "next: pack"),
    ):
        number = numbered(files, f"{old}$")[0]
        line = lines_of(files)[number - 1]
        yield Fault("cycle", new, with_line(files, number, line.replace(old, new)), {(YAML, number)})


@of("orders")
def wrong_value(files):
    values = {
        "max_attempts: 2": ["max_attempts: 0", "max_attempts: many"],
        "retry_delay: 1": ["retry_delay: -1", "retry_delay: soon"],
        "timeout: 1m": ["timeout: 0", "timeout: 1 fortnight"],
        "max_iterations: 5": ["max_iterations: 0", "max_iterations: [5]"],
        "strict: true": ["strict: perhaps"],
        "command_type: shell": ["command_type: shel", "command_type: 3"],
        "type: map": ["type: mapp"],
        "put: report.txt": ["put: /tmp/report.txt", "put: {file: report.txt}"],
        "get: report.txt": ["get: ../report.txt"],
        "index_as: turn": ["index_as: [turn]"],
        "command: work.post": ["command: ${post}", "command: [work.post]", 'command: ""'],
    }
    for old, news in values.items():
        number = numbered(files, re.escape(old))[0]
        for new in news:
            yield Fault(
                "wrong value",
                new,
                with_line(files, number, lines_of(files)[number - 1].replace(old, new)),
                {(YAML, number)},
            )


@of("orders")
def broken_yaml(files):
    for number, new in (
        (7, "      command: work.fetch: again"),
        (24, "\tcommand: work.split"),
        (43, '              command: echo "$amount'),
    ):
        yield Fault(
            "broken YAML", new.strip(), with_line(files, number, new), {(YAML, n) for n in (number, number + 1)}
        )


@of("orders")
def added_step(files):
    first = numbered(files, "^    fetch:")[0]
    orphan = ["    orphan:", "      type: stub", "      next: success"]
    there = lines_of(files)
    changed = {**files, YAML: "\n".join([*there[: first - 1], *orphan, *there[first - 1 :]])}
    yield Fault("step that nothing leads to", "orphan", changed, {(YAML, first)})
    dotted = {**files, YAML: files[YAML].replace("use old orders", "use.old orders")}
    yield Fault("name with a dot", "use.old orders", dotted, here(dotted, "    use.old orders:"))
    two = ["    well:", "      type: success", "    also well:", "      type: success"]
    changed = {**files, YAML: "\n".join([*there[: first - 1], *two, *there[first - 1 :]])}
    yield Fault("two success steps", "well", changed, {(YAML, first + n) for n in range(4)})


@of("orders")
def pipeline_in_a_file(files):
    number = numbered(files, "^      dag:$")[0]
    there = lines_of(files)
    gone = block(files, number)
    for name in ("nowhere.yaml", YAML):
        lines = [*there[: gone.start - 1], f"      dag_definition: {name}", *there[gone.stop - 1 :]]
        yield Fault("dag_definition", name, {**files, YAML: "\n".join(lines)}, {(YAML, number)})


# Commands


@of("orders")
def missing_function(files):
    for number in numbered(files, r"(command|reducer): work\."):
        line = lines_of(files)[number - 1]
        site = line.strip().partition(": ")[2]
        yield Fault("missing function", site, with_line(files, number, line + "z"), {(YAML, number)})


@of("orders")
def wrong_module(files):
    for number in numbered(files, r"(command: work\.rate|reducer: work\.)"):
        line = lines_of(files)[number - 1]
        yield Fault(
            "wrong module", line.strip(), with_line(files, number, line.replace("work.", "wrok.")), {(YAML, number)}
        )


@of("orders")
def removed_function(files):
    for name in re.findall(r"def (\w+)\(", files[CODE]):
        changed = {**files, CODE: re.sub(rf"\n\ndef {name}\(.*?(?=\n\n\ndef |\Z)", "", files[CODE], flags=re.DOTALL)}
        yield Fault("removed function", name, changed, {(YAML, n) for n in numbered(files, rf"work\.{name}$")})


@of("orders")
def broken_module(files):
    commands = {(YAML, n) for n in numbered(files, r"command: work\.")}
    for site, line in (
        ("import of what is not installed", "import nothing_like_this"),
        ("error while it is imported", "COUNT = 1 / 0"),
        ("no python", "def broken(:"),
        ("name that is not there", "from typing import NothingLikeThis"),
        ("annotation with a missing name", "LIMIT: Missing = 1"),
    ):
        yield Fault(
            "broken module",
            site,
            {**files, CODE: files[CODE].replace("\n\n\nclass", f"\n{line}\n\n\nclass", 1)},
            commands,
        )


@of("orders")
def notebook(files):
    right = here(files, "command: analyse.ipynb")
    gone = {name: text for name, text in files.items() if name != "analyse.ipynb"}
    yield Fault("notebook", "missing", gone, right)
    yield Fault("notebook", "no JSON", {**files, "analyse.ipynb": files["analyse.ipynb"][:-10]}, right)
    yield Fault(
        "notebook", "other language", replaced(files, '"language": "python"', '"language": "R"', "analyse.ipynb"), right
    )
    yield Fault("notebook", "unset result", replaced(files, "mean = ", "average = ", "analyse.ipynb"), right)
    yield Fault(
        "notebook", "unknown variable", replaced(files, "orders.values", "order.values", "analyse.ipynb"), right
    )
    option = replaced(files, "      timeout: 1m\n", "      timeout: 1m\n      output_cell_tags: x\n")
    yield Fault("notebook", "unknown option", option, here(option, "output_cell_tags"))


@of("orders")
def shell(files):
    written = 'command: echo "$amount on $day" > report.txt'
    right = here(files, written)
    for site, new in (
        ("open quote", "command: echo \"$amount on $day' > report.txt"),
        ("if without fi", "command: if true; then echo $amount $day > report.txt"),
        ("stray bracket", "command: echo $amount $day > report.txt )"),
        ("unknown variable", 'command: echo "$amuont on $day" > report.txt'),
        ("unknown MAGNUS_PRM_ variable", 'command: echo "$MAGNUS_PRM_amounts on $day" > report.txt'),
        ("misspelt program", 'command: ecoh "$amount on $day" > report.txt'),
    ):
        changed = replaced(files, written, new)
        yield Fault("shell", site, changed, {(YAML, number) for _, number in right})
    packed = here(files, "export parcel=")
    for site, new in (
        ("no export", "parcel=parcel.txt"),
        ("other name", "export parcels=parcel.txt"),
        ("none", "true"),
    ):
        yield Fault("shell", f"result: {site}", replaced(files, "export parcel=parcel.txt", new), packed)


@of("orders")
def reducer(files):
    number = numbered(files, "reducer:")[0]
    for new in ("lambda *v: sum(v", "sum", "work.Nothing", "lambda v: v[0]", "3"):
        changed = with_line(files, number, f"      reducer: '{new}'")
        yield Fault("reducer", new, changed, {(YAML, number)})


# Data flow


@of("orders")
def removed_return(files):
    for number in numbered(files, r"^ +- (?!TOKEN)\w+$"):
        name = lines_of(files)[number - 1].strip()[2:]
        declared = around(files, number)
        step = around(files, declared)
        alone = len(block(files, declared)) == 2
        changed = with_line(with_line(files, number), declared) if alone else with_line(files, number)
        right = consumers(changed, name) | {(YAML, n) for n in block(changed, step)}
        site = f"{name} of {lines_of(files)[step - 1].strip().rstrip(':')}"
        if name not in {"mean"}:  # nothing takes it
            yield Fault("removed return", site, changed, right)


@of("orders")
def renamed_return(files):
    for number in numbered(files, r"^ +- (?!TOKEN|mean)\w+$"):
        line = lines_of(files)[number - 1]
        name = line.strip()[2:]
        step = around(files, around(files, number))
        changed = with_line(files, number, line + "s")
        right = consumers(changed, name) | {(YAML, n) for n in block(changed, step)}
        yield Fault("renamed return", f"{name} of {lines_of(files)[step - 1].strip().rstrip(':')}", changed, right)


@of("orders")
def added_return(files):
    for step in ("fetch", "old_orders", "add_a_bit", "rate"):
        number = numbered(files, rf"command: work\.{step}$")[0]
        there = lines_of(files)
        depth = indent(there[number - 1])
        changed = with_line(files, number + 1, there[number], " " * (depth + 2) + "- more")
        yield Fault("added return", step, changed, {(YAML, n) for n in block(changed, around(changed, number))})


@of("orders")
def misspelt_parameter(files):
    for number in numbered(files, r"(iterate_on|iterate_as|parameter|break_on|index_as): "):
        line = lines_of(files)[number - 1]
        key, _, name = line.strip().partition(": ")
        changed = with_line(files, number, line + "x")
        right = {(YAML, number)} | (consumers(files, name) if key in {"iterate_as", "index_as"} else set())
        yield Fault("misspelt parameter", key, changed, right)


@of("orders")
def wrong_parameter(files):
    for key, old, new in (
        ("iterate_on", "regions", "day"),
        ("iterate_on", "regions", "limit"),
        ("break_on", "enough", "amount"),
        ("parameter", "rating", "limit"),
        ("parameter", "rating", "regions"),
    ):
        number = numbered(files, f"{key}: {old}$")[0]
        line = lines_of(files)[number - 1]
        yield Fault(
            "parameter of the wrong type",
            f"{key}: {new}",
            with_line(files, number, line.replace(old, new)),
            {(YAML, number)},
        )


@of("orders")
def misspelt_branch(files):
    for key in ("good", "poor"):
        number = numbered(files, f"^        {key}:$")[0]
        yield Fault(
            "misspelt branch",
            key,
            with_line(files, number, f"        {key}er:"),
            {(YAML, number), *here(files, "parameter: rating")},
        )


@of("orders")
def renamed_argument(files):
    for function, written in re.findall(r"def (\w+)\((.*?)\)", files[CODE]):
        for name in re.findall(r"(?<![\w*])(\w+):", written):
            changed = {
                **files,
                CODE: files[CODE].replace(
                    f"def {function}({written}", f"def {function}({written.replace(f'{name}:', f'{name}_x:')}"
                ),
            }
            yield Fault("renamed argument", f"{name} of {function}", changed, command_lines(files, function))


WRONG = {
    "int": "dict",
    "float": "list[str]",
    "str": "dict[str, int]",
    "bool": "list[int]",
    "dict[str, list[float]]": "list[str]",
}


@of("orders")
def changed_argument_type(files):
    for function, written in re.findall(r"def (\w+)\((.*?)\)", files[CODE]):
        for name, kind in re.findall(r"(?<![\w*])(\w+): ((?:dict\[.*?\]\]|\w+))", written):
            other = written.replace(f"{name}: {kind}", f"{name}: {WRONG[kind]}")
            changed = {**files, CODE: files[CODE].replace(f"def {function}({written}", f"def {function}({other}")}
            yield Fault("changed type of argument", f"{name} of {function}", changed, command_lines(files, function))


@of("orders")
def changed_result_type(files):
    for function, old, new, name in (
        ("sum_up", "-> float", "-> dict", None),
        ("rate", '-> Literal["good", "poor"]', "-> list[str]", "rating"),
        ("rate", '-> Literal["good", "poor"]', '-> Literal["fine", "poorer"]', "rating"),
        ("praise", "-> str", "-> list[str]", "letter"),
        ("explain", "-> str", "-> int | None", "letter"),
        ("add_a_bit", "-> tuple[float, bool]", "-> tuple[list[float], bool]", "amount"),
        ("add_a_bit", "-> tuple[float, bool]", "-> tuple[float, list[bool]]", "enough"),
        ("add_a_bit", "-> tuple[float, bool]", "-> float", "amount"),
        ("old_orders", "-> tuple[dict[str, list[float]], str]", "-> tuple[list[float], str]", "orders"),
        ("split", "-> Split", "-> list[Split]", "regions"),
    ):
        line = next(line for line in lines_of(files, CODE) if line.startswith(f"def {function}("))
        changed = {**files, CODE: files[CODE].replace(line, line.replace(old, new))}
        right = command_lines(files, function) | (consumers(files, name) if name else here(files, "command: work.rate"))
        yield Fault("changed type of result", f"{function} {new}", changed, right)


@of("orders")
def changed_model(files):
    for old, new, name in (
        ("regions: list[str]", "areas: list[str]", "regions"),
        ("limit: float", "limits: float", "limit"),
        ("regions: list[str]", "regions: str", "regions"),
        ("limit: float", "limit: list[float]", "limit"),
    ):
        yield Fault("changed model", new, replaced(files, old, new, CODE), consumers(files, name))


@of("orders")
def removed_body(files):
    """Functions that end without a result."""
    for function, name in (
        ("rate", "rating"),
        ("sum_up", "amount"),
        ("old_orders", "orders"),
        ("fetch", "orders"),
        ("split", "regions"),
        ("praise", "letter"),
        ("add_a_bit", "amount"),
    ):
        changed = {
            **files,
            CODE: re.sub(rf"(def {function}\(.*?\n    )return ", r"\1print", files[CODE], flags=re.DOTALL),
        }
        changed = {**changed, CODE: re.sub(r"^    print(.*)$", r"    print(\1)", changed[CODE], flags=re.MULTILINE)}
        changed = (
            {**changed, CODE: changed[CODE].replace("print((", "print(").replace("))\n\n\ndef add", ")\n\n\ndef add")}
            if function == "x"
            else changed
        )
        yield Fault(
            "removed return statement", function, changed, command_lines(files, function) | consumers(files, name)
        )


@of("orders")
def first_round(files):
    """What a loop sets itself is not there in its first iteration."""
    changed = replaced(files, "def add_a_bit(amount: float", "def add_a_bit(enough: bool", CODE)
    yield Fault("missing in the first iteration", "enough", changed, command_lines(files, "add_a_bit"))


@of("orders")
def initial_parameters(files):
    fetch = command_lines(files, "fetch")
    for text in ("day: 3\n", "days: three\n", "days: [3]\n", "days: null\n", "{}\n"):
        yield Fault("initial parameters", text.strip(), {**files, "parameters.yaml": text}, fetch)
    for text in ("- days\n", "days: 3\ndays: 4\n", "days: {\n"):
        yield Fault(
            "initial parameters",
            text.strip().replace("\n", ", "),
            {**files, "parameters.yaml": text},
            {("parameters.yaml", n) for n in (1, 2)},
        )
    given = Fault("initial parameters", "--days text", {**files, "unused": ""}, fetch)
    given.arguments += ["--days", "many"]
    yield given


@of("orders")
def conflict(files):
    number = numbered(files, "strict: true")[0]
    depth = " " * indent(lines_of(files)[number - 1])
    changed = with_line(files, number, lines_of(files)[number - 1], f"{depth}returns: [rating]")
    changed = replaced(changed, "> report.txt", "> report.txt; export rating=good")
    yield Fault(
        "parallel branches set one name",
        "rating",
        changed,
        {(YAML, n) for n in numbered(files, "^      branches:")[:1]},
    )


# Catalog, secrets, services


@of("orders")
def catalog(files):
    get = here(files, "get: report.txt")
    moved = {(YAML, number - 2) for _, number in get}
    number = numbered(files, "^ +put: report.txt")[0]
    removed = with_line(with_line(files, number), number - 1)
    yield Fault("catalog", "removed put", removed, moved)
    yield Fault("catalog", "misspelt put", replaced(files, "put: report.txt", "put: raport.txt"), get)
    yield Fault("catalog", "misspelt get", replaced(files, "get: report.txt", "get: reports.txt"), get)
    yield Fault("catalog", "glob of another ending", replaced(files, "get: report.txt", "get: '*.csv'"), get)
    below = replaced(
        files, "              put: parcel.txt", "              put: parcel.txt\n              compute_data_folder: data"
    )
    yield Fault("catalog", "get in another folder", below, get | here(below, "compute_data_folder"))
    out = replaced(
        files,
        "              put: parcel.txt",
        "              put: parcel.txt\n              compute_data_folder: ../data",
    )
    yield Fault("catalog", "folder outside", out, here(out, "compute_data_folder"))
    unknown = replaced(files, "put: parcel.txt", "puts: parcel.txt")
    yield Fault("catalog", "unknown field", unknown, here(unknown, "puts:"))


@of("orders")
def secrets(files):
    named = here(files, "- TOKEN")
    yield Fault("secret", "missing in dotenv", {**files, "secrets.env": "TOKENS=abcdef\n"}, named)
    yield Fault("secret", "misspelt in the step", replaced(files, "- TOKEN", "- TOKNE"), named)
    yield Fault("secret", "no file", {name: text for name, text in files.items() if name != "secrets.env"}, named)
    yield Fault("secret", "file that cannot be read", {**files, "secrets.env": "TOKEN\n"}, named)
    yield Fault("secret", "other location", replaced(files, "secrets.env", ".env", CONFIG), named)
    yield Fault("secret", "no variable", replaced(files, "- TOKEN", "- my-token"), named)
    asked = {
        **files,
        CODE: files[CODE].replace("    print(letter, parcel)", "    import magnus\n    magnus.get_secret('KEY')"),
    }
    yield Fault("secret", "asked for in code", asked, command_lines(files, "post"))


@of("orders")
def services(files):
    for old, new in (
        ("type: local", "type: lokal"),
        ("enable_parallel: true", "enable_paralel: true"),
        ("enable_parallel: true", "enable_parallel: maybe"),
        ("max_workers: 2", "max_workers: none"),
        ("log_folder: runs", "log_foldr: runs"),
        ("catalog_location: kept", "location: kept"),
        ("location: secrets.env", "file: secrets.env"),
        ("type: dotenv", "type: dot-env"),
        ("run_log_store:", "run_log:"),
        ("secrets:", "secretss:"),
        ("location: secrets.env", "location: ${nothing}"),
        ("  config:\n    log_folder", "  confg:\n    log_folder"),
    ):
        changed = replaced(files, old, new, CONFIG)
        place = new.split("\n")[0]
        yield Fault("service", place.strip(), changed, here(changed, place, CONFIG))
    stores = files[CONFIG].replace("  type: file-system\n  config:\n    log_folder: runs", "  type: buffered")
    number = next(n for n, line in enumerate(stores.split("\n"), start=1) if "buffered" in line)
    yield Fault("service", "store that workers cannot reach", {**files, CONFIG: stores}, {(CONFIG, number)})
    two = files[CONFIG] + "catalog:\n  type: do-nothing\n"
    yield Fault("service", "configured twice", {**files, CONFIG: two}, here({CONFIG: two}, "catalog:", CONFIG))
    nothing = files[CONFIG].replace("  type: file-system\n  config:\n    catalog_location: kept", "  type: do-nothing")
    kept = replaced(
        {**files, CONFIG: nothing}, "                - rating\n", "                - {name: rating, kind: object}\n"
    )
    declared = {(YAML, number) for number in numbered(kept, r"- \{name: rating|^ +returns:$")}
    yield Fault("service", "object without a catalog that keeps it", kept, declared)
    absent = Fault("service", "no configuration file", {**files, "unused": ""}, {("", 0)})
    absent.arguments = ["-c", "conf.yaml", "-p", "parameters.yaml"]
    yield absent


# Code that runs, and is wrong only then: what a check of this kind cannot see


@of("orders")
def wrong_code(files):
    for old, new, function in (
        ("sum(orders[region])", "sum(orders[regions])", "sum_up"),
        ("amount > limit", "amount / 0 > limit", "rate"),
    ):
        yield Fault("wrong code", new, replaced(files, old, new, CODE), command_lines(files, function))


# The pipeline in Python


@of("stations")
def program(files):
    def fault(operator, old, new, *places):
        changed = replaced(files, old, new, PROGRAM)
        right = set().union(*(here(changed, place, PROGRAM) for place in places))
        return Fault(f"python: {operator}", new.strip() if len(new) > 2 else old, changed, right)

    yield fault("misspelt parameter", 'iterate_on="stations"', 'iterate_on="station"', "iterate_on=")
    yield fault("misspelt parameter", 'iterate_as="station"', 'iterate_as="place"', "each = ")
    yield fault(
        "misspelt parameter", 'parameter="climate"', 'parameter="weather"', "Conditional(\n"[:-1], 'parameter="'
    )
    yield fault("renamed return", 'returns=["averages"]', 'returns=["average"]', "PythonTask(judge")
    yield fault("removed return", ', "climate"]', "]", "PythonTask(judge", "Conditional(", '"echo $')
    yield fault(
        "removed return",
        'PythonTask(average, returns=["averages"])',
        "PythonTask(average)",
        "each = ",
        "PythonTask(judge",
    )
    yield fault("renamed argument", "def say(highest", "def say(lowest", "PythonTask(say")
    yield fault("renamed key", '{"measured":', '{"measures":', "each = ")
    yield fault("changed type", "def say(highest: float", "def say(highest: dict", "PythonTask(say")
    yield fault("changed type", "def judge(averages: list[float]", "def judge(averages: str", "PythonTask(judge")
    yield fault("changed type", "measured: dict[str, list[float]]", "measured: list[float]", "each = ")
    yield fault("misspelt branch", '"warm": Shell', '"hot": Shell', "Conditional(")
    yield fault(
        "missing on one branch",
        'returns=["advice"]).as_pipeline(),\n            },',
        ").as_pipeline(),\n            },",
        "PythonTask(say",
        '"cold": ',
    )
    yield fault("misspelt export", "export advice='shut", "export advise='shut", '"cold": ')
    yield fault("misspelt get", 'get=["note.txt"]', 'get=["notes.txt"]', 'ShellTask("show"')
    yield fault("removed put", ', catalog=Catalog(put=["note.txt"])', "", 'ShellTask("show"')
    yield fault("shell syntax", '"cat note.txt"', '"cat note.txt |"', 'ShellTask("show"')
    yield fault("unknown variable", "echo $climate", "echo $MAGNUS_PRM_climat", 'ShellTask("note"')
    yield fault("two steps of a name", 'ShellTask("show"', 'ShellTask("note"', 'ShellTask("note"')
    yield fault(
        "wrong start", "pipeline = Pipeline(\n", 'pipeline = Pipeline(start_at="reed",\n', "pipeline = Pipeline("
    )
    yield fault("too many results", '"climate"]', '"climate", "more"]', "PythonTask(judge")
    yield fault("misspelt step", "PythonTask(say),", 'PythonTask(say, on_failure="nowhere"),', "PythonTask(say")
    yield fault(
        "lambda with a missing argument",
        "PythonTask(say),",
        'PythonTask(lambda highst: None, name="say"),',
        "PythonTask(lambda",
    )
    broken = Fault(
        "python: broken program",
        "no python",
        replaced(files, "pipeline = Pipeline(", "pipeline = = Pipeline(", PROGRAM),
        {(PROGRAM, 1 + files[PROGRAM].partition("pipeline = Pipeline(")[0].count("\n"))},
    )
    yield broken
    gone = {**files, PROGRAM: files[PROGRAM] + "\ndel pipeline, each\n"}
    yield Fault("python: broken program", "no pipeline", gone, {(PROGRAM, 0)})
