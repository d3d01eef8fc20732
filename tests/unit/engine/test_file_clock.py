"""What a step touches is never older than its start, and what siblings put before it always is."""

import time

from magnus.engine.files.file_clock import FileClock

_TICK_SECONDS = 0.006


def test_a_file_written_right_after_the_start_is_not_older(tmp_path):
    file, clock, late = tmp_path / "f", FileClock(), []
    for number in range(50):
        time.sleep(_TICK_SECONDS)  # newer kernels take a precise time for what is written again in the same tick
        start = clock.start()
        with file.open("a") as out:
            out.write("x")
        if file.stat().st_ctime_ns < start:
            late.append(number)
    assert late == []


def test_a_file_that_was_put_is_older_than_the_start_of_the_next_step(tmp_path):
    file, clock, early = tmp_path / "f", FileClock(), []
    for number in range(50):
        clock.start()
        file.write_text(str(number))
        clock.note_put()
        if clock.start() <= file.stat().st_ctime_ns:
            early.append(number)
    assert early == []
