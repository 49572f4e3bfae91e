"""What a client gets back, in types."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Classification:
    """What a classifier says of a text."""

    probability: float  # of the positive class; of more than two labels, of the likeliest
    label: str | None = None  # the likeliest of more than two labels
    probabilities: tuple[float, ...] = ()  # of all labels, where there are more than two


@dataclasses.dataclass(frozen=True)
class Answer:
    """An answer to a question, with its place: `context[start:end] == text`."""

    text: str  # "" when the model finds no answer
    start: int  # in Unicode characters of the context; -1 without an answer
    end: int  # exclusive; -1 without an answer
    probability: float  # softmax over the n-best answers
    null_odds: float  # null score minus best span score: the higher, the likelier no answer


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """One version of a model, as the server sees it."""

    version: int
    state: str  # "START", "LOADING", "AVAILABLE", "UNLOADING", "END"
    error_code: int  # canonical code; 0 unless loading failed
    error_message: str


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """An input or an output of a signature."""

    dtype: str  # "DT_STRING", "DT_FLOAT", …
    shape: tuple[int, ...] | None  # -1: any size; None: any rank


@dataclasses.dataclass(frozen=True)
class Signature:
    """A way to call a model: aliases of its inputs and outputs."""

    method_name: str
    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]


@dataclasses.dataclass(frozen=True)
class Metadata:
    """The signatures of the version that serves."""

    model: str
    version: int
    signatures: dict[str, Signature]
