/* Threads that take numbered jobs from a counter, and the progress that they report. */
#include "support/executor.h"

#include "support/cores.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double entk_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const char *entk_duration_text(double seconds, char *text, size_t size)
{
	if (!(seconds < 1e15)) {
		snprintf(text, size, "?");
		return text;
	}
	unsigned long long whole = (unsigned long long)llround(seconds);
	if (seconds < 1e-3)
		snprintf(text, size, "%.3g us", 1e6 * seconds);
	else if (seconds < 1)
		snprintf(text, size, "%.3g ms", 1e3 * seconds);
	else if (seconds < 9.95)
		snprintf(text, size, "%.1f s", seconds);
	else if (whole < 60)
		snprintf(text, size, "%llu s", whole);
	else if (whole < 3600)
		snprintf(text, size, "%llu min %02llu s", whole / 60, whole % 60);
	else if (whole < 86400)
		snprintf(text, size, "%llu h %02llu min", whole / 3600, whole / 60 % 60);
	else
		snprintf(text, size, "%llu d %02llu h", whole / 86400, whole / 3600 % 24);
	return text;
}

/* ---- progress -------------------------------------------------------------------------------------------------- */

void entk_progress_begin(EntkProgress *progress, const char *label, const char *unit, uint64_t total)
{
	*progress = (EntkProgress){
		.label = label,
		.unit = unit,
		.total = total,
		.terminal = isatty(STDERR_FILENO) == 1,
		.whole = progress->whole,
		.past = progress->past,
		.weight = progress->weight,
		.begun = progress->begun,
	};
	progress->start = progress->last = entk_now();
}

/* Share that is done, and seconds left; NaN: not known yet. Of all stages the time is in proportion to what the stages before took. */
static void predict(const EntkProgress *progress, double now, double *share, double *left)
{
	double elapsed = now - progress->start, done = (double)progress->done, total = (double)progress->total;
	if (progress->whole > 0) {
		elapsed = now - progress->begun;
		done = progress->past + progress->weight * done;
		total = fmax(progress->whole, done);
	}
	*share = total > 0 ? done / total : 1;
	*left = done > 0 && elapsed > 0 ? (total - done) * elapsed / done : NAN;
}

static void show(const EntkProgress *progress, double now)
{
	char text[32];
	double elapsed = now - progress->start, rate = elapsed > 0 ? (double)progress->done / elapsed : 0, share, left;
	predict(progress, now, &share, &left);
	fprintf(stderr, "%s%s: %5.1f %%%s  %.3g %s/s  %s left%s", progress->terminal ? "\r" : "", progress->label,
		100 * share, progress->whole > 0 ? " of all" : "", rate, progress->unit,
		isnan(left) ? "?" : entk_duration_text(left, text, sizeof text), progress->terminal ? "\x1b[K" : "\n");
	fflush(stderr);
}

void entk_progress_add(EntkProgress *progress, uint64_t done)
{
	double now = entk_now();
	progress->done += done;
	if (now - progress->last < (progress->terminal ? 0.2 : 10))
		return;
	progress->last = now;
	show(progress, now);
}

void entk_progress_end(EntkProgress *progress)
{
	char text[32];
	double elapsed = entk_now() - progress->start;
	progress->past += progress->weight * (double)progress->done;
	if (progress->terminal)
		fprintf(stderr, "\r\x1b[K");
	fprintf(stderr, "%s: %llu %s in %s\n", progress->label, (unsigned long long)progress->done, progress->unit,
		entk_duration_text(elapsed, text, sizeof text));
}

/* ---- threads --------------------------------------------------------------------------------------------------- */

unsigned entk_thread_count(unsigned wanted)
{
	return wanted ? wanted : entk_cores();
}

typedef struct Run {
	const EntkJobs *jobs;
	EntkProgress *progress;
	const volatile int *cancel;
	pthread_mutex_t mutex;
	uint64_t next;   /* job that nobody has taken; atomic */
	bool stop;       /* atomic */
	uint64_t failed; /* job of `error`; guarded by the mutex */
	EntkError *error;
} Run;

static void fail(Run *run, uint64_t job, const EntkError *error)
{
	__atomic_store_n(&run->stop, true, __ATOMIC_RELEASE);
	pthread_mutex_lock(&run->mutex);
	if (run->error->status == ENTK_OK || job < run->failed) {
		run->failed = job;
		*run->error = *error;
	}
	pthread_mutex_unlock(&run->mutex);
}

static void *work(void *context)
{
	Run *run = context;
	const EntkJobs *jobs = run->jobs;
	void *scratch = NULL;
	EntkError error = {.status = ENTK_OK};
	if (jobs->scratch_create && jobs->scratch_create(jobs->context, &scratch, &error) != ENTK_OK) {
		fail(run, 0, &error);
		return NULL;
	}
	while (!__atomic_load_n(&run->stop, __ATOMIC_ACQUIRE)) {
		if (run->cancel && *run->cancel) {
			entk_fail(&error, ENTK_INTERRUPTED, NULL, "interrupted");
			fail(run, UINT64_MAX, &error);
			break;
		}
		uint64_t job = __atomic_fetch_add(&run->next, 1, __ATOMIC_RELAXED), done = 0;
		if (job >= jobs->count)
			break;
		if (jobs->run(jobs->context, scratch, job, &done, &error) != ENTK_OK) {
			fail(run, job, &error);
			break;
		}
		if (run->progress) {
			pthread_mutex_lock(&run->mutex);
			entk_progress_add(run->progress, done);
			pthread_mutex_unlock(&run->mutex);
		}
	}
	if (jobs->scratch_destroy)
		jobs->scratch_destroy(jobs->context, scratch);
	return NULL;
}

/* On this thread and on as many others as can be started: what a limit forbids is said, and the rest do the work. */
static void work_together(Run *run, unsigned threads)
{
	pthread_t *others = calloc(threads, sizeof *others);
	unsigned started = 1;
	int number = others ? 0 : ENOMEM;
	while (number == 0 && started < threads)
		if ((number = pthread_create(&others[started], NULL, work, run)) == 0)
			started++;
	if (started < threads)
		entk_tell_fewer_threads(started, threads, number);
	work(run);
	for (unsigned i = 1; i < started; i++)
		pthread_join(others[i], NULL);
	free(others);
}

EntkStatus entk_execute(const EntkJobs *jobs, unsigned threads, EntkProgress *progress, const volatile int *cancel,
			EntkError *error)
{
	EntkError first = {.status = ENTK_OK};
	Run run = {.jobs = jobs,
		   .progress = progress,
		   .cancel = cancel,
		   .mutex = PTHREAD_MUTEX_INITIALIZER,
		   .error = &first};
	threads = entk_thread_count(threads);
	if (threads > jobs->count)
		threads = jobs->count ? (unsigned)jobs->count : 1;
	work_together(&run, threads);
	pthread_mutex_destroy(&run.mutex);
	if (first.status != ENTK_OK)
		*error = first;
	return first.status;
}
