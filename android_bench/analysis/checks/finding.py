"""What a finding is, and the codes there are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Severity(str, Enum):
    """How much a finding touches the numbers."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Code(str, Enum):
    """The stable names of findings; each has a section in docs/findings.md."""

    HOST_NOT_PHONE = "host-not-phone"
    EMULATOR_NOT_PHONE = "emulator-not-phone"
    ENGINEERING_BUILD = "engineering-build"
    DEBUG_BINARY = "debug-binary"

    INCOMPLETE = "incomplete"
    INVOCATION_FAILED = "invocation-failed"
    INVOCATION_INVALID = "invocation-invalid"
    INVOCATION_CRASHED = "invocation-crashed"
    INVOCATION_TIMEOUT = "invocation-timeout"
    INVOCATION_UNREADABLE = "invocation-unreadable"
    FALLBACK = "fallback"
    FLAG_NOT_USED = "flag-not-used"
    PARTIAL_DELEGATION = "partial-delegation"
    DELEGATION_UNKNOWN = "delegation-unknown"
    NUMERICS_OFF = "numerics-off"

    TOO_FEW_INVOCATIONS = "too-few-invocations"
    PRECISION_NOT_REACHED = "precision-not-reached"
    HIGH_SPREAD = "high-spread"
    DRIFT = "drift"
    OUTLIERS = "outliers"
    TWO_MODES = "two-modes"
    COARSE_TIMER = "coarse-timer"

    THROTTLING = "throttling"
    CLOCKS_LIMITED = "clocks-limited"
    LOW_BATTERY = "low-battery"
    CHARGING = "charging"
    POWER_SAVE = "power-save"
    SCREEN_OFF = "screen-off"
    BACKGROUND_LOAD = "background-load"
    OTHER_INFERENCES = "other-inferences"

    CONDITIONS_DIFFER = "conditions-differ"
    DRIFT_BETWEEN_SESSIONS = "drift-between-sessions"

    METADATA_REFUSED = "metadata-refused"
    MODEL_COLLAPSED = "model-collapsed"
    ACCURACY_DROP = "accuracy-drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to know. ``run_id`` says about which run; ``hint`` what to do."""

    code: str
    severity: Severity
    message: str
    hint: str
    run_id: str


class Told(NamedTuple):
    """What a check found, before it is known of which run."""

    code: Code
    severity: Severity
    message: str
    hint: str

    def about(self, run_id: str) -> Finding:
        """The finding about this run."""
        return Finding(
            code=self.code.value,
            severity=self.severity,
            message=self.message,
            hint=self.hint,
            run_id=run_id,
        )
