// The origin of the benchmark: serves bodies with validators over HTTP and TLS, one thread for each connection.
//
//     origin PORT TLS-PORT CERTIFICATE KEY FOLDER
//
//     /hit/FILE         the FILE of the folder
//     /miss/FILE/NAME   that with its first 64 bytes replaced by the path and blanks: no two paths have one body
//     /last/FILE/NAME   the same with its last 64 bytes, which an archive may have as its comment
//     /stall/SIZE/NAME  the first 64 KiB of a body of SIZE bytes, and no more until the client leaves
//     /counts           how many requests there have been and how many bytes were sent, this kind left out
//
// It is made for clients that behave; what it does not understand ends the connection.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { stamp_size = 64, head_size = 16 << 10, piece_size = 256 << 10, most_files = 32 };

struct file {
    char name[64];
    int fd;
    off_t size;
    const char *bytes;
};

struct connection {
    int fd;
    SSL *tls;
};

static struct file files[most_files];
static int file_count;
static SSL_CTX *tls_context;
static atomic_long requests, bytes_sent;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void open_files(const char *folder) {
    DIR *entries = opendir(folder);
    if (entries == NULL) fail(folder);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        struct file *file = &files[file_count];
        struct stat status;
        if (file_count++ == most_files || strlen(entry->d_name) >= sizeof file->name) fail("too many files");
        strcpy(file->name, entry->d_name);
        file->fd = openat(dirfd(entries), entry->d_name, O_RDONLY | O_CLOEXEC);
        if (file->fd < 0 || fstat(file->fd, &status) != 0) fail(entry->d_name);
        file->size = status.st_size;
        file->bytes = mmap(NULL, (size_t)file->size, PROT_READ, MAP_SHARED, file->fd, 0);
        if (file->bytes == MAP_FAILED) fail(entry->d_name);
    }
    closedir(entries);
}

/// The file of `/hit/FILE`, `/miss/FILE/NAME` or `/last/FILE/NAME`.
static const struct file *file_of(const char *path) {
    const char *name = path + (path[1] == 'h' ? strlen("/hit/") : strlen("/miss/"));
    size_t length = strcspn(name, "/");
    for (int i = 0; i < file_count; i++)
        if (strlen(files[i].name) == length && memcmp(files[i].name, name, length) == 0) return &files[i];
    return NULL;
}

static ssize_t receive(struct connection *connection, char *into, size_t size) {
    if (connection->tls != NULL) return SSL_read(connection->tls, into, (int)size);
    return recv(connection->fd, into, size, 0);
}

static bool send_bytes(struct connection *connection, const char *bytes, size_t size, bool more) {
    while (size > 0) {
        size_t piece = size < piece_size ? size : piece_size;
        ssize_t count = connection->tls != NULL
            ? SSL_write(connection->tls, bytes, (int)piece)
            : send(connection->fd, bytes, piece, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
        if (count <= 0) return false;
        atomic_fetch_add(&bytes_sent, count);
        bytes += count;
        size -= (size_t)count;
    }
    return true;
}

static bool send_file(struct connection *connection, const struct file *file, off_t from, off_t end) {
    if (connection->tls != NULL)
        return send_bytes(connection, file->bytes + from, (size_t)(end - from), false);
    while (from < end) {
        ssize_t count = sendfile(connection->fd, file->fd, &from, (size_t)(end - from));
        if (count <= 0) return false;
        atomic_fetch_add(&bytes_sent, count);
    }
    return true;
}

/// Begins a body and leaves it at that; false, once the client has gone.
static bool stall(struct connection *connection, const char *path) {
    static const char nothing[64 << 10];
    char head[256];
    int length = snprintf(
        head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\nCache-Control: max-age=86400\r\n\r\n",
        atoll(path + strlen("/stall/")));
    if (!send_bytes(connection, head, (size_t)length, true)) return false;
    if (!send_bytes(connection, nothing, sizeof nothing, false)) return false;
    receive(connection, head, sizeof head);
    return false;
}

/// Answers one request; `path` ends with a null byte.
static bool answer(struct connection *connection, const char *path) {
    char head[1024];
    if (strcmp(path, "/counts") == 0) {
        long sent = atomic_load(&bytes_sent);
        char text[96];
        int length = snprintf(text, sizeof text, "{\"requests\": %ld, \"bytes\": %ld}", atomic_load(&requests), sent);
        int count = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", length, text);
        bool was_sent = send_bytes(connection, head, (size_t)count, false);
        atomic_fetch_sub(&bytes_sent, count);
        return was_sent;
    }
    atomic_fetch_add(&requests, 1);
    if (strncmp(path, "/stall/", 7) == 0) return stall(connection, path);
    bool is_miss = strncmp(path, "/miss/", 6) == 0, is_last = strncmp(path, "/last/", 6) == 0;
    if (!is_miss && !is_last && strncmp(path, "/hit/", 5) != 0) return false;
    const struct file *file = file_of(path);
    if (file == NULL) return false;
    const char *type = strstr(file->name, ".txt") != NULL ? "text/plain" : "application/octet-stream";
    uint64_t tag = 14695981039346656037u;
    for (const char *byte = path; *byte != 0; byte++) tag = (tag ^ (unsigned char)*byte) * 1099511628211u;
    char date[40];
    time_t now = time(NULL);
    struct tm parts;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts));
    int length = snprintf(
        head, sizeof head,
        "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: %s\r\nContent-Type: %s\r\n"
        "Content-Length: %lld\r\nLast-Modified: Thu, 05 Apr 2001 06:07:08 GMT\r\nETag: \"%016llx\"\r\n"
        "Cache-Control: public, max-age=86400\r\nAccept-Ranges: bytes\r\n\r\n",
        date, type, (long long)file->size, (unsigned long long)tag);
    char *stamp = head + length;
    snprintf(stamp, sizeof head - (size_t)length, "%-*.*s", stamp_size, stamp_size, path);
    if (is_miss)
        return send_bytes(connection, head, (size_t)length + stamp_size, true)
            && send_file(connection, file, stamp_size, file->size);
    if (!send_bytes(connection, head, (size_t)length, true)) return false;
    if (!is_last) return send_file(connection, file, 0, file->size);
    return send_file(connection, file, 0, file->size - stamp_size)
        && send_bytes(connection, stamp, stamp_size, false);
}

static void serve(struct connection *connection) {
    char head[head_size];
    size_t length = 0;
    while (true) {
        ssize_t count = receive(connection, head + length, head_size - 1 - length);
        if (count <= 0) return;
        length += (size_t)count;
        head[length] = 0;
        char *end = strstr(head, "\r\n\r\n");
        if (end == NULL) {
            if (length == head_size - 1) return;
            continue;
        }
        char path[512];
        if (end + 4 != head + length || sscanf(head, "GET %511s HTTP/1.1\r\n", path) != 1) return;
        if (!answer(connection, path)) return;
        length = 0;
    }
}

static void *connection_thread(void *argument) {
    struct connection *connection = argument;
    if (connection->tls == NULL || SSL_accept(connection->tls) == 1) serve(connection);
    if (connection->tls != NULL) SSL_free(connection->tls);
    close(connection->fd);
    free(connection);
    return NULL;
}

static int listen_on(const char *port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0) fail("listen");
    return fd;
}

static void accept_all(int listener, bool is_tls) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    while (true) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), on = 1;
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *connection = calloc(1, sizeof *connection);
        if (connection == NULL) fail("calloc");
        connection->fd = fd;
        if (is_tls) {
            connection->tls = SSL_new(tls_context);
            SSL_set_fd(connection->tls, fd);
        }
        pthread_t thread;
        if (pthread_create(&thread, &attributes, connection_thread, connection) != 0) fail("pthread_create");
    }
}

static void *accept_tls(void *port) {
    accept_all(listen_on(port), true);
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 6) {
        fprintf(stderr, "usage: origin PORT TLS-PORT CERTIFICATE KEY FOLDER\n");
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    open_files(arguments[5]);
    tls_context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(tls_context, arguments[3]) != 1
        || SSL_CTX_use_PrivateKey_file(tls_context, arguments[4], SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "origin: the certificate or its key cannot be read\n");
        return 1;
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, accept_tls, arguments[2]) != 0) fail("pthread_create");
    accept_all(listen_on(arguments[1]), false);
}
