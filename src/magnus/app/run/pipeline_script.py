"""Runs a python file that builds a pipeline, and takes the pipeline from it. Called by `app.run.load_pipeline`."""

import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path

from magnus.definition.built_pipeline import METHOD, BuiltPipeline
from magnus.engine.user_code import process_state, scripts
from magnus.engine.user_code.imports import project_code, watched_project
from magnus.errors import InvalidDefinition, Location, MagnusError
from magnus.suggest import near
from magnus.values import UserObject


def built_by(file: str, name: str, working_directory: Path) -> BuiltPipeline:
    """The pipeline that the python file builds."""
    path = working_directory / file
    if not path.is_file():
        raise InvalidDefinition(
            f"the pipeline '{file}' does not exist", fix="check the path, and the folder you are in"
        )
    for folder in (str(working_directory), str(path.parent)):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    try:
        with (
            process_state.without_hard_exits(),
            redirect_stdout(sys.stderr),  # standard output is the run log's
            watched_project(working_directory),
            project_code(),
        ):
            module = scripts.module_of(path)
            value = _named(module, name, file) if name else _only(module, file)
            return getattr(value, METHOD)()  # type: ignore[no-any-return]  # it is what the method is for
    except (KeyboardInterrupt, MagnusError):
        raise
    except BaseException as error:  # noqa: BLE001 - the code of a user may raise anything
        raise _not_loaded(error, file, working_directory) from None


def _not_loaded(error: BaseException, file: str, working_directory: Path) -> InvalidDefinition:
    """The error of a script that cannot be loaded; its traceback is shown if it leads through several places."""
    from magnus.tasks.functions.user_errors import error_report  # lazy: most scripts can be

    report = error_report(error, working_directory)
    with suppress(OSError, ValueError, AttributeError):  # the script may have closed or replaced it
        sys.stderr.write(report.traceback)
    message = f"the script '{file}' cannot be loaded: {report.message}"
    return InvalidDefinition(message, fix=report.fix, location=report.location or Location(file))


def _named(module: UserObject, name: str, file: str) -> UserObject:
    """The pipeline of that name in the module, or the one that the function of that name returns."""
    value = getattr(module, name, None)
    if value is None:
        match = near(name, vars(module))
        fix = f"did you mean '{file}:{match}'?" if match else "name a pipeline in it, or a function that returns one"
        raise InvalidDefinition(f"the script has nothing that is called '{name}'", fix=fix, location=Location(file))
    if not _is_pipeline(value) and callable(value):
        value = value()
    if not _is_pipeline(value):
        message = f"'{name}' is no pipeline, and no function that returns one"
        raise InvalidDefinition(message, fix="return the pipeline instead of executing it", location=Location(file))
    return value


def _only(module: UserObject, file: str) -> UserObject:
    """The pipeline that is called `pipeline`, or the only one that is in no other."""
    pipelines = {name: value for name, value in vars(module).items() if _is_pipeline(value)}
    if "pipeline" in pipelines:
        return pipelines["pipeline"]
    inner = {id(part) for pipeline in pipelines.values() for part in getattr(pipeline, METHOD)().parts}
    outer = {id(value): name for name, value in reversed(pipelines.items()) if id(value) not in inner}
    names = list(reversed(outer.values()))
    if len(names) == 1:
        return pipelines[names[0]]
    if names:
        listed = ", ".join(f"'{name}'" for name in names)
        message, fix = f"the script builds several pipelines: {listed}", f"name one: {file}:{names[0]}"
    else:
        message = "the script has no pipeline at its top level"
        fix = f"write 'pipeline = Pipeline(...)' there, or name a function that returns one: {file}:<function>"
    raise InvalidDefinition(message, fix=fix, location=Location(file))


def _is_pipeline(value: UserObject) -> bool:
    return hasattr(type(value), METHOD)
