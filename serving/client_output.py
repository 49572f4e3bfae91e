"""What `python -m serving.client` prints: answers, statuses, signatures; and what it takes."""

import json

from serving.results import Answer, Classification, Metadata, TensorSpec, VersionStatus

TEXT_SOURCES = (
    ".txt (a text a line), .csv, .tsv, .jsonl or .json (JSON lines), which may end in .gz, .bz2 or "
    ".xz too; aclImdb as a folder or as .tar, .tar.gz, .tar.bz2, .tar.xz or .zip"
)
QUESTION_SOURCES = "SQuAD .json, or .jsonl, which may end in .gz, .bz2 or .xz too"
_EXCERPT_CHARS = 60  # of context, on either side of an answer


def describe_classification(found: Classification, text: str) -> str:
    """The probability, the verdict and the text in one line."""
    verdict = found.label or ("positive" if found.probability >= 0.5 else "negative")
    return f"{found.probability:.3f}  {verdict}  {one_line(text)}"


def describe_answer(answer: Answer, context: str) -> str:
    """An answer, its place, and the context around it with the answer in [[ ]]."""
    if not answer.text:
        return f"no answer in this context (null odds {answer.null_odds:.2f})"
    before = context[max(0, answer.start - _EXCERPT_CHARS) : answer.start]
    after = context[answer.end : answer.end + _EXCERPT_CHARS]
    left = "…" if answer.start > _EXCERPT_CHARS else ""
    right = "…" if answer.end + _EXCERPT_CHARS < len(context) else ""
    excerpt = one_line(f"{left}{before}[[{answer.text}]]{after}{right}")
    place = f"characters {answer.start} to {answer.end}, probability {answer.probability:.3f}"
    return f"{answer.text}\n  {place}\n  {excerpt}"


def describe_status(model: str, status: VersionStatus) -> str:
    """One line of a version: its state, and why it could not be loaded."""
    error = f"  {one_line(status.error_message)}" if status.error_code else ""
    return f"{model} version {status.version}: {status.state}{error}"


def describe_metadata(metadata: Metadata) -> str:
    """The signatures of a model, an input or output in each line."""
    lines = [f"{metadata.model} version {metadata.version}"]
    for name, signature in metadata.signatures.items():
        lines.append(f"  {name}  ({signature.method_name})")
        for kind, specs in (("input", signature.inputs), ("output", signature.outputs)):
            lines += [f"    {kind:<6}  {alias}  {_spec(one)}" for alias, one in specs.items()]
    return "\n".join(lines)


def _spec(spec: TensorSpec) -> str:
    if spec.shape is None:
        return f"{spec.dtype} of any shape"
    sizes = ", ".join("?" if size < 0 else str(size) for size in spec.shape)
    return f"{spec.dtype} [{sizes}]"


def print_json(value: object) -> None:
    """Prints it for people and programs alike."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def one_line(value: object) -> str:
    """Its text without line breaks."""
    return " ".join(str(value).split())
