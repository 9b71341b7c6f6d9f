/* The mark of the machine: the same response from a bare epoll loop, without a parser.
 *
 * It answers every 13-byte response as soon as what it received ends in an empty line.
 * So much the kernel costs, and no server can be below it. argv: the port. */

#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static const char answer[] =
    "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n\r\n"
    "Hello, world!";

static void watch(int epoll, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void accept_one(int epoll, int listener)
{
    int yes = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        watch(epoll, fd);
    }
}

static void answer_one(int fd)
{
    char buffer[65536];
    ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    if (size <= 0)
        close(fd);
    else if (size >= 4 && !memcmp(buffer + size - 4, "\r\n\r\n", 4))
        send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    struct epoll_event events[256];
    int yes = 1, epoll = epoll_create1(0), listener = socket(AF_INET, SOCK_STREAM, 0);
    if (argc != 2)
        return 2;
    address.sin_port = htons(atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024))
        return 1;
    watch(epoll, listener);
    for (;;) {
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++)
            if (events[i].data.fd == listener)
                accept_one(epoll, listener);
            else
                answer_one(events[i].data.fd);
    }
}
