// A load client for proxies: keep-alive requests over plain HTTP, TLS, or TLS inside CONNECT.
//
//     load [options] URL
//
//     --proxy ADDRESS:PORT   ask this proxy: absolute-form for http, CONNECT for https
//     --auth USER:PASSWORD   Proxy-Authorization (Basic), on every plain request and every CONNECT
//     --ca FILE              the certificates that an https server must be verified with
//     --connections N        connections, each with one request at a time (1)
//     --requests N           stop after N requests
//     --seconds S            stop after S seconds
//     --hold                 make no request after the first ones: keep the connections open until told to go on
//     --pause MICROSECONDS   wait before each request; for one connection
//     --close                a connection for each request: its times begin with connecting, its TLS with a handshake
//     --resume               with --close: every handshake must resume the session of the connection before
//     --cold                 no first requests; the connections are opened after the start
//     --warm PATH            ask for this instead of the URL's path in the first requests
//     --first N              `{}` counts from N instead of being a number that nobody has used
//     --verify FILE          every body must be this file; where the path begins with /miss/, its first 64 bytes must
//                            be the path, blanks after it
//
// URL: the host is a numeric IPv4 address; `{}` in the path becomes a number that is new for every request.
//
// Opens the connections (32 at a time), makes one request on each, prints "ready" and waits for a line on standard
// input; what is measured begins then. Ends with one line of JSON. Anything but a 200 with the whole body is an error
// and ends the run with status 1: figures with failures in them mean nothing.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    buffer_size = 64 << 10, head_size = 16 << 10, discard_size = 1 << 20, request_size = 2048, stamp_size = 64,
    opening_at_once = 32
};

enum state { connecting, tunnelling, handshaking, idle, waiting_head, reading_body };

struct connection {
    enum state state;
    int fd;
    SSL *tls;
    SSL_SESSION *session;
    char head[head_size], stamp[stamp_size + 1];
    size_t head_length;
    bool is_warm, is_claimed, has_first_byte, closes;
    int64_t body_length, body_done;
    long number;
    double sent_at;
};

struct samples {
    double *values;
    size_t count, capacity;
};

static struct {
    const char *proxy, *auth, *ca, *verify, *warm;
    char host[64], path[1024];
    int port;
    bool is_tls, hold, close, resume, cold;
    int connections;
    long requests, pause, first;
    double seconds;
} options = {.connections = 1, .first = -1};

static struct sockaddr_in target;
static SSL_CTX *tls_context;
static char auth_field[512];
static char host_field[96];
static char path_before[1024], path_after[1024];
static bool is_unique, is_stamped;
static unsigned long unique_number, unique_run;
static struct connection *connections;
static const char *expected;
static int64_t expected_length;
static char buffer[buffer_size];
static int poller, next_to_open;

static bool is_measuring;
static double started_at, deadline;
static long left_to_start, started, finished, opened, resumed;
static double second_first_byte;
static int64_t body_bytes;
static struct samples first_byte, complete;

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// MARK: - Samples

static void add_sample(struct samples *samples, double value) {
    if (samples->count == samples->capacity) {
        samples->capacity = samples->capacity == 0 ? 4096 : samples->capacity * 2;
        samples->values = realloc(samples->values, samples->capacity * sizeof *samples->values);
        if (samples->values == NULL) fail("out of memory");
    }
    samples->values[samples->count++] = value;
}

static int compare_samples(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void print_samples(const char *name, struct samples *samples) {
    qsort(samples->values, samples->count, sizeof *samples->values, compare_samples);
    size_t last = samples->count - 1;
    printf(
        ", \"%s\": {\"min\": %.9f, \"median\": %.9f, \"p90\": %.9f, \"p99\": %.9f, \"max\": %.9f}", name,
        samples->values[0], samples->values[last / 2], samples->values[last * 9 / 10],
        samples->values[last * 99 / 100], samples->values[last]);
}

// MARK: - Setting up

static void encode_base64(const char *text, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i += 3) {
        uint32_t group = 0;
        for (size_t j = 0; j < 3; j++) group = group << 8 | (i + j < length ? (unsigned char)text[i + j] : 0);
        *out++ = digits[group >> 18 & 63];
        *out++ = digits[group >> 12 & 63];
        *out++ = i + 1 < length ? digits[group >> 6 & 63] : '=';
        *out++ = i + 2 < length ? digits[group & 63] : '=';
    }
    *out = 0;
}

static void parse_url(const char *url) {
    options.is_tls = strncmp(url, "https://", 8) == 0;
    if (!options.is_tls && strncmp(url, "http://", 7) != 0) fail("%s is not an http or https URL", url);
    const char *authority = url + (options.is_tls ? 8 : 7);
    if (sscanf(authority, "%63[0-9.]:%d%1023s", options.host, &options.port, options.path) != 3)
        fail("%s must be scheme://address:port/path", url);
    snprintf(host_field, sizeof host_field, "%s:%d", options.host, options.port);
    const char *mark = strstr(options.path, "{}");
    is_unique = mark != NULL;
    is_stamped = strncmp(options.path, "/miss/", 6) == 0;
    size_t before = is_unique ? (size_t)(mark - options.path) : strlen(options.path);
    snprintf(path_before, sizeof path_before, "%.*s", (int)before, options.path);
    snprintf(path_after, sizeof path_after, "%s", is_unique ? mark + 2 : "");
    unique_run = (unsigned long)getpid() * 1000000007ul ^ (unsigned long)(now() * 1e9);
}

static void parse_options(int count, char **arguments) {
    const char *url = NULL;
    for (int i = 1; i < count; i++) {
        const char *name = arguments[i];
        if (name[0] != '-') {
            url = name;
            continue;
        }
        bool *is_set = strcmp(name, "--hold") == 0 ? &options.hold
            : strcmp(name, "--close") == 0         ? &options.close
            : strcmp(name, "--resume") == 0        ? &options.resume
            : strcmp(name, "--cold") == 0          ? &options.cold
                                                   : NULL;
        if (is_set != NULL) {
            *is_set = true;
            continue;
        }
        if (i + 1 == count) fail("%s needs a value", name);
        const char *value = arguments[++i];
        if (strcmp(name, "--proxy") == 0) options.proxy = value;
        else if (strcmp(name, "--auth") == 0) options.auth = value;
        else if (strcmp(name, "--ca") == 0) options.ca = value;
        else if (strcmp(name, "--connections") == 0) options.connections = atoi(value);
        else if (strcmp(name, "--requests") == 0) options.requests = atol(value);
        else if (strcmp(name, "--seconds") == 0) options.seconds = atof(value);
        else if (strcmp(name, "--pause") == 0) options.pause = atol(value);
        else if (strcmp(name, "--verify") == 0) options.verify = value;
        else if (strcmp(name, "--warm") == 0) options.warm = value;
        else if (strcmp(name, "--first") == 0) options.first = atol(value);
        else fail("%s is not an option", name);
    }
    if (url == NULL) fail("give a URL");
    if (options.connections < 1) fail("--connections must be 1 or more");
    if ((options.requests > 0) + (options.seconds > 0) + options.hold != 1)
        fail("give one of --requests, --seconds and --hold");
    if (options.resume && !options.close) fail("--resume is for --close");
    if (options.warm != NULL && options.verify != NULL) fail("--warm asks for another body than --verify compares");
    if (options.pause > 0 && options.connections != 1) fail("--pause is for one connection");
    parse_url(url);
}

/// Keeps the ticket for the next handshake of the same connection.
static int keep_session(SSL *tls, SSL_SESSION *session) {
    struct connection *connection = SSL_get_app_data(tls);
    SSL_SESSION_free(connection->session);
    connection->session = session;
    return 1;
}

static void prepare(void) {
    target = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    char address[64];
    snprintf(address, sizeof address, "%s", options.host);
    if (options.proxy != NULL) {
        int port;
        if (sscanf(options.proxy, "%63[0-9.]:%d", address, &port) != 2) fail("--proxy must be address:port");
        target.sin_port = htons((uint16_t)port);
    }
    if (inet_pton(AF_INET, address, &target.sin_addr) != 1) fail("%s is not an IPv4 address", address);
    if (options.auth != NULL) {
        char encoded[400];
        if (strlen(options.auth) > 250) fail("--auth is too long");
        encode_base64(options.auth, encoded);
        snprintf(auth_field, sizeof auth_field, "Proxy-Authorization: Basic %s\r\n", encoded);
    }
    if (options.verify != NULL) {
        int fd = open(options.verify, O_RDONLY | O_CLOEXEC);
        struct stat status;
        if (fd < 0 || fstat(fd, &status) != 0) fail("cannot read %s: %s", options.verify, strerror(errno));
        expected_length = status.st_size;
        expected = mmap(NULL, (size_t)expected_length, PROT_READ, MAP_PRIVATE, fd, 0);
        if (expected == MAP_FAILED) fail("cannot map %s: %s", options.verify, strerror(errno));
    }
    if (options.is_tls) {
        tls_context = SSL_CTX_new(TLS_client_method());
        if (options.ca == NULL || SSL_CTX_load_verify_file(tls_context, options.ca) != 1)
            fail("https needs --ca FILE with a certificate in PEM");
        SSL_CTX_set_verify(tls_context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_mode(tls_context, SSL_MODE_RELEASE_BUFFERS);
        if (options.resume) {
            SSL_CTX_set_session_cache_mode(tls_context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
            SSL_CTX_sess_set_new_cb(tls_context, keep_session);
        }
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
}

// MARK: - Sending

static void send_whole(struct connection *connection, const char *bytes, size_t length) {
    if (connection->tls != NULL) {
        ERR_clear_error();
        if (SSL_write(connection->tls, bytes, (int)length) != (int)length) fail("TLS: a request could not be sent");
    } else if (send(connection->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) {
        fail("a request could not be sent: %s", strerror(errno));
    }
}

/// Whether another request may begin; a phase ends when none may and none is open.
static bool may_start(void) {
    if (is_measuring && options.seconds > 0) return now() < deadline;
    return left_to_start > 0;
}

static void claim_request(struct connection *connection) {
    connection->is_warm = connection->is_claimed = true;
    connection->number = started++;
    left_to_start--;
}

static void open_connection(struct connection *connection) {
    if (options.close) {
        claim_request(connection);
        connection->sent_at = now();
    }
    connection->state = connecting;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) fail("socket: %s", strerror(errno));
    int on = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(connection->fd, (struct sockaddr *)&target, sizeof target) != 0 && errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = connection};
    epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event);
    opened++;
}

/// Opens the next of the connections that have never been open.
static void open_next(void) {
    if (next_to_open < options.connections) open_connection(&connections[next_to_open++]);
}

static void close_connection(struct connection *connection) {
    if (connection->tls != NULL) {
        SSL_shutdown(connection->tls);
        SSL_free(connection->tls);
        connection->tls = NULL;
    }
    close(connection->fd);
    connection->fd = -1;
}

static void send_request(struct connection *connection) {
    if (connection->state != idle) return;
    if (!connection->is_claimed) {
        bool is_due = is_measuring || !connection->is_warm;
        if (!is_due || !may_start()) return;
        claim_request(connection);
    }
    connection->is_claimed = false;
    if (options.pause > 0 && is_measuring) {
        struct timespec pause = {options.pause / 1000000, options.pause % 1000000 * 1000};
        nanosleep(&pause, NULL);
    }
    bool is_other = options.warm != NULL && !is_measuring;
    char path[request_size / 2];
    if (is_other) {
        snprintf(path, sizeof path, "%s", options.warm);
    } else if (is_unique) {
        char unique[40];
        if (options.first >= 0) snprintf(unique, sizeof unique, "%ld", options.first + (long)unique_number++);
        else snprintf(unique, sizeof unique, "%016lx-%lu", unique_run, unique_number++);
        snprintf(path, sizeof path, "%.400s%s%.400s", path_before, unique, path_after);
    } else {
        snprintf(path, sizeof path, "%s", path_before);
    }
    snprintf(connection->stamp, sizeof connection->stamp, "%-*.*s", stamp_size, stamp_size, path);
    bool is_absolute = options.proxy != NULL && !options.is_tls;
    char request[request_size];
    int length = snprintf(
        request, sizeof request, "GET %s%s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load/1\r\nAccept: */*\r\n%s\r\n",
        is_absolute ? "http://" : "", is_absolute ? host_field : "", path, host_field,
        is_absolute ? auth_field : "");
    if (length >= (int)sizeof request) fail("the request is too long");
    connection->state = waiting_head;
    connection->head_length = 0;
    connection->has_first_byte = connection->closes = false;
    if (!options.close) connection->sent_at = now();
    send_whole(connection, request, (size_t)length);
}

// MARK: - Receiving

/// Reads what there is; 0 when there is nothing now.
static size_t receive(struct connection *connection, char *into, size_t size) {
    if (connection->tls != NULL) {
        ERR_clear_error();
        int count = SSL_read(connection->tls, into, (int)size);
        if (count > 0) return (size_t)count;
        int error = SSL_get_error(connection->tls, count);
        if (error == SSL_ERROR_WANT_READ) return 0;
        if (error == SSL_ERROR_ZERO_RETURN) fail("the connection was closed in the middle of an answer");
        fail("TLS: the answer could not be read: %s", ERR_reason_error_string(ERR_peek_error()));
    }
    ssize_t count = recv(connection->fd, into, size, into == NULL ? MSG_TRUNC : 0);
    if (count > 0) {
        // Acknowledged at once: segments of loopback are so large that the kernel would wait 40 ms for a second one,
        // and a server that goes by Nagle's algorithm (nginx with tcp_nopush) would hold the end of the body until then.
        int on = 1;
        setsockopt(connection->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
        return (size_t)count;
    }
    if (count == 0) fail("the connection was closed in the middle of an answer");
    if (errno != EAGAIN) fail("the answer could not be read: %s", strerror(errno));
    return 0;
}

static const char *field(const char *head, const char *name) {
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':') {
            const char *value = line + 3 + length;
            while (*value == ' ') value++;
            return value;
        }
    }
    return NULL;
}

static void take_body(struct connection *connection, const char *bytes, int64_t count) {
    if (connection->body_done + count > connection->body_length) fail("more bytes came than the answer's length");
    int64_t from = connection->body_done;
    connection->body_done += count;
    if (expected == NULL) return;
    int64_t stamped = is_stamped && from < stamp_size ? (count < stamp_size - from ? count : stamp_size - from) : 0;
    if (memcmp(bytes, connection->stamp + (stamped > 0 ? from : 0), (size_t)stamped) != 0)
        fail("the body is another path's");
    if (memcmp(bytes + stamped, expected + from + stamped, (size_t)(count - stamped)) != 0)
        fail("the body is not the file");
}

static void take_head(struct connection *connection, size_t length) {
    char after = connection->head[length];
    connection->head[length] = 0;
    int status = 0;
    if (sscanf(connection->head, "HTTP/1.1 %d", &status) != 1 || status != 200)
        fail("the answer is not a 200:\n%s", connection->head);
    const char *body_length = field(connection->head, "Content-Length");
    if (body_length == NULL) fail("the answer has no Content-Length:\n%s", connection->head);
    connection->body_length = atoll(body_length);
    connection->body_done = 0;
    if (expected != NULL && connection->body_length != expected_length) fail("the body is not as long as the file");
    const char *persistence = field(connection->head, "Connection");
    connection->closes = persistence != NULL && strncasecmp(persistence, "close", 5) == 0;
    connection->head[length] = after;
    connection->state = reading_body;
    take_body(connection, connection->head + length, (int64_t)(connection->head_length - length));
}

static void finish_request(struct connection *connection) {
    finished++;
    if (is_measuring) {
        body_bytes += connection->body_length;
        add_sample(&complete, now() - connection->sent_at);
    }
    connection->state = idle;
    if (connection->closes || options.close) {
        close_connection(connection);
        if (is_measuring && may_start()) open_connection(connection);
    } else {
        send_request(connection);
    }
    if (!is_measuring) open_next();
}

static void read_answer(struct connection *connection) {
    while (connection->state == waiting_head) {
        size_t room = head_size - 1 - connection->head_length;
        if (room == 0) fail("the answer's head is too long");
        size_t count = receive(connection, connection->head + connection->head_length, room);
        if (count == 0) return;
        if (!connection->has_first_byte) {
            connection->has_first_byte = true;
            double took = now() - connection->sent_at;
            if (is_measuring) add_sample(&first_byte, took);
            if (is_measuring && connection->number == 1) second_first_byte = took;
        }
        connection->head_length += count;
        char *end = memmem(connection->head, connection->head_length, "\r\n\r\n", 4);
        if (end != NULL) take_head(connection, (size_t)(end + 4 - connection->head));
    }
    while (connection->state == reading_body) {
        int64_t missing = connection->body_length - connection->body_done;
        if (missing == 0) return finish_request(connection);
        size_t count;
        if (connection->tls == NULL && expected == NULL) {
            count = receive(connection, NULL, missing < discard_size ? (size_t)missing : discard_size);
            connection->body_done += (int64_t)count;
        } else {
            count = receive(connection, buffer, missing < buffer_size ? (size_t)missing : buffer_size);
            take_body(connection, buffer, (int64_t)count);
        }
        if (count == 0) return;
    }
}

// MARK: - Connecting

static void handshake(struct connection *connection) {
    ERR_clear_error();
    int result = SSL_do_handshake(connection->tls);
    if (result == 1) {
        if (is_measuring && SSL_session_reused(connection->tls)) resumed++;
        else if (is_measuring && options.resume) fail("the server did not resume the TLS session");
        connection->state = idle;
        return send_request(connection);
    }
    if (SSL_get_error(connection->tls, result) == SSL_ERROR_WANT_READ) return;
    fail(
        "TLS handshake: %s, %s", ERR_reason_error_string(ERR_peek_error()),
        X509_verify_cert_error_string(SSL_get_verify_result(connection->tls)));
}

static void start_tls(struct connection *connection) {
    connection->tls = SSL_new(tls_context);
    SSL_set_fd(connection->tls, connection->fd);
    SSL_set_connect_state(connection->tls);
    SSL_set_app_data(connection->tls, connection);
    if (connection->session != NULL) SSL_set_session(connection->tls, connection->session);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection->tls), options.host);
    connection->state = handshaking;
    handshake(connection);
}

static void connected(struct connection *connection) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) fail("connect to %s: %s", options.proxy ? options.proxy : host_field, strerror(error));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event);
    if (options.is_tls && options.proxy != NULL) {
        char request[request_size];
        int length = snprintf(
            request, sizeof request, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", host_field, host_field, auth_field);
        connection->state = tunnelling;
        connection->head_length = 0;
        send_whole(connection, request, (size_t)length);
    } else if (options.is_tls) {
        start_tls(connection);
    } else {
        connection->state = idle;
        send_request(connection);
    }
}

static void read_tunnel_answer(struct connection *connection) {
    size_t count = receive(
        connection, connection->head + connection->head_length, head_size - 1 - connection->head_length);
    connection->head_length += count;
    connection->head[connection->head_length] = 0;
    if (strstr(connection->head, "\r\n\r\n") == NULL) return;
    int status = 0;
    if (sscanf(connection->head, "HTTP/1.%*d %d", &status) != 1 || status != 200)
        fail("CONNECT was refused:\n%s", connection->head);
    start_tls(connection);
}

// MARK: - Running

/// Runs until no request may start and every one that has started is finished.
static void run_phase(void) {
    struct epoll_event events[256];
    if (!is_measuring) {
        for (int i = 0; i < opening_at_once; i++) open_next();
    } else {
        for (int i = 0; i < options.connections && may_start(); i++) {
            if (connections[i].fd < 0) open_connection(&connections[i]);
            else if (connections[i].state == idle) send_request(&connections[i]);
        }
    }
    while (may_start() || finished < started) {
        int count = epoll_wait(poller, events, 256, 10000);
        if (count == 0) fail("nothing came for 10 s");
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            switch (connection->state) {
            case connecting: connected(connection); break;
            case tunnelling: read_tunnel_answer(connection); break;
            case handshaking: handshake(connection); break;
            case waiting_head:
            case reading_body: read_answer(connection); break;
            case idle: {
                // Session tickets, or the server's close of a connection that waits for its turn.
                char byte;
                ERR_clear_error();
                int result = connection->tls == NULL ? 0 : SSL_read(connection->tls, &byte, 1);
                if (connection->tls != NULL && SSL_get_error(connection->tls, result) == SSL_ERROR_WANT_READ) break;
                fail("the server sent something, or closed, on an idle connection");
            }
            }
        }
    }
}

int main(int count, char **arguments) {
    parse_options(count, arguments);
    prepare();
    connections = calloc((size_t)options.connections, sizeof *connections);
    if (connections == NULL) fail("out of memory");
    for (int i = 0; i < options.connections; i++) connections[i].fd = -1;

    if (!options.cold) {
        left_to_start = options.connections;
        run_phase();
    }
    puts("ready");
    fflush(stdout);
    char line[16];
    if (fgets(line, sizeof line, stdin) == NULL) fail("standard input ended before the start was given");

    if (options.hold) {
        puts("{}");
        return 0;
    }
    is_measuring = true;
    finished = started = 0;
    long opened_before = opened;
    left_to_start = options.requests;
    started_at = now();
    deadline = started_at + options.seconds;
    run_phase();
    double seconds = now() - started_at;
    if (finished == 0) fail("no request was finished");
    printf(
        "{\"requests\": %ld, \"bytes\": %lld, \"seconds\": %.9f, \"opened\": %ld, \"resumed\": %ld", finished,
        (long long)body_bytes, seconds, opened - opened_before, resumed);
    if (finished > 1) printf(", \"second_first_byte\": %.9f", second_first_byte);
    print_samples("first_byte", &first_byte);
    print_samples("complete", &complete);
    puts("}");
    for (int i = 0; i < options.connections; i++)
        if (connections[i].fd >= 0) close_connection(&connections[i]);
    return 0;
}
