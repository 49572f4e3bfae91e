"""What a server's Classify and MultiInference calls may look for in a SavedModel."""

import pathlib


def set_classify_method(folder: pathlib.Path) -> None:
    """Names the method of the signature `classify`, where a SavedModel has one.

    `tf.saved_model.save` gives every signature the method of Predict. TF Serving's Classify and
    MultiInference take that, unless it is started with `--enable_signature_method_name_check`.
    Predict calls the signature by either method.
    """
    import tensorflow as tf

    v1 = tf.compat.v1.saved_model.signature_def_utils
    updater = v1.MethodNameUpdater(str(folder))
    try:
        updater.replace_method_name("classify", tf.saved_model.CLASSIFY_METHOD_NAME)
    except ValueError:  # no such signature
        return
    updater.save()
