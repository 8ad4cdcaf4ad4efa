"""A stand-in for the SDK's programs around the emulator; it boots the lab's virtual device.

Google's emulator and its images cannot be had where these tests run. The stand-in takes the real flags and
refuses others, keeps the real console's protocol and the real texts of failures (AOSP's external/qemu), and
behind its adb port is the real adbd of a :class:`~tests.lab.device.VirtualDevice`.
"""
