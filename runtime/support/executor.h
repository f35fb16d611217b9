/* Runs numbered jobs on threads: whoever is free takes the next number. Knows nothing of kernels. */
#ifndef ENTK_SUPPORT_EXECUTOR_H
#define ENTK_SUPPORT_EXECUTOR_H

#include "support/status.h"

#include <stdint.h>

/* "12 %  340 pairs/s  1 min 20 s left" on stderr, on one line that is overwritten (on a terminal) or once in ten seconds. */
typedef struct EntkProgress {
	const char *label; /* net's name, say */
	const char *unit;  /* "pairs" */
	bool terminal;     /* overwrite the line */
	double start, last;
	uint64_t total, done;
	/* Where this is one of several stages: seconds that all are expected to take, those of the stages that are past, those of a
	 * unit of this one, and when all began. Share and time left are of all. `whole` 0: this stage stands alone. */
	double whole, past, weight, begun;
} EntkProgress;

/* What is said of several stages stays. */
void entk_progress_begin(EntkProgress *progress, const char *label, const char *unit, uint64_t total);
/* Thread-safe through the executor, which calls it under its lock. */
void entk_progress_add(EntkProgress *progress, uint64_t done);
void entk_progress_end(EntkProgress *progress);
/* "2 h 05 min", "1 min 20 s", "0.35 s" into text; returns text. */
const char *entk_duration_text(double seconds, char *text, size_t size);
/* Seconds of a steady clock. */
double entk_now(void);

/* How many threads 0 means: what the machine offers this process. */
unsigned entk_thread_count(unsigned wanted);

typedef struct EntkJobs {
	uint64_t count;
	void *context;
	/* Run job `i` with the thread's own `scratch`. *work receives how many units are done for the progress. */
	EntkStatus (*run)(void *context, void *scratch, uint64_t i, uint64_t *work, EntkError *error);
	/* Scratch of a thread; may fail. Both may be NULL. */
	EntkStatus (*scratch_create)(void *context, void **scratch, EntkError *error);
	void (*scratch_destroy)(void *context, void *scratch);
} EntkJobs;

/* Run all jobs on `threads` threads (0: all). Stops early at the first error or when *cancel is set; of several errors
 * that of the smallest job is reported. */
EntkStatus entk_execute(const EntkJobs *jobs, unsigned threads, EntkProgress *progress, const volatile int *cancel,
			EntkError *error);

#endif
