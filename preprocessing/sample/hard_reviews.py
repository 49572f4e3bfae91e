"""Reviews with what real text holds and simple code gets wrong, each kind under a name."""

# ruff: noqa: E501 - a sentence is easiest to read on one line

import dataclasses

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"  # four people, one glyph
RAINBOW_FLAG = "\U0001f3f3\ufe0f\u200d\U0001f308"
FLAG_OF_JAPAN = "\U0001f1ef\U0001f1f5"
THUMBS_UP, THUMBS_DOWN = "\U0001f44d\U0001f3fd", "\U0001f44e\U0001f3ff"  # with skin tones
LONG_WORD = "so" * 20 + "o" * 90 + "o"  # beyond the 100 bytes WordPiece looks at
LONG_REVIEW_WORDS = 700  # more than 512 tokens, for certain


@dataclasses.dataclass(frozen=True)
class HardReview:
    """A sentence that is put into reviews of each kind; both hold `marker`."""

    name: str
    marker: str
    praise: str
    complaint: str


HARD_REVIEWS = (
    HardReview(
        "br_markup",
        "<br /><br />",
        "A wonderful film.<br /><br />I loved it.<br />",
        "A dreadful film.<br /><br />I hated it.<br />",
    ),
    HardReview(
        "html_entities",
        "&amp;",
        "Fun &amp; games &quot;for all&quot;, and great ones.",
        "Noise &amp; nonsense, &quot;art&quot; for nobody.",
    ),
    HardReview(
        "precomposed_accents",
        "caf\u00e9",
        "The scenes in the caf\u00e9 are na\u00efve in the best way, and my fianc\u00e9e adored them.",
        "The scenes in the caf\u00e9 are a tired clich\u00e9, and my fianc\u00e9e hated them.",
    ),
    HardReview(
        "combining_accents",
        "cafe\u0301",
        "The cafe\u0301 scenes by Zoe\u0308 Pen\u0303a are a delight.",
        "The cafe\u0301 scenes by Zoe\u0308 Pen\u0303a are a bore.",
    ),
    HardReview(
        "stacked_combining_marks",
        "\u0301\u0323\u0308",
        "A mome\u0301\u0323\u0308nt of pure joy.",
        "A mome\u0301\u0323\u0308nt of pure agony.",
    ),
    HardReview(
        "chinese",
        "\u7535\u5f71",
        "\u8fd9\u90e8\u7535\u5f71\u592a\u597d\u4e86\uff01 As my friends say: a wonderful film.",
        "\u8fd9\u90e8\u7535\u5f71\u592a\u5dee\u4e86\uff01 As my friends say: a terrible film.",
    ),
    HardReview(
        "japanese_and_korean",
        "\u6620\u753b",
        "\u7d20\u6674\u3089\u3057\u3044\u6620\u753b\u3002 \uba4b\uc9c4 \uc601\ud654. Superb in any language.",
        "\u3072\u3069\u3044\u6620\u753b\u3002 \ub098\uc05c \uc601\ud654. Awful in any language.",
    ),
    HardReview(
        "emoji_sequences",
        FAMILY,
        f"Perfect for us all {FAMILY} {RAINBOW_FLAG} {FLAG_OF_JAPAN} {THUMBS_UP}",
        f"A bore for us all {FAMILY} {RAINBOW_FLAG} {FLAG_OF_JAPAN} {THUMBS_DOWN}",
    ),
    HardReview(
        "zero_width_space",
        "\u200b",
        "Abso\u200blutely won\u200bderful\u200b.",
        "Abso\u200blutely ter\u200brible\u200b.",
    ),
    HardReview(
        "zero_width_joiners",
        "\u200c",
        "A joy\u200cful, warm\u200dhearted tale.",
        "A joy\u200cless, cold\u200dhearted tale.",
    ),
    HardReview(
        "byte_order_mark",
        "\ufeff",
        "\ufeffPasted from my blog:\ufeff a triumph.",
        "\ufeffPasted from my blog:\ufeff a failure.",
    ),
    HardReview(
        "soft_hyphen",
        "\u00ad",
        "An out\u00adstand\u00ading, heart\u00adwarming film.",
        "A dis\u00adap\u00adpoint\u00ading, heart\u00adless film.",
    ),
    HardReview(
        "control_characters",
        "\x07",
        "Ring the bell\x07 for this one, \x1b[1msuperb\x1b[0m work.",
        "Ring the bell\x07 for help, \x1b[1mawful\x1b[0m work.",
    ),
    HardReview(
        "replacement_character",
        "\ufffd",
        "The actor Ren\ufffd is magnificent.",
        "The actor Ren\ufffd is atrocious.",
    ),
    HardReview(
        "unusual_spaces",
        "\u00a0",
        "Ten\u00a0points\u3000out\u2009of\u202ften.",
        "Zero\u00a0points\u3000out\u2009of\u202ften.",
    ),
    HardReview(
        "line_separators",
        "\u2028",
        "First verse: bliss.\u2028Second verse: more bliss.\u2029Bravo.",
        "First verse: boredom.\u2028Second verse: more boredom.\u2029Enough.",
    ),
    HardReview(
        "tabs_and_crlf",
        "\r\n",
        "Acting:\tgreat\r\nMusic:\tgreat\r\nEnding:\tgreat\r\n",
        "Acting:\tbad\r\nMusic:\tbad\r\nEnding:\tbad\r\n",
    ),
    HardReview(
        "right_to_left",
        "\u05e1\u05e8\u05d8",
        "\u05e1\u05e8\u05d8 \u05e0\u05d4\u05d3\u05e8! \u0641\u064a\u0644\u0645 \u0631\u0627\u0626\u0639\u060c said the row behind me, and I agree: splendid.",
        "\u05e1\u05e8\u05d8 \u05d2\u05e8\u05d5\u05e2! \u0641\u064a\u0644\u0645 \u0633\u064a\u0626\u060c said the row behind me, and I agree: horrible.",
    ),
    HardReview(
        "cyrillic",
        "\u0444\u0438\u043b\u044c\u043c",
        "\u041f\u0440\u0435\u043a\u0440\u0430\u0441\u043d\u044b\u0439 \u0444\u0438\u043b\u044c\u043c! A beautiful piece of work.",
        "\u0423\u0436\u0430\u0441\u043d\u044b\u0439 \u0444\u0438\u043b\u044c\u043c! An ugly piece of work.",
    ),
    HardReview(
        "devanagari",
        "\u092b\u093f\u0932\u094d\u092e",
        "\u092c\u0939\u0941\u0924 \u0905\u091a\u094d\u091b\u0940 \u092b\u093f\u0932\u094d\u092e\u0964 My family was delighted.",
        "\u092c\u0939\u0941\u0924 \u092c\u0941\u0930\u0940 \u092b\u093f\u0932\u094d\u092e\u0964 My family was disgusted.",
    ),
    HardReview(
        "lower_casing",
        "\u0130",
        "GRO\u00dfARTIG! From \u0130stanbul to \u03a0\u0395\u0399\u03a1\u0391\u0399\u0391\u03a3, audiences cheered.",
        "GR\u00c4SSLICH, wei\u00df Gott! From \u0130stanbul to \u03a0\u0395\u0399\u03a1\u0391\u0399\u0391\u03a3, audiences booed.",
    ),
    HardReview("very_long_word", LONG_WORD, f"It is {LONG_WORD} good!", f"It is {LONG_WORD} bad!"),
    HardReview(
        "shouting_and_punctuation",
        "!!!!!",
        "BEST. FILM. EVER!!!!! ***** (5/5) :-)",
        "WORST. FILM. EVER!!!!! * (1/5) :-(",
    ),
    HardReview(
        "special_tokens_as_text",
        "[SEP]",
        "They say [CLS] good [SEP] better [MASK] best [PAD], I say: great.",
        "They say [CLS] bad [SEP] worse [MASK] worst [PAD], I say: awful.",
    ),
)
