"""For each model in data/ that is of a task: what a user would say of it."""

from optimizer.metadata.attachments import (
    Labels,
    ScoreCalibration,
)
from optimizer.metadata.tasks import (
    AudioClassifier,
    AudioEmbedder,
    BertClassifier,
    BertQuestionAnswerer,
    Description,
    General,
    ImageClassifier,
    ImageEmbedder,
    ImageSegmenter,
    ObjectDetector,
    TextClassifier,
    TextEmbedder,
)
from optimizer.metadata.tokenizers import BertTokenizer, RegexTokenizer, SentencePieceTokenizer

WORDS = b"<PAD> 0\n<START> 1\n<UNKNOWN> 2\ngood 3\nbad 4\n"
PIECES = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\ncat\nsat\n##s\n"
CALIBRATION = ScoreCalibration(
    lines=((1.0, 2.0, 0.5), (1.0, 2.0, 0.0, 0.1), (), (0.9, 1.5, -0.25)), default_score=0.1
)


def labels(*names: str) -> Labels:
    return Labels(names=names)


PETS = labels("cat", "dog", "bird", "fish")
SCALED = {"mean": (127.5,), "std": (127.5,)}
WORD_LIST = RegexTokenizer(vocabulary=WORDS)
BERT = BertTokenizer(vocabulary=PIECES)
FOUND = labels("person", "bicycle", "car")
MOODS = labels("bad", "good")

_classifier = ImageClassifier(labels=PETS, **SCALED)
_detector = ObjectDetector(labels=FOUND, **SCALED)
_segmenter = ImageSegmenter(labels=labels("sky", "road", "tree", "other"), **SCALED)
_embedder = ImageEmbedder(**SCALED)
_text = TextClassifier(labels=MOODS, tokenizer=WORD_LIST)
_bert = BertClassifier(labels=MOODS, tokenizer=BERT)
_audio = AudioClassifier(labels=labels("noise", "speech", "music"), sample_rate=16000)

VARIANTS = (
    *("float32", "float16", "dynamic_range", "int8_float_io", "uint8_io", "int8_io", "uint8_in"),
    *("free_size", "free_batch", "logits", "scores_1x1"),
)
EXAMPLES: dict[str, Description] = {
    **dict.fromkeys(VARIANTS, _classifier),
    "gray": _classifier,
    "two_outputs": General(**SCALED),
    "flat": General(labels=PETS),
    **dict.fromkeys(
        ("detector", "detector_unnamed", "detector_uint8_in", "detector_float_io"), _detector
    ),
    "detector_post_process": _detector,
    **dict.fromkeys(("segmenter", "segmenter_uint8_io", "segmenter_int8_io"), _segmenter),
    "segmenter_one": ImageSegmenter(labels=labels("person"), **SCALED),
    **dict.fromkeys(
        ("embedder", "embedder_uint8_io", "embedder_int8_io", "embedder_1x1"), _embedder
    ),
    **dict.fromkeys(("text", "text_free", "text_uint8_out", "text_int8_out"), _text),
    "text_string": TextClassifier(labels=MOODS),
    "text_embedder": TextEmbedder(tokenizer=WORD_LIST),
    **dict.fromkeys(("bert", "bert_free"), _bert),
    "bert_unnamed": BertClassifier(
        labels=MOODS, tokenizer=BERT, inputs={"ids": "a", "mask": "b", "segment_ids": "c"}
    ),
    **dict.fromkeys(("bert_answers", "bert_answers_short"), BertQuestionAnswerer(tokenizer=BERT)),
    "bert_embedder": TextEmbedder(tokenizer=BERT),
    **dict.fromkeys(("audio", "audio_1d"), _audio),
    "audio_stereo": AudioClassifier(labels=_audio.labels, sample_rate=44100, channels=2),
    "audio_embedder": AudioEmbedder(sample_rate=16000),
}


def varint(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def sentence_pieces(*pieces: str, unknown: str | None = "<unk>") -> bytes:
    """A SentencePiece model of these pieces, as its protobuf is laid out: no training, no normaliser."""
    made = b""
    for piece in ([] if unknown is None else [unknown]) + list(pieces):
        kind = b"\x18\x02" if piece == unknown else b""  # 3: its type, 2: unknown
        body = b"\x0a" + varint(len(piece.encode())) + piece.encode() + b"\x15\0\0\0\0" + kind
        made += b"\x0a" + varint(len(body)) + body
    return made


SENTENCES = SentencePieceTokenizer(model=sentence_pieces("[CLS]", "[SEP]", "▁the"))
