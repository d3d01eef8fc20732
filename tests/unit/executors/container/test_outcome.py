"""What the end of a container means."""

import pytest

from magnus.executors.container.options import Memory
from magnus.executors.container.outcome import ContainerExit, failure, killed, needs_a_look, version_in
from magnus.executors.reentry import ReentryOutput


def heard(*, anything=True, rest=""):
    return ReentryOutput(anything, 7, rest, 1.5)


def said(ended, told=None, *, image_version=None):
    failed = failure(ended, told or heard(), "img", version="1.0", image_version=image_version)
    return None if failed is None else str(failed)


def test_out_of_memory_names_the_limit():
    died = killed(ContainerExit(137, is_out_of_memory=True), heard(), Memory(1 << 30))
    assert str(died) == "out of memory: the container was killed at its limit of 1g"
    assert (died.shown, died.seconds) == (7, 1.5)


def test_out_of_memory_without_a_limit_is_that_of_the_machine():
    assert str(killed(ContainerExit(137, is_out_of_memory=True), heard(), None)).endswith("at the limit of the machine")


@pytest.mark.parametrize("code", [0, 1])
def test_a_container_that_ended_by_itself_was_not_killed_though_something_in_it_was(code):
    assert killed(ContainerExit(code, is_out_of_memory=True), heard(), Memory(1 << 30)) is None


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (137, "the container was killed (exit status 137, SIGKILL): by somebody, or for lack of memory"),
        (139, "the container exited with status 139 (SIGSEGV)"),
        (255, "the container exited with status 255"),
    ],
)
def test_a_signal_is_named(code, message):
    assert str(killed(ContainerExit(code), heard(), None)) == message


@pytest.mark.parametrize("code", [0, 1, 2, 3, 127])
def test_an_ordinary_end_is_no_death(code):
    assert killed(ContainerExit(code), heard(), None) is None


@pytest.mark.parametrize("code", [0, 1])
def test_the_record_says_how_a_step_went_that_ran(code):
    assert said(ContainerExit(code), heard(rest="a warning of a library")) is None


def test_a_step_that_had_been_done_is_no_failure():
    assert said(ContainerExit(0), heard(anything=False), image_version="1.0") is None


@pytest.mark.parametrize("code", [126, 127])
def test_an_image_without_the_command(code):
    told = heard(anything=False, rest="magnus: not found")
    assert not needs_a_look(ContainerExit(code), told)
    assert said(ContainerExit(code), told).startswith(
        "the image 'img' has no command 'magnus' that can be run: install magnus"
    )


def test_an_image_with_another_program_of_that_name():
    assert said(ContainerExit(2), heard(anything=False), image_version="").startswith(
        "the image 'img' has no command 'magnus'"
    )


def test_an_image_with_another_version():
    told = heard(anything=False)
    assert needs_a_look(ContainerExit(2), told)
    assert said(ContainerExit(2), told, image_version="0.9").startswith(
        "the image 'img' has magnus 0.9, and this is magnus 1.0: build it"
    )


@pytest.mark.parametrize("anything", [True, False])
def test_anything_else_is_told_as_it_was_said(anything):
    told = heard(anything=anything, rest="error: no disk\n")
    message = "magnus in the image 'img' exited with status 3:\nerror: no disk"
    assert said(ContainerExit(3), told, image_version="1.0") == message


def test_an_end_without_a_word_of_the_step_is_told_too():
    assert said(ContainerExit(1), heard(anything=False, rest="Traceback: x"), image_version="1.0").endswith(
        "status 1:\nTraceback: x"
    )


@pytest.mark.parametrize(
    ("text", "version"),
    [("magnus, version 0.1.0\n", "0.1.0"), ("", ""), ("usage: magnus", ""), ("magnus version 1\n", "")],
)
def test_the_version_in_what_the_command_says(text, version):
    assert version_in(text) == version
