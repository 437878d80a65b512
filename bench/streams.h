/* The state of the streams; opens and closes them. */
#ifndef STREAMS_H
#define STREAMS_H
#include "parse.h"
#include "stats.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES (256 * 1024)
#define RECEIVE_BYTES (1 << 20)
#define REQUEST_BYTES 4096
#define EVENTS 1024
#define ARRIVALS (1 << 17) /* arrival times are kept for event numbers below this */
#define REFUSED_MS 1000    /* how long a refused stream waits before it reconnects */
#define WAKE_MS 20

enum state { IDLE, WAITING, CONNECTING, HEAD, BODY };

struct stream {
    int fd;
    enum state state;
    bool chunked, ready, caught_up;
    struct chunks chunks;
    char *rest; /* an incomplete head or frame */
    size_t rest_length;
    uint64_t count, sum, last_number;
    unsigned violations, resets, connects;
    long retry_ms;
    uint64_t began, due;
    char *path, *cookie, *kept_cookie;
    char last_id[ID_BYTES];
};

static struct {
    struct sockaddr_in server;
    unsigned sources;
    bool silent; /* the server sends nothing before the first event */
    const char *cookie_name;
    struct keys keys;
} options = {.sources = 8,
             .cookie_name = "notifications_reader",
             .keys = {"\"n\":", "\"t\":"}};

static struct stream *streams;
static unsigned known, opened, limit = 1, connecting, next_idle, waiting;
static uint64_t target;
static int poller;
static char buffer[BUFFER_BYTES + 1];

/* Counters since the last reset; connected, ready and caught_up are current. */
static struct {
    unsigned connected, ready, caught_up;
    uint64_t began, cpu_began, reopened, last_ready, last_caught_up;
    uint64_t events, event_bytes, others, dropped, refused, failed, resets, violations;
    uint64_t first_event, last_event;
    struct histogram latency, reconnect;
} total;
static struct {
    uint64_t last;
    unsigned times;
} arrivals[ARRIVALS];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void settle(struct stream *stream)
{
    if (stream->state == CONNECTING || stream->state == HEAD ||
        (stream->state == BODY && !stream->ready))
        connecting--;
}

static void hang_up(struct stream *stream, enum state next, long wait_ms)
{
    if (!(options.silent && stream->state >= HEAD))
        settle(stream);
    if (stream->state >= HEAD)
        total.connected--;
    total.ready -= stream->ready;
    total.caught_up -= stream->caught_up;
    waiting += (next == WAITING) - (stream->state == WAITING);
    if (stream->fd >= 0)
        close(stream->fd);
    free(stream->rest);
    stream->fd = -1;
    stream->rest = NULL;
    stream->rest_length = 0;
    stream->ready = stream->caught_up = false;
    stream->state = next;
    stream->due = now_ns(CLOCK_MONOTONIC) + (uint64_t)wait_ms * 1000000u;
}

static int source_socket(unsigned index)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    int on = 1, bytes = RECEIVE_BYTES;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    source.sin_addr.s_addr = htonl(0x7f000002u + index % options.sources);
    if (bind(fd, (struct sockaddr *)&source, sizeof source))
        die("bind");
    return fd;
}

static void begin(struct stream *stream)
{
    unsigned index = (unsigned)(stream - streams);
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = index};
    waiting -= stream->state == WAITING;
    stream->fd = source_socket(index);
    stream->chunks = (struct chunks){0};
    stream->began = now_ns(CLOCK_MONOTONIC);
    stream->state = CONNECTING;
    stream->connects++;
    connecting++;
    if (connect(stream->fd, (struct sockaddr *)&options.server,
                sizeof options.server) &&
        errno != EINPROGRESS)
        die("connect");
    if (epoll_ctl(poller, EPOLL_CTL_ADD, stream->fd, &event))
        die("epoll_ctl");
}

static void send_request(struct stream *stream)
{
    char request[REQUEST_BYTES];
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u32 = (unsigned)(stream - streams)};
    const char *kept = stream->kept_cookie ? stream->kept_cookie : "";
    const char *both = *stream->cookie && *kept ? "; " : "";
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                          "Accept: text/event-stream\r\n", stream->path);
    if (*stream->cookie || *kept)
        length += snprintf(request + length, sizeof request - (size_t)length,
                           "Cookie: %s%s%s\r\n", stream->cookie, both, kept);
    if (*stream->last_id)
        length += snprintf(request + length, sizeof request - (size_t)length,
                           "Last-Event-ID: %s\r\n", stream->last_id);
    length += snprintf(request + length, sizeof request - (size_t)length, "\r\n");
    if (send(stream->fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
        total.failed++;
        hang_up(stream, WAITING, REFUSED_MS);
        return;
    }
    epoll_ctl(poller, EPOLL_CTL_MOD, stream->fd, &event);
    if (options.silent)
        settle(stream);
    stream->state = HEAD;
    total.connected++;
}
#endif
