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

# Data that a parser could take apart, by what is special about it.
TEXTS = {
    "nothing": "",
    "empty lines": "\n\n",
    "an empty line at the end": "one\n",
    "a space at the start": " one",
    "a tab at the start": "\tone",
    "a colon": ": one",
    "a field": "data: one\nid: 7\nretry: 9\nevent: x",
    "NUL": "\0",
    "a byte order mark": "\ufeffone",
    "line ends of Unicode": "one\x85two\u2028three\x0bfour",
    "any language": "Grüße, 珈琲, \N{HOT BEVERAGE}",
}
# An id that is no ASCII.
ID = "…"
