/* The minimum cost of a broadcast: one prepared frame, and one write per socket.
 *
 * Listens on 127.0.0.1:PORT and responds to every request with an event stream. Reads
 * whole frames from stdin and exits at its end. A frame that a socket does not accept
 * at once is lost; the number of lost frames goes to stderr.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define EVENTS 1024
#define MAX_DESCRIPTORS (1 << 20)
#define FRAMES_BYTES (1 << 20)

static const char HEAD[] = "HTTP/1.1 200 OK\r\n"
                           "Content-Type: text/event-stream; charset=utf-8\r\n"
                           "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
                           "retry: 3000\n\n";

static int poller, listener, *place_of; /* by descriptor: its index in `served`, or -1 */
static int *served, count;
static unsigned long long lost;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event))
        die("epoll_ctl");
}

static void listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int on = 1;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) ||
        listen(listener, BACKLOG))
        die("listen");
    watch(listener);
}

static void accept_all(void)
{
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        place_of[fd] = -1;
        watch(fd);
    }
}

static void drop(int fd)
{
    if (place_of[fd] >= 0) {
        served[place_of[fd]] = served[--count];
        place_of[served[count]] = place_of[fd];
    }
    close(fd);
}

static void respond(int fd)
{
    char request[4096];
    if (read(fd, request, sizeof request) <= 0) {
        drop(fd);
    } else if (place_of[fd] < 0) {
        if (write(fd, HEAD, sizeof HEAD - 1) < 0)
            lost++;
        place_of[fd] = count;
        served[count++] = fd;
    }
}

static void broadcast(const char *frame, size_t length)
{
    for (int i = 0; i < count; i++)
        if (send(served[i], frame, length, MSG_NOSIGNAL) != (ssize_t)length)
            lost++;
}

static void read_frames(void)
{
    static char frames[FRAMES_BYTES];
    static size_t length;
    char *begin = frames, *end;
    ssize_t got = read(0, frames + length, sizeof frames - length);
    if (got <= 0) {
        fprintf(stderr, "lost %llu\n", lost);
        exit(0);
    }
    length += (size_t)got;
    while ((end = memmem(begin, length, "\n\n", 2))) {
        size_t size = (size_t)(end + 2 - begin);
        broadcast(begin, size);
        begin += size;
        length -= size;
    }
    memmove(frames, begin, length);
}

static void allocate(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max > MAX_DESCRIPTORS)
        limit.rlim_max = MAX_DESCRIPTORS;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    place_of = calloc(limit.rlim_max, sizeof *place_of);
    served = calloc(limit.rlim_max, sizeof *served);
}

int main(int words, char **word)
{
    struct epoll_event ready[EVENTS];
    if (words != 2) {
        fprintf(stderr, "floor PORT\n");
        return 2;
    }
    allocate();
    poller = epoll_create1(EPOLL_CLOEXEC);
    listen_on(atoi(word[1]));
    watch(0);
    for (;;) {
        int found = epoll_wait(poller, ready, EVENTS, -1);
        for (int i = 0; i < found; i++) {
            if (ready[i].data.fd == listener)
                accept_all();
            else if (ready[i].data.fd == 0)
                read_frames();
            else
                respond(ready[i].data.fd);
        }
    }
}
