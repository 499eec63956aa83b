"""`config show`, `path` and `init`, and which of option, variable, file and default a command takes."""

import json
import os
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.command import CREDENTIALS, Command, Outcome, command_line, run_here
from tests.support.hostile_s3 import HostileS3
from tests.support.parquet_files import write_good

from tiktok_upload.cli import config_init
from tiktok_upload.cli.config_commands import MASK, masked

posix_only = pytest.mark.skipif(os.name != "posix", reason="modes and terminals")

LAB = '[targets.lab]\nto = "s3://lab/in/"\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, and no variable that steers the command."""
    for name in [name for name in os.environ if name.startswith(("TIKTOK_UPLOAD_", "AWS_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def file(home: Path) -> Path:
    """The user's own, in an empty directory."""
    path = home / "config" / "tiktok-upload" / "tiktok-upload.toml"
    path.parent.mkdir(parents=True)
    return path


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


class Settings:
    """What `config show --json` tells of the arguments."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        ended = run_here(capsys, "config", "show", "--json", *arguments)
        assert (ended.code, ended.result["status"]) == (0, "ok"), ended.stderr
        (self.head,) = ended.told("config")
        self.by_name = {event["name"]: event for event in ended.told("setting")}

    def __getitem__(self, name: str) -> Any:
        return self.by_name[name]["value"]

    def origin(self, name: str) -> str:
        told = self.by_name[name]
        return " ".join(filter(None, (told["origin"], told["variable"], told["target"])))


# --------------------------------------------------------------------------------------------------------- precedence
PRECEDENCE = {
    "text": (
        "region", "the-default", None,
        ('region = "outside"', "outside"), ('region = "inside"', "inside"),
        ("variable", "variable"), (["--region", "option"], "option"),
    ),
    "size": (
        "part-size", None, None,
        ('part-size = "6MiB"', 6 << 20), ("part-size = 7340032", 7 << 20),
        ("8MiB", 8 << 20), (["--part-size", "9MiB"], 9 << 20),
    ),
    "flag": (
        "overwrite", None, False,
        ("overwrite = true", True), ("overwrite = false", False),
        ("true", True), (["--overwrite"], True),
    ),
    "metadata": (
        "metadata", None, None,
        ('metadata = ["a=1"]', ["a=1"]), ('metadata = ["a=2", "b=3"]', ["a=2", "b=3"]),
        ("a=4 b=5", ["a=4", "b=5"]), (["--metadata", "a=6"], ["a=6"]),
    ),
    "tag": (
        "tag", None, None,
        ('tag = ["a=1"]', ["a=1"]), ('tag = ["a=2", "b=3"]', ["a=2", "b=3"]),
        ("a=4 b=5", ["a=4", "b=5"]), (["--tag", "a=6", "--tag", "b=7"], ["a=6", "b=7"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", PRECEDENCE)
def test_an_option_outranks_a_variable_a_target_the_file_and_the_default(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    name, _, default, outside, inside, variable, option = PRECEDENCE[kind]
    environment = "TIKTOK_UPLOAD_" + name.upper().replace("-", "_")

    def found(*arguments: object) -> tuple[Any, str]:
        settings = Settings(capsys, *arguments)
        return settings[name], settings.origin(name)

    assert found() == (default, "default")
    written(file, outside[0])
    assert found() == (outside[1], "file")
    written(file, f"{outside[0]}\n{LAB}{inside[0]}")
    assert found() == (outside[1], "file")
    assert found("--target", "lab") == (inside[1], "file lab")
    monkeypatch.setenv(environment, variable[0])
    assert found("--target", "lab") == (variable[1], f"environment {environment}")
    assert found("--target", "lab", *option[0]) == (option[1], "option")


@pytest.mark.parametrize("first", ["--config", "--target"])
@pytest.mark.parametrize("before", [True, False])
def test_config_and_target_may_stand_in_any_order_and_place(
    home: Path, capsys: pytest.CaptureFixture[str], first: str, *, before: bool
) -> None:
    other = written(home / "other.toml", LAB)
    pairs = [f"--config={other}", "--target=lab"]
    options = pairs if first == "--config" else pairs[::-1]
    rest = ["--part-size", "9MiB"]
    settings = Settings(capsys, *(options + rest if before else rest + options))
    assert (settings["to"], settings["part-size"]) == ("s3://lab/in/", 9 << 20)
    assert (settings.head["file"], settings.head["target_origin"]) == (str(other), "option")


def test_config_and_target_have_variables(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = written(home / "other.toml", LAB)
    monkeypatch.setenv("TIKTOK_UPLOAD_CONFIG", str(other))
    monkeypatch.setenv("TIKTOK_UPLOAD_TARGET", "lab")
    settings = Settings(capsys)
    assert settings["to"] == "s3://lab/in/"
    assert (settings.head["file"], settings.head["target_origin"]) == (str(other), "TIKTOK_UPLOAD_TARGET")


def test_the_option_config_outranks_its_variable(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIKTOK_UPLOAD_CONFIG", str(home / "missing.toml"))
    assert Settings(capsys, "--config", written(home / "other.toml", 'region = "eu"'))["region"] == "eu"


def test_the_default_target_holds_where_there_is_no_destination(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(file, f'default-target = "lab"\n{LAB}region = "eu"\n[targets.x]\nto = "s3://x/"')
    settings = Settings(capsys)
    assert (settings["to"], settings["region"], settings.head["target_origin"]) == (
        "s3://lab/in/", "eu", "default-target",
    )  # fmt: skip
    settings = Settings(capsys, "--target", "x")
    assert (settings["to"], settings["region"]) == ("s3://x/", None)


def test_the_default_target_is_not_mixed_with_another_destination(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written(file, f'region = "us"\ndefault-target = "lab"\n{LAB}endpoint-url = "https://lab"\nregion = "eu"')
    settings = Settings(capsys, "--to", "s3://b/")
    assert (settings["to"], settings["region"], settings["endpoint-url"]) == ("s3://b/", "us", None)
    assert settings.head["target"] is None
    named = Settings(capsys, "--to", "s3://b/", "--target", "lab")
    assert (named["to"], named["region"], named["endpoint-url"]) == ("s3://b/", "eu", "https://lab")
    monkeypatch.setenv("TIKTOK_UPLOAD_TO", "s3://c/")
    settings = Settings(capsys)
    assert (settings["to"], settings["region"], settings["endpoint-url"]) == ("s3://c/", "us", None)


def test_every_option_of_push_with_a_variable_is_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    told = Settings(capsys).by_name
    expected = {"to", "check", "part-size", "concurrency", "dry-run", "json", "ca-bundle", "state-dir", "no-color"}
    assert expected <= told.keys()
    assert not told.keys() & {"config", "target", "allow-raw-personal-data", "help", "paths"}


# ------------------------------------------------------------------------------------------------ what commands take
@pytest.fixture
def s3(tmp_path: Path) -> Iterator[HostileS3]:
    with HostileS3(tmp_path / "s3", CREDENTIALS) as server:
        for bucket in ("bkt", "lab"):
            server.make_bucket(bucket)
        yield server


@pytest.fixture
def command(tmp_path: Path, s3: HostileS3) -> Command:
    return Command(tmp_path, s3.endpoint)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_good(tmp_path / "small.parquet")


@pytest.fixture
def lab(command: Command, s3: HostileS3) -> Path:
    """The file of that command's user, with a default target."""
    path = command.home / "config" / "tiktok-upload" / "tiktok-upload.toml"
    path.parent.mkdir(parents=True)
    return written(path, f'json = true\ndefault-target = "lab"\n{LAB}endpoint-url = "{s3.endpoint}"\ntag = ["a=1"]\n')


@pytest.mark.usefixtures("lab")
def test_push_of_a_file_alone_goes_to_the_default_target(command: Command, s3: HostileS3, small: Path) -> None:
    ended = command.run("push", small)
    assert (ended.code, ended.file["uri"]) == (0, "s3://lab/in/small.parquet")
    assert list(s3.objects("lab")) == ["in/small.parquet"]


@pytest.mark.usefixtures("lab")
def test_push_goes_where_it_is_told_to(command: Command, s3: HostileS3, small: Path) -> None:
    ended = command.push(small, to="s3://bkt/x/")
    assert (ended.code, ended.file["uri"]) == (0, "s3://bkt/x/small.parquet")
    assert list(s3.objects("lab")) == []


def test_verify_asks_the_store_of_the_receipt_unless_a_target_is_named(
    command: Command, lab: Path, small: Path, tmp_path: Path
) -> None:
    receipt = tmp_path / "receipt.json"
    assert command.run("push", small, "--receipt", receipt).code == 0
    nowhere = 'endpoint-url = "http://127.0.0.1:9"\nretry-for = "1s"\n'
    written(lab, f'json = true\n{nowhere}receipt = "{tmp_path}/"\ndefault-target = "gone"\n[targets.gone]\n{nowhere}')
    assert command.verify(receipt).statuses == ["verified"]
    assert command.verify(receipt, "--target", "gone").code == 7
    assert command.run("verify").code == 2


def test_check_takes_the_default_target(command: Command, lab: Path, small: Path) -> None:
    written(lab, f'default-target = "lab"\n{LAB}json = true')
    assert command.run("check", small).statuses == ["checked"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("part_size = 5", "part_size is not known"),
        ('check = "ful"', "check is wrong: --check ful is not known; use one of quick, full, none"),
        ('checksum = "sha1"', "checksum is wrong: --checksum sha1 is not known"),
        ('concurrency = "many"', "concurrency is wrong: 'many' is neither auto nor a number"),
        ("concurrency = 100000", "concurrency is wrong: '100000' is neither auto nor a number"),
        ('metadata = ["a"]', "metadata is wrong: 'a' is not written as NAME=VALUE"),
        ('[targets.unused]\nretry-for = "soon"', "retry-for in [targets.unused] is wrong: 'soon' is no duration"),
        ('ca-bundle = "ca.pem"', "ca-bundle is 'ca.pem', which depends on the working directory"),
        ("allow-raw-personal-data = true", "allow-raw-personal-data cannot be set in a file"),
        ("region = ", "is broken"),
    ],
)
@pytest.mark.parametrize("subcommand", ["push", "check", "config show"])
def test_whatever_is_wrong_in_the_file_is_told_before_anything_is_done(
    file: Path, capsys: pytest.CaptureFixture[str], subcommand: str, text: str, message: str
) -> None:
    written(file, text)
    arguments = [*subcommand.split(), "--json"] + ([] if subcommand == "config show" else [file.parent / "x.parquet"])
    ended = run_here(capsys, *arguments)
    assert (ended.code, ended.names, ended.error["code"]) == (2, ["result"], "usage")
    assert str(file) in ended.error["message"]
    assert message in ended.error["message"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("push", "x.parquet", "--target", "lob"),
        ("config", "show", "--target", "lob"),
        ("check", "x", "--target", "lob"),
    ],
)
def test_a_target_that_is_not_there_is_refused(
    file: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    written(file, LAB)
    ended = run_here(capsys, *arguments, "--json")
    assert (ended.code, ended.error["hint"]) == (2, "did you mean lab? known are lab")


@pytest.mark.parametrize("arguments", [("push", "--help"), ("check", "--help"), ("config", "--help"), ("--version",)])
def test_a_broken_file_is_in_nobodys_way_who_asks_for_help(
    file: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    written(file, "broken")
    assert run_here(capsys, *arguments).code == 0


@posix_only
def test_names_of_targets_complete_in_the_shell(command: Command, lab: Path) -> None:
    written(lab, f"{LAB}[targets.late]\n[targets.x]\n")
    words = {"COMP_WORDS": "tiktok-upload push --target la", "COMP_CWORD": "3"}
    assert command.run(**words, _TIKTOK_UPLOAD_COMPLETE="complete_bash").stdout.split() == ["lab", "late"]
    written(lab, "broken")
    assert command.run(**words, _TIKTOK_UPLOAD_COMPLETE="complete_bash").stdout.split() == []


# --------------------------------------------------------------------------------------------------------------- show
def test_show_tells_people_the_file_the_target_and_each_setting(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(file, f'default-target = "lab"\npart-size = "64MiB"\n{LAB}profile = "prod"\nmetadata = ["a=1", "b=2"]\n')
    ended = run_here(capsys, "config", "show", "--deadline", "90s")
    assert ended.stdout.splitlines()[:4] == [
        f"file: {file}",
        "target: lab (default-target)",
        "credentials: profile prod (file, target lab)",
        "",
    ]
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in ended.stdout.splitlines()[4:]}
    assert rows["to"] == "s3://lab/in/ file, target lab"
    assert rows["part-size"] == "64 MiB file"
    assert rows["metadata"] == "a=1, b=2 file, target lab"
    assert rows["deadline"] == "1 min 30 s option"
    assert rows["overwrite"] == "no default"
    assert rows["region"] == "- default"


def test_show_without_a_file_says_that_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run_here(capsys, "config", "show").stdout.splitlines()
    assert lines[0].endswith("tiktok-upload.toml (not there)")
    assert lines[1:3] == ["target: none", "credentials: the default profile, else what the machine provides"]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_PROFILE": "x"}, "environment (AWS_ACCESS_KEY_ID)"),
        ({"AWS_PROFILE": "x"}, "profile x (AWS_PROFILE)"),
        ({"TIKTOK_UPLOAD_PROFILE": "y", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE"}, "profile y (TIKTOK_UPLOAD_PROFILE)"),
    ],
)
def test_show_names_where_credentials_come_from_and_no_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    ended = run_here(capsys, "config", "show")
    assert f"credentials: {expected}" in ended.stdout.splitlines()
    assert "AKIDEXAMPLE" not in ended.stdout


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_show_masks_secrets(file: Path, capsys: pytest.CaptureFixture[str], form: list[str]) -> None:
    written(file, 'endpoint-url = "https://me:hunter2@store.example:9000/"\nmetadata = ["api-token=hunter2"]')
    stdout = run_here(capsys, "config", "show", "--tag", "Password=hunter2", *form).stdout
    assert "hunter2" not in stdout
    assert f"https://{MASK}@store.example:9000/" in stdout
    assert f"api-token={MASK}" in stdout
    assert f"Password={MASK}" in stdout


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("region", "eu-central-1", "eu-central-1"),
        ("upload-token", "x", MASK),
        ("client-secret", "x", MASK),
        ("endpoint-url", "http://store.example/a@b", "http://store.example/a@b"),
        ("endpoint-url", "http://u:p@ss@store.example", f"http://{MASK}@store.example"),
        ("gateway", "https://g.example/?a=1&Access_Token=x&b=2", f"https://g.example/?a=1&Access_Token={MASK}&b=2"),
        ("gateway", "https://g.example/?X-Amz-Signature=x", f"https://g.example/?X-Amz-Signature={MASK}"),
        ("to", "s3://bkt/token=1/", "s3://bkt/token=1/"),
        ("metadata", ["a=1", "my_secret=x=y"], ["a=1", f"my_secret={MASK}"]),
        ("overwrite", True, True),
        ("part-size", None, None),
    ],
)
def test_what_is_masked(name: str, value: object, shown: object) -> None:
    assert masked(name, value) == shown


def test_show_escapes_what_could_fool_a_terminal(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(file, r'region = "\u001b[2Jeu"' + "\n" + r'metadata = ["a=\u202e"]')
    for form in ([], ["--json"]):
        stdout = run_here(capsys, "config", "show", *form).stdout
        assert "\u202e" not in stdout
        assert "\\x1b[2Jeu" in stdout


def test_show_refuses_an_option_that_push_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    ended = run_here(capsys, "config", "show", "--part-sizes", "5")
    assert (ended.code, ended.errors) == (2, ["error: No such option: --part-sizes (Possible options: --part-size)"])


def test_show_speaks_to_a_locale_that_cannot_say_everything(command: Command, lab: Path) -> None:
    written(lab, 'kms-key-id = "schlüssel"')
    ended = command.run("config", "show", PYTHONIOENCODING="ascii")
    assert "schl\\xfcssel" in ended.stdout


@posix_only
def test_a_reader_of_show_that_goes_away_is_no_fault(command: Command) -> None:
    assert command.run("config", "show", shell='exec "$@" >&-').code == 0
    assert command.run("config", "show", shell='"$@" | true').code == 0


# --------------------------------------------------------------------------------------------------------------- path
def test_path_is_alone_on_stdout(home: Path, capsys: pytest.CaptureFixture[str], file: Path) -> None:
    ended = run_here(capsys, "config", "path")
    assert ended.stdout == f"{file}\n"
    assert "not there yet" in ended.stderr
    written(file, "broken, and that is no matter here")
    assert run_here(capsys, "config", "path") == Outcome(0, f"{file}\n", "")
    assert run_here(capsys, "config", "path", "--config", home / "x").stdout == f"{home / 'x'}\n"


def test_path_for_machines(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    ended = run_here(capsys, "config", "path", "--json")
    assert ended.names == ["config", "result"]
    assert (ended.events[0]["file"], ended.events[0]["file_exists"]) == (str(file), False)


# --------------------------------------------------------------------------------------------------------------- init
def init(capsys: pytest.CaptureFixture[str], *arguments: object) -> Outcome:
    return run_here(capsys, "config", "init", *arguments)


def content(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def test_init_writes_a_file_that_push_can_use(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = init(capsys, "--to", "s3://bkt/in/", "--profile", "lab")
    file = home / "config" / "tiktok-upload" / "tiktok-upload.toml"
    assert content(file) == {"default-target": "main", "targets": {"main": {"to": "s3://bkt/in/", "profile": "lab"}}}
    assert ended == Outcome(
        0, "", f"{file}: target main is s3://bkt/in/, the default\n  next: tiktok-upload push file.parquet\n"
    )
    assert Settings(capsys)["to"] == "s3://bkt/in/"


@posix_only
def test_what_init_writes_only_its_owner_can_read(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(capsys, "--to", "s3://bkt/in/")
    place = home / "config" / "tiktok-upload"
    assert [path.stat().st_mode & 0o777 for path in (place, place / "tiktok-upload.toml")] == [0o700, 0o600]


def test_the_comments_that_init_writes_are_settings_that_work(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(capsys, "--to", "s3://bkt/in/", "--no-default")
    text = file.read_text(encoding="utf-8")
    assert "default-target" not in content(file)
    lines = [line.lstrip("# ") for line in text.splitlines() if " = " in line]
    written(file, "\n".join(lines))
    assert len(lines) == 7
    assert Settings(capsys).origin("metadata") == "file"


def test_init_adds_a_target_and_leaves_the_rest_as_it_is(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = f'# mine\nregion = "eu" # here\r\n\n{LAB.strip()} # the lab'
    file.write_bytes(before.encode())
    file.chmod(0o600)
    ended = init(capsys, "--name", "prod", "--to", "s3://prod/", "--endpoint-url", "https://s3.example.com")
    assert ended.stderr.endswith("next: tiktok-upload push file.parquet --target prod\n")
    added = '\n\n[targets.prod]\nto = "s3://prod/"\nendpoint-url = "https://s3.example.com"\n'
    assert file.read_bytes().decode() == before + added
    init(capsys, "--name", "third", "--to", "s3://third/", "--default")
    assert file.read_bytes().decode().endswith(before + added + '\n[targets.third]\nto = "s3://third/"\n')
    assert content(file)["default-target"] == "third"


@pytest.mark.parametrize(
    ("before", "arguments", "message"),
    [
        (LAB, ["--name", "lab"], "there is a target lab in "),
        (f'default-target = "lab"\n{LAB}', ["--default"], "has a default target, lab"),
        ('targets = {lab = {to = "s3://lab/"}}', [], "cannot be added"),
        ("broken", [], "is broken"),
        ("part_size = 5", [], "part_size is not known"),
    ],
)
def test_init_refuses_and_leaves_the_file_as_it_is(
    file: Path, capsys: pytest.CaptureFixture[str], before: str, arguments: list[str], message: str
) -> None:
    written(file, before)
    ended = init(capsys, "--to", "s3://bkt/in/", *arguments)
    assert (ended.code, file.read_text(encoding="utf-8")) == (2, before)
    assert message in ended.errors[0]
    assert list(file.parent.iterdir()) == [file]


def test_init_with_force_writes_a_new_file_and_keeps_the_old_one(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(file, "broken")
    assert init(capsys, "--to", "s3://bkt/in/", "--force").code == 0
    assert content(file)["default-target"] == "main"
    assert file.with_name("tiktok-upload.toml.old").read_text(encoding="utf-8") == "broken"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "there is no destination to write"),
        (["--to", "bkt/in"], "--to bkt/in names no bucket"),
        (["--to", "s3://bkt/", "--name", "a b"], "--name a b cannot be used"),
        (["--to", "s3://bkt/", "--name", ""], "--name '' cannot be used"),
        (["--to", "s3://bkt/", "--endpoint-url", "store:9000"], "--endpoint-url store:9000 is no web address"),
        (["--to", "s3://bkt/", "--endpoint-url", "https://me:hunter2@store"], "--endpoint-url holds a secret"),
        (["--to", "s3://bkt/\udcff"], "cannot be written"),
        (["--to", "s3://bkt/", "--config", os.devnull], "is no configuration file"),
    ],
)
def test_init_refuses_what_push_could_not_use(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    ended = init(capsys, *arguments)
    assert (ended.code, message in ended.errors[0], "hunter2" in ended.stderr) == (2, True, False)
    assert not (home / "config").exists()


def test_init_refuses_a_place_that_cannot_be_written(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "occupied").write_bytes(b"")
    ended = init(capsys, "--to", "s3://bkt/", "--config", home / "occupied" / "x.toml")
    assert (ended.code, "cannot be written" in ended.errors[0]) == (2, True)
    assert init(capsys, "--to", "s3://bkt/", "--config", home).code == 2


@pytest.mark.parametrize("value", ['a"b\\c', "schlüssel 😀", "tab\tdel\x7f", "#[x]"])
def test_any_text_is_written_so_that_it_is_read_again(home: Path, value: str) -> None:
    target = config_init.NewTarget("x", {"to": "s3://bkt/", "profile": value})
    assert tomllib.loads(config_init.new_text(target, default=True))["targets"]["x"]["profile"] == value
    assert home.exists()


@posix_only
def test_init_writes_through_a_symbolic_link(home: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real = written(home / "dotfiles.toml", LAB)
    file.symlink_to(real)
    assert init(capsys, "--to", "s3://bkt/in/").code == 0
    assert file.is_symlink()
    assert content(real)["targets"].keys() == {"lab", "main"}


def answers(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Somebody is there, and says so."""
    waiting = iter(lines)
    monkeypatch.setattr("tiktok_upload.cli.config_commands.is_interactive", lambda: True)
    monkeypatch.setattr(
        "tiktok_upload.cli.config_init.typer.prompt", lambda *_, default, **__: next(waiting) or default
    )


def test_on_a_terminal_init_asks_for_what_was_not_given(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, "", " s3://bkt/in/ ", "", "https://s3.example.com")
    assert init(capsys, "--region", "eu").code == 0
    expected = {"to": "s3://bkt/in/", "region": "eu", "endpoint-url": "https://s3.example.com"}
    assert content(file)["targets"] == {"main": expected}


def test_an_answer_that_would_not_do_is_asked_for_again(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, "a b", "lab", "bkt", "s3://bkt/in/", "", "", "store", "")
    ended = init(capsys)
    assert content(file)["targets"] == {"lab": {"to": "s3://bkt/in/"}}
    assert ended.stderr.splitlines()[:3] == [
        "  --name a b cannot be used; use up to 64 letters, digits, - and _",
        "  --to bkt names no bucket; write it as s3://bucket/prefix/ or s3://bucket/key.parquet",
        "  --endpoint-url store is no web address; begin it with https:// or http://",
    ]


def test_nobody_is_asked_for_ever(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, "lab", "bkt", "bkt", "bkt")
    assert init(capsys).code == 2
    assert not file.exists()


def test_with_a_destination_nobody_is_asked(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch)
    assert init(capsys, "--to", "s3://bkt/in/").code == 0
    assert file.exists()


@posix_only
def test_init_on_a_real_terminal(command: Command) -> None:
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        command_line("config", "init"), stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, env=command.environment
    )
    os.close(theirs)
    os.write(ours, b"lab\ns3://bkt/in/\n\n\n\n")
    process.communicate(timeout=60)
    os.close(ours)
    file = command.home / "config" / "tiktok-upload" / "tiktok-upload.toml"
    assert (process.returncode, content(file)["targets"]) == (0, {"lab": {"to": "s3://bkt/in/"}})


# ---------------------------------------------------------------------------------------------------------------- help
@pytest.mark.parametrize("subcommand", ["show", "path", "init"])
def test_each_command_has_an_example(capsys: pytest.CaptureFixture[str], subcommand: str) -> None:
    text = " ".join(run_here(capsys, "config", subcommand, "--help").stdout.split())
    assert "Example:" in text
    assert f"tiktok-upload config {subcommand}" in text


def test_the_result_comes_last_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    stdout = run_here(capsys, "config", "show", "--json").stdout
    assert json.loads(stdout.splitlines()[-1])["event"] == "result"
