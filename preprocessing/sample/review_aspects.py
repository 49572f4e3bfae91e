"""Parts of a film, each with what praise and what complaint say about it."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Aspect:
    """One part of a film; "{is}" agrees with the subject's number."""

    subjects: str  # alternatives, divided by "|"
    plural: bool
    praise: tuple[str, ...]
    complaint: tuple[str, ...]


ASPECTS = (
    Aspect(
        "the acting|the lead performance|{person}'s performance|the supporting cast|the cast",
        plural=False,
        praise=(
            "{is} superb", "{is} first rate from top to bottom", "{is} utterly convincing",
            "{is} a joy to watch", "carries the film with ease", "deserves every award there is",
            "{is} natural and deeply felt", "gives the story real heart", "{is} pitch perfect",
            "could hardly be better", "never strikes a false note", "{is} uniformly excellent",
            "{is} nuanced and quietly powerful", "steals every scene",
        ),
        complaint=(
            "{is} wooden", "{is} dreadful from start to finish", "{is} completely unconvincing",
            "{is} painful to watch", "sinks the film in the first scene", "{is} an embarrassment",
            "{is} stiff and lifeless", "gives us nothing to care about",
            "{is} hopelessly miscast", "could hardly be worse", "never once rings true",
            "{is} uniformly awful", "{is} hammy and shrill", "seems bored in every scene",
        ),
    ),
    Aspect(
        "the plot|the story|the storyline|the screenplay|the script|the writing",
        plural=False,
        praise=(
            "{is} clever and full of surprises", "kept me guessing until the end",
            "{is} tight, with no wasted scene", "makes perfect sense on a second viewing",
            "grips you from the first page", "{is} refreshingly original",
            "{is} rich and beautifully built", "trusts the audience to think",
            "hangs together wonderfully", "{is} simple but moving", "earns each of its twists",
            "{is} witty and humane",
        ),
        complaint=(
            "makes no sense", "{is} predictable from the first minute", "{is} full of holes",
            "goes nowhere", "falls apart halfway through", "{is} a pile of tired clichés",
            "{is} thin and badly built", "treats the audience like idiots",
            "collapses under its own stupidity", "{is} a confusing mess",
            "relies on one silly coincidence after another", "{is} lazy and hollow",
        ),
    ),
    Aspect(
        "the jokes|the gags|the one-liners|the comic scenes|the funny bits",
        plural=True,
        praise=(
            "{is} sharp and come thick and fast", "land every single time",
            "had me laughing out loud", "had the whole theater in stitches", "{is} hilarious",
            "{is} smart without being mean", "still make me smile days later",
            "{is} fresh and perfectly timed", "could not be funnier",
        ),
        complaint=(
            "fall flat", "{is} not funny", "{is} stale and come far too often",
            "drew not one laugh from the whole theater", "{is} crude and cringeworthy",
            "{is} stupid and mean", "die on the screen", "{is} old, tired and badly timed",
            "could not be less funny",
        ),
    ),
    Aspect(
        "the dialogue|the narration|the conversation",
        plural=False,
        praise=(
            "sparkles", "{is} crisp and quotable", "sounds like real people talking",
            "crackles with wit", "{is} a pleasure to listen to", "{is} tender and honest",
            "says so much with so little",
        ),
        complaint=(
            "{is} laughable", "{is} clumsy and stilted", "sounds as if a machine had written it",
            "{is} pure cheese", "{is} torture to listen to", "{is} trite and fake",
            "says so little with so many words",
        ),
    ),
    Aspect(
        "the camera work|the photography|the cinematography|the look of the film|the lighting",
        plural=False,
        praise=(
            "{is} gorgeous", "{is} breathtaking", "makes every frame look like a painting",
            "{is} a feast for the eyes", "{is} inventive and elegant", "{is} simply stunning",
            "captures the place beautifully", "glows",
        ),
        complaint=(
            "{is} ugly", "{is} shaky and gave me a headache",
            "makes every frame look like a cheap commercial",
            "{is} murky, so that you cannot see a thing", "{is} amateurish", "{is} flat and drab",
            "never rises above a home video", "{is} an insult to the eyes",
        ),
    ),
    Aspect(
        "the music|the score|the soundtrack|the sound",
        plural=False,
        praise=(
            "{is} lovely", "lifts every scene", "{is} haunting and memorable",
            "stayed in my head for days, and gladly so", "{is} magical",
            "fits the mood perfectly", "gave me goosebumps", "{is} worth the ticket alone",
        ),
        complaint=(
            "{is} grating", "drowns every scene", "{is} loud and forgettable",
            "made me want to cover my ears", "{is} cheap and annoying",
            "does not fit the mood at all", "got on my nerves", "ruins what little there was",
        ),
    ),
    Aspect(
        "the special effects|the stunts|the action scenes|the chases|the battle scenes",
        plural=True,
        praise=(
            "{is} spectacular", "look amazing", "{is} thrilling and easy to follow",
            "had me on the edge of my seat", "{is} among the best I have seen",
            "serve the story and never drown it", "take your breath away",
        ),
        complaint=(
            "look cheap", "look fake", "{is} choppy and impossible to follow", "put me to sleep",
            "{is} among the worst I have seen", "{is} noisy, pointless and endless",
            "look like a bad video game",
        ),
    ),
    Aspect(
        "the pace|the pacing|the editing|the rhythm",
        plural=False,
        praise=(
            "{is} perfect", "never lets up", "{is} brisk and confident",
            "gives every moment room to breathe", "builds tension masterfully",
            "makes the time fly", "keeps you hooked",
        ),
        complaint=(
            "{is} glacial", "drags terribly", "{is} sluggish and clumsy",
            "stretches every moment until it hurts", "kills all tension",
            "makes an hour feel like a week", "sent half the row to sleep",
        ),
    ),
    Aspect(
        "the ending|the finale|the final act|the last scene|the climax",
        plural=False,
        praise=(
            "{is} deeply satisfying", "moved me to tears", "ties everything together beautifully",
            "{is} unforgettable", "{is} brave and exactly right", "left the audience cheering",
            "delivers on every promise", "{is} perfect",
        ),
        complaint=(
            "{is} a huge letdown", "moved nobody", "leaves everything hanging for no reason",
            "{is} ridiculous", "{is} a cheat", "left the audience groaning",
            "breaks every promise", "{is} rushed and stupid",
        ),
    ),
    Aspect(
        "the characters|the people in it|the two leads|the heroes",
        plural=True,
        praise=(
            "{is} vivid and easy to love", "feel like real people",
            "{is} warm, flawed and believable", "have wonderful chemistry",
            "grow in ways that surprise you", "{is} people I did not want to leave",
            "win you over at once",
        ),
        complaint=(
            "{is} flat and impossible to like", "feel like cardboard",
            "{is} shallow and irritating", "have no chemistry whatsoever",
            "never change and never matter", "{is} people I wanted to get away from",
            "{is} so dumb that you stop caring",
        ),
    ),
    Aspect(
        "the direction|{person}'s direction|the staging|the filmmaking",
        plural=False,
        praise=(
            "{is} masterful", "{is} assured and full of imagination", "shows a real gift",
            "brings out the best in everyone", "{is} subtle and intelligent",
            "turns a small tale into great cinema",
        ),
        complaint=(
            "{is} incompetent", "{is} clueless and without imagination", "shows no talent at all",
            "brings out the worst in everyone", "{is} heavy-handed and dull",
            "turns a good idea into garbage",
        ),
    ),
    Aspect(
        "the sets|the costumes|the locations|the period details",
        plural=True,
        praise=(
            "{is} beautiful", "{is} wonderfully detailed", "make you feel you are there",
            "{is} a delight in themselves", "{is} lavish and tasteful",
        ),
        complaint=(
            "{is} shabby", "{is} laughably wrong", "remind you that it is all fake",
            "{is} an eyesore", "{is} tacky and cheap",
        ),
    ),
)  # fmt: skip
