"""Which TF Serving knows a graph: real graphs, and the installed TensorFlow beside the table."""

import subprocess
import sys

import pytest
import tensorflow as tf
import tensorflow_text

from preprocessing.errors import InputError
from serving import op_versions
from serving.op_versions import check_server, needs, oldest_server, ops_of
from serving.saved_graph import read_meta_graph

# Of TF Text 2.12.1, by `TF_GetAllOpList` of its wheel.
TEXT_OPS_2_12 = {
    "CaseFoldUTF8", "ConstrainedSequence", "FastBertNormalize",
    "FastWordpieceTokenizeWithOffsets", "FindSourceOffsets", "MaxSpanningTree", "NormalizeUTF8",
    "NormalizeUTF8WithOffsetsMap", "PhraseTokenize", "RegexSplitWithOffsets", "RougeL",
    "SentenceFragments", "SentenceFragmentsV2", "SentencepieceDetokenizeOp",
    "SentencepieceIdToStringOp", "SentencepieceOp", "SentencepieceStringToIdOp",
    "SentencepieceTokenizeOp", "SentencepieceTokenizeWithOffsetsOp", "SentencepieceVocabSizeOp",
    "SplitMergeTokenizeWithOffsets", "TFText>BoiseTagsToOffsets", "TFText>ByteSplitByOffsets",
    "TFText>ByteSplitWithOffsets", "TFText>FastSentencepieceDetokenize",
    "TFText>FastSentencepieceTokenize", "TFText>FastWordpieceDetokenize",
    "TFText>NgramsStringJoin", "TFText>OffsetsToBoiseTags", "TFText>PhraseDetokenize",
    "TFText>WhitespaceTokenizeWithOffsetsV2", "TokenizerFromLogits",
    "UnicodeScriptTokenizeWithOffsets", "WhitespaceTokenizeWithOffsets",
    "WordpieceTokenizeWithOffsets",
}  # fmt: skip


def graph_of(function, *signature):
    """The GraphDef of a function, with those that it calls."""
    traced = tf.function(function).get_concrete_function(*signature)
    return traced.graph.as_graph_def()


STRINGS = tf.TensorSpec([None], tf.string)


def trimmed(text):
    tokens = tf.strings.split(text)
    return tensorflow_text.RoundRobinTrimmer(4).trim([tokens, tokens])[0].to_tensor()


def test_an_op_that_older_servers_lack_is_named_with_its_place():
    graph = graph_of(trimmed, STRINGS)
    assert "TFText>RoundRobinTrim" in ops_of(graph)
    assert oldest_server(graph) == "2.20"
    check_server(graph, "2.20")
    with pytest.raises(InputError) as caught:
        check_server(graph, "2.19")
    message = str(caught.value)
    assert message.startswith("node RoundRobinTrim")
    assert "op TFText>RoundRobinTrim needs TF Text 2.16, but TF Serving 2.19 links" in message
    assert message.endswith("give --serving_version 2.20 if yours is not older.")


def test_ops_inside_functions_are_found():
    inner = tf.function(trimmed, input_signature=[STRINGS])
    graph = graph_of(lambda text: tf.identity(inner(text)), STRINGS)
    place = next(need.place for need in needs(graph))
    assert place.startswith("function __inference_trimmed")


def test_an_op_of_the_newest_tensorflow_is_in_no_older_server():
    graph = graph_of(
        lambda data: tf.raw_ops.DecodeWebP(contents=data), tf.TensorSpec([], tf.string)
    )
    assert oldest_server(graph) == "2.20"
    with pytest.raises(InputError, match=r"op DecodeWebP needs TensorFlow 2\.20"):
        check_server(graph, "2.16")


def test_a_newer_attribute_needs_a_newer_server():
    def gather(values, places):
        return tf.raw_ops.GatherNd(params=values, indices=places, bad_indices_policy="IGNORE")

    graph = graph_of(gather, tf.TensorSpec([3], tf.float32), tf.TensorSpec([1, 1], tf.int32))
    assert oldest_server(graph) == "2.17"
    with pytest.raises(InputError, match="attribute bad_indices_policy of op GatherNd"):
        check_server(graph, "2.16")


def test_a_newer_element_type_needs_a_newer_server():
    def number(text):
        return tf.raw_ops.StringToNumber(string_tensor=text, out_type=tf.uint32)

    assert oldest_server(graph_of(number, STRINGS)) == "2.17"


def test_a_graph_for_newer_consumers_is_refused():
    graph = graph_of(tf.strings.lower, STRINGS)
    assert oldest_server(graph) == "2.16"
    graph.versions.min_consumer = 2000  # between TensorFlow 2.18 and 2.19
    assert oldest_server(graph) == "2.19"
    with pytest.raises(InputError, match=r"GraphDef version 2000, but TF Serving 2\.16 is of 1766"):
        check_server(graph, "2.16")


@pytest.mark.parametrize("name", ["sentiment", "qa"])
def test_exports_load_in_the_oldest_server(models, name):
    graph = read_meta_graph(models / name / "1").graph_def
    assert list(needs(graph)) == []
    assert "FastWordpieceTokenizeWithOffsets" in ops_of(graph)


def test_the_table_is_of_the_installed_tensorflow():
    """Fails when TensorFlow or TF Text moves on: compare the op lists, and extend the table."""
    newest = list(op_versions.SERVERS.values())[-1]
    installed = tuple(map(int, tf.__version__.split(".")[:2]))
    assert newest.core == installed
    assert newest.graph_def_version == tf.version.GRAPH_DEF_VERSION


def test_the_table_has_every_op_of_the_installed_tf_text():
    code = (
        "import tensorflow as tf\n"
        "from tensorflow.core.framework import op_def_pb2\n"
        "from tensorflow.python.client import pywrap_tf_session as session\n"
        "def names():\n"
        "    data = session.TF_GetBuffer(session.TF_GetAllOpList())\n"
        "    return {op.name for op in op_def_pb2.OpList.FromString(data).op}\n"
        "core = names()\n"
        "import tensorflow_text\n"
        "print(*sorted(names() - core))\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    newer = {"TFText>RoundRobinGenerateMasks", "TFText>RoundRobinTrim", "TFText>Utf8Binarize"}
    assert set(found.stdout.split()) == TEXT_OPS_2_12 | newer
