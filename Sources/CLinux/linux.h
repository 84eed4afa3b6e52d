// The Linux calls that Swift's Glibc module leaves out: those behind _GNU_SOURCE, those in headers that the module does
// not list, and those with variable arguments, which Swift cannot import. Nothing here decides anything; `Kernel` does.
#ifndef FETCH_LINUX_H
#define FETCH_LINUX_H

#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

// Not <sys/socket.h>: whether its types are taken for ours or for Glibc's depends on which module Swift loads first, and
// that differs between debug and release builds.

// Declared by glibc under _GNU_SOURCE only.
extern ssize_t splice(int, int64_t *, int, int64_t *, size_t, unsigned int);
extern ssize_t tee(int, int, size_t, unsigned int);
extern ssize_t copy_file_range(int, int64_t *, int, int64_t *, size_t, unsigned int);
extern int accept4(int, void *, unsigned int *, int);
extern int pipe2(int[2], int);
extern int fallocate(int, int, off_t, off_t);
extern int sync_file_range(int, int64_t, int64_t, unsigned int);
extern int pthread_setname_np(unsigned long, const char *);
extern int renameat2(int, const char *, int, const char *, unsigned int);

static inline void linux_keep_freed_memory(int bytes) {
    mallopt(M_TRIM_THRESHOLD, bytes);
    mallopt(M_MMAP_THRESHOLD, bytes);
    mallopt(M_TOP_PAD, 1 << 20);
}

/// How many processors the calling thread may run on; 0 when the kernel does not tell (sched_getaffinity(2)).
static inline int linux_processors(void) {
    unsigned long set[128] = {0};
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof set, set);
    int count = 0;
    for (long i = 0; i < bytes / (long)sizeof set[0]; i++) count += __builtin_popcountl(set[i]);
    return count;
}
static inline ssize_t linux_splice(int from, int64_t *offset, int to, size_t count, int more) {
    // SPLICE_F_MOVE 1, SPLICE_F_NONBLOCK 2, SPLICE_F_MORE 4
    return splice(from, offset, to, NULL, count, 1u | 2u | (more ? 4u : 0u));
}
static inline ssize_t linux_splice_to_offset(int from, int to, int64_t *offset, size_t count) {
    return splice(from, NULL, to, offset, count, 1u | 2u);
}
static inline ssize_t linux_tee(int from, int to, size_t count) { return tee(from, to, count, 2u); }
static inline ssize_t linux_copy_file_range(int from, int64_t *a, int to, int64_t *b, size_t count) {
    return copy_file_range(from, a, to, b, count, 0);
}
static inline int linux_clone_file(int to, int from) { return ioctl(to, _IOW(0x94, 9, int), from); }
static inline int linux_unconfirmed(int fd) {
    int count = 0;
    return ioctl(fd, 0x5411 /* SIOCOUTQ */, &count) == 0 ? count : 0;
}
/// The user of the process that connected to a local socket (SO_PEERCRED, unix(7)); -1 when the kernel does not tell.
static inline int64_t linux_peer_user(int fd) {
    struct {
        int process;
        unsigned int user, group;
    } peer = {0, 0, 0};
    unsigned int length = sizeof peer;
    long result = syscall(SYS_getsockopt, fd, 1 /* SOL_SOCKET */, 17 /* SO_PEERCRED */, &peer, &length);
    return result == 0 ? (int64_t)peer.user : -1;
}
static inline int linux_accept(int fd, void *address, unsigned int *length) {
    return accept4(fd, address, length, 04000 /* SOCK_NONBLOCK */ | 02000000 /* SOCK_CLOEXEC */);
}
static inline int linux_pipe(int *pair) { return pipe2(pair, 02000000 /* O_CLOEXEC */ | 04000 /* O_NONBLOCK */); }
static inline int linux_allocate(int fd, int keep_size, int64_t offset, int64_t length) {
    return fallocate(fd, keep_size ? 1 : 0, offset, length);
}
static inline int linux_punch_hole(int fd, int64_t offset, int64_t length) {
    return fallocate(fd, 1 | 2 /* KEEP_SIZE, PUNCH_HOLE */, offset, length);
}
static inline int linux_start_writeback(int fd, int64_t offset, int64_t length) {
    return sync_file_range(fd, offset, length, 2u /* SYNC_FILE_RANGE_WRITE */);
}
static inline int linux_rename_exclusively(int from, const char *a, int to, const char *b) {
    return renameat2(from, a, to, b, 1u /* RENAME_NOREPLACE */);
}
static inline int linux_set_thread_name(unsigned long thread, const char *name) {
    return pthread_setname_np(thread, name);
}
static inline int linux_set_pipe_size(int fd, int size) {
    extern int fcntl(int, int, ...);
    return fcntl(fd, 1031 /* F_SETPIPE_SZ */, size);
}
/// A file in memory, closed on exec, that may be sealed (memfd_create(2)).
static inline int linux_memory_file(const char *name) {
    return (int)syscall(SYS_memfd_create, name, 1u | 2u /* MFD_CLOEXEC, MFD_ALLOW_SEALING */);
}
/// The seals of a file in memory; -1 for any other file.
static inline int linux_seals(int fd) {
    extern int fcntl(int, int, ...);
    return fcntl(fd, 1034 /* F_GET_SEALS */);
}
static inline int linux_set_dumpable(int dumpable) { return prctl(PR_SET_DUMPABLE, (unsigned long)dumpable, 0, 0, 0); }
static inline int linux_get_dumpable(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0); }
static inline int linux_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }
static inline int linux_die_with_parent(int signal) { return prctl(PR_SET_PDEATHSIG, (unsigned long)signal, 0, 0, 0); }
static inline uint32_t linux_epoll_exclusive(void) { return 1u << 28; }
static inline uint32_t linux_epoll_edge(void) { return 1u << 31; }

#endif
