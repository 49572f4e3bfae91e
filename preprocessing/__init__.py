"""Raw IMDB reviews and SQuAD questions to TFRecords, with Apache Beam."""
