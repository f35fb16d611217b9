/* Empirical kernels of finite networks against the exact kernel: errors, their slope over widths, z-scores, a verdict.
 * docs/finite.md explains the choices. Plain numbers in, plain numbers out. */
#ifndef ENTK_CHECK_STATISTICS_H
#define ENTK_CHECK_STATISTICS_H

#include "support/status.h"

#include <stdint.h>

/* Estimates of one kernel on `pairs` pairs of samples by `nets` independent networks of each of `width_count` widths. */
typedef struct EntkCheckData {
	size_t width_count, nets, pairs;
	const uint32_t *widths;   /* ascending, at least two */
	const double *estimates;  /* width_count x nets x pairs */
	const double *kernel;     /* pairs */
	const double *resolution; /* pairs: differences below this are rounding of the compiled kernel */
} EntkCheckData;

/* All errors are relative to the kernel's root mean square over the pairs. */
typedef struct EntkCheckWidth {
	double single;   /* error of one network: root mean square over networks and pairs */
	double mean;     /* error of the mean over networks, RMS over pairs */
	double standard; /* its standard error, RMS over pairs */
	double largest;  /* largest |z| over pairs; the finite width's own bias is part of it */
} EntkCheckWidth;

typedef struct EntkCheckResult {
	EntkCheckWidth *widths; /* owned */
	bool has_slope;         /* false: errors are rounding only */
	double slope, slope_error;
	/* Extrapolated to infinite width. */
	double *difference, *standard, *z; /* owned, per pair: mean - kernel, its standard error, their ratio */
	double mean, standard_mean;        /* relative, RMS over pairs */
	double rms_z, largest_z;
	size_t largest_pair;
	double p; /* probability of a |z| as large as the largest somewhere among `tests` pairs (Bonferroni) */
} EntkCheckResult;

/* `tests`: how many z-scores the verdict is about, those of other kernels included. */
EntkStatus entk_check_evaluate(const EntkCheckData *data, size_t tests, EntkCheckResult *result, EntkError *error);
void entk_check_result_destroy(EntkCheckResult *result);

/* A network of width W errs by c W^-1/2. A kernel that is wrong adds an error that does not fall: the slope is flatter
 * than -1/2 by more than this, and by more than so many of its standard errors: squared errors of single networks have
 * long tails, which few networks do not show. */
#define ENTK_CHECK_SLOPE_MARGIN 0.15
#define ENTK_CHECK_SLOPE_ERRORS 5
/* Smaller p: the means contradict the kernel. */
#define ENTK_CHECK_LEVEL        1e-3
bool entk_check_slope_good(const EntkCheckResult *result);
bool entk_check_means_good(const EntkCheckResult *result);

#endif
