"""`magnus explain`: says why each step of a run ran, or which result it reused."""

import click

from magnus.cli import console, options


@click.command(epilog="Example: magnus explain latest train")
@click.argument("run")
@click.argument("step", default="")
@options.configuration_file
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the inputs of each step.")
def command(run: str, step: str, configuration_file: str, as_json: bool) -> int:  # noqa: FBT001 - an option
    """Say why each step of a run ran or was reused.

    RUN is the id of the run, a prefix of it, or `latest`. STEP is the name of a step, or its path in branches: then the key
    of the step, all its inputs and all differences from its last result are printed too.
    """
    import json

    from magnus.app.inspect.explain import explanations  # lazy: --help needs none of it
    from magnus.app.inspect.find import find_run, find_step
    from magnus.app.inspect.viewer import viewer
    from magnus.cli.text.explanation import lines

    with viewer(configuration_file, console.environment()) as services:
        record = find_run(services.store, run)
        one = find_step(services.store, record.run_id, step) if step else None
        found = list(explanations(services.store, record, one))
        if as_json:
            steps = [each.as_json() for each in found]
            console.emit(json.dumps({"run_id": record.run_id, "steps": steps}, indent=2, ensure_ascii=False) + "\n")
        else:
            for line in lines(record.run_id, found, in_detail=one is not None):
                console.emit(f"{line}\n")
    return 0
