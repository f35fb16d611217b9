/* Comparing nets: the same training sets for all, over sizes and seeds. draw.c draws them, kernels.c gets the
 * kernels of this program's nets (own.c), of other programs' (other.c) and from files, nets.c lists the nets, run.c fits and
 * scores, spread.c finds means and intervals, which report.c, json.c and figure.c show, store.c keeps kernels, plan.c says what it takes. */
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
	const EntkNet *own;  /* the net of this program; NULL: of another one, or from a file */
	double gram_seconds; /* NaN for a file */
	double solve_seconds;
	double pairs; /* of samples, whose kernels were computed */
	double memory; /* bytes of the kernel matrices, of their computation where it is this program's, and of the solver */
	EntkRun *runs; /* size_count x seeds */
	double *sums;  /* size_count x test_count: each test sample's score, summed over the seeds */
	/* size_count x ENTK_RIDGE_GRID: standard errors of the swept scores that come from the test samples */
	double *sweep_errors;
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
	const char *store; /* a folder that keeps kernels; NULL: nothing is kept */
	bool dry_run;
	bool show_ridges;                             /* a table of the sweep */
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
	double *unit_seconds; /* of this program's nets: expected for a pair, with all threads; NULL: nobody asks */
} EntkCompare;

EntkStatus entk_compare_run(EntkCompare *compare, EntkError *error);
/* Tables, JSON and figure. */
EntkStatus entk_compare_report(EntkCompare *compare, EntkError *error);
EntkStatus entk_compare_json(const EntkCompare *compare, double *values, EntkError *error);
EntkStatus entk_compare_figure(const EntkCompare *compare, double *values, EntkError *error);
void entk_compare_destroy(EntkCompare *compare);

/* The score that is compared: accuracy, or the mean absolute error of real targets. */
double entk_compare_score(const EntkCompare *compare, const EntkMetrics *metrics);
bool entk_compare_is_regression(const EntkCompare *compare);
/* "accuracy" or "mean absolute error". */
const char *entk_compare_score_name(const EntkCompare *compare);
static inline EntkRun *entk_compare_get(const EntkCompare *compare, size_t net, size_t size, size_t seed)
{
	return &compare->nets[net].runs[size * compare->seeds + seed];
}

/* ---- means and intervals (spread.c) --------------------------------------------------------------------- */

/* One net's predictions with one training set, sample by sample: each test sample's score is added to `sums`, whose mean is the
 * score. `classes` or `truth` is given, as in metrics.h. */
void entk_compare_add_samples(const EntkCompare *compare, const double *predictions, const size_t *classes,
			      const double *truth, double *sums);
/* The standard error that the draw of test samples gives to a mean over them; `sums` are over the seeds. */
double entk_compare_test_error(const EntkCompare *compare, const double *sums);
/* The score of a net, the paired difference of two, and the score with the i-th ridge of the grid, which is NaN unless all seeds
 * have one. `values` (seeds) becomes the seeds' values. */
EntkSpread entk_compare_scores(const EntkCompare *compare, size_t net, size_t size, double *values);
EntkSpread entk_compare_difference(const EntkCompare *compare, size_t net, size_t against, size_t size, double *values);
EntkSpread entk_compare_swept(const EntkCompare *compare, size_t net, size_t size, size_t ridge, double *values);
/* For how many seeds was the Gram not positive definite with the i-th ridge? */
size_t entk_compare_indefinite(const EntkCompare *compare, size_t net, size_t size, size_t ridge);
/* Do two nets give every test sample the same score, whatever the training set? */
bool entk_compare_alike(const EntkCompare *compare, size_t net, size_t against, size_t size);
/* The net with the best mean score, the first of several; of the others where `without` is one (SIZE_MAX: none). */
size_t entk_compare_best(const EntkCompare *compare, size_t size, size_t without, double *values);

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
/* Ascending samples of a part, `limit` of them (0: all), the same in every run; those of a smaller limit are among them. */
EntkStatus entk_compare_samples(const EntkCompare *compare, EntkPartName part, size_t limit, size_t **chosen,
				size_t *count, EntkError *error);
/* Samples of this program's kernels: the pool and the rows in a net's format. */
EntkStatus entk_compare_load(EntkCompare *compare, const EntkNet *net, const size_t *pool, size_t pool_count,
			     const size_t *test, size_t test_count, EntkSamples *pool_samples, EntkSamples *rows,
			     EntkError *error);
/* The kernels of a net through the stores in the folder (store.c): what is there is read, what is missing is computed and kept.
 * *seconds: of the computation. */
EntkStatus entk_compare_stored(EntkCompare *compare, const EntkNet *net, EntkCompareKernels *kernels, double *pairs,
			       EntkError *error);
/* --gram NAME=K.gram: a store of all samples, or of x_train, made by a net of this program, which then computes the others. */
EntkStatus entk_compare_read_gram(EntkCompare *compare, const char *path, EntkCompareKernels *kernels, double *seconds,
				  EntkError *error);
/* How many pairs of a net the stores lack. */
EntkStatus entk_compare_missing(EntkCompare *compare, const EntkNet *net, double *pairs, EntkError *error);
/* Every net in turn: this program's, the other programs', those in files. */
EntkStatus entk_compare_each(EntkCompare *compare, EntkCompareUse use, EntkError *error);
/* The trunk with which a net is computed; NULL: it is computed alone. */
const EntkTrunk *entk_compare_trunk(const EntkCompare *compare, const EntkNet *net);
/* Bytes that kernels and solver of one net take. */
double entk_compare_solver_bytes(const EntkCompare *compare);
/* --dry-run: what this program's nets take. */
EntkStatus entk_compare_dry_run(EntkCompare *compare, EntkError *error);
/* Says what is to come, so that the progress is one of all nets. */
EntkStatus entk_compare_announce(EntkCompare *compare, EntkError *error);
/* This program's nets alone (own.c). */
EntkStatus entk_compare_own(EntkCompare *compare, EntkCompareUse use, EntkError *error);
/* The same for the nets of another program, which computes the kernels itself (other.c). */
EntkStatus entk_compare_program(EntkCompare *compare, const char *path, EntkCompareUse use, EntkError *error);

#endif
