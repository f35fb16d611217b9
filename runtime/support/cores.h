/* How many threads make sense, and how many can be had. */
#ifndef ENTK_CORES_H
#define ENTK_CORES_H

/* The cores that this process may use: those of its affinity mask, no more than the quota of its control group allows (a container's
 * limit), nor than OMP_THREAD_LIMIT; or what OMP_NUM_THREADS says. At least 1. */
unsigned entk_cores(void);

/* Cores' worth of time that a control group has: `text` is the content of cpu.max ("150000 100000", "max 100000"). 0: no limit. */
double entk_quota_of(const char *text);

/* The number of threads, at most `wanted`, that can run beside each other; said on stderr, once, where that is fewer. A limit of the
 * user's processes or of memory keeps the others from being started. */
unsigned entk_startable(unsigned wanted);
/* Says it: `started` of `wanted` threads, for the reason `number` (an errno). */
void entk_tell_fewer_threads(unsigned started, unsigned wanted, int number);

#endif
