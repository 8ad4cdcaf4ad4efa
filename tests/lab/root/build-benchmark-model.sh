#!/bin/sh
# Inside the lab's root: build the official Classic benchmark_model from Debian's source of tensorflow,
# as its own CMakeLists.txt lists it (without XNNPACK, which Debian's library does not have).
set -eu
work=$1
out=$2
mkdir -p "$work" && cd "$work"

sed 's/^deb /deb-src /' /etc/apt/sources.list >/etc/apt/sources.list.d/source.list
# The mirror's release file can be older than its validity.
apt-get -o Acquire::Check-Valid-Until=false update -qq
# The .dsc can be missing on a mirror while the sources it lists are there: those are enough.
apt-get source --download-only -qq tensorflow || true
mkdir source && tar -xJf tensorflow_*.orig.tar.xz -C source --strip-components=1

cd source
lite=tensorflow/lite
{
  ls $lite/tools/benchmark/*.cc | grep -v -e '_test\.cc$' -e _plus_flex_main -e _performance_options_main
  echo tensorflow/tsl/util/stats_calculator.cc
  echo $lite/kernels/internal/utils/sparsity_format_converter.cc
  for name in memory_info memory_usage_monitor profile_buffer profile_summarizer \
      profile_summary_formatter root_profiler telemetry/profiler telemetry/telemetry time; do
    echo $lite/profiling/$name.cc
  done
  for name in command_line_flags delegates/default_execution_provider delegates/delegate_provider \
      delegates/external_delegate_provider evaluation/utils model_loader tool_params utils; do
    echo $lite/tools/$name.cc
  done
} >sources
[ -f tensorflow/tsl/util/stats_calculator.cc ] ||
  sed -i "s|tensorflow/tsl/util/stats_calculator.cc|$(find . -name stats_calculator.cc | head -n 1)|" sources

# Debian's headers miss includes that the compiler of 2023 brought along by itself.
flags="-O2 -std=c++17 -w -DTFLITE_WITHOUT_XNNPACK -include map -include string -include vector -include cstdint
  -I. -Ithird_party/xla/third_party/tsl -Ithird_party/xla -I/usr/include/eigen3 -I/usr/include/gemmlowp"
mkdir objects
# shellcheck disable=SC2086 # the flags are words
xargs -P "$(nproc)" -I{} sh -c 'g++ '"$(echo $flags)"' -c "{}" -o "objects/$(echo "{}" | tr / _).o"' <sources
absl=$(ls /usr/lib/*/libabsl_*.so | sed 's|.*/lib|-l|; s|\.so$||' | tr '\n' ' ')
# shellcheck disable=SC2086
g++ objects/*.o -o benchmark_model -ltensorflow-lite $absl -lflatbuffers -ldl -lpthread
strip benchmark_model
install -D -m 0755 benchmark_model "$out"
