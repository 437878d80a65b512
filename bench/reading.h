/* Reads the responses of streams: heads, frames and events. */
#ifndef READING_H
#define READING_H
#include "streams.h"

static void note_ready(struct stream *stream, uint64_t now)
{
    if (!options.silent)
        settle(stream);
    stream->ready = true;
    total.ready++;
    total.last_ready = now;
}

static void check_caught_up(struct stream *stream, uint64_t now)
{
    if (stream->caught_up || stream->last_number < target)
        return;
    stream->caught_up = true;
    total.caught_up++;
    total.last_caught_up = now;
    note(&total.reconnect, now - stream->began);
}

static void take_event(struct stream *stream, const struct frame *frame, uint64_t now)
{
    uint64_t number = frame->number;
    if (number <= stream->last_number) {
        stream->violations++;
        total.violations++;
    }
    stream->last_number = number;
    stream->count++;
    stream->sum += mix(number);
    total.events++;
    total.event_bytes += frame->length;
    total.first_event = total.first_event ? total.first_event : now;
    total.last_event = now;
    if (number < ARRIVALS) {
        arrivals[number].last = now;
        arrivals[number].times++;
    }
    if (frame->stamp && frame->stamp < now)
        note(&total.latency, now - frame->stamp);
}

static void take_frame(struct stream *stream, const struct frame *frame, uint64_t now)
{
    if (frame->id && frame->id_length < ID_BYTES) {
        memcpy(stream->last_id, frame->id, frame->id_length);
        stream->last_id[frame->id_length] = 0;
    }
    if (frame->retry_ms >= 0)
        stream->retry_ms = frame->retry_ms;
    stream->resets += frame->reset;
    total.resets += frame->reset;
    if (frame->numbered)
        take_event(stream, frame, now);
    else
        total.others++;
}

/* Keep an incomplete frame until the rest arrives. */
static void keep(struct stream *stream, const char *at, size_t length)
{
    if (!length) {
        free(stream->rest);
        stream->rest = NULL;
    } else {
        stream->rest = realloc(stream->rest, length);
        memcpy(stream->rest, at, length);
    }
    stream->rest_length = length;
}

static void read_frames(struct stream *stream, char *at, size_t length, uint64_t now)
{
    struct frame frame;
    while (length && read_frame(&frame, at, length, &options.keys)) {
        take_frame(stream, &frame, now);
        at += frame.length;
        length -= frame.length;
    }
    keep(stream, at, length);
    check_caught_up(stream, now);
}

static void read_body(struct stream *stream, size_t old, size_t length, uint64_t now)
{
    char *fresh = buffer + old;
    if (stream->chunked)
        length = unchunk(&stream->chunks, fresh, length);
    if (!length)
        return;
    if (!stream->ready)
        note_ready(stream, now);
    read_frames(stream, buffer, old + length, now);
}

static void remember_cookie(struct stream *stream)
{
    size_t length;
    const char *found = set_cookie(buffer, options.cookie_name, &length);
    if (!found)
        return;
    free(stream->kept_cookie);
    stream->kept_cookie = strndup(found, length);
}

static void read_head(struct stream *stream, size_t length, uint64_t now)
{
    size_t size;
    buffer[length] = 0;
    char *end = strstr(buffer, "\r\n\r\n");
    if (!end) {
        keep(stream, buffer, length);
        return;
    }
    keep(stream, buffer, 0);
    end[2] = 0;
    if (strncmp(buffer, "HTTP/1.1 200", 12) && strncmp(buffer, "HTTP/1.0 200", 12)) {
        total.refused++;
        hang_up(stream, WAITING, REFUSED_MS);
        return;
    }
    remember_cookie(stream);
    stream->chunked = header(buffer, "Transfer-Encoding", &size) != NULL;
    stream->state = BODY;
    length -= (size_t)(end + 4 - buffer);
    memmove(buffer, end + 4, length);
    read_body(stream, 0, length, now);
}

static void read_stream(struct stream *stream)
{
    size_t old = stream->rest_length;
    if (old > BUFFER_BYTES / 2) {
        fprintf(stderr, "a frame has more than %d bytes\n", BUFFER_BYTES / 2);
        exit(1);
    }
    if (old)
        memcpy(buffer, stream->rest, old);
    ssize_t got = recv(stream->fd, buffer + old, BUFFER_BYTES - old, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        total.dropped++;
        hang_up(stream, WAITING, stream->retry_ms);
        return;
    }
    uint64_t now = now_ns(CLOCK_MONOTONIC);
    if (stream->state == HEAD)
        read_head(stream, old + (size_t)got, now);
    else
        read_body(stream, old, (size_t)got, now);
}
#endif
