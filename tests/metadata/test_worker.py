import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from optimizer.errors import MetadataError, MissingExtraError
from optimizer.metadata import MetadataWorker, verify, write
from optimizer.metadata.tasks import ImageClassifier

DATA = Path(__file__).with_name("data")
Model = Callable[..., Path]


def script(tmp_path: Path, text: str) -> str:
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def encode(worker: MetadataWorker, path: Path) -> bytes:
    """The smallest request."""
    return worker.encode({"name": "Pets"}, origin=path)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_native_crash_is_an_error_and_the_next_file_is_read(
    model: Model, description: ImageClassifier
) -> None:
    """The file in data was found by changing bytes: LiteRT ends with SIGSEGV on it."""
    with MetadataWorker() as worker:
        for _ in range(2):
            proof = verify(DATA / "native_crash.tflite", worker=worker)
            assert proof.failure is not None
            assert re.search(r"worker died \(SIG\w+\) on 'native_crash", proof.failure)
        path = model()
        write(path, description, worker=worker)
        assert verify(path, worker=worker).ok


def test_the_last_words_of_a_dead_worker_are_told(model: Model, tmp_path: Path) -> None:
    python = script(tmp_path, "read line; echo 'F0000 check failed: 1 == 2' >&2; kill -SEGV $$")
    with (
        MetadataWorker(python=python) as worker,
        pytest.raises(MetadataError, match=r"SIGSEGV.*F0000 check failed: 1 == 2"),
    ):
        encode(worker, model())


def test_a_worker_that_hangs_is_ended(model: Model, tmp_path: Path) -> None:
    with MetadataWorker(python=script(tmp_path, "exec sleep 60"), timeout_s=0.5) as worker:
        with pytest.raises(MetadataError, match=r"longer than 0\.5 s"):
            encode(worker, model())
        assert worker.pid is None


def test_stray_prints_do_not_disturb(model: Model, tmp_path: Path) -> None:
    code = (
        "import os\nfrom optimizer.metadata.worker import __main__ as worker\n"
        "real = worker.OPERATIONS['encode']\n"
        "worker.OPERATIONS['encode'] = lambda fields: os.write(1, b'noise\\n') and real(fields)\n"
        "worker.main()"
    )
    (tmp_path / "noisy.py").write_text(code)
    python = script(tmp_path, f"exec '{sys.executable}' '{tmp_path}/noisy.py'")
    with MetadataWorker(python=python) as worker:
        assert encode(worker, model())


def test_the_process_is_shared_and_ends_with_the_block(model: Model) -> None:
    path = model()
    with MetadataWorker() as worker:
        encode(worker, path)
        first = worker.pid
        encode(worker, path)
        assert worker.pid == first
        assert first is not None
    assert not alive(first)  # a zombie would still answer
    worker.close()


def test_a_worker_killed_from_outside_is_replaced(model: Model) -> None:
    path = model()
    with MetadataWorker() as worker:
        encode(worker, path)
        first = worker.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert encode(worker, path)
        assert worker.pid != first


def test_ctrl_c_in_the_parent_does_not_end_the_worker_first(model: Model) -> None:
    path = model()
    with MetadataWorker() as worker:
        encode(worker, path)
        assert worker.pid is not None
        threading.Timer(0.0, os.kill, (worker.pid, signal.SIGINT)).start()
        assert encode(worker, path)


def test_the_extra_is_named_when_it_is_missing(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "hidden" / "tensorflow_lite_support"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "raise ModuleNotFoundError('hidden', name='tensorflow_lite_support')"
    )
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    with MetadataWorker() as worker, pytest.raises(MissingExtraError) as caught:
        encode(worker, model())
    assert "'tflite-support'" in str(caught.value)
    assert "android-bench[metadata]" in str(caught.value.hint)


def test_files_of_the_users_folder_are_not_imported(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = model()
    (tmp_path / "numpy.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    with MetadataWorker() as worker:
        assert encode(worker, Path(path.name))


def test_nothing_heavy_is_imported_on_this_side(model: Model) -> None:
    code = (
        "import sys; from pathlib import Path; from optimizer.metadata import show\n"
        "assert show(Path(sys.argv[1])) is None\n"
        "assert not {'tensorflow', 'tflite_support', 'tensorflow_lite_support'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(model())], check=True)
