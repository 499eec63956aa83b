"""The configuration file by itself: what is found, read, refused, and which value holds."""

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tiktok_upload import config as c
from tiktok_upload import portable
from tiktok_upload.errors import UsageError
from tiktok_upload.units import parse_size

KNOWN = {
    "to": c.Setting(),
    "region": c.Setting(),
    "part-size": c.Setting("number", parse_size),
    "overwrite": c.Setting("flag"),
    "metadata": c.Setting("list"),
    "state-dir": c.Setting("path"),
}
LAB = '[targets.lab]\nto = "s3://bkt/lab/"\n'

posix_only = pytest.mark.skipif(os.name != "posix", reason="modes and owners")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.toml"


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the user's own; nothing is there."""
    place = tmp_path / "config" / "tiktok-upload" / "tiktok-upload.toml"
    monkeypatch.setattr(c, "default_path", lambda: place)
    return place


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return path


def loaded(path: Path, content: str | bytes) -> c.Config:
    return c.load(written(path, content), known=KNOWN)


def refused(path: Path, content: str | bytes) -> UsageError:
    with pytest.raises(UsageError) as caught:
        loaded(path, content)
    assert caught.value.exit_code == 2
    assert str(path) in caught.value.message
    return caught.value


# --------------------------------------------------------------------------------------------------- where it is found
def test_the_users_own_file_is_in_the_configuration_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert c.default_path().parts[-2:] == ("tiktok-upload", "tiktok-upload.toml")
    assert c.default_path().is_absolute()


def test_no_file_of_the_users_own_is_no_error(own_file: Path) -> None:
    assert c.load(None, known=KNOWN) == c.Config(own_file, exists=False)


def test_the_users_own_file_is_read_if_none_is_named(own_file: Path) -> None:
    written(own_file, 'region = "eu-central-1"')
    assert c.load(None, known=KNOWN).settings == {"region": "eu-central-1"}


def test_a_named_file_is_read_instead_of_the_users_own(own_file: Path, file: Path) -> None:
    written(own_file, 'region = "eu-central-1"')
    assert loaded(file, "overwrite = true").settings == {"overwrite": True}


def test_a_named_file_must_be_there(file: Path) -> None:
    with pytest.raises(UsageError, match="there is no configuration file") as caught:
        c.load(file, known=KNOWN)
    assert "--config" in caught.value.hint


def test_a_file_in_the_working_directory_is_not_read_by_itself(
    own_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written(tmp_path / "tiktok-upload.toml", 'to = "s3://elsewhere/"')
    monkeypatch.chdir(tmp_path)
    assert c.load(None, known=KNOWN) == c.Config(own_file, exists=False)


def test_without_a_home_directory_nothing_is_looked_for_below_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    relative = Path("~/.config/tiktok-upload/tiktok-upload.toml")
    monkeypatch.setattr(c, "default_path", lambda: relative)
    monkeypatch.chdir(tmp_path)
    written(relative, 'to = "s3://elsewhere/"')
    assert c.load(None, known=KNOWN) == c.Config(relative, exists=False)


def test_the_null_device_stands_for_no_settings(own_file: Path) -> None:
    written(own_file, 'region = "eu-central-1"')
    assert c.load(Path(os.devnull), known=KNOWN).settings == {}


# ------------------------------------------------------------------------------------------------------- what is read
def test_every_kind_of_value_comes_as_its_option_takes_it(file: Path) -> None:
    text = """
    region = "eu"
    part-size = "64MiB"
    overwrite = false
    metadata = ["a=1", "b=2"]
    state-dir = "/var/state/"
    """
    assert loaded(file, text).settings == {
        "region": "eu",
        "part-size": "64MiB",
        "overwrite": False,
        "metadata": ("a=1", "b=2"),
        "state-dir": "/var/state/",
    }


@pytest.mark.parametrize(("written_as", "read"), [("8388608", "8388608"), ("1.5", "1.5"), ('"8 MiB"', "8 MiB")])
def test_a_number_may_stand_without_quotes(file: Path, written_as: str, read: str) -> None:
    assert loaded(file, f"part-size = {written_as}").settings == {"part-size": read}


def test_a_tilde_in_a_path_is_the_home_directory(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert loaded(file, 'state-dir = "~/state/"').settings == {"state-dir": f"{tmp_path}/state/"}


@pytest.mark.parametrize("content", ["", "# nothing\n", b"\xef\xbb\xbfoverwrite = true\n", b"overwrite = true\r\n"])
def test_an_empty_file_a_byte_order_mark_and_line_ends_of_windows_are_fine(file: Path, content: str | bytes) -> None:
    assert loaded(file, content).settings in ({}, {"overwrite": True})


def test_targets_are_kept_apart(file: Path) -> None:
    config = loaded(file, f'default-target = "lab"\nregion = "eu"\n{LAB}[targets.x-1]\noverwrite = true\n')
    assert config.targets == {"lab": {"to": "s3://bkt/lab/"}, "x-1": {"overwrite": True}}
    assert (config.default_target, config.settings) == ("lab", {"region": "eu"})


# -------------------------------------------------------------------------------------------------- which value holds
@pytest.fixture
def two(file: Path) -> c.Config:
    text = (
        f'default-target = "lab"\nregion = "eu"\nmetadata = ["a=1"]\n{LAB}region = "us"\n[targets.x]\nmetadata = []\n'
    )
    return loaded(file, text)


def test_a_target_outranks_the_keys_outside(two: c.Config) -> None:
    assert c.resolve(two, "lab") == {"region": "us", "metadata": ("a=1",), "to": "s3://bkt/lab/"}


def test_a_list_of_a_target_replaces_the_other(two: c.Config) -> None:
    assert c.resolve(two, "x") == {"region": "eu", "metadata": ()}


def test_the_default_target_holds_where_none_is_named(two: c.Config) -> None:
    assert c.resolve(two, None) == c.resolve(two, "lab")


def test_no_target_holds_where_the_default_does_not_apply(two: c.Config) -> None:
    assert c.resolve(two, None, default_applies=False) == {"region": "eu", "metadata": ("a=1",)}
    assert c.resolve(replace(two, default_target=None), None) == {"region": "eu", "metadata": ("a=1",)}


@pytest.mark.parametrize(
    ("named", "hint"),
    [("lob", "did you mean lab? known are lab, x"), ("zzz", "known are lab, x"), ("\x1b[2J", "known are lab, x")],
)
def test_a_target_that_is_not_there_is_refused_with_those_that_are(two: c.Config, named: str, hint: str) -> None:
    with pytest.raises(UsageError, match="there is no target") as caught:
        c.resolve(two, named)
    assert caught.value.hint == hint
    assert "\x1b" not in caught.value.message


def test_without_any_target_the_hint_says_how_to_write_one(own_file: Path) -> None:
    with pytest.raises(UsageError) as caught:
        c.resolve(c.load(None, known=KNOWN), "lab")
    assert str(own_file) in caught.value.message
    assert "config init" in caught.value.hint


# --------------------------------------------------------------------------------------------------------- bad files
def test_broken_toml_is_refused_with_its_line(file: Path) -> None:
    error = refused(file, 'region = "eu"\npart-size = = 5\n')
    assert "is broken" in error.message
    assert "line 2" in error.message


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        "x = " + "[" * 50_000,
        "part-size = " + "9" * 5_000,
        'region = "a"\nregion = "b"',
        "region = 'a\x00b'",
    ],
    ids=["tables", "arrays", "number", "twice", "NUL"],
)
def test_hostile_toml_is_refused_like_any_broken_one(file: Path, text: str) -> None:
    assert "is broken" in refused(file, text).message


def test_a_number_too_long_for_python_is_refused(file: Path) -> None:
    assert "part-size is wrong" in refused(file, "part-size = 0x" + "f" * 9_000).message


def test_text_that_is_not_utf_8_is_refused_with_its_line(file: Path) -> None:
    assert "is not UTF-8 in line 2" in refused(file, b'region = "eu"\n# caf\xe9\n').message


def test_a_huge_file_is_refused_unread(file: Path) -> None:
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)
    file.chmod(0o600)
    with pytest.raises(UsageError, match="more than 256 KiB"):
        c.load(file, known=KNOWN)


def test_the_largest_file_is_read(file: Path) -> None:
    assert loaded(file, "#" * c.MOST_BYTES).exists
    assert "more than" in refused(file, "#" * (c.MOST_BYTES + 1)).message


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        c.load(tmp_path, known=KNOWN)


@posix_only
def test_a_pipe_is_refused_without_waiting_for_a_writer(file: Path) -> None:
    os.mkfifo(file, 0o600)
    with pytest.raises(UsageError, match="no regular file"):
        c.load(file, known=KNOWN)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5_000])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="configuration file"):
        c.load(Path("/") / name, known=KNOWN)


@posix_only
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused_and_not_passed_over(own_file: Path) -> None:
    written(own_file, "").chmod(0)
    with pytest.raises(UsageError, match="cannot be read: Permission denied"):
        c.load(None, known=KNOWN)


@posix_only
@pytest.mark.parametrize("mode", [0o602, 0o620, 0o666, 0o664])
def test_a_file_that_others_can_write_is_refused(file: Path, mode: int) -> None:
    written(file, 'to = "s3://elsewhere/"').chmod(mode)
    with pytest.raises(UsageError, match="others can write") as caught:
        c.load(file, known=KNOWN)
    assert "chmod go-w" in caught.value.hint


@posix_only
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o444])
def test_a_file_that_others_can_only_read_is_fine(file: Path, mode: int) -> None:
    written(file, 'region = "eu"').chmod(mode)
    assert c.load(file, known=KNOWN).settings == {"region": "eu"}


@posix_only
@pytest.mark.parametrize(
    ("user", "owner"), [(1000, 1000), (1000, 0), (0, 1000)], ids=["own", "root's", "mounted into a container"]
)
def test_a_file_of_ones_own_or_of_root_is_fine(
    file: Path, monkeypatch: pytest.MonkeyPatch, user: int, owner: int
) -> None:
    pretend(file, monkeypatch, user=user, owner=owner)
    assert c.load(file, known=KNOWN).settings == {"region": "eu"}


@posix_only
def test_a_file_of_somebody_else_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(file, monkeypatch, user=1000, owner=1001)
    with pytest.raises(UsageError, match="belongs to somebody else"):
        c.load(file, known=KNOWN)


def pretend(file: Path, monkeypatch: pytest.MonkeyPatch, *, user: int, owner: int) -> None:
    """The file belongs to the one, and the other reads it."""
    written(file, 'region = "eu"')
    found = list(file.stat())
    found[stat.ST_UID] = owner
    monkeypatch.setattr(os, "fstat", lambda _: os.stat_result(found))
    monkeypatch.setattr(os, "geteuid", lambda: user)


def test_where_there_are_no_modes_none_is_looked_at(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "POSIX", False)
    written(file, 'region = "eu"').chmod(0o666)
    assert c.load(file, known=KNOWN).settings == {"region": "eu"}


@posix_only
def test_a_symbolic_link_is_followed(file: Path, tmp_path: Path) -> None:
    written(tmp_path / "dotfiles" / "real.toml", 'region = "eu"')
    file.symlink_to(tmp_path / "dotfiles" / "real.toml")
    assert c.load(file, known=KNOWN).settings == {"region": "eu"}


# ---------------------------------------------------------------------------------------------------------- bad keys
@pytest.mark.parametrize(
    ("text", "named", "hint"),
    [
        ("part_size = 5", "part_size is not known", "did you mean part-size?"),
        ('"--part-size" = 5', "--part-size is not known", "did you mean part-size?"),
        ("Overwrite = true", "Overwrite is not known", "did you mean overwrite?"),
        ("partsize = 5", "partsize is not known", "did you mean part-size?"),
        ("default_target = 'x'", "default_target is not known", "did you mean default-target?"),
        ("target = 'x'", "target is not known", "did you mean default-target?"),
        ("[target.lab]", "target is not known", "did you mean default-target?"),
        ("[target]", "target is not known", "did you mean default-target?"),
        ("zzz = 5", "zzz is not known", "a key is a long option of push without its dashes"),
        ("config = 'x'", "config is not known", "a key is a long option of push without its dashes"),
        (f"{LAB}part_size = 5", "part_size in [targets.lab] is not known", "did you mean part-size?"),
        (f"{LAB}[targets.lab.eu]", "eu in [targets.lab] is not known", "a key is a long option"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one(file: Path, text: str, named: str, hint: str) -> None:
    error = refused(file, text)
    assert error.message == f"{file}: {named}"
    assert error.hint.startswith(hint)


@pytest.mark.parametrize("key", ["allow-raw-personal-data", "allow_raw_personal_data"])
@pytest.mark.parametrize("where", ["", "[targets.lab]\n"])
def test_the_consent_is_never_a_setting(file: Path, key: str, where: str) -> None:
    error = refused(file, f"{where}{key} = true")
    assert "allow-raw-personal-data" in error.message
    assert "cannot be set in a file" in error.message
    assert error.hint == "give --allow-raw-personal-data to the command that needs it"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("region = 5", "region is a number, not text in quotes"),
        ("region = true", "region is true or false, not text in quotes"),
        ("region = []", "region is a list, not text in quotes"),
        ("region = {}", "region is a table, not text in quotes"),
        ("region = 2026-11-24", "region is a date or time, not text in quotes"),
        ('region = ""', "region is empty; leave the key out instead"),
        (r'region = "a\u0000b"', "region holds a NUL"),
        ("part-size = true", "part-size is true or false, not text in quotes"),
        ("part-size = -1", "part-size is wrong: '-1' is not a size"),
        ("part-size = 0", "part-size is wrong: '0' is not a size"),
        ("part-size = inf", "part-size is wrong: no option takes so large a number"),
        (f"region = '{'x' * 5_000}'", "region has more than 4096 characters"),
        ("part-size = nan", "part-size is wrong: no option takes so large a number"),
        ('part-size = "5 apples"', "part-size is wrong: '5 apples' is not a size"),
        ('overwrite = "yes"', "overwrite is text, not true or false"),
        ("overwrite = 1", "overwrite is a number, not true or false"),
        ('metadata = "a=1"', "metadata is text, not a list of texts"),
        ("metadata = [1]", "metadata is a number, not text in quotes"),
        ('state-dir = "here"', "state-dir is 'here', which depends on the working directory"),
        ("targets = 5", "targets is a number, not a table"),
        ("[targets]\nlab = 5", "lab in [targets] is a number, not a target"),
        ('[targets."a b"]', "[targets.a b] has a name that cannot be used"),
        ('[targets.""]', "[targets.] has a name that cannot be used"),
        (f"default-target = 5\n{LAB}", "default-target is a number, not the name of a target"),
        (f'default-target = "lob"\n{LAB}', "default-target is lob, which is no target"),
        (f"{LAB}region = 5", "region in [targets.lab] is a number, not text in quotes"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_its_place(file: Path, text: str, what: str) -> None:
    assert refused(file, text).message.startswith(f"{file}: {what}")


@pytest.mark.parametrize(
    "make",
    [
        lambda name: f'"{name}" = 5',
        lambda name: f'[targets."{name}"]',
        lambda name: f'default-target = "{name}"',
        lambda name: f'part-size = "{name}"',
    ],
)
def test_what_the_file_says_is_shown_escaped(file: Path, make: Callable[[str], str]) -> None:
    error = refused(file, make(r"\u001b[2J\u202e"))
    assert "\x1b" not in error.message + error.hint
    assert "\u202e" not in error.message + error.hint


def test_a_key_of_any_length_is_shown_short(file: Path) -> None:
    assert len(refused(file, f"{'x' * 100_000} = 5").message) < 200 + len(str(file))
