/* What training data alone tell about a regression: leave-one-out errors and the marginal likelihood ([KR-42], [KR-43]).
 *
 * R = A + r I is the matrix that is inverted, Y its targets (outputs x n). */
#ifndef ENTK_REGRESS_MERIT_H
#define ENTK_REGRESS_MERIT_H

#include "support/status.h"

#include <stddef.h>

typedef struct EntkMerit {
	double loo_mse; /* mean squared leave-one-out error over samples and outputs; leave-one-group-out with groups */
	double log_marginal; /* log p(Y) with covariance R, summed over the outputs */
	double log_evidence; /* its maximum over s of the covariance s R: what ridges are compared by */
	/* How far the kernel's scale is off: the mean over samples of (leave-one-out error)^2 / (its variance), over groups with their
	 * covariances; where nothing was left out, the s of log_evidence. Predicted variances times this are calibrated. */
	double amplitude;
	double val_mse; /* mean squared error of a validation part; NaN without one */
} EntkMerit;

/* R^-1 = sum_k weights[k] w_k w_k^T with the rows w_k of `rows`. */
typedef struct EntkInverse {
	size_t n;
	const double *rows;    /* n x n */
	const double *weights; /* n; NULL: all 1 */
	bool triangular;       /* of row k only the entries up to k count, the others are 0 whatever stands there */
} EntkInverse;

/* log_marginal, log_evidence and the amplitude by evidence; the other members become NaN. `solved` is R^-1 Y, `log_determinant` R's. */
void entk_merit_likelihood(const double *solved, const double *targets, size_t outputs, size_t n,
			   double log_determinant, EntkMerit *merit);
/* loo_mse and the amplitude by leaving one out. `groups` (n numbers) or NULL: samples of equal number are left out together.
 * `loo` (outputs x n), where it is not NULL, receives the predictions of the left-out samples. */
EntkStatus entk_merit_leave_one_out(const EntkInverse *inverse, const double *solved, const double *targets,
				    size_t outputs, const size_t *groups, EntkMerit *merit, double *loo,
				    EntkError *error);

#endif
