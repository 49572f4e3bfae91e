"""Every metric on the page: names, labels and buckets of TF Serving (API page, section 8)."""

from serving.server.metrics import Counter, Histogram, exponential_limits

_LATENCY = exponential_limits(10, 1.8, 33)  # microseconds
_SIZES = exponential_limits(1, 2, 14)
_EXAMPLES = exponential_limits(1, 2, 15)
_SERVING = "/tensorflow/serving/"
_BATCHING = _SERVING + "batching_session/"
_SAVED_MODEL = "/tensorflow/cc/saved_model/"

REQUEST_COUNT = Counter(_SERVING + "request_count", "model_name", "status")
REQUEST_LATENCY = Histogram(
    _SERVING + "request_latency", _LATENCY, "model_name", "API", "entrypoint"
)
RUNTIME_LATENCY = Histogram(_SERVING + "runtime_latency", _LATENCY, "model_name", "API", "runtime")
# These two count MultiInference alone.
REQUEST_EXAMPLE_COUNTS = Histogram(_SERVING + "request_example_counts", _EXAMPLES, "model")
REQUEST_EXAMPLE_COUNT_TOTAL = Counter(_SERVING + "request_example_count_total", "model")
REQUEST_LOG_COUNT = Counter(_SERVING + "request_log_count", "model_name", "status_code")

WARMUP_LATENCY = Histogram(_SERVING + "model_warmup_latency", _LATENCY, "model_path", "status")
WARMUP_RECORDS = Counter(_SERVING + "model_warmup_records_read", "model_path", "status")

QUEUING_LATENCY = Histogram(
    _BATCHING + "queuing_latency", exponential_limits(100, 1.2, 52), "thread_pool_name"
)
PADDING_SIZE = Histogram(_BATCHING + "padding_size", _SIZES, "execution_batch_size")
INPUT_BATCH_SIZE = Histogram(_BATCHING + "input_batch_size", _SIZES)
PROCESSED_BATCH_SIZE = Histogram(_BATCHING + "processed_batch_size", _SIZES)
WRAPPED_RUN_COUNT = Counter(_BATCHING + "wrapped_run_count")

# TensorFlow's own, of which Python cannot read the originals.
LOAD_ATTEMPT_COUNT = Counter(_SAVED_MODEL + "load_attempt_count", "model_path", "status")
LOAD_LATENCY = Counter(_SAVED_MODEL + "load_latency", "model_path")  # microseconds in all
GRAPH_RUNS = Counter("/tensorflow/core/graph_runs")
