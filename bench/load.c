/* Opens many event streams in one thread, checks and measures them.
 *
 * Reads commands from stdin, one per line, and replies to each with a line of JSON:
 *   open COUNT LIMIT         open streams, at most LIMIT of them at the same time
 *   cut                      close all streams at once
 *   reconnect LIMIT NUMBER   reopen them with their Last-Event-ID; a stream has caught
 *                            up once it has received the event NUMBER
 *   status                   how many streams are connected, ready and so on
 *   reset                    set all counters to zero
 *   report                   all counters since the last reset
 *   dump FILE                write the counters of each stream to a file
 *   arrivals FROM TO         how often events arrived, and when last
 *   quit                     exit
 */
#include "reading.h"

static void on_stream(struct stream *stream)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (stream->state != CONNECTING) {
        read_stream(stream);
        return;
    }
    getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        total.failed++;
        hang_up(stream, WAITING, REFUSED_MS);
        return;
    }
    send_request(stream);
}

/* Open streams up to the limit; dropped ones once their retry interval is over. */
static void begin_more(void)
{
    for (; connecting < limit && next_idle < opened; next_idle++)
        if (streams[next_idle].state == IDLE)
            begin(&streams[next_idle]);
    if (!waiting)
        return;
    uint64_t now = now_ns(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < opened && connecting < limit; i++)
        if (streams[i].state == WAITING && streams[i].due <= now)
            begin(&streams[i]);
}

static void start_counting(void)
{
    unsigned connected = total.connected, ready = total.ready;
    unsigned caught_up = total.caught_up;
    memset(&total, 0, sizeof total);
    memset(arrivals, 0, sizeof arrivals);
    total.connected = connected;
    total.ready = ready;
    total.caught_up = caught_up;
    total.began = now_ns(CLOCK_MONOTONIC);
    total.cpu_began = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned i = 0; i < opened; i++)
        streams[i].count = streams[i].sum = streams[i].violations = 0;
}

static void cut(void)
{
    for (unsigned i = 0; i < opened; i++)
        if (streams[i].state != IDLE)
            hang_up(&streams[i], IDLE, 0);
    next_idle = opened;
}

static void reconnect(void)
{
    memset(&total.reconnect, 0, sizeof total.reconnect);
    total.reopened = now_ns(CLOCK_MONOTONIC);
    next_idle = 0;
}

#define U(value) ((unsigned long long)(value))

static void print_status(void)
{
    printf("{\"connected\":%u,\"ready\":%u,\"caught_up\":%u,\"events\":%llu,"
           "\"refused\":%llu,\"failed\":%llu,\"dropped\":%llu}\n",
           total.connected, total.ready, total.caught_up, U(total.events),
           U(total.refused), U(total.failed), U(total.dropped));
}

static void print_report(void)
{
    printf("{\"events\":%llu,\"event_bytes\":%llu,\"others\":%llu,\"dropped\":%llu,"
           "\"refused\":%llu,\"failed\":%llu,\"resets\":%llu,\"violations\":%llu,",
           U(total.events), U(total.event_bytes), U(total.others), U(total.dropped),
           U(total.refused), U(total.failed), U(total.resets), U(total.violations));
    printf("\"connected\":%u,\"ready\":%u,\"caught_up\":%u,", total.connected,
           total.ready, total.caught_up);
    printf("\"first_event\":%llu,\"last_event\":%llu,\"reopened\":%llu,"
           "\"last_ready\":%llu,\"last_caught_up\":%llu,",
           U(total.first_event), U(total.last_event), U(total.reopened),
           U(total.last_ready), U(total.last_caught_up));
    printf("\"wall_ns\":%llu,\"cpu_ns\":%llu,\"latency\":",
           U(now_ns(CLOCK_MONOTONIC) - total.began),
           U(now_ns(CLOCK_PROCESS_CPUTIME_ID) - total.cpu_began));
    print_histogram(&total.latency);
    printf(",\"reconnect\":");
    print_histogram(&total.reconnect);
    printf("}\n");
}

static void dump(const char *name)
{
    FILE *file = fopen(name, "w");
    if (!file)
        die(name);
    for (unsigned i = 0; i < opened; i++)
        fprintf(file, "%u\t%llu\t%llu\t%u\t%u\t%u\t%s\n", i, U(streams[i].count),
                U(streams[i].sum), streams[i].violations, streams[i].resets,
                streams[i].connects, streams[i].last_id);
    fclose(file);
}

static void print_arrivals(unsigned from, unsigned to)
{
    printf("[");
    for (unsigned i = from; i < to && i < ARRIVALS; i++)
        printf("%s[%u,%u,%llu]", i > from ? "," : "", i, arrivals[i].times,
               U(arrivals[i].last));
    printf("]\n");
}

/* Run a command and print its reply, which is `{}` for those that return nothing. */
static void run_command(const char *line)
{
    char name[REQUEST_BYTES];
    unsigned a, b;
    unsigned long long number;
    if (sscanf(line, "open %u %u", &a, &b) == 2) {
        opened = opened + a < known ? opened + a : known;
        limit = b;
    } else if (sscanf(line, "reconnect %u %llu", &a, &number) == 2) {
        limit = a;
        target = number;
        reconnect();
    } else if (sscanf(line, "arrivals %u %u", &a, &b) == 2) {
        print_arrivals(a, b);
        return;
    } else if (sscanf(line, "dump %4095s", name) == 1) {
        dump(name);
    } else if (!strcmp(line, "status")) {
        print_status();
        return;
    } else if (!strcmp(line, "report")) {
        print_report();
        return;
    } else if (!strcmp(line, "reset")) {
        start_counting();
    } else if (!strcmp(line, "cut")) {
        cut();
    } else if (!strcmp(line, "quit")) {
        exit(0);
    } else {
        fprintf(stderr, "unknown command: %s\n", line);
        exit(2);
    }
    printf("{}\n");
}

static void read_commands(void)
{
    static char line[REQUEST_BYTES];
    static size_t length;
    ssize_t got = read(0, line + length, sizeof line - length - 1);
    if (got <= 0)
        exit(0);
    length += (size_t)got;
    line[length] = 0;
    for (char *end; (end = strchr(line, '\n'));) {
        *end = 0;
        run_command(line);
        length -= (size_t)(end + 1 - line);
        memmove(line, end + 1, length + 1);
    }
    fflush(stdout);
}

/* A line is a path, optionally followed by a tab and cookies, a tab and an id. */
static void read_streams(const char *name)
{
    char *line = NULL;
    size_t size = 0, room = 0;
    FILE *file = fopen(name, "r");
    if (!file)
        die(name);
    for (ssize_t got; (got = getline(&line, &size, file)) > 0;) {
        char *rest = line, *path, *cookie, *id;
        line[strcspn(line, "\n")] = 0;
        path = strsep(&rest, "\t");
        cookie = strsep(&rest, "\t");
        id = strsep(&rest, "\t");
        if (known == room)
            streams = realloc(streams, (room = room * 2 + 1024) * sizeof *streams);
        streams[known] = (struct stream){.fd = -1, .retry_ms = 3000};
        streams[known].path = strdup(path);
        streams[known].cookie = strdup(cookie ? cookie : "");
        snprintf(streams[known++].last_id, ID_BYTES, "%s", id ? id : "");
    }
    free(line);
    fclose(file);
}

static void read_options(int count, char **words)
{
    options.server.sin_family = AF_INET;
    options.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int given; (given = getopt(count, words, "p:s:c:n:q")) != -1;) {
        if (given == 'p')
            options.server.sin_port = htons((uint16_t)atoi(optarg));
        else if (given == 's')
            options.sources = (unsigned)atoi(optarg);
        else if (given == 'c')
            options.cookie_name = optarg;
        else if (given == 'n')
            options.keys.number = optarg;
        else if (given == 'q')
            options.silent = true;
        else
            exit(2);
    }
    if (optind + 1 != count || !options.server.sin_port || !options.sources) {
        fprintf(stderr, "load -p PORT [-s SOURCES] [-c COOKIE] [-n KEY] [-q] FILE\n");
        exit(2);
    }
}

static void raise_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int count, char **words)
{
    struct epoll_event ready[EVENTS];
    struct epoll_event commands = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
    read_options(count, words);
    read_streams(words[optind]);
    raise_limit();
    poller = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &commands);
    for (;;) {
        int found = epoll_wait(poller, ready, EVENTS, waiting ? WAKE_MS : -1);
        for (int i = 0; i < found; i++) {
            if (ready[i].data.u32 == UINT32_MAX)
                read_commands();
            else if (streams[ready[i].data.u32].fd >= 0)
                on_stream(&streams[ready[i].data.u32]);
        }
        begin_more();
    }
}
