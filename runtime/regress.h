/* Kernel regression: training an infinitely wide network, in closed form and float64.
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
 * (Jacot et al. 2018; Lee et al. 2019; the scale of time is that of Neural Tangents.) */
#ifndef ENTK_REGRESS_H
#define ENTK_REGRESS_H

#include "status.h"

#include <stddef.h>

/* ---- the spectrum: one eigendecomposition serves every ridge ---------------------------------------------------- */

typedef struct EntkSpectrum {
	size_t n;
	double mean_diagonal; /* of the kernel */
	double *vectors;      /* n x n, row k is the eigenvector of values[k] */
	double *values;       /* ascending, of the kernel without ridge */
} EntkSpectrum;

/* Decompose a copy of the symmetric n x n kernel. */
EntkStatus entk_spectrum_create(const double *kernel, size_t n, EntkSpectrum *spectrum, EntkError *error);
void entk_spectrum_destroy(EntkSpectrum *spectrum); /* a zeroed one is fine */
/* Eigenvalues of size up to this cannot be told from zero. */
double entk_spectrum_noise(const EntkSpectrum *spectrum);

/* Figures of merit of one ridge, from training data alone. */
typedef struct EntkMerit {
	double loo_mse; /* mean squared leave-one-out error over samples and outputs; leave-one-group-out with groups */
	double log_marginal; /* log p(Y) with covariance R, summed over the outputs */
	double log_evidence; /* its maximum over s of the covariance s R: what ridges are compared by */
	double amplitude; /* mean over samples of (leave-one-out error)^2 / (its variance): how far the kernel's scale is off */
} EntkMerit;

/* `targets` and `loo` are outputs x n; `loo` receives the leave-one-out predictions where it is not NULL. `groups` (n numbers) or NULL:
 * samples of equal number are left out together. r is absolute. ENTK_NUMERICAL when A + r I is not positive definite. */
EntkStatus entk_spectrum_merit(const EntkSpectrum *spectrum, double r, const double *targets, size_t outputs,
			       const size_t *groups, EntkMerit *merit, double *loo, EntkError *error);

/* ---- ridges ----------------------------------------------------------------------------------------------------- */

typedef enum EntkRidgeRule {
	ENTK_RIDGE_FIXED,
	ENTK_RIDGE_LOO, /* least leave-one-out error */
	ENTK_RIDGE_EVIDENCE, /* largest marginal likelihood, the kernel's scale at its best: the scale does not touch the mean, and
	                      * that of a kernel at initialization is often off by orders of magnitude from that of the targets */
} EntkRidgeRule;

/* "0.001", "loo" or "evidence". */
EntkStatus entk_ridge_parse(const char *option, const char *text, EntkRidgeRule *rule, double *ridge, EntkError *error);
/* "loo" or "evidence"; "fixed". */
const char *entk_ridge_rule_name(EntkRidgeRule rule);

/* The ridges that are tried, relative to the mean diagonal: 1e-8 to 10 in half decades. */
#define ENTK_RIDGE_GRID 19
double entk_ridge_grid(size_t i);

/* The best relative ridge of the grid by a rule. */
EntkStatus entk_spectrum_choose(const EntkSpectrum *spectrum, EntkRidgeRule rule, const double *targets, size_t outputs,
				const size_t *groups, double *ridge, EntkError *error);

/* ---- regression -------------------------------------------------------------------------------------------------- */

typedef struct EntkRegressOptions {
	bool ntk; /* the inverted kernel is the NTK */
	EntkRidgeRule rule;
	double ridge;         /* relative, for ENTK_RIDGE_FIXED */
	double time;          /* INFINITY: until convergence */
	const size_t *groups; /* n numbers, or NULL */
} EntkRegressOptions;

typedef struct EntkRegression {
	size_t n, outputs;
	bool ntk;
	double time;
	double ridge;  /* relative, without jitter; the one used where a rule chose it */
	double jitter; /* what had to be added to `ridge` to make the matrix positive definite; 0 in good cases */
	double mean_diagonal;
	double shift;     /* (ridge + jitter) * mean_diagonal: what stands on the diagonal */
	double condition; /* of R; exact with `values`, else an estimate */
	EntkMerit merit;  /* at time infinity; the leave-one-out error and amplitude are NaN for finite times */
	double *alpha;    /* outputs x n: f(t) Y */
	double *factor; /* n x n: Cholesky's L with R = L L^T (lower triangle), or eigenvectors in rows; NULL: see below */
	double *values; /* n: R's eigenvalues, NULL for Cholesky */
	double *loo;    /* outputs x n: leave-one-out predictions; NULL for finite times */
} EntkRegression;

/* `kernel` n x n (A, only read), `targets` outputs x n. A fixed ridge at time infinity takes one Cholesky factorization, all
 * else an eigendecomposition. When R is not positive definite, jitter from 1e-12 to 1e-6 times the mean diagonal is added
 * until it is, and stands in `jitter` for the caller to report; ENTK_NUMERICAL when that does not help. */
EntkStatus entk_regress_fit(const double *kernel, size_t n, const double *targets, size_t outputs,
			    const EntkRegressOptions *options, EntkRegression *regression, EntkError *error);
/* The same from a spectrum that serves many fits. `factor` stays NULL: the regression has a mean, but no (co)variances. */
EntkStatus entk_regress_fit_spectrum(const EntkSpectrum *spectrum, const double *targets, size_t outputs,
				     const EntkRegressOptions *options, EntkRegression *regression, EntkError *error);
void entk_regress_destroy(EntkRegression *regression); /* a zeroed one is fine */

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
