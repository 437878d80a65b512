/* Parses the bytes of an event stream. No I/O. */
#ifndef PARSE_H
#define PARSE_H
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ID_BYTES 64

/* One frame; `id` points into the parsed buffer. */
struct frame {
    const char *id;
    size_t id_length;
    size_t length;
    bool numbered;
    uint64_t number;
    uint64_t stamp; /* CLOCK_MONOTONIC in ns, 0 for none */
    bool reset;
    long retry_ms; /* -1 for none */
};

/* The JSON keys to look for, such as `"n":`. */
struct keys {
    const char *number;
    const char *stamp;
};

enum chunk_state { SIZE, DATA, DATA_END, LAST };

struct chunks {
    enum chunk_state state;
    uint64_t left;
};

/* Find the unsigned number after a key; return false for none. */
static bool find_number(const char *at, size_t length, const char *key, uint64_t *value)
{
    const char *end = at + length;
    const char *found = memmem(at, length, key, strlen(key));
    if (!found)
        return false;
    found += strlen(key);
    while (found < end && (*found == ' ' || *found == '"'))
        found++;
    if (found == end || *found < '0' || *found > '9')
        return false;
    for (*value = 0; found < end && *found >= '0' && *found <= '9'; found++)
        *value = *value * 10 + (uint64_t)(*found - '0');
    return true;
}

static bool has_prefix(const char *at, size_t length, const char *prefix)
{
    return length >= strlen(prefix) && !memcmp(at, prefix, strlen(prefix));
}

static void read_line(struct frame *frame, const char *at, size_t length,
                      const struct keys *keys)
{
    if (has_prefix(at, length, "data:")) {
        if (find_number(at, length, keys->number, &frame->number))
            frame->numbered = true;
        find_number(at, length, keys->stamp, &frame->stamp);
    } else if (has_prefix(at, length, "id:")) {
        size_t skip = length > 3 && at[3] == ' ' ? 4 : 3;
        frame->id = at + skip;
        frame->id_length = length - skip;
    } else if (has_prefix(at, length, "event: reset")) {
        frame->reset = true;
    } else if (has_prefix(at, length, "retry:")) {
        frame->retry_ms = strtol(at + 6, NULL, 10);
    }
}

/* Read the first complete frame; return its length, 0 for an incomplete one. */
static size_t read_frame(struct frame *frame, const char *at, size_t length,
                         const struct keys *keys)
{
    const char *line = at, *end = at + length, *newline;
    *frame = (struct frame){.retry_ms = -1};
    while (line < end && (newline = memchr(line, '\n', (size_t)(end - line)))) {
        if (newline == line) {
            frame->length = (size_t)(newline + 1 - at);
            return frame->length;
        }
        read_line(frame, line, (size_t)(newline - line), keys);
        line = newline + 1;
    }
    return 0;
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Process one byte between the data of two chunks. */
static void chunk_byte(struct chunks *chunks, char byte)
{
    if (byte == '\n') {
        if (chunks->state == DATA_END) {
            chunks->state = SIZE;
            chunks->left = 0;
        } else {
            chunks->state = chunks->left ? DATA : LAST;
        }
    } else if (chunks->state == SIZE && hex_digit(byte) >= 0) {
        chunks->left = chunks->left * 16 + (uint64_t)hex_digit(byte);
    }
}

/* Remove the framing of chunks in place; return the number of bytes of data. */
static size_t unchunk(struct chunks *chunks, char *at, size_t length)
{
    char *end = at + length, *to = at;
    for (char *from = at; from < end && chunks->state != LAST;) {
        if (chunks->state != DATA) {
            chunk_byte(chunks, *from++);
            continue;
        }
        size_t part = (size_t)(end - from);
        if (part > chunks->left)
            part = chunks->left;
        memmove(to, from, part);
        to += part;
        from += part;
        chunks->left -= part;
        if (!chunks->left)
            chunks->state = DATA_END;
    }
    return (size_t)(to - at);
}

/* Find the value of a header; NULL for none. The head ends with an empty line. */
static const char *header(const char *head, const char *name, size_t *length)
{
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, strlen(name)) || line[strlen(name)] != ':')
            continue;
        const char *value = line + strlen(name) + 1;
        value += strspn(value, " ");
        *length = strcspn(value, "\r");
        return value;
    }
    return NULL;
}

/* Find `name=value` in the Set-Cookie headers; NULL for none. */
static const char *set_cookie(const char *head, const char *name, size_t *length)
{
    size_t size, named = strlen(name);
    const char *value;
    while ((value = header(head, "Set-Cookie", &size))) {
        if (size > named && !memcmp(value, name, named) && value[named] == '=') {
            *length = strcspn(value, ";\r");
            return value;
        }
        head = value;
    }
    return NULL;
}
#endif
