"""`magnus simulate`: run a manifest of Argo Workflows on this machine."""

from typing import TYPE_CHECKING, Literal

import click

from magnus.cli import console, options
from magnus.cli.run_log_output import RunLogOutput
from magnus.system import gc_pause

if TYPE_CHECKING:
    from magnus.simulation.argo.pod import Fault


@click.command(epilog="Example: magnus simulate argo-pipeline.yaml --fail fit")
@click.argument("manifest", default="argo-pipeline.yaml")
@click.option(
    "-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="An argument of the workflow."
)
@click.option("--secrets", default="", metavar="FILE", help="Keys of Kubernetes secrets, YAML: {name: {key: value}}.")
@click.option("--fail", multiple=True, metavar="STEP[:N]", help="Make the pod of the step fail; the N-th one, from 0.")
@click.option("--kill", multiple=True, metavar="STEP[:N]", help="Kill the pod of the step after its start.")
@click.option("--evict", multiple=True, metavar="STEP[:N]", help="Evict the pod of the step after its start.")
@click.option(
    "--max-pods", default=0, metavar="N", help="How many pods run at a time. Default: the number of processors."
)
@click.option("--volume", "volumes", multiple=True, metavar="NAME=FOLDER", help="The folder that stands for a volume.")
@click.option("--containers", is_flag=True, help="Run pods as containers of their images.")
@click.option("--mount-project", is_flag=True, help="Let containers see the working directory, and work there.")
@click.option("--share-project", is_flag=True, help="Let pods work in the working directory, not in copies of it.")
@click.option("--network", default="", metavar="NAME", help="The network of containers, as the engine knows it.")
@options.progress
@options.run_log
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    ctx: click.Context,
    manifest: str,
    parameters: tuple[str, ...],
    secrets: str,
    fail: tuple[str, ...],
    kill: tuple[str, ...],
    evict: tuple[str, ...],
    max_pods: int,
    volumes: tuple[str, ...],
    containers: bool,  # noqa: FBT001 - an option
    mount_project: bool,  # noqa: FBT001 - an option
    share_project: bool,  # noqa: FBT001 - an option
    network: str,
) -> int:
    """Run a manifest for Argo Workflows on this machine.

    MANIFEST is a file that magnus wrote with `executor: argo`. Every pod is a process of this machine, or a container.

    It reads the manifest alone, and refuses fields that it does not know. At the end it prints the run log.
    """
    from magnus.app.run.simulate import SimulationRequest, simulate  # lazy: --help needs none of it

    if (mount_project or network) and not containers:
        raise click.UsageError("--mount-project and --network are for --containers")
    request = SimulationRequest(
        manifest=manifest,
        parameters=dict(_pair(text, "--parameter", "NAME=VALUE") for text in parameters),
        secrets_file=secrets,
        faults=(
            *(_fault(text, "fail") for text in fail),
            *(_fault(text, "kill") for text in kill),
            *(_fault(text, "evict") for text in evict),
        ),
        slots=max_pods,
        environment=console.environment(),
        volumes=dict(_pair(text, "--volume", "NAME=FOLDER") for text in volumes),
        in_containers=containers,
        mounts_project=mount_project,
        shares_project=share_project,
        network=network,
    )
    with console.reporter(**options.display_options(ctx), to_terminal=console.is_terminal()) as reporter:
        gc_pause.resume()
        with RunLogOutput(console.reserve_output(), options.prints_run_log(ctx), None, "") as output:
            outcome = simulate(request, reporter, output.emit)
    if outcome.original:
        console.note(f"  resume where it stopped: magnus simulate {manifest} -p original_run_id={outcome.original}")
    return 0 if outcome.succeeded else 1


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"'{text}' is not {form}", param_hint=option)
    return name, value


def _fault(text: str, kind: Literal["fail", "kill", "evict"]) -> "Fault":
    from magnus.simulation.argo.pod import Fault  # lazy: --help needs none of it

    step, colon, number = text.rpartition(":")
    if colon and number.isdigit():
        return Fault(step, int(number), kind)
    return Fault(text, None, kind)
