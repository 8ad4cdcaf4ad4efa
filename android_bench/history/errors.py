"""What can go wrong between this tool and the database of the history.

::

    BenchError
    └── HistoryError                  the address, the installation or the content is wrong; exit code 1
        ├── HistoryMissingError       there is no history yet
        ├── HistoryVersionError       written by a newer android-bench
        └── HistoryUnavailableError   the database went away or cannot be reached; exit code 5
"""

from __future__ import annotations

from android_bench.errors import BenchError, ExitCode, Fault


class HistoryError(BenchError):
    """The history cannot be used as it was asked for."""


class HistoryMissingError(HistoryError):
    """There is no history at that address yet."""


class HistoryVersionError(HistoryError):
    """The database has tables of a newer android-bench."""


class HistoryUnavailableError(HistoryError):
    """The database cannot be reached, is full or went away; nothing of the transaction was kept.

    It is the infrastructure's fault: the same call may work later.
    """

    exit_code = ExitCode.DEVICE
    fault = Fault.HOST
