/* Comparing nets: the same training sets for all, over sizes and seeds. draw.c draws them, kernels.c gets the
 * kernels of this program's nets (own.c), of other programs' (other.c) and from files, nets.c lists the nets, run.c fits and
 * scores, report.c prints. */
#ifndef ENTK_COMPARE_H
#define ENTK_COMPARE_H

#include "learn/line.h"
#include "regress/metrics.h"

#define ENTK_COMPARE_SIZES  64
#define ENTK_COMPARE_OTHERS 32

/* One net trained on one training set. */
typedef struct EntkRun {
	EntkMetrics metrics;
	double ridge, jitter, condition;
	double loo_mse, val_mse, log_evidence;
	/* The score with every ridge of the grid; NaN where the Gram is not definite with it. */
	double sweep[ENTK_RIDGE_GRID];
} EntkRun;

typedef struct EntkCompareNet {
	char *name;
	const char *source;  /* another program, or a file of kernels; NULL: a net of this program */
	double gram_seconds; /* NaN for a file */
	double solve_seconds;
	double pairs; /* of samples, whose kernels were computed */
	double memory; /* bytes of the kernel matrices, of their computation where it is this program's, and of the solver */
	EntkRun *runs; /* size_count x seeds */
} EntkCompareNet;

/* Kernels of one net. Rows of `cross` are the test samples, then, where a ridge is chosen on it, the validation part. */
typedef struct EntkCompareKernels {
	double *pool;  /* pool_count x pool_count */
	double *cross; /* row_count x pool_count */
} EntkCompareKernels;

typedef struct EntkCompare {
	EntkLearnLine line;
	/* what is asked for */
	const char *json_path, *figure;
	size_t sizes[ENTK_COMPARE_SIZES], size_count; /* none: chosen */
	size_t seeds;
	size_t pool_limit, test_limit;             /* 0: chosen, all */
	const char *programs[ENTK_COMPARE_OTHERS]; /* --with */
	const char *grams[ENTK_COMPARE_OTHERS];    /* --gram: NAME=FILE[:KEY] */
	size_t program_count, gram_count;
	/* what is found */
	EntkDataset dataset;
	size_t pool_count, test_count, val_count; /* val_count 0: nothing is chosen on the validation part */
	size_t *pool, *test; /* samples of the training and the test part; training sets are drawn from the pool */
	size_t *draws;       /* seeds x pool_count: places in the pool, in the order in which training sets grow */
	size_t net_count;
	EntkCompareNet *nets;
} EntkCompare;

EntkStatus entk_compare_run(EntkCompare *compare, EntkError *error);
/* Tables, JSON and figure. */
EntkStatus entk_compare_report(EntkCompare *compare, EntkError *error);
void entk_compare_destroy(EntkCompare *compare);

/* The score that is compared: accuracy, or the mean absolute error of real targets. */
double entk_compare_score(const EntkCompare *compare, const EntkMetrics *metrics);
static inline EntkRun *entk_compare_get(const EntkCompare *compare, size_t net, size_t size, size_t seed)
{
	return &compare->nets[net].runs[size * compare->seeds + seed];
}

/* ---- parts ------------------------------------------------------------------------------------------------------ */

/* Sizes, pool, test samples and training sets. */
EntkStatus entk_compare_draw(EntkCompare *compare, EntkError *error);
/* Takes a net's kernels, which it may not keep: fits all training sets. */
typedef EntkStatus (*EntkCompareUse)(EntkCompare *compare, EntkCompareNet *net, const EntkCompareKernels *kernels,
				     EntkError *error);
/* Adds a net named `name`, or `source`/`name` where that is taken; pairs and memory are filled in. */
EntkStatus entk_compare_add(EntkCompare *compare, const char *name, const char *source, EntkCompareNet **net,
			    EntkError *error);
void entk_compare_kernels_destroy(EntkCompareKernels *kernels);
/* Every net in turn: this program's, the other programs', those in files. */
EntkStatus entk_compare_each(EntkCompare *compare, EntkCompareUse use, EntkError *error);
/* This program's nets alone (own.c). */
EntkStatus entk_compare_own(EntkCompare *compare, EntkCompareUse use, EntkError *error);
/* The same for the nets of another program, which computes the kernels itself (other.c). */
EntkStatus entk_compare_program(EntkCompare *compare, const char *path, EntkCompareUse use, EntkError *error);

#endif
