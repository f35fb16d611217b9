/* Kernel regression: training an infinitely wide network, in closed form and float64 ([KR-40], [KR-41]).
 *
 * A is the kernel that is inverted: the NTK for a network trained by gradient flow, the NNGP for the Bayesian one. R = A + r I with
 * r = ridge * mean(diag A). Targets Y (n x outputs) are centred by the caller. With N = n * outputs and a function of a matrix
 * meant on its eigenvalues,
 *
 *   f(t) = (1 - exp(-t R / N)) R^-1,  f(infinity) = R^-1         gradient flow with learning rate 1 on the mean squared error
 *   mean = A* f(t) Y                                             A*: test x train
 *   NNGP: cov = K** - K* f(2t) K*^T
 *   NTK:  B = A* f(t),  cov = K** + B K B^T - (B K*^T + K* B^T)   over random initializations; K is the NNGP
 *
 * (Jacot et al. 2018; Lee et al. 2019; the scale of time is that of Neural Tangents.)
 *
 * Nothing is copied: a fit takes the kernel matrix for its own work. */
#ifndef ENTK_REGRESS_H
#define ENTK_REGRESS_H

#include "regress/eigen.h"
#include "regress/merit.h"
#include "regress/ridge.h"
#include "support/status.h"

#include <stddef.h>

/* Samples with known targets that were not trained on. */
typedef struct EntkValidation {
	size_t count;
	const double *cross;   /* count x n, of the inverted kernel */
	const double *targets; /* outputs x count, encoded as the training targets are */
} EntkValidation;

typedef struct EntkRegressOptions {
	bool ntk; /* the inverted kernel is the NTK */
	EntkRidgeRule rule;
	double ridge;         /* for ENTK_RIDGE_FIXED and ENTK_RIDGE_ABSOLUTE */
	double time;          /* INFINITY: until convergence */
	const size_t *groups; /* n numbers, or NULL */
	/* Leave out nothing where that is not free: after a Cholesky factorization it takes as long as that did. */
	bool skip_loo;
	const EntkValidation *validation; /* NULL: none; ENTK_RIDGE_VALIDATION needs one */
} EntkRegressOptions;

typedef struct EntkRegression {
	size_t n, outputs;
	bool ntk;
	double time;
	double ridge;  /* relative, without jitter; the one used where a rule chose it */
	double jitter; /* what had to be added to `ridge` to make the matrix positive definite; 0 in good cases */
	double mean_diagonal;
	double shift;     /* what stands on the diagonal: absolute, with jitter */
	double largest;   /* eigenvalue of R */
	double condition; /* of R; exact with `values`, else an estimate */
	EntkMerit merit;  /* at time infinity; the leave-one-out error and amplitude are NaN for finite times */
	double *alpha;    /* outputs x n: f(t) Y */
	/* The caller's kernel matrix, n x n. With `values`: eigenvectors in rows. Else its lower triangle is Cholesky's L, R = L L^T, or
	 * L^-1 where `inverted`; above the diagonal it is untouched, and `diagonal` has what stood on it. NULL for a fit from a spectrum. */
	double *factor;
	double *values;   /* n: R's eigenvalues, NULL for Cholesky */
	double *diagonal; /* n, NULL with `values` */
	bool inverted;
	double *loo; /* outputs x n: leave-one-out predictions; NULL for finite times, and where none were made */
} EntkRegression;

/* Does a fit with these options take an eigendecomposition? Otherwise one Cholesky factorization is enough: a ridge that is given,
 * at time infinity. */
bool entk_regress_needs_spectrum(const EntkRegressOptions *options);

/* `kernel` n x n (A) is overwritten: it becomes regression->factor, and must live as long as that. `targets` outputs x n. When R is
 * not positive definite, jitter from 1e-12 to 1e-6 times the mean diagonal is added until it is, and stands in `jitter` for
 * the caller to report; ENTK_NUMERICAL when that does not help. */
EntkStatus entk_regress_fit(double *kernel, size_t n, const double *targets, size_t outputs,
			    const EntkRegressOptions *options, EntkRegression *regression, EntkError *error);
/* The same from a spectrum that serves many fits. `factor` stays NULL: the regression has a mean, but no (co)variances. */
EntkStatus entk_regress_fit_spectrum(const EntkSpectrum *spectrum, const double *targets, size_t outputs,
				     const EntkRegressOptions *options, EntkRegression *regression, EntkError *error);
/* The kernel matrix is again what it was before the fit, bit by bit, and the regression is left without a factor. Only after a Cholesky
 * factorization (no `values`). */
void entk_regress_restore(EntkRegression *regression);
void entk_regress_destroy(EntkRegression *regression); /* a zeroed one is fine */

/* The largest learning rate at which gradient descent on the mean squared error converges: 2 N / (largest eigenvalue of R), in the
 * units in which `time` counts. */
double entk_regress_max_learning_rate(const EntkRegression *regression);

/* mean: m x outputs. `cross` is A*, m x n. */
void entk_regress_mean(const EntkRegression *regression, const double *cross, size_t m, double *mean);

/* What the covariance takes. For an NNGP regression `cross` and `cross_nngp` are the same array, and `nngp_train` is not read. */
typedef struct EntkCross {
	size_t m;
	const double *cross;      /* m x n, of the inverted kernel */
	const double *cross_nngp; /* m x n */
	const double *nngp_train; /* n x n */
	const double *nngp_test;  /* m x m for the covariance, m (the diagonal) for the variance */
} EntkCross;

/* cov: m x m. */
EntkStatus entk_regress_covariance(const EntkRegression *regression, const EntkCross *cross, double *cov,
				   EntkError *error);
/* var: m, the covariance's diagonal; what rounding makes negative is 0. */
EntkStatus entk_regress_variance(const EntkRegression *regression, const EntkCross *cross, double *var,
				 EntkError *error);
/* The variance of a Gaussian process whose covariance is the inverted kernel, noise included: A** - A* R^-1 A*^T + r. It
 * is what `merit.amplitude` calibrates. `diagonal` are A's values at the test samples. */
EntkStatus entk_regress_posterior(const EntkRegression *regression, const double *cross, const double *diagonal,
				  size_t m, double *var, EntkError *error);

#endif
