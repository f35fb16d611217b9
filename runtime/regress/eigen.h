/* The spectrum of a Gram matrix: one eigendecomposition serves every ridge and every training time, and says how a network
 * of this kernel learns ([KR-44], [KR-45]). */
#ifndef ENTK_REGRESS_EIGEN_H
#define ENTK_REGRESS_EIGEN_H

#include "regress/merit.h"
#include "support/status.h"

#include <stddef.h>

typedef struct EntkSpectrum {
	size_t n;
	double mean_diagonal; /* of the kernel */
	double *vectors; /* n x n, row k is the eigenvector of values[k]; the caller's kernel matrix, overwritten */
	double *values;  /* ascending, of the kernel without ridge */
} EntkSpectrum;

/* Decompose the symmetric n x n kernel in place: it becomes `vectors`, and stays the caller's. LAPACK takes twice as much again. */
EntkStatus entk_spectrum_create(double *kernel, size_t n, EntkSpectrum *spectrum, EntkError *error);
void entk_spectrum_destroy(EntkSpectrum *spectrum); /* a zeroed one is fine */
/* Eigenvalues of size up to this cannot be told from zero. */
double entk_spectrum_noise(const EntkSpectrum *spectrum);

/* rows (m x n) become rows V^T diag(weights) V, with the n x n eigenvectors V in rows. */
EntkStatus entk_spectrum_apply(const double *vectors, const double *weights, size_t n, double *rows, size_t m,
			       EntkError *error);

/* Figures of merit of one ridge, from training data alone. `targets` and `loo` are outputs x n; `loo` receives the leave-one-out
 * predictions where it is not NULL. `groups` (n numbers) or NULL: samples of equal number are left out together. r is
 * absolute. ENTK_NUMERICAL when A + r I is not positive definite. */
EntkStatus entk_spectrum_merit(const EntkSpectrum *spectrum, double r, const double *targets, size_t outputs,
			       const size_t *groups, EntkMerit *merit, double *loo, EntkError *error);

/* ---- how a kernel learns ----------------------------------------------------------------------------------------- */

/* powers[k] = sum over outputs of (v_k . y)^2: how much of the targets (outputs x n) lies along eigenvector k. */
EntkStatus entk_spectrum_powers(const EntkSpectrum *spectrum, const double *targets, size_t outputs, double *powers,
				EntkError *error);
/* sum_k lambda_k / (lambda_k + r): how many directions a regression with the ridge r uses. */
double entk_spectrum_dimension(const EntkSpectrum *spectrum, double r);
/* sum_k powers_k / (lambda_k + r), which is Y^T (A + r I)^-1 Y; infinite where a power stands on no eigenvalue. */
double entk_spectrum_complexity(const EntkSpectrum *spectrum, const double *powers, double r);
/* sum_k (1 - step lambda_k)^(2 count) powers_k: the squared error after `count` steps of gradient descent on half of it. */
double entk_spectrum_loss(const EntkSpectrum *spectrum, const double *powers, double step, double count);

/* <G, Y^T Y> / (|G| |Y^T Y|) in Frobenius norms, for targets Y (outputs x n): 1 when the kernel is that of the targets.
 * `centred`: of both after the mean is taken out on both sides. NaN without targets that vary. */
EntkStatus entk_spectrum_alignment(const double *kernel, size_t n, const double *targets, size_t outputs, double *plain,
				   double *centred, EntkError *error);

#endif
