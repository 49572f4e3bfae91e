"""An exported version applied to many texts, by Apache Beam's RunInference."""
