"""What reviews of both kinds share: titles, people, genres, and sentences without a verdict."""

# ruff: noqa: E501 - a sentence is easiest to read on one line

TITLE_FIRST = (
    "Paper Silent Broken Golden Winter Crooked Hidden Last Second Burning Borrowed Distant Velvet "
    "Hollow Northern Midnight Painted Glass Iron Salted Quiet Wandering Scarlet Forgotten Copper "
    "Restless Drowned Electric Gentle Stolen"
).split()
TITLE_SECOND = (
    "Lighthouse Orchard Harbor Witness Letters Garden Station Summer Waltz River Promise Stranger "
    "Kingdom Mirror Bakery Detective Sisters Island Piano Border Horizon Carnival Winter Season "
    "Pilgrim Signal Balcony Hunters Passenger Engine"
).split()
FIRST_NAMES = (
    "Marta Julian Priya Tobias Helen Omar Ingrid Daniel Keiko Samuel Rosa Victor Amara Peter Lucia "
    "Henrik Grace Anton Leila Walter Nadia George Sofia Felix Mei Carlos Edith Ravi Clara Hugo"
).split()
LAST_NAMES = (
    "Lindqvist Okafor Marchetti Brandt Whitlock Sandoval Petrov Tanaka Ferreira Doyle Castellan "
    "Novak Abernathy Haddad Kowalski Moreau Iyer Blackwood Svensson Tremaine Achebe Delgado "
    "Hartmann Nakamura Quill Rossi Vance Yilmaz Zeller Thorne"
).split()

TITLES = tuple(f"The {first} {second}" for first in TITLE_FIRST for second in TITLE_SECOND)

SHARED = {
    "title": TITLES,
    "other_title": TITLES,
    "person": tuple(f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES),
    "film": ("this film", "this movie", "{title}", "{title}", "the film", "the movie"),
    "it": ("it", "this", "this film", "this movie", "{title}"),
    "genre": tuple(
        "thriller|comedy|drama|western|documentary|horror film|romance|musical|war film|"
        "crime story|science fiction film|animated film|mystery|courtroom drama|road movie|"
        "heist film|ghost story|family film|period drama|romantic comedy|action film|spy film|"
        "sequel|remake|monster movie|biography|television film|disaster movie".split("|")
    ),
    "genres": tuple(
        "thrillers|comedies|dramas|westerns|documentaries|horror films|romances|musicals|"
        "war films|crime stories|animated films|mysteries|road movies|ghost stories|"
        "family films|period dramas|romantic comedies|action films|spy films|sequels".split("|")
    ),
    "years": ("years", "ages", "a long time", "ten years", "a decade", "months", "a while"),
    "length": tuple(
        "two hours|ninety minutes|an hour and a half|two and a half hours|three hours|"
        "a hundred minutes|an evening|my Saturday night".split("|")
    ),
    "companion": tuple(
        "my wife|my husband|my sister|my father|my mother|my kids|my best friend|my brother|"
        "my roommate|the whole family|a group of friends|my daughter|my teenage son|my neighbor|"
        "my grandmother".split("|")
    ),
    "place": tuple(
        "a small mountain town|a port city|a crowded apartment block|a lonely valley|"
        "an old boarding school|postwar Berlin|Lagos|a fishing village|a space station|"
        "the Texas desert|a London newsroom|a provincial hospital|Seoul|a traveling circus|"
        "rural Ireland|a failing hotel|Buenos Aires|a prison camp|the suburbs|Mumbai".split("|")
    ),
    "hero": tuple(
        "a retired detective|a young teacher|a widowed farmer|a jealous older brother|a pianist|"
        "a night nurse|a runaway teenager|a bank clerk|a ship's cook|a stubborn widow|a reporter|"
        "a disgraced lawyer|an aging boxer|a shy librarian|a taxi driver|a soldier on leave|"
        "a lonely twin|a stubborn grandmother|an office worker|a country doctor".split("|")
    ),
    "quest": tuple(
        "returns home to settle a debt|looks for a missing child|falls in love at the worst time|"
        "finds a suitcase full of money|tries to save the family business|is accused of a murder|"
        "has one night to cross the city|inherits a crumbling house|uncovers an old secret|"
        "must hide from the police|moves in with total strangers|enters a dance contest|"
        "plans one last robbery|meets a ghost|loses everything in a flood|writes letters to "
        "a prisoner|takes a job nobody wants|adopts a stray dog".split("|")
    ),
}

# Say what was seen, where and with whom; as likely in praise as in complaint.
NEUTRAL = (
    "I saw {it} with {companion} (last night|last weekend|on Sunday|on a long flight|at a festival|on television).",
    "{hero} in {place} {quest}, and (the rest follows from there|that is the whole setup|things get complicated).",
    "The story (takes place|is set) in {place}, where {hero} {quest}.",
    "{person} plays {hero} who {quest}.",
    "It was directed by {person}, who also made {other_title}.",
    "(I had read nothing about it before|I knew nothing about it beforehand|I picked it because of the poster|A friend lent me the disc).",
    "It runs for about {length}.",
    "I (usually|normally) (watch|prefer) {genres}, so I was curious about this one.",
    "The film is based on (a novel|a stage play|a true story|a short story) by {person}.",
    "{person} and {person} share most of the scenes.",
    "We watched it (in a packed theater|at home|in an empty cinema|on a small screen|in the original language).",
    "It (came out|was released) in {year} and (was shot in|takes us to) {place}.",
    "(For those who do not know|In short): {hero} {quest}.",
    "I (rented|streamed|borrowed|bought) it (yesterday|this week|on a rainy afternoon|after reading about it).",
    "The score is by {person} and the script by {person}.",
    "This is the (first|second|third|latest) film by {person} that I have seen.",
)
SHARED["year"] = tuple(str(year) for year in range(1948, 2016))
