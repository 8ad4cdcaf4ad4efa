"""The other side of ``MetadataWorker``: a process with tflite-support and without TensorFlow.

tflite-support imports TensorFlow where it finds it, and then its Task Library fails on types that
both register. It is native code besides, which a damaged file can bring down. So all of it runs in
a process of its own, and only here is it imported.
"""
