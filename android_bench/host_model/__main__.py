"""``python -m android_bench.host_model``."""

from __future__ import annotations

import signal
import sys

from android_bench.host_model import main

# Ctrl-C and a closed pipe end the process by signal, as they end the tool, without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)
if hasattr(signal, "SIGPIPE"):
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
sys.exit(main())
