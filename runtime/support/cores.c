/* See cores.h. */
#include "support/cores.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- control groups ---------------------------------------------------------------------------------------------- */

/* The first line of FOLDER/GROUP/NAME; false where there is none. */
static bool read_line(const char *folder, const char *group, const char *name, char *line, int size)
{
	char path[4500];
	int length = snprintf(path, sizeof path, "%s%s/%s", folder, group, name);
	FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "re") : NULL;
	bool good = file && fgets(line, size, file);
	if (file)
		fclose(file);
	return good;
}

double entk_quota_of(const char *text)
{
	double quota, period = 100000;
	if (sscanf(text, "%lf %lf", &quota, &period) < 1 || !(quota > 0) || !(period > 0))
		return 0;
	return quota / period;
}

static double smaller_limit(double a, double b)
{
	return a == 0 ? b : b == 0 ? a : fmin(a, b);
}

/* Of a group and of all above it: each has its own limit. `second` names the file with the period in version 1, NULL in version 2. */
static double limit_of(const char *folder, const char *group, const char *first, const char *second)
{
	char at[4096], text[128], line[64];
	double limit = 0;
	snprintf(at, sizeof at, "%s", strcmp(group, "/") == 0 ? "" : group);
	for (;;) {
		if (read_line(folder, at, first, text, 60)) {
			text[strcspn(text, "\n")] = '\0';
			if (second && read_line(folder, at, second, line, sizeof line))
				snprintf(text + strlen(text), sizeof text - strlen(text), " %s", line);
			limit = smaller_limit(limit, entk_quota_of(text));
		}
		char *slash = strrchr(at, '/');
		if (!slash)
			return limit;
		*slash = '\0';
	}
}

static bool has_controller(const char *list, const char *name)
{
	size_t length = strlen(name);
	for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
		if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

/* In a container /proc/self/cgroup may name a group that is not visible: then the root of the mount is what counts, which is always
 * looked at too. 0: no limit. */
static double group_limit(void)
{
	char line[4200];
	double limit = smaller_limit(limit_of("/sys/fs/cgroup", "/", "cpu.max", NULL),
				     limit_of("/sys/fs/cgroup/cpu", "/", "cpu.cfs_quota_us", "cpu.cfs_period_us"));
	FILE *file = fopen("/proc/self/cgroup", "re");
	while (file && fgets(line, sizeof line, file)) {
		/* "0::/GROUP", or "4:cpu,cpuacct:/GROUP" */
		line[strcspn(line, "\n")] = '\0';
		char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!group)
			continue;
		controllers++;
		*group++ = '\0';
		if (!*controllers)
			limit = smaller_limit(limit, limit_of("/sys/fs/cgroup", group, "cpu.max", NULL));
		else if (has_controller(controllers, "cpu"))
			limit = smaller_limit(
				limit, limit_of("/sys/fs/cgroup/cpu", group, "cpu.cfs_quota_us", "cpu.cfs_period_us"));
	}
	if (file)
		fclose(file);
	return limit;
}

/* ---- how many ---------------------------------------------------------------------------------------------------- */

/* The first number of a variable of OpenMP, whose meaning is well known; 0: it says nothing. */
static unsigned variable(const char *name)
{
	const char *text = getenv(name);
	long number = text ? strtol(text, NULL, 10) : 0;
	return number > 0 && number <= 1024 ? (unsigned)number : 0;
}

/* Masks of more than 1024 CPUs need larger sets. */
static unsigned affinity(void)
{
	for (int cpus = 1024; cpus <= 1 << 18; cpus *= 2) {
		cpu_set_t *set = CPU_ALLOC((size_t)cpus);
		size_t size = CPU_ALLOC_SIZE((size_t)cpus);
		if (!set)
			break;
		bool good = sched_getaffinity(0, size, set) == 0;
		int number = errno, count = good ? CPU_COUNT_S(size, set) : 0;
		CPU_FREE(set);
		if (good && count > 0)
			return (unsigned)count;
		if (number != EINVAL)
			break;
	}
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (unsigned)online : 1;
}

unsigned entk_cores(void)
{
	unsigned count = variable("OMP_NUM_THREADS"), most = variable("OMP_THREAD_LIMIT");
	if (!count) {
		double limit = group_limit();
		count = affinity();
		if (limit > 0 && limit < count)
			count = (unsigned)ceil(limit);
	}
	return most && most < count ? most : count;
}

/* ---- can they be had? -------------------------------------------------------------------------------------------- */

void entk_tell_fewer_threads(unsigned started, unsigned wanted, int number)
{
	static bool told; /* by the main thread only */
	if (!told)
		fprintf(stderr, "%s: warning: only %u of %u threads can be started: %s\n",
			program_invocation_short_name, started, wanted, strerror(number));
	told = true;
}

/* Waits for the mutex that the starting thread holds. */
static void *wait_for(void *gate)
{
	pthread_mutex_lock(gate);
	pthread_mutex_unlock(gate);
	return NULL;
}

unsigned entk_startable(unsigned wanted)
{
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	pthread_t *threads = calloc(wanted, sizeof *threads);
	unsigned started = 1; /* this one */
	int number = threads ? 0 : ENOMEM;
	pthread_mutex_lock(&gate);
	while (number == 0 && started < wanted)
		if ((number = pthread_create(&threads[started], NULL, wait_for, &gate)) == 0)
			started++;
	pthread_mutex_unlock(&gate);
	for (unsigned i = 1; i < started; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&gate);
	free(threads);
	if (started < wanted)
		entk_tell_fewer_threads(started, wanted, number);
	return started;
}
