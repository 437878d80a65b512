"""The story that each client is told: named events, lines, any text; then its end."""

# The name and the data of each event; its id is its number, from 1.
STEPS = [
    ("start", "once"),
    ("lines", "one\ntwo\n\nfour: 4"),
    ("text", "Grüße, 珈琲, \N{HOT BEVERAGE}"),
    ("message", '{"number": 4}'),
    ("end", "."),
]
# How many events a stream has before the server ends it.
PART = 2
# The ids with which a client comes back, and is then told that there is no more.
LAST_IDS = ["", "2", "4", "5"]
RETRY_MILLISECONDS = 100
NAMES = sorted({name for name, _ in STEPS})
