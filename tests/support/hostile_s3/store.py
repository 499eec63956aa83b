"""Buckets, objects and open uploads as files, so that memory stays flat and a killed server loses nothing.

`ROOT/BUCKET/KEY` holds an object's bytes; a key that cannot be a file name there lies in `ROOT/.hostile/odd`.
Everything else is below `ROOT/.hostile`: records, parts, bodies that are still coming, old versions.
"""

import contextlib
import hashlib
import json
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from .records import StoredObject, StoredPart, Upload

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_=+@,-][A-Za-z0-9_.=+@,-]{0,180}(?<!\.)")
_DEVICES: Final = frozenset({"con", "prn", "aux", "nul"})

Guard = Callable[[StoredObject | None], None]


class Store:
    """The state of the server; safe from several threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.RLock()
        self._own = root / ".hostile"
        self._objects: dict[str, dict[str, StoredObject]] = {}
        self._versions: dict[tuple[str, str, str], StoredObject] = {}
        self._uploads: dict[str, Upload] = {}
        for name in ("incoming", "odd", "objects", "uploads", "versions"):
            (self._own / name).mkdir(parents=True, exist_ok=True)
        self._load()

    def _load(self) -> None:
        for folder in self.root.iterdir():
            if folder != self._own and folder.is_dir():
                self._objects[folder.name] = {}
        for path in (self._own / "objects").rglob("*.json"):
            found = StoredObject.from_json(json.loads(path.read_text("utf-8")))
            self._objects[path.parent.name][found.key] = found
        for path in (self._own / "uploads").glob("*/upload.json"):
            self._load_upload(path)

    def _load_upload(self, path: Path) -> None:
        upload = Upload(**json.loads(path.read_text("utf-8")), folder=path.parent)
        parts = (StoredPart.from_json(json.loads(part.read_text("utf-8"))) for part in path.parent.glob("0*.json"))
        upload.parts = {part.number: part for part in parts}
        self._uploads[upload.id] = upload

    # Buckets

    def make_bucket(self, bucket: str) -> None:
        """Make it, unless it is there."""
        with self.lock:
            (self.root / bucket).mkdir(exist_ok=True)
            self._objects.setdefault(bucket, {})

    def buckets(self) -> list[str]:
        """Their names, sorted."""
        with self.lock:
            return sorted(self._objects)

    # Objects

    def objects(self, bucket: str) -> dict[str, StoredObject]:
        """All objects of a bucket by key, sorted as S3 lists them: by the key's UTF-8."""
        with self.lock:
            return dict(sorted(self._objects[bucket].items(), key=lambda item: item[0].encode()))

    def find(self, bucket: str, key: str, version_id: str = "") -> StoredObject | None:
        """The object of that key, or that version of it."""
        with self.lock:
            current = self._objects[bucket].get(key)
            if not version_id or (current is not None and current.version_id == version_id):
                return current
            return self._versions.get((bucket, key, version_id))

    def new_file(self) -> Path:
        """A name for a body that is about to come in."""
        return self._own / "incoming" / secrets.token_hex(12)

    def keep(self, bucket: str, new: StoredObject, guard: Guard) -> StoredObject:
        """Make `new` the object of its key by moving its file; `guard` sees the one that is there and may raise."""
        with self.lock:
            guard(self._objects[bucket].get(new.key))
            self._retire(bucket, new.key)
            kept = replace(new, path=self._place(bucket, new.key))
            kept.path.parent.mkdir(parents=True, exist_ok=True)
            new.path.replace(kept.path)
            self._objects[bucket][new.key] = kept
            _write_json(self._record(bucket, new.key), kept.to_json())
            return kept

    def remove(self, bucket: str, key: str) -> None:
        """Delete the object, if there is one; an old version stays where versioning made one."""
        with self.lock:
            self._retire(bucket, key)
            self._objects[bucket].pop(key, None)
            self._record(bucket, key).unlink(missing_ok=True)

    def _retire(self, bucket: str, key: str) -> None:
        old = self._objects[bucket].get(key)
        if old is None:
            return
        if not old.version_id:
            old.path.unlink()
            return
        path = self._own / "versions" / old.version_id
        old.path.replace(path)
        self._versions[bucket, key, old.version_id] = replace(old, path=path)

    def _place(self, bucket: str, key: str) -> Path:
        """Where the bytes go: by their key, unless no file can have that name or another key has it."""
        names = key.split("/")
        plain = self.root / bucket / Path(*names)
        if all(_is_plain(name) for name in names) and not plain.exists() and _can_have(plain.parent):
            return plain
        return self._own / "odd" / _digest(bucket, key)

    def _record(self, bucket: str, key: str) -> Path:
        return self._own / "objects" / bucket / f"{_digest(bucket, key)}.json"

    # Multipart uploads

    def open_upload(self, upload: Upload) -> None:
        """Remember a new upload."""
        with self.lock:
            self._uploads[upload.id] = upload
            _write_json(upload.folder / "upload.json", upload.to_json())

    def upload_folder(self, upload_id: str) -> Path:
        """Where the parts of an upload lie."""
        return self._own / "uploads" / upload_id

    def uploads(self, bucket: str | None = None) -> list[Upload]:
        """The open uploads by key and then by age; of all buckets, unless one is named."""
        with self.lock:
            found = [upload for upload in self._uploads.values() if bucket in {None, upload.bucket}]
        return sorted(found, key=lambda upload: (upload.key.encode(), upload.started))

    def upload(self, upload_id: str | None) -> Upload | None:
        """The open upload of that id."""
        with self.lock:
            return self._uploads.get(upload_id or "")

    def keep_part(self, upload: Upload, part: StoredPart, path: Path) -> bool:
        """Make `path` that part, in place of an earlier one; False where the upload is gone by now."""
        with upload.lock:
            if self.upload(upload.id) is None:
                return False
            path.replace(upload.path_of(part.number))
            upload.parts[part.number] = part
            _write_json(upload.path_of(part.number).with_suffix(".json"), part.to_json())
            return True

    def lose_upload(self, upload_id: str) -> None:
        """Drop an upload with its parts."""
        with self.lock:
            upload = self._uploads.pop(upload_id, None)
        if upload is not None:
            with upload.lock:
                shutil.rmtree(upload.folder, ignore_errors=True)

    def lose_parts(self, upload_id: str, numbers: Iterable[int]) -> None:
        """Drop some parts of an upload."""
        upload = self._uploads[upload_id]
        with upload.lock:
            for number in numbers:
                upload.parts.pop(number, None)
                for path in (upload.path_of(number), upload.path_of(number).with_suffix(".json")):
                    path.unlink(missing_ok=True)


def _is_plain(name: str) -> bool:
    return bool(_PLAIN_NAME.fullmatch(name)) and name.partition(".")[0].lower() not in _DEVICES


def _can_have(folder: Path) -> bool:
    """Whether nothing on the way to `folder` is a file."""
    return all(above.is_dir() or not above.exists() for above in (folder, *folder.parents))


def _digest(bucket: str, key: str) -> str:
    return hashlib.sha256(f"{bucket}/{key}".encode()).hexdigest()


def _write_json(path: Path, data: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(data), "utf-8")
    with contextlib.suppress(FileNotFoundError):
        beside.replace(path)
