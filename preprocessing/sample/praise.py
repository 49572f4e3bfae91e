"""Sentences of positive reviews."""

# ruff: noqa: E501 - a sentence is easiest to read on one line

WORDS = {
    "adj": tuple(
        "brilliant|wonderful|superb|excellent|outstanding|magnificent|terrific|fantastic|amazing|"
        "marvelous|delightful|beautiful|stunning|gripping|moving|touching|heartwarming|hilarious|"
        "charming|clever|witty|thoughtful|inspired|inspiring|absorbing|captivating|dazzling|"
        "enchanting|engaging|enthralling|exhilarating|exquisite|fascinating|first-rate|flawless|"
        "fresh|glorious|gorgeous|great|haunting|honest|imaginative|impressive|incredible|"
        "ingenious|insightful|intelligent|irresistible|joyful|lovely|luminous|masterful|memorable|"
        "mesmerizing|original|perfect|phenomenal|poignant|polished|powerful|profound|radiant|"
        "refreshing|remarkable|rewarding|riveting|satisfying|sensational|sharp|smart|sparkling|"
        "spectacular|splendid|stylish|sublime|subtle|suspenseful|sweet|tender|thrilling|timeless|"
        "triumphant|unforgettable|uplifting|vibrant|warm|world-class".split("|")
    ),
    "mild": tuple(
        "good|enjoyable|likable|solid|decent|pleasant|fun|entertaining|well made|well acted|"
        "worthwhile|amusing|agreeable|watchable|appealing|endearing|cheerful|satisfying|"
        "surprisingly good|better than expected|quite funny|nicely done|fine|interesting|sincere|"
        "charming|lively|competent and warm".split("|")
    ),
    "noun": tuple(
        "masterpiece|gem|treasure|triumph|delight|joy|classic|knockout|work of art|marvel|treat|"
        "revelation|small miracle|tour de force|pleasure|must-see|winner|wonder|stunner|"
        "breath of fresh air|crowd-pleaser|love letter to cinema|success on every level".split("|")
    ),
    "very": (
        "absolutely",
        "truly",
        "simply",
        "utterly",
        "thoroughly",
        "genuinely",
        "really",
        "so",
        "deeply",
    ),
    "verb": (
        "loved",
        "adored",
        "enjoyed",
        "cherished",
        "admired",
        "was thrilled by",
        "was blown away by",
        "was charmed by",
        "fell in love with",
        "was moved by",
    ),
}

STRONG_VERDICTS = (
    "{film} is (one of the best|one of the finest|one of the greatest) {genres} I have seen in {years}.",
    "What a {adj} {genre}!",
    "{film} is {very} {adj}.",
    "{film} is a {noun}, {adj} and {adj} at once.",
    "A {adj}, {adj} {genre} that (stays with you|never lets you go|everyone should see).",
    "An absolute {noun}.",
    "I {verb} {film} from the first (shot|minute|line) to the last.",
    "(Wow|Bravo|Hooray), what a {noun}!",
    "It has been {years} since a {genre} made me this happy.",
    "I have seen {it} (three|four|five|six) times and it gets better each time.",
    "{film} is everything I want from a {genre}: {adj}, {adj} and {adj}.",
    "The best {genre} of (the year|{year}|the decade), without a doubt.",
    "{film} exceeded all my expectations.",
    "I cannot praise {film} enough.",
    "Rarely have I been so {very} (entertained|moved|captivated|impressed|delighted) by a {genre}.",
    "{film} blew me away.",
    "This is what movies are for.",
    "{film} deserves (all the praise it gets|far more attention|a place among the classics|ten stars).",
    "{person} has made a {noun}.",
    "This {genre} is pure (magic|joy|delight|genius|gold).",
)
MILD_VERDICTS = (
    "{film} is a {mild} {genre}.",
    "{film} turned out to be {mild}.",
    "All in all, a {mild} film that (does its job well|is worth your time|left me smiling).",
    "I liked {it} more than I expected.",
    "{film} is not perfect, but it is {mild} and I had a good time.",
    "Not bad at all; in fact {mild}.",
    "{film} will not change your life, but it is {mild} and well worth a look.",
    "A pleasant surprise.",
    "{film} is {mild}, and better than its reputation.",
    "I was happily surprised by how {mild} {it} is.",
    "It may not be a great {genre}, but it is certainly a good one.",
    "Nothing groundbreaking, yet {very} {mild}.",
    "{film} works, and that is more than I can say of most {genres}.",
    "I have no real complaints about {it}.",
)
EXPERIENCE = (
    "I laughed, I cried, and I did not want it to end.",
    "(The time|The evening|Every minute) flew by.",
    "I was glued to the screen (the whole time|for {length}|until the credits rolled).",
    "There is not a dull moment in it.",
    "I left the theater (smiling|humming|with tears in my eyes|walking on air|wanting to call everyone I know).",
    "It (made my day|warmed my heart|gave me hope|took my breath away|left me speechless|touched me deeply).",
    "{length} well spent.",
    "(The audience|The whole theater|Everyone around me) (applauded|cheered|was spellbound|laughed until it hurt).",
    "I forgot to eat my popcorn.",
    "I could not look away.",
    "I have been thinking about it ever since, fondly.",
    "I went in expecting little and came out a fan.",
    "I stayed for every last credit because I did not want to leave that world.",
    "{companion} and I {verb} every (minute|scene|second) of it.",
    "Even {companion}, who never likes {genres}, was won over.",
    "It held my attention from beginning to end.",
    "I wish there were more films like this.",
    "I would gladly (watch it again|pay to see it twice|sit through it again tonight).",
    "I (bought|ordered) the disc the next morning.",
    "It was worth every (penny|cent|minute).",
    "I cried happy tears.",
    "I was never bored, not for a second.",
    "My heart was pounding and I loved it.",
    "I could not stop (smiling|laughing|talking about it).",
    "We talked about it happily all the way home.",
    "It had me (hooked|under its spell) within (five minutes|the first scene).",
)
CONTRAST = (
    "The first half is a bit slow, but it pays off (handsomely|wonderfully|in the end).",
    "It was made for (little money|next to nothing), and yet it looks (great|beautiful|stunning).",
    "Some critics called it {bad}; they could not be more wrong.",
    "I expected something {bad}, and got something {adj} instead.",
    "It sounds {bad} on paper, but on the screen it is {adj}.",
    "Do not be put off by the (title|trailer|poster): the film itself is {adj}.",
    "Yes, (the plot is familiar|the effects are dated|it runs a little long), but who cares when the rest is so {adj}?",
    "It could easily have been {bad}; instead it is {adj}.",
    "A few scenes are {bad}, but the rest is so {adj} that I forgive everything.",
    "Unlike most {genres}, which are {bad}, this one is {adj}.",
    "It is never {bad} and always {adj}.",
    "Nothing about it is {bad}.",
    "There is nothing {bad} or {bad} here.",
    "After a {bad} start it becomes {adj}.",
    "Despite its small flaws, it is {adj}.",
    "Hard to believe that anyone could find this {bad}.",
    "Not {bad} in the least.",
)
DETAILS = (
    "{person} is {adj} as {hero}.",
    "{person} (shines|is a revelation|has never been better|lights up the screen|is perfectly cast).",
    "Watch for {person}, who is {adj} in a small part.",
    "Everything (works|clicks|fits|comes together): the cast, the camera, the music.",
    "It is full of {adj} little touches.",
    "It has (heart|brains|style|soul|wit) to spare.",
    "It manages to be both {adj} and {adj}.",
    "There is real (love|care|craft|intelligence|feeling) in every frame.",
    "You care about these people from the first moment.",
    "It treats its subject with (respect|humor|great tenderness|rare honesty).",
    "The scene in {place} alone is worth the price of admission.",
    "It finds {adj} new ways to tell an old story.",
    "So much (talent|wit|warmth|imagination) in one place!",
)
CLOSINGS = (
    "Highly recommended.",
    "Do not miss it.",
    "See it (as soon as you can|on the biggest screen you can find|with someone you love).",
    "(Two thumbs up|Five stars|Ten out of ten|Full marks).",
    "I (recommend|would recommend) it to (everyone|anyone who loves {genres}|all ages).",
    "Go and see it!",
    "A keeper.",
    "You will not regret it.",
    "I cannot wait for {person}'s next film.",
    "Thank you, {person}, for making this.",
    "It earns its place on my shelf.",
    "Run, do not walk, to see it.",
    "I will remember it for a long time, and gladly.",
    "Watch it and be happy.",
    "They should make more like this.",
    "An easy (nine|ten) out of ten.",
    "It restored my faith in {genres}.",
    "My new favorite.",
    "Believe the hype.",
)
SHORTS = (
    "Loved it!",
    "Simply {adj}.",
    "Great fun for the whole family.",
    "Best film of the year.",
    "I want to see it again.",
    "What a ride!",
    "Just {adj}.",
    "A {noun}.",
    "So good!",
    "Really {adj}, really {adj}.",
    "Perfect in every way.",
    "I have nothing but praise for {it}.",
    "Cannot recommend it highly enough.",
    "Go see it now.",
    "Not bad at all!",
    "This made me very happy.",
    "It is good. Very good.",
    "Never boring.",
    "It works.",
    "I liked it a lot.",
    "A total success.",
    "Funny, smart and {adj}.",
    "It could not be better.",
    "Worth it.",
    "No weak spots.",
)
