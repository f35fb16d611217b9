/* Finite networks of a program's nets, drawn on threads: the estimates that statistics.h judges. */
#ifndef ENTK_CHECK_ESTIMATES_H
#define ENTK_CHECK_ESTIMATES_H

#include "data/samples.h"
#include "finite/finite.h"
#include "support/executor.h"

typedef struct EntkCheckOptions {
	const double *params; /* EntkProgram.param_count values */
	uint32_t *widths;
	size_t width_count;
	size_t nets; /* of each width */
	uint64_t seed;
	unsigned threads;   /* 0: all */
	double max_seconds; /* refuse what is predicted to take longer */
	bool want_nngp, want_ntk;
	EntkProgress *progress; /* NULL: silent */
	const volatile int *cancel;
} EntkCheckOptions;

/* Kernels of one net, one number per pair of samples i <= j, row by row. */
typedef struct EntkCheckEstimates {
	size_t pairs;
	double *nngp, *ntk; /* owned; width_count x nets x pairs; NULL where not wanted */
} EntkCheckEstimates;

size_t entk_check_pairs(size_t samples);
/* Pair number p of n samples. */
void entk_check_pair(size_t n, size_t p, size_t *i, size_t *j);

/* ENTK_USAGE when predicted to take too long, ENTK_MEMORY when one network does not fit; `net` is for messages. The same
 * for any number of threads. */
EntkStatus entk_check_draw(const FinitePlan *plan, const char *net, const EntkSamples *samples,
			   const EntkCheckOptions *options, EntkCheckEstimates *estimates, EntkError *error);
void entk_check_estimates_destroy(EntkCheckEstimates *estimates);

#endif
