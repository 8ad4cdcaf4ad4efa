"""Android's emulator: found in the SDK, started headless, waited for with bounds, ended.

Importing this package loads nothing; ``android_bench.emulator.session`` holds what others use.
"""
