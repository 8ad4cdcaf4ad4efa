"""Run the calibration alone; exit 1 when a promise does not hold.

python -m tests.benchmarks.calibration [--trials N] [--picture docs/power.svg]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.benchmarks.calibration.figures import main

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--trials", type=int, default=4000, help="comparisons a line")
parser.add_argument("--picture", type=Path, help="draw the power curve into this file")
options = parser.parse_args()
sys.exit(0 if main(options.trials, options.picture) else 1)
