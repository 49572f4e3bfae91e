"""TFRecords to a fine-tuned BERT, under any tf.distribute strategy."""
