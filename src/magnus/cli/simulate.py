"""`magnus simulate`: run a manifest of Argo Workflows on this machine."""

import click

from magnus.cli import console, garbage


@click.command()
@click.argument("manifest", default="argo-pipeline.yaml")
@click.option(
    "-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="An argument of the workflow."
)
@click.option("--secrets", default="", metavar="FILE", help="Keys of Kubernetes secrets, YAML: {name: {key: value}}.")
@click.option("--fail", multiple=True, metavar="STEP[:N]", help="Let the pod of the step fail; the N-th one, from 0.")
@click.option("--kill", multiple=True, metavar="STEP[:N]", help="Kill the pod of the step while it runs.")
@click.option("--max-pods", default=0, metavar="N", help="How many pods run at a time; as many as processors.")
def command(
    manifest: str,
    parameters: tuple[str, ...],
    secrets: str,
    fail: tuple[str, ...],
    kill: tuple[str, ...],
    max_pods: int,
) -> int:
    """Run MANIFEST, which magnus wrote for Argo Workflows, here: every pod is a process of this machine.

    It reads the manifest alone, and refuses what it does not know. At the end it prints the run log.
    """
    from magnus.app.simulate import Simulated, simulate  # lazy: --help needs none of it

    asked = Simulated(
        manifest=manifest,
        parameters=dict(_given(text) for text in parameters),
        secrets_file=secrets,
        faults=tuple([_fault(text, kills=False) for text in fail] + [_fault(text, kills=True) for text in kill]),
        slots=max_pods,
        environment=console.environment(),
    )
    with console.reporter() as reporter:
        garbage.resume()
        succeeded = simulate(asked, reporter, console.emit)
    return 0 if succeeded else 1


def _given(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"'{text}' is not NAME=VALUE", param_hint="--parameter")
    return name, value


def _fault(text: str, *, kills: bool):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from magnus.transpilers.argo.running import Fault  # lazy: --help needs none of it

    step, colon, number = text.rpartition(":")
    if colon and number.isdigit():
        return Fault(step, int(number), kills)
    return Fault(text, None, kills)
