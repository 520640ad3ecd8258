/* Does one thing to each path of a list, and says how long that took.
 *
 * driver stat|read|pages DIRECTORY LIST: LIST holds paths relative to DIRECTORY, each ended by a
 * NUL. `read` opens, reads and closes; of that `pages` times the reading alone.
 * Prints "PATHS BYTES NANOSECONDS". Reading the list and starting up are not timed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char buffer[1 << 17];

static void fail(const char *what) {
    fprintf(stderr, "driver: %s: %s\n", what, strerror(errno));
    exit(1);
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static char *load(const char *name, size_t *size) {
    struct stat about;
    int file = open(name, O_RDONLY);
    if (file < 0 || fstat(file, &about) < 0) fail(name);
    char *text = malloc(about.st_size + 1);
    size_t have = 0;
    while (have < (size_t)about.st_size) {
        ssize_t got = read(file, text + have, about.st_size - have);
        if (got <= 0) fail(name);
        have += got;
    }
    close(file);
    *size = have;
    return text;
}

/* Returns how many bytes were read, and adds how long the reading alone took. */
static long long read_whole(const char *path, long long *reading) {
    long long bytes = 0;
    ssize_t got;
    int file = open(path, O_RDONLY);
    if (file < 0) fail(path);
    long long start = now();
    while ((got = read(file, buffer, sizeof buffer)) > 0) bytes += got;
    *reading += now() - start;
    if (got < 0) fail(path);
    close(file);
    return bytes;
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: driver stat|read|pages DIRECTORY LIST\n");
        return 2;
    }
    int stating = strcmp(arguments[1], "stat") == 0;
    int pages = strcmp(arguments[1], "pages") == 0;
    size_t size;
    char *list = load(arguments[3], &size);
    if (chdir(arguments[2]) < 0) fail(arguments[2]);
    long long paths = 0, bytes = 0, reading = 0, start = now();
    for (char *path = list; path < list + size; path += strlen(path) + 1, paths++) {
        struct stat about;
        if (!stating) bytes += read_whole(path, &reading);
        else if (lstat(path, &about) < 0) fail(path);
    }
    printf("%lld %lld %lld\n", paths, bytes, pages ? reading : now() - start);
    return 0;
}
