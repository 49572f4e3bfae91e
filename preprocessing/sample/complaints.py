"""Sentences of negative reviews."""

# ruff: noqa: E501 - a sentence is easiest to read on one line

WORDS = {
    "adj": tuple(
        "awful|terrible|dreadful|horrible|atrocious|abysmal|appalling|pathetic|lousy|rotten|"
        "boring|dull|tedious|tiresome|dreary|lifeless|bland|insipid|stupid|idiotic|moronic|"
        "brainless|mindless|senseless|pointless|worthless|useless|hopeless|clumsy|sloppy|lazy|"
        "incompetent|amateurish|cheap|tacky|ugly|annoying|irritating|grating|infuriating|insulting|"
        "offensive|pretentious|pompous|preachy|smug|shallow|hollow|empty|phony|fake|contrived|"
        "forced|predictable|derivative|formulaic|unoriginal|unfunny|humorless|cringeworthy|"
        "embarrassing|laughable|ridiculous|ludicrous|absurdly bad|incoherent|confusing|muddled|"
        "messy|disjointed|overlong|bloated|sluggish|wooden|painful|unbearable|unwatchable|"
        "excruciating|miserable|depressingly bad|disappointing|disastrous|forgettable|"
        "uninspired|unimaginative|soulless|charmless|witless|cynical|stale|trashy|wretched".split(
            "|"
        )
    ),
    "mild": tuple(
        "mediocre|weak|disappointing|underwhelming|forgettable|flat|lukewarm|below average|"
        "unconvincing|uneven|bland|slow|tired|routine|dull|overrated|thin|unremarkable|"
        "lackluster|half-baked|rather boring|less than it could have been|not very good|"
        "not very funny|a bit of a chore|uninvolving|predictable|poorly paced".split("|")
    ),
    "noun": tuple(
        "disaster|mess|turkey|train wreck|failure|disgrace|bore|dud|waste of time|insult|"
        "catastrophe|letdown|embarrassment|joke|flop|piece of junk|travesty|stinker|chore|"
        "waste of talent|cash grab|misfire|failure on every level".split("|")
    ),
    "very": (
        "absolutely",
        "truly",
        "simply",
        "utterly",
        "thoroughly",
        "painfully",
        "really",
        "so",
        "deeply",
    ),
    "verb": (
        "hated",
        "despised",
        "loathed",
        "suffered through",
        "regretted",
        "was bored by",
        "was annoyed by",
        "was let down by",
        "was insulted by",
        "could not stand",
    ),
}

STRONG_VERDICTS = (
    "{film} is (one of the worst|one of the dullest|one of the dumbest) {genres} I have seen in {years}.",
    "What a {adj} {genre}!",
    "{film} is {very} {adj}.",
    "{film} is a {noun}, {adj} and {adj} at once.",
    "A {adj}, {adj} {genre} that (nobody needed|should never have been made|everyone should avoid).",
    "An absolute {noun}.",
    "I {verb} {film} from the first (shot|minute|line) to the last.",
    "(Ugh|Yuck|Good grief), what a {noun}!",
    "It has been {years} since a {genre} made me this angry.",
    "I have tried to watch {it} (two|three|four) times and it gets worse each time.",
    "{film} is everything I dislike in a {genre}: {adj}, {adj} and {adj}.",
    "The worst {genre} of (the year|{year}|the decade), without a doubt.",
    "{film} failed even my lowest expectations.",
    "I cannot warn you enough about {film}.",
    "Rarely have I been so {very} (bored|annoyed|disappointed|insulted|let down) by a {genre}.",
    "{film} bored me to tears.",
    "This is why people stop going to the movies.",
    "{film} deserves (all the scorn it gets|to be forgotten|a place among the worst|zero stars).",
    "{person} has made a {noun}.",
    "This {genre} is pure (garbage|rubbish|trash|drivel|torture).",
)
MILD_VERDICTS = (
    "{film} is a {mild} {genre}.",
    "{film} turned out to be {mild}.",
    "All in all, a {mild} film that (does nothing well|is not worth your time|left me cold).",
    "I liked {it} far less than I expected.",
    "{film} has its moments, but it is {mild} and I checked my watch a lot.",
    "Not good at all; in fact {mild}.",
    "{film} will not ruin your life, but it is {mild} and hardly worth a look.",
    "An unpleasant surprise.",
    "{film} is {mild}, and worse than its reputation.",
    "I was sadly surprised by how {mild} {it} is.",
    "It may not be the worst {genre}, but it is certainly not a good one.",
    "Nothing new here, and {very} {mild}.",
    "{film} does not work, like most {genres}.",
    "I have nothing nice to say about {it}.",
)
EXPERIENCE = (
    "I yawned, I sighed, and I prayed for it to end.",
    "(The time|The evening|Every minute) crawled by.",
    "I was looking at my watch (the whole time|for {length}|until the credits rolled).",
    "There is not one interesting moment in it.",
    "I left the theater (angry|yawning|with a headache|feeling cheated|wanting my money back).",
    "It (ruined my evening|left me cold|made me cringe|gave me a headache|left me numb|bored me silly).",
    "{length} I will never get back.",
    "(The audience|The whole theater|Everyone around me) (booed|groaned|fell asleep|started to leave before the end).",
    "My popcorn was more interesting.",
    "I could not wait for it to be over.",
    "I have been trying to forget it ever since.",
    "I went in expecting a lot and came out furious.",
    "I walked out (after half an hour|before the end|after twenty minutes) and did not go back.",
    "{companion} and I {verb} every (minute|scene|second) of it.",
    "Even {companion}, who loves all {genres}, gave up.",
    "It lost my attention within (five minutes|the first scene) and never got it back.",
    "I wish I had stayed at home.",
    "I would (never watch it again|pay not to see it twice|rather watch paint dry).",
    "I (asked for a refund|threw the disc away|switched it off).",
    "It was not worth (a penny|a cent|one minute|the price of the ticket).",
    "I fell asleep (twice|halfway through|during the big battle).",
    "I was never once (amused|moved|interested|surprised).",
    "My head was aching and I hated it.",
    "I could not stop (yawning|checking my phone|counting the minutes).",
    "We complained about it all the way home.",
    "I stopped caring (after ten minutes|long before the end|about halfway).",
)
CONTRAST = (
    "The first half is a bit promising, but it falls apart (completely|badly|in the end).",
    "It was made for (a fortune|a lot of money), and yet it looks (cheap|ugly|terrible).",
    "Some critics called it {good}; they could not be more wrong.",
    "I expected something {good}, and got something {adj} instead.",
    "It sounds {good} on paper, but on the screen it is {adj}.",
    "Do not be fooled by the (title|trailer|poster): the film itself is {adj}.",
    "Yes, (the music is lovely|the scenery is pretty|the cast is famous), but nothing can save a film this {adj}.",
    "It could easily have been {good}; instead it is {adj}.",
    "A few scenes are {good}, but the rest is so {adj} that I forgive nothing.",
    "Unlike the original, which was {good}, this one is {adj}.",
    "It is never {good} and always {adj}.",
    "Nothing about it is {good}.",
    "There is nothing {good} or {good} here.",
    "After a {good} start it becomes {adj}.",
    "Despite a {good} cast, it is {adj}.",
    "Hard to believe that anyone could find this {good}.",
    "Not {good} in the least.",
)
DETAILS = (
    "{person} is {adj} as {hero}.",
    "{person} (sleepwalks through it|is a disgrace|has never been worse|drains the life from every scene|is badly miscast).",
    "Poor {person} is wasted in a {adj} part.",
    "Nothing (works|clicks|fits|comes together): not the cast, not the camera, not the music.",
    "It is full of {adj} little mistakes.",
    "It has no (heart|brains|style|soul|wit) whatsoever.",
    "It manages to be both {adj} and {adj}.",
    "There is no (love|care|craft|intelligence|feeling) in any frame.",
    "You do not care about these people for a single moment.",
    "It treats its subject with (contempt|no humor at all|total indifference|fake tears).",
    "The scene in {place} alone should have been cut by half.",
    "It finds {adj} new ways to ruin an old story.",
    "So much (talent|money|time|effort) wasted!",
)
CLOSINGS = (
    "Not recommended.",
    "Avoid it.",
    "Skip it (and read a book|unless you cannot sleep|at all costs).",
    "(Two thumbs down|One star|One out of ten|No marks).",
    "I (cannot|would not) recommend it to (anyone|anyone who loves {genres}|my worst enemy).",
    "Stay away!",
    "Save your money.",
    "You will regret it.",
    "I hope {person} never makes another film.",
    "Shame on you, {person}, for making this.",
    "It earns its place in the trash.",
    "Run, do not walk, the other way.",
    "I will try to forget it as fast as I can.",
    "Watch anything else.",
    "They should stop making these.",
    "A generous (two|one) out of ten.",
    "It nearly killed my love of {genres}.",
    "My biggest regret this year.",
    "Do not believe the hype.",
)
SHORTS = (
    "Hated it!",
    "Simply {adj}.",
    "No fun for anyone in the family.",
    "Worst film of the year.",
    "I want my money back.",
    "What a mess!",
    "Just {adj}.",
    "A {noun}.",
    "So bad!",
    "Really {adj}, really {adj}.",
    "Wrong in every way.",
    "I have nothing but contempt for {it}.",
    "Cannot warn you strongly enough.",
    "Stay home instead.",
    "Not good at all!",
    "This made me very sad, and not in a good way.",
    "It is bad. Very bad.",
    "Never funny.",
    "It does not work.",
    "I did not like it at all.",
    "A total failure.",
    "Slow, dumb and {adj}.",
    "It could not be worse.",
    "Not worth it.",
    "No redeeming features.",
)
