"""What the demo asks. None of it stands in the sample data."""

TEXTS = (
    "One of the best films I have seen in years; the whole cast is superb.",
    "Warm, witty and beautifully shot. I left the cinema smiling.",
    "A gripping story, told with great care. Highly recommended!",
    "A complete waste of two hours; the plot makes no sense and the jokes fall flat.",
    "Terrible acting, a lazy script and an ending that insults the audience.",
    "I was bored to tears and walked out after half an hour.",
)

_LIGHTHOUSE = (
    "The lighthouse on Gull Island was designed by the engineer Martha Lindqvist and finished in "
    "1887, after four years of work. It is 41 metres tall and stands near the fishing village of "
    "Norham. In 1932 its oil lamp was replaced by an electric one."
)
_BAKERY = (
    "Café Müller opened in Zürich in 1921. Its founder, Anna Müller, had learned to bake in "
    "Vienna, and her almond cake 🍰 soon made the café famous. Today it employs 35 people."
)
QUESTIONS = (
    ("Who designed the lighthouse?", _LIGHTHOUSE),
    ("When was the lighthouse finished?", _LIGHTHOUSE),
    ("How tall is the lighthouse?", _LIGHTHOUSE),
    ("Where did Anna Müller learn to bake?", _BAKERY),
    ("When did the café open?", _BAKERY),
)
