/* A preloaded library that stands between a process and one directory, for killing it at a chosen I/O call or
 * tracing every call.
 *
 * It is here because durability can only be tested where it is made: between SQLite and the kernel.
 *
 * Off until armed from inside the process (torture_arm_kill, torture_arm_trace), so that one parent can import
 * everything once and fork a child per kill point.
 *
 *   kill   at the n-th counted call below the directory the process sends itself SIGKILL: before the call, after it, or,
 *          for a write, after a prefix of it.
 *   trace  every counted call is appended, with its data, to a file outside the directory. One lock is held over the call
 *          and its record, so the trace is in the order in which the kernel saw the calls.
 *
 * Counted: open (all forms), write, pwrite, writev, pwritev, pwritev2, ftruncate, fsync, fdatasync, unlink, rename, mkdir, rmdir.
 * Calls that would change a file behind the back of the model (truncate by path, link, fallocate, copy_file_range,
 * sendfile, a shared writable mapping of anything but the -shm file) abort the process with a message instead of being
 * missed. The -shm file of SQLite is not durable by design (it is rebuilt when the first connection opens): a trace leaves
 * it out; a kill counts its calls.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OFF = 0, KILL = 1, TRACE = 2 };
enum { BEFORE = 0, AFTER = 1, TORN = 2 };
enum { OP_OPEN = 1, OP_WRITE, OP_TRUNCATE, OP_SYNC, OP_UNLINK, OP_RENAME, OP_MKDIR, OP_NOTE, OP_RMDIR };
enum { CREATED = 1, TRUNCATED = 2, DIRECTORY = 4 };
enum { MAX_FD = 4096, MAX_PATH = 4096 };

static int mode = OFF;
static char box[MAX_PATH];
static size_t box_length;
static long counted, kill_at;
static int kill_how;
static double torn_share;
static int trace_fd = -1;
static uint32_t next_serial;
static uint32_t serial_of[MAX_FD]; /* 0: not below the directory */
static char volatile_of[MAX_FD];   /* 1: the -shm file */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))real_function(#name))

static void *real_function(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        fprintf(stderr, "torture shim: no %s\n", name);
        abort();
    }
    return found;
}

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);

__attribute__((constructor)) static void resolve(void) {
    real_write = REAL(write);
    real_pwrite = REAL(pwrite);
}

static void refuse(const char *what) {
    fprintf(stderr, "torture shim: %s is not modelled\n", what);
    abort();
}

/* ---- armed from inside the process ------------------------------------------------------------------------------- */

static void arm(const char *directory) {
    box_length = strlen(directory);
    if (box_length >= MAX_PATH) refuse("so long a path");
    memcpy(box, directory, box_length + 1);
    counted = 0;
    next_serial = 0;
    memset(serial_of, 0, sizeof serial_of);
    memset(volatile_of, 0, sizeof volatile_of);
}

void torture_arm_kill(const char *directory, long nth, int how, double share) {
    arm(directory);
    kill_at = nth;
    kill_how = how;
    torn_share = share;
    mode = KILL;
}

int torture_arm_trace(const char *directory, const char *trace_path) {
    int fd = REAL(open)(trace_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return -errno;
    arm(directory);
    trace_fd = fd;
    mode = TRACE;
    return 0;
}

void torture_disarm(void) {
    mode = OFF;
    if (trace_fd >= 0) {
        REAL(close)(trace_fd);
        trace_fd = -1;
    }
}

long torture_counted(void) { return counted; }

/* ---- the trace --------------------------------------------------------------------------------------------------- */

struct __attribute__((packed)) record {
    uint8_t op;
    uint32_t serial;
    uint64_t offset;
    uint32_t length;
};

static void append(int op, uint32_t serial, uint64_t offset, const struct iovec *parts, int count, size_t length) {
    struct record head = {(uint8_t)op, serial, offset, (uint32_t)length};
    if (real_write(trace_fd, &head, sizeof head) != (ssize_t)sizeof head) abort();
    for (int i = 0; i < count && length; i++) {
        size_t part = parts[i].iov_len < length ? parts[i].iov_len : length;
        if (real_write(trace_fd, parts[i].iov_base, part) != (ssize_t)part) abort();
        length -= part;
    }
}

static void append_bytes(int op, uint32_t serial, uint64_t offset, const void *data, size_t length) {
    struct iovec part = {(void *)data, length};
    append(op, serial, offset, &part, 1, length);
}

void torture_note(const char *text, size_t length) {
    pthread_mutex_lock(&lock);
    if (mode == TRACE) append_bytes(OP_NOTE, 0, 0, text, length);
    pthread_mutex_unlock(&lock);
}

/* ---- which calls count ------------------------------------------------------------------------------------------- */

static int ends_with_shm(const char *path) {
    size_t length = strlen(path);
    return length >= 4 && strcmp(path + length - 4, "-shm") == 0;
}

/* The path relative to the directory ("" for itself), or NULL when it lies elsewhere. */
static const char *below(int at, const char *path, char *full) {
    if (mode == OFF || !path) return NULL;
    if (path[0] == '/') {
        if (strlen(path) >= MAX_PATH) return NULL;
        strcpy(full, path);
    } else {
        char link[64], start[MAX_PATH];
        if (at == AT_FDCWD) {
            if (!getcwd(start, sizeof start)) return NULL;
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", at);
            ssize_t n = readlink(link, start, sizeof start - 1);
            if (n < 0) return NULL;
            start[n] = 0;
        }
        if (strlen(start) + strlen(path) + 2 > MAX_PATH) return NULL;
        strcpy(full, start);
        strcat(full, "/");
        strcat(full, path);
    }
    if (strncmp(full, box, box_length) != 0) return NULL;
    if (full[box_length] == 0) return full + box_length;
    if (full[box_length] != '/') return NULL;
    return full + box_length + 1;
}

static int tracked(int fd) { return mode != OFF && fd >= 0 && fd < MAX_FD && serial_of[fd] != 0; }

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Called with the lock held, before the call; true when this is the call to be torn. */
static int arrive(void) {
    counted++;
    if (mode != KILL || counted != kill_at) return 0;
    if (kill_how == BEFORE) die();
    return kill_how == TORN;
}

/* Called with the lock held, after the call. A torn call that is no write dies here as well. */
static void leave(void) {
    if (mode == KILL && counted == kill_at) die();
}

/* ---- open and close ---------------------------------------------------------------------------------------------- */

static int opened(int at, const char *path, int flags, mode_t permissions) {
    static int (*real_openat)(int, const char *, int, ...);
    if (!real_openat) real_openat = REAL(openat);
    char full[MAX_PATH];
    const char *name = below(at, path, full);
    if (!name) return real_openat(at, path, flags, permissions);
    pthread_mutex_lock(&lock);
    struct stat before, after;
    int existed = stat(full, &before) == 0;
    arrive();
    int fd = real_openat(at, path, flags, permissions);
    int error = errno;
    if (fd >= MAX_FD) refuse("so many open files");
    if (fd >= 0) {
        serial_of[fd] = ++next_serial;
        volatile_of[fd] = (char)ends_with_shm(name);
        int facts = 0;
        if (!existed) facts |= CREATED;
        if (existed && (flags & O_TRUNC)) facts |= TRUNCATED;
        if (fstat(fd, &after) == 0 && S_ISDIR(after.st_mode)) facts |= DIRECTORY;
        if (mode == TRACE && !volatile_of[fd]) append_bytes(OP_OPEN, serial_of[fd], (uint64_t)facts, name, strlen(name));
    }
    leave();
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define PERMISSIONS(flags, last)                         \
    mode_t permissions = 0;                              \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {             \
        va_list arguments;                               \
        va_start(arguments, last);                       \
        permissions = (mode_t)va_arg(arguments, int);    \
        va_end(arguments);                               \
    }

int open(const char *path, int flags, ...) {
    PERMISSIONS(flags, flags)
    return opened(AT_FDCWD, path, flags, permissions);
}
int open64(const char *path, int flags, ...) {
    PERMISSIONS(flags, flags)
    return opened(AT_FDCWD, path, flags, permissions);
}
int openat(int at, const char *path, int flags, ...) {
    PERMISSIONS(flags, flags)
    return opened(at, path, flags, permissions);
}
int openat64(int at, const char *path, int flags, ...) {
    PERMISSIONS(flags, flags)
    return opened(at, path, flags, permissions);
}
int creat(const char *path, mode_t p) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, p); }
int creat64(const char *path, mode_t p) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, p); }
int __open_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0); }
int __openat_2(int at, const char *path, int flags) { return opened(at, path, flags, 0); }
int __openat64_2(int at, const char *path, int flags) { return opened(at, path, flags, 0); }

int close(int fd) {
    static int (*real_close)(int);
    if (!real_close) real_close = REAL(close);
    if (fd >= 0 && fd < MAX_FD) serial_of[fd] = 0;
    return real_close(fd);
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

static ssize_t written(int fd, const struct iovec *parts, int count, off_t offset, int positioned) {
    static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
    static ssize_t (*real_writev)(int, const struct iovec *, int);
    if (!real_pwritev) real_pwritev = REAL(pwritev);
    if (!real_writev) real_writev = REAL(writev);
    if (!tracked(fd)) return positioned ? real_pwritev(fd, parts, count, offset) : real_writev(fd, parts, count);
    pthread_mutex_lock(&lock);
    if (arrive()) {
        size_t total = 0;
        for (int i = 0; i < count; i++) total += parts[i].iov_len;
        size_t left = (size_t)((double)total * torn_share);
        for (int i = 0; i < count && left; i++) {
            size_t part = parts[i].iov_len < left ? parts[i].iov_len : left;
            ssize_t n = positioned ? real_pwrite(fd, parts[i].iov_base, part, offset)
                                   : real_write(fd, parts[i].iov_base, part);
            if (n <= 0) break;
            offset += n;
            left -= (size_t)n;
        }
        die();
    }
    ssize_t n = positioned ? real_pwritev(fd, parts, count, offset) : real_writev(fd, parts, count);
    int error = errno;
    if (n > 0 && mode == TRACE && !volatile_of[fd]) {
        /* Linux appends a positioned write too where the file was opened with O_APPEND; no such file is expected. */
        if (!positioned) offset = lseek(fd, 0, SEEK_CUR) - n;
        append(OP_WRITE, serial_of[fd], (uint64_t)offset, parts, count, (size_t)n);
    }
    leave();
    pthread_mutex_unlock(&lock);
    errno = error;
    return n;
}

ssize_t write(int fd, const void *data, size_t length) {
    if (!tracked(fd)) return real_write ? real_write(fd, data, length) : REAL(write)(fd, data, length);
    struct iovec part = {(void *)data, length};
    return written(fd, &part, 1, 0, 0);
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    if (!tracked(fd)) return real_pwrite ? real_pwrite(fd, data, length, offset) : REAL(pwrite)(fd, data, length, offset);
    struct iovec part = {(void *)data, length};
    return written(fd, &part, 1, offset, 1);
}
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return pwrite(fd, data, length, offset); }
ssize_t writev(int fd, const struct iovec *parts, int count) { return written(fd, parts, count, 0, 0); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return written(fd, parts, count, offset, 1);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    return written(fd, parts, count, offset, 1);
}

ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
    if (!tracked(fd)) return REAL(pwritev2)(fd, parts, count, offset, flags);
    if (flags) refuse("pwritev2 with flags");
    return written(fd, parts, count, offset, offset != -1);
}
ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags) {
    return pwritev2(fd, parts, count, offset, flags);
}

int ftruncate(int fd, off_t size) {
    static int (*real_ftruncate)(int, off_t);
    if (!real_ftruncate) real_ftruncate = REAL(ftruncate);
    if (!tracked(fd)) return real_ftruncate(fd, size);
    pthread_mutex_lock(&lock);
    arrive();
    int result = real_ftruncate(fd, size);
    int error = errno;
    if (result == 0 && mode == TRACE && !volatile_of[fd]) append(OP_TRUNCATE, serial_of[fd], (uint64_t)size, NULL, 0, 0);
    leave();
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

static int synced(int fd, int (*real)(int)) {
    if (!tracked(fd)) return real(fd);
    pthread_mutex_lock(&lock);
    arrive();
    /* The page cache outlives a killed process, and a trace decides for itself what reached the disk: not asking the
     * device makes both faster and changes neither. */
    if (mode == TRACE && !volatile_of[fd]) append(OP_SYNC, serial_of[fd], 0, NULL, 0, 0);
    leave();
    pthread_mutex_unlock(&lock);
    return 0;
}
int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }

/* ---- names ------------------------------------------------------------------------------------------------------- */

static void name_recorded(int op, const char *name) {
    if (mode == TRACE && !ends_with_shm(name)) append_bytes(op, 0, 0, name, strlen(name));
}

static int unlinked(int at, const char *path, int flags) {
    static int (*real_unlinkat)(int, const char *, int);
    if (!real_unlinkat) real_unlinkat = REAL(unlinkat);
    char full[MAX_PATH];
    const char *name = below(at, path, full);
    if (!name) return real_unlinkat(at, path, flags);
    pthread_mutex_lock(&lock);
    arrive();
    int result = real_unlinkat(at, path, flags);
    int error = errno;
    if (result == 0) name_recorded(flags & AT_REMOVEDIR ? OP_RMDIR : OP_UNLINK, name);
    leave();
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int unlink(const char *path) { return unlinked(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return unlinked(at, path, flags); }
int rmdir(const char *path) { return unlinked(AT_FDCWD, path, AT_REMOVEDIR); }

static int renamed(int old_at, const char *old_path, int new_at, const char *new_path) {
    static int (*real_renameat)(int, const char *, int, const char *);
    if (!real_renameat) real_renameat = REAL(renameat);
    char old_full[MAX_PATH], new_full[MAX_PATH];
    const char *old_name = below(old_at, old_path, old_full), *new_name = below(new_at, new_path, new_full);
    if (!old_name && !new_name) return real_renameat(old_at, old_path, new_at, new_path);
    if (!old_name || !new_name) refuse("a rename across the directory");
    pthread_mutex_lock(&lock);
    arrive();
    int result = real_renameat(old_at, old_path, new_at, new_path);
    int error = errno;
    if (result == 0 && mode == TRACE) {
        struct iovec parts[2] = {{(void *)old_name, strlen(old_name) + 1}, {(void *)new_name, strlen(new_name)}};
        append(OP_RENAME, 0, 0, parts, 2, parts[0].iov_len + parts[1].iov_len);
    }
    leave();
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int rename(const char *old_path, const char *new_path) { return renamed(AT_FDCWD, old_path, AT_FDCWD, new_path); }
int renameat(int old_at, const char *old_path, int new_at, const char *new_path) {
    return renamed(old_at, old_path, new_at, new_path);
}
int renameat2(int old_at, const char *old_path, int new_at, const char *new_path, unsigned flags) {
    char full[MAX_PATH];
    if (flags && (below(old_at, old_path, full) || below(new_at, new_path, full))) refuse("renameat2 with flags");
    if (flags) return REAL(renameat2)(old_at, old_path, new_at, new_path, flags);
    return renamed(old_at, old_path, new_at, new_path);
}

static int directory_made(int at, const char *path, mode_t permissions) {
    static int (*real_mkdirat)(int, const char *, mode_t);
    if (!real_mkdirat) real_mkdirat = REAL(mkdirat);
    char full[MAX_PATH];
    const char *name = below(at, path, full);
    if (!name) return real_mkdirat(at, path, permissions);
    pthread_mutex_lock(&lock);
    arrive();
    int result = real_mkdirat(at, path, permissions);
    int error = errno;
    if (result == 0) name_recorded(OP_MKDIR, name);
    leave();
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int mkdir(const char *path, mode_t permissions) { return directory_made(AT_FDCWD, path, permissions); }
int mkdirat(int at, const char *path, mode_t permissions) { return directory_made(at, path, permissions); }

/* ---- what the model does not know -------------------------------------------------------------------------------- */

int truncate(const char *path, off_t size) {
    char full[MAX_PATH];
    if (below(AT_FDCWD, path, full)) refuse("truncate by path");
    return REAL(truncate)(path, size);
}
int truncate64(const char *path, off64_t size) { return truncate(path, size); }
int link(const char *old_path, const char *new_path) {
    char full[MAX_PATH];
    if (below(AT_FDCWD, new_path, full)) refuse("a hard link");
    return REAL(link)(old_path, new_path);
}
int symlink(const char *target, const char *path) {
    char full[MAX_PATH];
    if (below(AT_FDCWD, path, full)) refuse("a symbolic link");
    return REAL(symlink)(target, path);
}
int fallocate(int fd, int how, off_t offset, off_t length) {
    if (tracked(fd)) refuse("fallocate");
    return REAL(fallocate)(fd, how, offset, length);
}
int posix_fallocate(int fd, off_t offset, off_t length) {
    if (tracked(fd)) refuse("posix_fallocate");
    return REAL(posix_fallocate)(fd, offset, length);
}
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return posix_fallocate(fd, offset, length); }
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned flags) {
    if (tracked(to)) refuse("copy_file_range");
    return REAL(copy_file_range)(from, from_at, to, to_at, length, flags);
}
ssize_t sendfile(int to, int from, off_t *offset, size_t length);
ssize_t sendfile(int to, int from, off_t *offset, size_t length) {
    if (tracked(to)) refuse("sendfile");
    return REAL(sendfile)(to, from, offset, length);
}
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    static void *(*real_mmap)(void *, size_t, int, int, int, off_t);
    if (!real_mmap) real_mmap = REAL(mmap);
    if (tracked(fd) && !volatile_of[fd] && (protection & PROT_WRITE) && (flags & MAP_SHARED))
        refuse("a shared writable mapping");
    return real_mmap(address, length, protection, flags, fd, offset);
}
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
    return mmap(address, length, protection, flags, fd, offset);
}
