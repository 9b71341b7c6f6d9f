/* A load generator for what wrk can't do: a fixed rate, and WebSocket.
 *
 *     ask PORT CONNECTIONS SECONDS RATE OPENING MESSAGE ANSWER
 *
 * Opens the connections. If the file OPENING is not empty, each sends its bytes and
 * reads up to an empty line (a WebSocket's handshake). Then each sends the bytes of the
 * file MESSAGE and reads ANSWER bytes, again and again. The first time does not count:
 * a connection waits for being accepted then, with all the others.
 *
 * With RATE 0 the next message follows each answer at once: a closed loop, whose
 * latency says little, since a slow server is asked less. With a rate, messages fall
 * due evenly, whatever the server does, on any connection that is free; the time of
 * each runs from the moment it was due: an open loop, where waiting is not hidden.
 *
 * Prints: answers, seconds, then p50, p99 and the longest latency in microseconds. */

#define _GNU_SOURCE /* ppoll */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/* A timer comes late: this many seconds before a message is due, we stay awake for it. */
static const double EARLY = 100e-6;
enum { MAX_CONNECTIONS = 1024, MAX_LATENCY = 1000000 };

static char message[1 << 20];
static long message_size, answer_size;
static long histogram[MAX_LATENCY + 1]; /* by microsecond */
static int sockets[MAX_CONNECTIONS], idle[MAX_CONNECTIONS], idle_count;
static double since[MAX_CONNECTIONS];
static long missing[MAX_CONNECTIONS];

static void give_up(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static long read_file(const char *name, char *into, long most)
{
    FILE *file = fopen(name, "rb");
    if (!file)
        give_up(name);
    long size = fread(into, 1, most, file);
    fclose(file);
    return size;
}

static int open_connection(int port, const char *opening, long opening_size)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    char byte;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(fd, (struct sockaddr *)&address, sizeof address))
        give_up("connect");
    if (opening_size) {
        if (send(fd, opening, opening_size, 0) != opening_size)
            give_up("opening");
        for (int seen = 0; seen < 4; seen = byte == "\r\n\r\n"[seen] ? seen + 1 : byte == '\r')
            if (recv(fd, &byte, 1, 0) != 1)
                give_up("opening");
    }
    return fd;
}

static void ask(int i, double due)
{
    since[i] = due;
    missing[i] = answer_size;
    if (send(sockets[i], message, message_size, MSG_NOSIGNAL) != message_size)
        give_up("send");
}

/* Take what came; say whether the answer is complete. */
static int hear(int i)
{
    static char buffer[1 << 20];
    ssize_t size = recv(sockets[i], buffer, sizeof buffer, 0);
    if (size < 0 && errno == EAGAIN)
        return 0;
    if (size <= 0 || size > missing[i]) {
        fprintf(stderr, "an answer of another length, or the end\n");
        exit(1);
    }
    missing[i] -= size;
    return !missing[i];
}

/* Sleep so many seconds, or until an answer comes. */
static void rest(int epoll, double seconds)
{
    struct pollfd watched = { .fd = epoll, .events = POLLIN };
    struct timespec t = { seconds, (seconds - (time_t)seconds) * 1e9 };
    ppoll(&watched, 1, &t, NULL);
}

static long percentile(double share, long total)
{
    long seen = 0, at = 0;
    while (at < MAX_LATENCY && (seen += histogram[at]) < share * total)
        at++;
    return at;
}

int main(int argc, char **argv)
{
    static char opening[65536];
    struct epoll_event events[256];
    if (argc != 8)
        return 2;
    int port = atoi(argv[1]), connections = atoi(argv[2]), epoll = epoll_create1(0);
    double seconds = atof(argv[3]), rate = atof(argv[4]);
    long opening_size = read_file(argv[5], opening, sizeof opening), answers = 0;
    message_size = read_file(argv[6], message, sizeof message);
    answer_size = atol(argv[7]);
    for (int i = 0; i < connections; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
        sockets[i] = open_connection(port, opening, opening_size);
        ask(i, 0);
        while (!hear(i))
            ;
        fcntl(sockets[i], F_SETFL, O_NONBLOCK);
        epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[i], &event);
        idle[idle_count++] = i;
    }
    double begin = now(), end = begin + seconds, due = begin, time = begin;
    while (!rate && idle_count)
        ask(idle[--idle_count], begin);
    while (time < end) {
        for (; rate && due <= time && idle_count; due += 1 / rate)
            ask(idle[--idle_count], due);
        if (rate && idle_count && due - time > EARLY)
            rest(epoll, due - time - EARLY);
        int ready = epoll_wait(epoll, events, 256, rate ? 0 : 100);
        time = now();
        for (int e = 0; e < ready; e++) {
            int i = events[e].data.u32;
            if (!hear(i))
                continue;
            double microseconds = (time - since[i]) * 1e6;
            histogram[microseconds < MAX_LATENCY ? (int)microseconds : MAX_LATENCY]++;
            answers++;
            if (rate)
                idle[idle_count++] = i;
            else
                ask(i, time);
        }
    }
    printf("%ld %.6f %ld %ld %ld\n", answers, time - begin, percentile(.5, answers),
           percentile(.99, answers), percentile(1, answers));
    return 0;
}
