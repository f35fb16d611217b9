/* Comparing nets: the same training sets for all, over sizes and seeds. compare.c computes, compare_report.c prints. */
#ifndef ENTK_COMPARE_H
#define ENTK_COMPARE_H

#include "learn.h"
#include "metrics.h"

#define ENTK_COMPARE_SIZES 64

/* One net trained on one training set. */
typedef struct EntkRun {
	EntkMetrics metrics;
	double ridge, jitter, condition;
	double loo_mse, log_evidence;
	double sweep
		[ENTK_RIDGE_GRID]; /* the score with every ridge of the grid; NaN where the Gram is not definite with it */
} EntkRun;

typedef struct EntkCompareNet {
	const EntkNet *net;
	double gram_seconds, solve_seconds;
	double pairs;  /* of samples, whose kernels were computed */
	double memory; /* bytes of the kernel matrices and the solver */
	EntkRun *runs; /* size_count x seeds */
} EntkCompareNet;

typedef struct EntkCompare {
	/* what is asked for */
	EntkCommon common;
	EntkLearn learn;
	const char *program_name, *path, *json_path, *figure;
	size_t sizes[ENTK_COMPARE_SIZES], size_count; /* none: chosen */
	size_t seeds;
	size_t pool_limit, test_limit; /* 0: chosen, all */
	/* what is found */
	EntkDataset dataset;
	size_t pool_count, test_count;
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

/* An order of `count` samples in which every beginning has the classes in nearly the same proportions as the whole; at random
 * within that. `classes` (of the samples, below class_count) may be NULL. The same seed gives the same order everywhere. */
EntkStatus entk_stratified_order(const size_t *classes, size_t count, size_t class_count, uint64_t seed, size_t *order,
				 EntkError *error);

#endif
