/* Moves the clock of a redis-server, for the tests: LD_PRELOAD this, and name the file of the clock in VESTIBULE_CLOCK.
 *
 * Redis takes both TIME and the expiry of keys from gettimeofday. Its timers run on the monotonic clock, which stays
 * as it is: a server whose clock is frozen goes on working. The file is two native 64-bit integers; clock.rs writes it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

struct shifted { volatile int64_t frozen_us, offset_us; };
static struct shifted *shifted;

/* Before main, and so before Redis has threads. A test with the real clock in place of its own must not pass. */
__attribute__((constructor)) static void map_clock(void) {
    const char *path = getenv("VESTIBULE_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    shifted = mmap(NULL, sizeof *shifted, PROT_READ, MAP_SHARED, fd, 0);
    if (fd < 0 || shifted == MAP_FAILED) {
        perror("clock_shim: VESTIBULE_CLOCK");
        _Exit(1);
    }
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz) {
    (void)tz;
    int64_t us = shifted->frozen_us;
    if (us == 0) {
        struct timespec real;
        clock_gettime(CLOCK_REALTIME, &real);
        us = (int64_t)real.tv_sec * 1000000 + real.tv_nsec / 1000 + shifted->offset_us;
    }
    tv->tv_sec = us / 1000000;
    tv->tv_usec = us % 1000000;
    return 0;
}
