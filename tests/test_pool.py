"""Threads that run what they are given and never keep the process from ending."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future

import pytest

from tiktok_upload.pool import DaemonPool

PATIENCE_S = 30.0  # bounds a test that hangs; nothing is measured by it


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds workers up; opened in the end, so that no test leaves a thread behind."""
    event = threading.Event()
    yield event
    event.set()


def blocked(pool: DaemonPool, gate: threading.Event) -> Future[str]:
    """A task that is at work and waits for the gate."""
    begun = threading.Event()

    def work() -> str:
        begun.set()
        gate.wait(PATIENCE_S)
        return "done"

    future = pool.submit(work)
    assert begun.wait(PATIENCE_S)
    return future


def test_what_it_runs_is_answered_in_the_future() -> None:
    pool = DaemonPool(2, "worker")
    futures = [pool.submit(divmod, number, 3) for number in range(20)]
    assert [divmod(number, 3) for number in range(20)] == [future.result(PATIENCE_S) for future in futures]
    pool.shutdown()


def test_arguments_by_name_are_handed_on() -> None:
    pool = DaemonPool(1, "worker")
    assert pool.submit(int, "ff", base=16).result(PATIENCE_S) == 255
    pool.shutdown()


@pytest.mark.parametrize("error", [ValueError("wrong"), SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_whatever_is_raised_reaches_the_one_who_asked_and_the_thread_lives_on(error: BaseException) -> None:
    pool = DaemonPool(1, "worker")

    def fail() -> None:
        raise error

    assert pool.submit(fail).exception(PATIENCE_S) is error
    assert pool.submit(str, 1).result(PATIENCE_S) == "1"
    pool.shutdown()


def test_as_many_run_at_once_as_it_has_threads() -> None:
    pool = DaemonPool(4, "worker")
    together = threading.Barrier(4)
    futures = [pool.submit(together.wait, PATIENCE_S) for _ in range(8)]
    assert sorted([0, 1, 2, 3] * 2) == sorted(future.result(PATIENCE_S) for future in futures)
    pool.shutdown()


def test_no_more_run_at_once_than_it_has_threads() -> None:
    pool = DaemonPool(3, "worker")
    names = {pool.submit(lambda: threading.current_thread().name).result(PATIENCE_S) for _ in range(50)}
    many = [pool.submit(lambda: threading.current_thread().name) for _ in range(200)]
    names |= {future.result(PATIENCE_S) for future in many}
    assert names <= {"worker-0", "worker-1", "worker-2"}
    assert len(pool._threads) <= 3
    pool.shutdown()


def test_threads_are_started_as_they_are_needed() -> None:
    pool = DaemonPool(8, "worker")
    assert pool._threads == []
    for _ in range(5):
        pool.submit(str, 1).result(PATIENCE_S)
        assert pool._idle.acquire(timeout=PATIENCE_S)  # the thread says that it is free just after its answer
        pool._idle.release()
    assert len(pool._threads) == 1
    pool.shutdown()


def test_its_threads_are_daemons(gate: threading.Event) -> None:
    pool = DaemonPool(2, "worker")
    blocked(pool, gate)
    blocked(pool, gate)
    assert [thread.daemon for thread in pool._threads] == [True, True]


def test_tasks_that_wait_can_be_cancelled_and_the_one_at_work_goes_on(gate: threading.Event) -> None:
    pool = DaemonPool(1, "worker")
    at_work = blocked(pool, gate)
    ran: list[int] = []
    waiting = [pool.submit(ran.append, number) for number in range(3)]
    pool.shutdown(wait=False, cancel_futures=True)
    assert [future.cancelled() for future in waiting] == [True] * 3
    with pytest.raises(CancelledError):
        waiting[0].result(PATIENCE_S)
    gate.set()
    assert at_work.result(PATIENCE_S) == "done"
    for thread in pool._threads:
        thread.join(PATIENCE_S)
    assert ran == []


def test_a_task_that_was_cancelled_by_its_owner_never_runs(gate: threading.Event) -> None:
    pool = DaemonPool(1, "worker")
    blocked(pool, gate)
    ran: list[int] = []
    assert pool.submit(ran.append, 1).cancel()
    after = pool.submit(ran.append, 2)
    gate.set()
    after.result(PATIENCE_S)
    assert ran == [2]
    pool.shutdown()


def test_a_shutdown_that_cancels_nothing_lets_what_waits_be_done(gate: threading.Event) -> None:
    pool = DaemonPool(1, "worker")
    blocked(pool, gate)
    waiting = [pool.submit(str, number) for number in range(3)]
    pool.shutdown(wait=False)
    gate.set()
    assert [future.result(PATIENCE_S) for future in waiting] == ["0", "1", "2"]


def test_a_shutdown_that_waits_leaves_no_thread() -> None:
    pool = DaemonPool(3, "worker")
    for number in range(10):
        pool.submit(str, number)
    pool.shutdown(wait=True)
    assert {False} == {thread.is_alive() for thread in pool._threads}


def test_a_shutdown_that_does_not_wait_returns_while_a_thread_is_stalled(gate: threading.Event) -> None:
    pool = DaemonPool(1, "worker")
    stalled = blocked(pool, gate)
    pool.shutdown(wait=False, cancel_futures=True)
    assert not stalled.done()


def test_after_a_shutdown_nothing_is_taken_that_would_never_run() -> None:
    pool = DaemonPool(1, "worker")
    pool.shutdown()
    with pytest.raises(RuntimeError):
        pool.submit(str, 1)


def test_the_process_ends_though_a_thread_is_stalled() -> None:
    program = (
        "import threading\n"
        "from tiktok_upload.pool import DaemonPool\n"
        "begun = threading.Event()\n"
        "def stall():\n"
        "    begun.set()\n"
        "    threading.Event().wait()\n"
        "DaemonPool(1, 'worker').submit(stall)\n"
        "begun.wait()\n"
        "print('left')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, b"left", b"")
