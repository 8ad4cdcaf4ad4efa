"""Clusters from what the kernel tells, and masks from words, masks and lists."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_bench.device import frequencies
from android_bench.device.cores import CoreWord, describe, mask_of
from android_bench.device.frequencies import CoresNow, cpu_list, parse_clusters, parse_now
from android_bench.errors import UsageError
from android_bench.results import CpuCluster, DeviceInfo, DeviceKind

SHELLS = [name for name in ("sh", "dash", "bash", "mksh", "busybox") if shutil.which(name)]
PIXEL = (
    CpuCluster(cpus=(0, 1, 2, 3), max_khz=1_704_000),
    CpuCluster(cpus=(4, 5, 6, 7), max_khz=2_367_000),
    CpuCluster(cpus=(8,), max_khz=2_914_000),
)


def phone(*clusters: CpuCluster, cpu_count: int | None = None) -> DeviceInfo:
    return DeviceInfo(
        serial="R5",
        kind=DeviceKind.PHONE,
        model="Phone",
        clusters=clusters,
        cpu_count=cpu_count,
    )


def table(*cores: tuple[int, object, object]) -> str:
    return "\n".join(f"core {cpu} {khz} {capacity}" for cpu, khz, capacity in cores)


# Clusters


def test_cores_of_one_frequency_are_a_cluster_and_the_slowest_comes_first() -> None:
    said = table((0, 2914000, 1024), (1, 1704000, 250), (2, 1704000, 250), (10, 2367000, 620))
    assert parse_clusters(said) == (
        CpuCluster(cpus=(1, 2), max_khz=1704000),
        CpuCluster(cpus=(10,), max_khz=2367000),
        CpuCluster(cpus=(0,), max_khz=2914000),
    )


def test_without_capacities_the_frequency_decides() -> None:
    said = table((0, 1804800, "-"), (1, 2419200, "-"))
    assert [one.cpus for one in parse_clusters(said)] == [(0,), (1,)]


def test_big_and_little_at_one_frequency_differ_in_capacity() -> None:
    """Unisoc T618: two Cortex-A75 and six Cortex-A55, all up to 2.0 GHz."""
    said = table(*[(cpu, 2002000, 465) for cpu in range(6)], (6, 2002000, 1024), (7, 2002000, 1024))
    assert [one.cpus for one in parse_clusters(said)] == [(0, 1, 2, 3, 4, 5), (6, 7)]


def test_capacity_alone_serves_where_frequencies_are_hidden() -> None:
    found = parse_clusters(table((0, "-", 380), (1, "-", 1024)))
    assert found == (CpuCluster(cpus=(0,)), CpuCluster(cpus=(1,)))


def test_a_core_that_sleeps_is_known_by_the_clock_it_shares() -> None:
    said = table((0, 1804800, 300), (4, 2419200, 1024)) + "\npolicy 1804800 0 1\npolicy 2419200 4 5"
    assert parse_clusters(said) == (
        CpuCluster(cpus=(0, 1), max_khz=1804800),
        CpuCluster(cpus=(4, 5), max_khz=2419200),
    )


@pytest.mark.parametrize(
    "said", ["", "core [0-9]* - -", table((0, "-", "-")), table((0, 1000, "-"), (1, "-", "-"))]
)
def test_where_a_core_tells_nothing_there_are_no_clusters(said: str) -> None:
    assert parse_clusters(said) == ()


@given(st.text(alphabet="coreply 0123456789-\n", max_size=200) | st.text())
def test_whatever_the_kernel_says_is_never_an_error(said: str) -> None:
    parse_clusters(said)
    parse_now(said)


@given(st.dictionaries(st.integers(0, 15), st.sampled_from([1_000_000, 2_000_000, 3_000_000])))
def test_every_core_is_in_one_cluster(khz: dict[int, int]) -> None:
    found = parse_clusters(table(*[(cpu, value, "-") for cpu, value in khz.items()]))
    seen = {cpu: one.max_khz for one in found for cpu in one.cpus}
    assert seen == khz
    assert [one.max_khz for one in found] == sorted(set(khz.values()))


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_reads_the_kernels_files_alike(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unreadable files, files that are not there and empty ones leave their field out."""
    files = {
        "cpu0/cpufreq/cpuinfo_max_freq": "1804800\n",
        "cpu0/cpufreq/scaling_cur_freq": "1017600\n",
        "cpu0/cpufreq/scaling_max_freq": "1804800\n",
        "cpu0/cpufreq/scaling_governor": "schedutil\n",
        "cpu0/cpu_capacity": "300\n",
        "cpu1/cpufreq/cpuinfo_max_freq": "",
        "cpu1/cpufreq/scaling_cur_freq": "0\n",
        "cpu1/cpufreq/scaling_governor": "",
        "cpu10/cpufreq/scaling_cur_freq": "<unknown>\n",
        "cpu10/cpufreq/scaling_max_freq": "2419200",
        "cpufreq/policy0/cpuinfo_max_freq": "1804800\n",
        "cpufreq/policy0/related_cpus": "0 1\n",
        "cpufreq/policy10/cpuinfo_max_freq": "2419200\n",
        "cpufreq/policy10/related_cpus": "10 11\n",
        "cpuidle/current_driver": "none\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)

    def run(script: str) -> str:
        argv = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
        elsewhere = script.replace("/sys/devices/system/cpu", str(tmp_path))
        return subprocess.run([*argv, elsewhere], capture_output=True, text=True, check=True).stdout

    assert parse_now(run(frequencies.CORES_NOW)) == CoresNow(
        khz={0: 1017600}, limit_khz={0: 1804800, 10: 2419200}, governors={0: "schedutil"}
    )
    assert parse_clusters(run(frequencies.CORES_AT_MOST)) == (
        CpuCluster(cpus=(0, 1), max_khz=1804800),
        CpuCluster(cpus=(10, 11), max_khz=2419200),
    )
    monkeypatch.setattr(frequencies, "_PATH_OF_HOST", tmp_path)
    assert frequencies.of_this_machine() == ()  # core 1 tells nothing there


@given(st.sets(st.integers(0, 40)))
def test_a_list_of_cores_reads_back(cpus: set[int]) -> None:
    device = phone(cpu_count=41)
    text = cpu_list(cpus)
    if cpus and not text.isdecimal():
        assert mask_of(text, device).cpus == tuple(sorted(cpus))


# Masks


@pytest.mark.parametrize(
    ("word", "mask", "cpus"),
    [
        ("big", "1f0", (4, 5, 6, 7, 8)),
        ("LITTLE", "f", (0, 1, 2, 3)),
        ("prime", "100", (8,)),
        ("f0", "f0", (4, 5, 6, 7)),
        ("0xF0", "f0", (4, 5, 6, 7)),
        ("0x10", "10", (4,)),
        ("4-7", "f0", (4, 5, 6, 7)),
        ("4,5", "30", (4, 5)),
        ("0-1,8", "103", (0, 1, 8)),
        ("8-8", "100", (8,)),
    ],
)
def test_words_masks_and_lists(word: str, mask: str, cpus: tuple[int, ...]) -> None:
    found = mask_of(word, phone(*PIXEL), 1)
    assert (found.mask, found.cpus) == (mask, cpus)
    assert found.word == (word.lower() if word.lower() in set(CoreWord) else None)
    assert int(found.mask, 16) == sum(1 << cpu for cpu in cpus)


@given(st.sets(st.integers(0, 8), min_size=1))
def test_a_mask_reads_back(cpus: set[int]) -> None:
    bits = sum(1 << cpu for cpu in cpus)
    assert mask_of(f"0x{bits:x}", phone(*PIXEL)).cpus == tuple(sorted(cpus))


@pytest.mark.parametrize(
    ("word", "threads", "says"),
    [
        ("0x200", 1, "has no core 9"),
        ("7-12", 1, "has no core 9-12"),
        ("9999999-99999999", 1, "has no core"),
        ("prime", 2, "2 threads on 1 core"),
        ("0x0", 1, "holds no core"),
        ("5-4", 1, "holds no core"),
        ("16", 1, "could be a mask or a core"),
        ("fast", 1, "neither a word nor a mask"),
        ("", 1, "neither a word nor a mask"),
        ("4-", 1, "neither a word nor a mask"),
        ("-1", 1, "neither a word nor a mask"),
        ("٣-٤", 1, "neither a word nor a mask"),
    ],
)
def test_what_means_nothing_on_the_device_is_refused(word: str, threads: int, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        mask_of(word, phone(*PIXEL), threads)
    assert caught.value.hint


def test_a_refusal_says_what_exists() -> None:
    with pytest.raises(UsageError) as caught:
        mask_of("turbo", phone(*PIXEL))
    assert caught.value.hint is not None
    assert "cpus 0-3 1.70 GHz, 4-7 2.37 GHz, 8 2.91 GHz" in caught.value.hint


@pytest.mark.parametrize("word", list(CoreWord))
def test_words_need_two_kinds_of_cores(word: str) -> None:
    with pytest.raises(UsageError, match="one kind of cores"):
        mask_of(word, phone(CpuCluster(cpus=(0, 1), max_khz=2_000_000)))
    with pytest.raises(UsageError, match="does not tell which"):
        mask_of(word, phone(cpu_count=8))


def test_a_mask_serves_where_nothing_is_known_of_the_cores() -> None:
    assert mask_of("0xf0", phone()).cpus == (4, 5, 6, 7)
    with pytest.raises(UsageError, match="no core 8"):
        mask_of("0x100", phone(cpu_count=8))
    with pytest.raises(UsageError, match="no core 4096"):
        mask_of("4096-9999", phone())
    assert describe(phone()) == "cores that cannot be counted"
    assert describe(phone(cpu_count=8)) == "cpus 0-7, whose frequencies cannot be read"
    assert describe(phone(CpuCluster(cpus=(0,)), CpuCluster(cpus=(1,)))) == "cpus 0, 1"


@given(st.text())
def test_any_word_is_a_choice_or_a_refusal(word: str) -> None:
    try:
        found = mask_of(word, phone(*PIXEL))
    except UsageError:
        return
    assert found.cpus
    assert set(found.cpus) <= set(range(9))


def test_this_machine_has_the_cores_that_it_says() -> None:
    for cluster in frequencies.of_this_machine():
        assert set(cluster.cpus) <= set(range(os.cpu_count() or 0))
