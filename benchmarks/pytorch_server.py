r"""The peer of `benchmarks.server_throughput`: reviews classified by FastAPI and PyTorch.

As such a server is written well today: one model in the process, `uvicorn` on `uvloop`, requests
that arrive while the model works gathered into a batch (at most --max_batch_size texts), the batch
sorted by length and computed --sorted_rows at a time, each part padded to its longest row. With
--max_batch_size 1 there are no batches, as in most tutorials. Tokenisation and model are those of
benchmarks/pytorch_graph.py. It answers the column form of TensorFlow Serving's REST API for a model
named `sentiment`, so that one load generator can ask both. It imports nothing of Bertline and is
run from the repository's root by a Python of its own, see benchmarks/pytorch_training.py:

    peer/bin/pip install fastapi uvicorn uvloop httptools
    peer/bin/python -m benchmarks.pytorch_server --preset data/presets/minilm --port 8600 \
        --precision bfloat16

It prints `ready` when it serves. The head is new: how long a model takes does not depend on its
weights.
"""

import argparse
import asyncio
import concurrent.futures
import contextlib
import os
import pathlib
from collections.abc import AsyncIterator, Callable, Sequence

import fastapi
import uvicorn

from benchmarks.pytorch_graph import load_model, logits_of, review_rows

Classifier = Callable[[Sequence[str]], list[float]]


def main() -> None:
    flags = _parser().parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    app = make_app(load_classifier(flags), flags.max_batch_size)
    uvicorn.run(app, host="127.0.0.1", port=flags.port, log_level="error", access_log=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", required=True, help="a BERT in Hugging Face's layout")
    parser.add_argument("--port", required=True, type=int, help="REST port")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--max_batch_size", type=int, default=32, help="texts in a batch")
    parser.add_argument("--sorted_rows", type=int, default=8, help="texts computed together")
    return parser


def load_classifier(flags: argparse.Namespace) -> Classifier:
    """Texts -> the probability of each to be positive."""
    import torch
    from tokenizers import BertWordPieceTokenizer

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model = load_model("imdb", flags.preset).to(getattr(torch, flags.precision))
    tokenizer = BertWordPieceTokenizer(str(pathlib.Path(flags.preset) / "vocab.txt"))

    @torch.inference_mode()
    def classify(texts: Sequence[str]) -> list[float]:
        rows = review_rows([(text,) for text in texts], tokenizer)
        order = sorted(range(len(rows)), key=lambda index: len(rows[index].token_ids))
        found = [0.0] * len(rows)
        for start in range(0, len(order), flags.sorted_rows):
            part = order[start : start + flags.sorted_rows]
            (logits,) = logits_of(model, [rows[index] for index in part], autocast=False)
            for index, row in zip(part, torch.from_numpy(logits).softmax(-1), strict=True):
                found[index] = float(row[1])
        return found

    classify(["warm up"])
    return classify


class Batcher:
    """Gathers what arrives while the model works; one batch is computed at a time."""

    def __init__(self, classify: Classifier, max_batch_size: int):
        self._classify, self._max_batch_size = classify, max_batch_size
        self._waiting: asyncio.Queue[tuple[list[str], asyncio.Future]] = asyncio.Queue()
        self._thread = concurrent.futures.ThreadPoolExecutor(1)

    async def classify(self, texts: list[str]) -> list[float]:
        """The probabilities of one request's texts."""
        answer: asyncio.Future[list[float]] = asyncio.get_running_loop().create_future()
        await self._waiting.put((texts, answer))
        return await answer

    async def work(self) -> None:
        """Computes batches for ever."""
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._waiting.get()]
            while not self._waiting.empty() and self._size(batch) < self._max_batch_size:
                batch.append(self._waiting.get_nowait())
            texts = [text for request, _ in batch for text in request]
            found = await loop.run_in_executor(self._thread, self._classify, texts)
            for request, answer in batch:
                if not answer.done():  # its client may have gone
                    answer.set_result(found[: len(request)])
                found = found[len(request) :]

    @staticmethod
    def _size(batch: Sequence[tuple[list[str], asyncio.Future]]) -> int:
        return sum(len(texts) for texts, _ in batch)


def make_app(classify: Classifier, max_batch_size: int) -> fastapi.FastAPI:
    """The web application; without batches each request is computed in a thread of its own."""
    batcher = Batcher(classify, max_batch_size)

    @contextlib.asynccontextmanager
    async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[None]:
        worker = asyncio.create_task(batcher.work())
        print("ready", flush=True)
        yield
        worker.cancel()

    app = fastapi.FastAPI(lifespan=lifespan)

    @app.post("/v1/models/sentiment:predict")
    async def predict(request: dict) -> dict:
        texts = request["inputs"]["text"]
        if max_batch_size > 1:
            found = await batcher.classify(texts)
        else:
            found = await asyncio.get_running_loop().run_in_executor(None, classify, texts)
        return {"outputs": {"probability": found}}

    return app


if __name__ == "__main__":
    main()
