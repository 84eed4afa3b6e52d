// What the proxies are held against: the least that the work can cost.
//
//     floor PORT ORIGIN-PORT FILES STAGING
//
//     /hit/FILE         FILE of the folder FILES with sendfile, from an epoll loop: no cache, no checks, no record
//     /miss/FILE/NAME   asks the origin for the same path, and for each piece that comes: a send to the client,
//                       SHA-256, a write to a new file of the folder STAGING; nothing is looked up
//
// One thread. A miss is relayed while everybody else waits, which costs no processor time; so the figures that mean
// something are processor time per request and per byte, and times only with one connection.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { head_size = 16 << 10, piece_size = 256 << 10, path_size = 512, most_files = 64 };

struct file {
    char name[64];
    int fd;
    off_t size;
};

struct connection {
    int fd;
    char head[head_size];
    size_t head_length;
    const struct file *file;
    off_t sent;
};

static struct file files[most_files];
static int file_count, files_folder, staging_folder, origin = -1, poller;
static struct sockaddr_in origin_address;
static char piece[piece_size];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

// MARK: - Hits

static const struct file *file_of(const char *name) {
    for (int i = 0; i < file_count; i++)
        if (strcmp(files[i].name, name) == 0) return &files[i];
    if (file_count == most_files || strlen(name) >= sizeof files[0].name || strchr(name, '/') != NULL) return NULL;
    struct file *file = &files[file_count];
    struct stat status;
    file->fd = openat(files_folder, name, O_RDONLY | O_CLOEXEC);
    if (file->fd < 0 || fstat(file->fd, &status) != 0) return NULL;
    strcpy(file->name, name);
    file->size = status.st_size;
    file_count++;
    return file;
}

/// Sends what the socket takes; false when the connection is over.
static bool send_file(struct connection *connection) {
    while (connection->sent < connection->file->size) {
        size_t missing = (size_t)(connection->file->size - connection->sent);
        ssize_t count = sendfile(connection->fd, connection->file->fd, &connection->sent, missing);
        if (count < 0 && errno == EAGAIN) return true;
        if (count <= 0) return false;
    }
    connection->file = NULL;
    return true;
}

static bool start_hit(struct connection *connection, const char *name) {
    connection->file = file_of(name);
    if (connection->file == NULL) return false;
    connection->sent = 0;
    char head[256];
    int length = snprintf(
        head, sizeof head,
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %lld\r\n\r\n",
        (long long)connection->file->size);
    if (send(connection->fd, head, (size_t)length, MSG_NOSIGNAL | MSG_MORE) != length) return false;
    return send_file(connection);
}

// MARK: - Misses

static void connect_origin(void) {
    origin = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(origin, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(origin, (struct sockaddr *)&origin_address, sizeof origin_address) != 0) fail("the origin");
}

/// Sends all of it to a socket that does not block for others.
static bool send_all(int fd, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t count = send(fd, bytes, size, MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN) {
            struct pollfd writable = {.fd = fd, .events = POLLOUT};
            poll(&writable, 1, -1);
            continue;
        }
        if (count <= 0) return false;
        bytes += count;
        size -= (size_t)count;
    }
    return true;
}

static bool relay_miss(struct connection *connection, const char *path) {
    if (origin < 0) connect_origin();
    char request[path_size + 64];
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: origin\r\n\r\n", path);
    if (!send_all(origin, request, (size_t)length)) fail("the origin");

    size_t had = 0;
    char *end = NULL;
    while (end == NULL) {
        ssize_t count = recv(origin, piece + had, piece_size - 1 - had, 0);
        if (count <= 0) fail("the origin's head");
        had += (size_t)count;
        piece[had] = 0;
        end = strstr(piece, "\r\n\r\n");
    }
    const char *length_field = strcasestr(piece, "\r\nContent-Length: ");
    if (length_field == NULL) fail("the origin's length");
    long long left = atoll(length_field + strlen("\r\nContent-Length: "));
    size_t head_length = (size_t)(end + 4 - piece);

    // A new file for each: ext4 flushes one that was truncated when it is closed.
    static unsigned long number;
    char name[32];
    snprintf(name, sizeof name, "%lu", number++);
    int staged = openat(staging_folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (staged < 0) fail("the staged file");
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
    bool is_alive = true;
    size_t body = had - head_length;
    const char *bytes = piece + head_length;
    bool is_first = true;
    while (true) {
        // The head goes with the first piece: it stands before it in the buffer.
        if (is_alive) is_alive = send_all(connection->fd, is_first ? piece : bytes, is_first ? had : body);
        EVP_DigestUpdate(digest, bytes, body);
        if (body > 0 && write(staged, bytes, body) != (ssize_t)body) fail("the staged file");
        is_first = false;
        left -= (long long)body;
        if (left == 0) break;
        ssize_t count = recv(origin, piece, left < piece_size ? (size_t)left : piece_size, 0);
        if (count <= 0) fail("the origin's body");
        body = (size_t)count;
        bytes = piece;
    }
    unsigned char sum[EVP_MAX_MD_SIZE];
    EVP_DigestFinal_ex(digest, sum, NULL);
    EVP_MD_CTX_free(digest);
    close(staged);
    return is_alive;
}

// MARK: - Running

/// Reads and answers; false when the connection is over.
static bool serve(struct connection *connection) {
    if (connection->file != NULL) {
        if (!send_file(connection)) return false;
        if (connection->file != NULL) return true;
    }
    while (true) {
        size_t room = head_size - 1 - connection->head_length;
        ssize_t count = recv(connection->fd, connection->head + connection->head_length, room, 0);
        if (count < 0 && errno == EAGAIN) return true;
        if (count <= 0) return false;
        connection->head_length += (size_t)count;
        connection->head[connection->head_length] = 0;
        char *end = strstr(connection->head, "\r\n\r\n");
        if (end == NULL) {
            if (connection->head_length == head_size - 1) return false;
            continue;
        }
        char path[path_size];
        bool is_whole = end + 4 == connection->head + connection->head_length;
        if (!is_whole || sscanf(connection->head, "GET %511s HTTP/1.1\r\n", path) != 1) return false;
        connection->head_length = 0;
        bool is_alive = strncmp(path, "/hit/", 5) == 0 ? start_hit(connection, path + 5) : relay_miss(connection, path);
        if (!is_alive) return false;
        if (connection->file != NULL) return true;
    }
}

int main(int count, char **arguments) {
    if (count != 5) {
        fprintf(stderr, "usage: floor PORT ORIGIN-PORT FILES STAGING\n");
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    files_folder = open(arguments[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    staging_folder = open(arguments[4], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files_folder < 0 || staging_folder < 0) fail("the folders");
    origin_address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[2])),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in address = origin_address;
    address.sin_port = htons((uint16_t)atoi(arguments[1]));
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1024) != 0) fail("listen");
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    while (true) {
        struct epoll_event events[64];
        int ready = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection == NULL) {
                int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd < 0) continue;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                connection = calloc(1, sizeof *connection);
                if (connection == NULL) fail("calloc");
                connection->fd = fd;
                // Edge-triggered: the descriptor is registered once, whatever it waits for.
                struct epoll_event both = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
                epoll_ctl(poller, EPOLL_CTL_ADD, fd, &both);
            } else if (!serve(connection)) {
                close(connection->fd);
                free(connection);
            }
        }
    }
}
