"""Contexts and answers that simple code gets wrong, each kind under a name."""

# ruff: noqa: E501 - a context is easiest to read on one line

import dataclasses


@dataclasses.dataclass(frozen=True)
class HardQuestion:
    """A context with its answer between "⟦" and "⟧"; slots as in `topics.Topic`."""

    name: str
    marker: str  # stands in the context; "" where the answer's place is what is hard
    context: str
    question: str


LONG_WORD = "un" * 45 + "heard"  # beyond 100 characters with what follows it

HARD_QUESTIONS = (
    HardQuestion("answer_at_start", "", "⟦{p1}⟧ opened the first bakery in {t1}, and {p2} the second.", "Who opened the first bakery?"),
    HardQuestion("answer_at_end", "", "The mill in {t1} was begun in {y1} by {p1} and finished, after a long pause, in ⟦{y2}⟧", "When was the mill finished?"),
    HardQuestion("answer_is_whole_context", "", "⟦On the last Sunday of October, in {t1}⟧", "When and where does the market take place?"),
    HardQuestion("one_word_context", "", "⟦{t1}⟧", "Which town is meant?"),
    HardQuestion("answer_twice_first_meant", "", "In ⟦{y1}⟧ {p1} built the windmill. The church burned down in {y2}. A second windmill, never used, stood empty as early as {y1}.", "When did {p1} build the windmill?"),
    HardQuestion("answer_twice_second_meant", "", "The winter of {y1} was the coldest in memory. {p1} moved to {t1} in {y2}. A year of joy for the family was ⟦{y1}⟧, when {p2} was born.", "When was {p2} born?"),
    HardQuestion("long_answer", "", "For the journey to {t1} {p1} packed ⟦a tin kettle, two blankets, a bag of dried apples, a map of the coast, three candles, a box of matches, a small axe, a fishing line, a spare pair of boots and a book of songs⟧, but no money.", "What did {p1} pack for the journey?"),
    HardQuestion("answer_inside_hyphens", "pro-", "In the vote of {y1} the pro-⟦{last1}⟧-party won in {t1}, while {t2} stayed neutral.", "Whose party won the vote?"),
    HardQuestion("money", "$4.5", "The new harbor in {t1} cost ⟦$4.5 million⟧, of which the county paid $1.2 million.", "How much did the harbor cost?"),
    HardQuestion("range_of_years", "\u2013", "The town hall is the work of the architect {p1} (⟦{y1}\u2013{y2}⟧), who was born in {t1}.", "What are the dates of the architect's life?"),
    HardQuestion("inside_quotation_marks", "\u201c", "The inn by the {river} is called \u201c⟦The Seven Stars⟧\u201d; the one in {t1}, \u2018The Anchor\u2019.", "What is the inn by the {river} called?"),
    HardQuestion("question_beyond_64_tokens", "", "The clock in {t1} was made by ⟦{p1}⟧ in {y1} and repaired by {p2} in {y2}.",
                 "Considering everything that the paragraph says about the old clock, about the town in which it has been ticking for so many years, about the people who made it, looked after it, wound it up, oiled it, and at long last repaired it when it no longer wanted to strike the hours, and leaving aside all those who only came to look at it: who was it that made the clock?"),
    HardQuestion("very_long_word", LONG_WORD, f"The ferryman of {{t1}} told {LONG_WORD}-{LONG_WORD} stories until ⟦{{p1}}⟧ silenced him.", "Who silenced the ferryman?"),
    HardQuestion("br_markup", "<br />", "Opening hours in {t1}:<br /><br />Museum: <b>⟦nine to five⟧</b><br />Library: ten to six<br />", "When is the museum open?"),
    HardQuestion("precomposed_accents", "\u00e9", "At the caf\u00e9 \u00ab\u00c0 la F\u00eate\u00bb in {t1}, the na\u00efve waiter served ⟦cr\u00e8me br\u00fbl\u00e9e⟧ to {p1}.", "What did the waiter serve?"),
    HardQuestion("combining_accents", "e\u0301", "At the cafe\u0301 in {t1}, the nai\u0308ve waiter served ⟦cre\u0300me bru\u0302le\u0301e⟧ to {p1}.", "What did the waiter serve?"),
    HardQuestion("chinese", "\u4e2d\u56fd", "\u4e2d\u56fd\u7684\u9996\u90fd\u662f⟦\u5317\u4eac⟧\uff0c\u6700\u5927\u7684\u57ce\u5e02\u662f\u4e0a\u6d77\u3002 So {p1} wrote from {t1}.", "\u4e2d\u56fd\u7684\u9996\u90fd\u662f\u54ea\u91cc\uff1f"),
    HardQuestion("emoji_sequences", "\u200d", "A \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 ticket for the \U0001f3a1 in {t1} \U0001f1ef\U0001f1f5 costs ⟦nine dollars \U0001f44d\U0001f3fd⟧, a single one four.", "How much is a family ticket?"),
    HardQuestion("zero_width_space", "\u200b", "The\u200b light\u200bhouse in {t1} is kept by ⟦{p1}⟧\u200b and {p2} keeps the\u200b bridge.", "Who keeps the lighthouse?"),
    HardQuestion("zero_width_joiners", "\u200c", "The library\u200c of {t1} lent out ⟦4,\u200d700 books⟧ in {y1}.", "How many books did the library lend out?"),
    HardQuestion("byte_order_mark", "\ufeff", "\ufeffThe school in {t1} was founded by ⟦{p1}⟧\ufeff and is run by {p2}.", "Who founded the school?"),
    HardQuestion("soft_hyphen", "\u00ad", "The gar\u00addener of {t1} grows ⟦pump\u00adkins⟧ in sum\u00admer and leeks in win\u00adter.", "What does the gardener grow in summer?"),
    HardQuestion("control_characters", "\x00", "Telegram\x00 from {t1}:\x07 arrive ⟦Tuesday at noon⟧\x1b[0m stop bring {p1} stop", "When will the sender arrive?"),
    HardQuestion("replacement_character", "\ufffd", "The mayor of {t1}, Ren\ufffd ⟦{last1}⟧, was elected in {y1}.", "What is the mayor's last name?"),
    HardQuestion("unusual_spaces", "\u3000", "Population\u00a0of\u00a0{t1}:\u3000⟦12\u202f400⟧\u2009people in\u00a0{y1}.", "What is the population of {t1}?"),
    HardQuestion("line_separators", "\u2028", "Score: {t1} 2,\u2028{t2} 1.\u2029Referee: ⟦{p1}⟧.\u0085Spectators: 900.", "Who was the referee?"),
    HardQuestion("tabs_and_crlf", "\r\n", "Name:\t{p1}\r\nBorn:\t⟦{y1}⟧\r\nTown:\t{t1}\r\n", "In what year was {p1} born?"),
    HardQuestion("right_to_left", "\u0627\u0644", "\u0648\u0644\u062f {p1} \u0641\u064a ⟦\u0627\u0644\u0642\u0627\u0647\u0631\u0629⟧ \u0639\u0627\u0645 {y1}. \u05e9\u05dc\u05d5\u05dd means peace.", "Where was {p1} born?"),
    HardQuestion("cyrillic", "\u0440", "\u0413\u043e\u0440\u043e\u0434 {t1} \u043e\u0441\u043d\u043e\u0432\u0430\u043b ⟦\u0418\u0432\u0430\u043d \u0419\u043e\u0432\u043a\u043e\u0432⟧ \u0432 {y1} \u0433\u043e\u0434\u0443.", "Who founded {t1}?"),
    HardQuestion("devanagari", "\u0928\u094d", "{t1} \u092e\u0947\u0902 ⟦\u0939\u093f\u0928\u094d\u0926\u0940⟧ \u092c\u094b\u0932\u0940 \u091c\u093e\u0924\u0940 \u0939\u0948, and {p1} teaches it.", "Which language is spoken in {t1}?"),
    HardQuestion("lower_casing", "\u0130", "From \u0130STANBUL the STRA\u00dfE led to \u039f\u0394\u039f\u03a3 \ufb01ve, the house of ⟦\u0130smet {last1}⟧ in {t1}.", "Whose house was it?"),
    HardQuestion("characters_beyond_16_bits", "\U0001d538", "\U0001d538\U0001d539\u2102 \U00020000\U0001f600\U0001f680: the rocket over {t1} was launched by ⟦{p1}⟧, not by {p2}.", "Who launched the rocket?"),
    HardQuestion("special_tokens_as_text", "[SEP]", "The note in {t1} read [CLS] [SEP] ⟦{p1}⟧ [PAD] [MASK] and nothing else.", "Which name was on the note?"),
)  # fmt: skip

# Asked about any of the contexts above in v2.0; none of them says it.
IMPOSSIBLE_QUESTIONS = (
    "How much did it cost to repair the roof?",
    "Who complained about the noise?",
    "What did the newspaper write about it?",
    "When was the sister of the author born?",
)
