import os
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.bench import race
from tests.bench.chart import Bar, Group, draw
from tests.bench.figures import GIB, MIB, Figures, Outcome, goals, summarize
from tests.bench.meter import Measurement
from tests.bench.peers import (
    AWS,
    LIMIT,
    OBSTORE,
    OURS,
    PEERS,
    RCLONE,
    S5CMD,
    Contestant,
    Errand,
    Program,
    find_program,
    find_s5cmd,
)
from tests.bench.report import Report, judge
from tests.bench.rig import Rig, RunFailedError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="wait4 and pread are POSIX")

SVG = "{http://www.w3.org/2000/svg}"
AGAIN = "tiktok-upload, second run"
GOALS = goals("tiktok-upload", AGAIN, "plain sockets", [peer.name for peer in PEERS])
TITLES = {name: name.upper() for name in race.COURSES}


def measured(
    wall_s: float, cpu_s: float = 1.0, main_peak_bytes: int = MIB, child_peak_bytes: int | None = 0
) -> Measurement:
    return Measurement(0, wall_s, cpu_s, main_peak_bytes, child_peak_bytes)


def took(wall_s: float, *, size: int = 8 * GIB, cpu_s: float = 4.0, peak_mib: int = 100) -> Figures:
    return Figures(3, size, wall_s, cpu_s, peak_mib * MIB, 0)


def errand(source: Path, ca: Path | None = None, *, endpoint: str = "http://127.0.0.1:1") -> Errand:
    rig = Rig(("tool",), None, Path("/state"), Path("/holes"), endpoint)
    return Errand(rig, source, "place-0", ca)


def lines(results: dict[str, dict[str, Outcome]]) -> dict[str, tuple[str, bool | None]]:
    return {row.what: (row.measured, row.met) for row in judge(GOALS, results, TITLES)}


# ---------------------------------------------------------------------------------------------------------- figures
def test_the_median_of_the_runs_counts_but_the_highest_memory() -> None:
    runs = [measured(3, 1, 5, 7), measured(1, 2, 6, 0), measured(20, 9, 4, None)]
    assert summarize(runs, 8) == Figures(3, 8, 3, 2, 6, 7)


def test_throughput_and_cpu_are_told_per_byte() -> None:
    found = took(4, cpu_s=6)
    assert (found.mib_a_second, found.cpu_s_a_gib) == (2048, 0.75)


def test_a_goal_is_judged_by_the_number_and_not_by_how_it_is_shown() -> None:
    found = lines({"https": {"tiktok-upload": took(1), "obstore": took(1.149)}})
    assert found["HTTPS: throughput ÷ obstore's"] == ("1.15 times", False)


def test_less_is_better_where_time_is_compared() -> None:
    course: dict[str, Outcome] = {
        "tiktok-upload": took(4),
        AGAIN: took(3),
        "s5cmd": took(2),
        "aws-cli": took(8),
    }
    found = lines({"many": course})
    assert found["MANY: time ÷ s5cmd's"] == ("2.00 times", True)
    assert found["MANY: time ÷ aws-cli's"] == ("0.50 times", False)
    assert found["MANY: second run ÷ first run"] == ("0.75 times", False)


def test_the_best_peer_is_the_one_to_beat() -> None:
    course: dict[str, Outcome] = {"tiktok-upload": took(2), "s5cmd": took(16), "obstore": took(8)}
    assert lines({"slow": course})["SLOW: throughput ÷ the best peer's"] == ("4.00 times", True)


def test_the_limit_and_the_cpu_have_lines_of_their_own() -> None:
    found = lines({"https": {"tiktok-upload": took(10, cpu_s=6), "plain sockets": took(9)}})
    assert found["HTTPS: throughput, share of plain sockets'"] == ("90 %", True)
    assert found["HTTPS: client CPU"] == ("0.75 s/GiB", True)


def test_the_largest_file_is_held_against_the_smaller_one() -> None:
    course: dict[str, Outcome] = {"tiktok-upload, 1 TiB": took(1_000, size=1024 * GIB), "tiktok-upload, 8 GiB": took(7)}
    assert lines({"huge": course})["HUGE: throughput, share of that of the smaller file"] == ("90 %", False)


def test_the_highest_memory_of_all_courses_counts() -> None:
    results: dict[str, dict[str, Outcome]] = {
        "http": {"tiktok-upload": took(1, peak_mib=90), "obstore": took(1, peak_mib=900)},
        "many": {AGAIN: took(1, peak_mib=201)},
    }
    assert lines(results)["all of these: peak memory of the main process"] == ("201 MiB", False)


def test_a_peer_that_is_missing_leaves_its_goal_open() -> None:
    found = lines({"one": {"tiktok-upload": took(1), "aws-cli": "not installed"}})
    assert found["ONE: time ÷ aws-cli's"] == ("not measured: no figures of aws-cli", None)


def test_only_courses_that_were_run_are_judged() -> None:
    assert {what.partition(":")[0] for what in lines({"one": {"tiktok-upload": took(1)}})} == {"ONE", "all of these"}


# ------------------------------------------------------------------------------------------------- report and chart
def report() -> Report:
    results: dict[str, dict[str, Outcome]] = {
        "https": {"tiktok-upload": took(8), "obstore": took(16), "s5cmd": "not installed", "plain sockets": took(4)},
        "many": {"tiktok-upload": took(2), "obstore": took(1)},
        "huge": {"tiktok-upload, 8 GiB": took(1), "tiktok-upload, 1 TiB": took(9)},
    }
    return Report("How.", TITLES, results, [("obstore", "0.12.1", "12 parts")], frozenset({"many"}))


def test_the_page_shows_what_was_compared_and_why_something_was_not() -> None:
    rows = report().summary().splitlines()
    assert rows[2:] == [
        "| tiktok-upload | 1,024 MiB/s · 0.50 CPU s/GiB · 100 MiB | 2.00 s · 100 MiB |",
        "| obstore | 512 MiB/s · 0.50 CPU s/GiB · 100 MiB | 1.00 s · 100 MiB |",
        "| s5cmd | not installed |  |",
        "| plain sockets | 2,048 MiB/s · 0.50 CPU s/GiB · 100 MiB |  |",
    ]


def test_every_table_of_the_page_is_whole() -> None:
    page = report().markdown(GOALS, chart="peers.svg")
    tables = [block.splitlines() for block in page.split("\n\n") if block.startswith(("| ", "|  |"))]
    assert [len({row.count("|") for row in table}) for table in tables] == [1] * 6
    assert "![tiktok-upload beside others](peers.svg)" in page


def test_the_chart_has_a_group_for_each_throughput_and_none_for_times() -> None:
    (group,) = report().groups()
    assert [(bar.name, bar.kind) for bar in group.bars] == [
        ("tiktok-upload", "ours"),
        ("obstore", "peer"),
        ("plain sockets", "limit"),
    ]


def test_the_chart_is_xml_with_a_bar_for_each_value() -> None:
    bars = [Bar("ours & <co>", 200, "200 MiB/s", "ours"), Bar("theirs", 50, "50 MiB/s")]
    root = ET.fromstring(draw("Title", "a note", [Group("first", bars), Group("second", [Bar("x", 7, "7")])]))
    drawn = {(one.get("class"), int(one.get("width", "0"))) for one in root.iter(f"{SVG}rect")} - {("card", 759)}
    assert drawn == {("ours", 490), ("peer", 122), ("peer", 490)}
    assert {"ours & <co>", "200 MiB/s", "second", "7"} <= {one.text for one in root.iter(f"{SVG}text")}


def test_a_chart_of_nothing_is_still_one() -> None:
    assert ET.fromstring(draw("Title", "", [Group("empty", [])])).tag == f"{SVG}svg"


# -------------------------------------------------------------------------------------------------- who takes part
@pytest.mark.parametrize(
    ("contestant", "command"),
    [
        (AWS, "s3 cp F s3://bench/place-0 --endpoint-url http://127.0.0.1:1 --only-show-errors"),
        (S5CMD, "--endpoint-url http://127.0.0.1:1 --log error cp F s3://bench/place-0"),
        (RCLONE, "copyto F sink:bench/place-0"),
        (OBSTORE, "http://127.0.0.1:1 place-0 F"),
        (LIMIT, "http://127.0.0.1:1/bench/place-0 F"),
    ],
)
def test_a_file_is_sent_with_defaults(tmp_path: Path, contestant: Contestant, command: str) -> None:
    source = tmp_path / "f.parquet"
    assert contestant.arguments(errand(source)) == command.replace("F", str(source)).split()


@pytest.mark.parametrize(
    ("contestant", "command"),
    [
        (AWS, "s3 cp F s3://bench/place-0 --recursive --endpoint-url http://127.0.0.1:1 --only-show-errors"),
        (S5CMD, "--endpoint-url http://127.0.0.1:1 --log error cp F/ s3://bench/place-0/"),
        (RCLONE, "copy F sink:bench/place-0"),
    ],
)
def test_a_folder_is_sent_as_its_files(tmp_path: Path, contestant: Contestant, command: str) -> None:
    assert contestant.arguments(errand(tmp_path)) == command.replace("F", str(tmp_path)).split()


def test_we_send_with_a_state_of_our_own_and_trust_the_same_certificate(tmp_path: Path) -> None:
    found = OURS.arguments(errand(tmp_path, Path("/ca.pem")))
    assert found[:4] == ["push", str(tmp_path), "--to", "s3://bench/place-0/"]
    assert found[found.index("--state-dir") + 1] == "/state/state/place-0"
    assert found[found.index("--ca-bundle") + 1] == "/ca.pem"


@pytest.mark.parametrize("contestant", PEERS)
def test_every_peer_trusts_the_certificate(contestant: Contestant) -> None:
    with_tls = contestant.variables(errand(Path("f"), Path("/ca.pem")))
    assert {with_tls["AWS_CA_BUNDLE"], with_tls["SSL_CERT_FILE"]} == {"/ca.pem"}
    assert not {"AWS_CA_BUNDLE", "SSL_CERT_FILE"} & set(contestant.variables(errand(Path("f"))))


def test_a_program_beside_this_python_comes_before_that_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("beside", "path"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "sender").write_text("#!/bin/sh\n")
        (tmp_path / folder / "sender").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "beside" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert find_program("SENDER", "sender") == (str(tmp_path / "beside" / "sender"),)
    (tmp_path / "beside" / "sender").unlink()
    assert find_program("SENDER", "sender") == (str(tmp_path / "path" / "sender"),)
    monkeypatch.setenv("SENDER", "nice sender")
    assert find_program("SENDER", "sender") == ("nice", "sender")
    assert find_program("OTHER", "other") is None


# ------------------------------------------------------------------------------------------------------------ a race
def nobody() -> Program | None:
    return None


def setup_of(*contestants: Contestant) -> race.Setup:
    """Over TLS: one file of 1 MiB."""

    def line_up(folder: Path, sizes: race.Sizes) -> list[race.Entrant]:
        source = race._sparse(folder, sizes.big)
        return [race.Entrant(one.name, one, source, one.name.replace(" ", "-")) for one in contestants]

    return race.Setup(lambda _sizes: "small", line_up, tls=True)


def missing(name: str) -> Contestant:
    return Contestant(name, "", nobody, lambda _errand: [], lambda _errand: {})


def failing(name: str) -> Contestant:
    program = (sys.executable, "-c", "raise SystemExit('no such bucket')")
    return Contestant(name, "", lambda: program, lambda _errand: [], lambda _errand: {})


def lazy(name: str) -> Contestant:
    return Contestant(name, "", lambda: (sys.executable, "-c", ""), lambda _errand: [], lambda _errand: {})


def test_everybody_sends_over_tls_and_nothing_is_left_behind(tmp_path: Path) -> None:
    contestants = (OURS, LIMIT, *([S5CMD] if find_s5cmd() else []))
    with race.built_stadium(tmp_path, tmp_path) as stadium:
        outcomes = race.run_course(stadium, setup_of(*contestants), race.Sizes(big=MIB), runs=1)
    assert {name: isinstance(one, Figures) and one.size_bytes for name, one in outcomes.items()} == {
        one.name: MIB for one in contestants
    }
    assert list(tmp_path.iterdir()) == []


def test_who_is_missing_fails_or_sends_nothing_is_told_and_the_race_goes_on(tmp_path: Path) -> None:
    contestants = (missing("missing"), failing("failing"), lazy("lazy"), LIMIT)
    with race.built_stadium(tmp_path, tmp_path) as stadium:
        outcomes = race.run_course(stadium, setup_of(*contestants), race.Sizes(big=MIB), runs=2)
    assert {name: one for name, one in outcomes.items() if isinstance(one, str)} == {
        "missing": "not installed",
        "failing": "no such bucket",
        "lazy": "0 of 1,048,576 bytes arrived",
    }
    figures = outcomes[LIMIT.name]
    assert isinstance(figures, Figures)
    assert figures.runs == 2


def test_our_own_failure_ends_the_race(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "OURS", broken := failing("ours"))
    with race.built_stadium(tmp_path, tmp_path) as stadium, pytest.raises(RunFailedError, match="no such bucket"):
        race.run_course(stadium, setup_of(broken), race.Sizes(big=MIB), runs=1)


def test_the_second_run_sends_to_the_place_of_the_first(tmp_path: Path) -> None:
    entrants = {one.label: one for one in race._line_up_many(tmp_path, race.Sizes(many=3))}
    assert entrants[AGAIN].place == entrants["tiktok-upload"].place
    assert len({one.place for one in entrants.values()}) == len(entrants) - 1
    sizes = {path.stat().st_size for path in entrants[AGAIN].source.iterdir()}
    assert [abs(size - 113_000) < 1_000 for size in sizes] == [True]
