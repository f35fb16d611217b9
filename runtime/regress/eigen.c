/* Spectra of Gram matrices: see eigen.h. */
#include "regress/eigen.h"

#include "numerics/linalg.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

EntkStatus entk_spectrum_create(double *kernel, size_t n, EntkSpectrum *spectrum, EntkError *error)
{
	*spectrum = (EntkSpectrum){.n = n, .vectors = kernel, .mean_diagonal = entk_linalg_mean_diagonal(kernel, n)};
	spectrum->values = entk_allocate(n, sizeof *spectrum->values, "the eigenvalues", error);
	EntkStatus status = spectrum->values ? entk_linalg_eigen(kernel, n, spectrum->values, error) : error->status;
	if (status != ENTK_OK)
		entk_spectrum_destroy(spectrum);
	return status;
}

void entk_spectrum_destroy(EntkSpectrum *spectrum)
{
	free(spectrum->values);
	memset(spectrum, 0, sizeof *spectrum);
}

double entk_spectrum_noise(const EntkSpectrum *spectrum)
{
	return spectrum->n ? (double)spectrum->n * DBL_EPSILON * fabs(spectrum->values[spectrum->n - 1]) : 0;
}

EntkStatus entk_spectrum_apply(const double *vectors, const double *weights, size_t n, double *rows, size_t m,
			       EntkError *error)
{
	double *projected = entk_linalg_matrix(m, n, "projections on the eigenvectors", error);
	if (!projected)
		return error->status;
	entk_linalg_product_transposed(rows, vectors, m, n, n, projected);
	for (size_t i = 0; i < m; i++)
		for (size_t k = 0; k < n; k++)
			projected[i * n + k] *= weights[k];
	entk_linalg_product(projected, vectors, m, n, n, rows);
	free(projected);
	return ENTK_OK;
}

EntkStatus entk_spectrum_merit(const EntkSpectrum *spectrum, double r, const double *targets, size_t outputs,
			       const size_t *groups, EntkMerit *merit, double *loo, EntkError *error)
{
	size_t n = spectrum->n;
	double log_determinant = 0;
	if (n > 0 && !(spectrum->values[0] + r > entk_spectrum_noise(spectrum)))
		return entk_fail(error, ENTK_NUMERICAL, NULL,
				 "the Gram matrix is not positive definite: smallest eigenvalue %.3g, largest %.3g",
				 spectrum->values[0] + r, spectrum->values[n - 1] + r);
	double *weights = entk_allocate(n, sizeof *weights, "the eigenvalues", error);
	double *solved = entk_linalg_matrix(outputs, n, "the solution", error);
	EntkStatus status = weights && solved ? ENTK_OK : error->status;
	if (status == ENTK_OK) {
		for (size_t k = 0; k < n; k++) {
			weights[k] = 1 / (spectrum->values[k] + r);
			log_determinant += log(spectrum->values[k] + r);
		}
		memcpy(solved, targets, outputs * n * sizeof *solved);
		status = entk_spectrum_apply(spectrum->vectors, weights, n, solved, outputs, error);
	}
	if (status == ENTK_OK) {
		EntkInverse inverse = {n, spectrum->vectors, weights, false};
		entk_merit_likelihood(solved, targets, outputs, n, log_determinant, merit);
		status = entk_merit_leave_one_out(&inverse, solved, targets, outputs, groups, merit, loo, error);
	}
	free(weights);
	free(solved);
	return status;
}

/* ---- how a kernel learns ----------------------------------------------------------------------------------------- */

EntkStatus entk_spectrum_powers(const EntkSpectrum *spectrum, const double *targets, size_t outputs, double *powers,
				EntkError *error)
{
	size_t n = spectrum->n;
	double *projected = entk_linalg_matrix(outputs, n, "projections on the eigenvectors", error);
	if (!projected)
		return error->status;
	entk_linalg_product_transposed(targets, spectrum->vectors, outputs, n, n, projected);
	for (size_t k = 0; k < n; k++) {
		powers[k] = 0;
		for (size_t o = 0; o < outputs; o++)
			powers[k] += projected[o * n + k] * projected[o * n + k];
	}
	free(projected);
	return ENTK_OK;
}

/* Eigenvalues that rounding made of zeros, negative ones too, are zeros. */
static double eigenvalue(const EntkSpectrum *spectrum, size_t k)
{
	double value = spectrum->values[k];
	return fabs(value) <= entk_spectrum_noise(spectrum) ? 0 : value;
}

double entk_spectrum_dimension(const EntkSpectrum *spectrum, double r)
{
	double sum = 0;
	for (size_t k = 0; k < spectrum->n; k++) {
		double value = eigenvalue(spectrum, k);
		sum += value > 0 ? value / (value + r) : 0;
	}
	return sum;
}

double entk_spectrum_complexity(const EntkSpectrum *spectrum, const double *powers, double r)
{
	double sum = 0;
	for (size_t k = 0; k < spectrum->n; k++) {
		double value = eigenvalue(spectrum, k) + r;
		if (powers[k] > 0)
			sum += value > 0 ? powers[k] / value : INFINITY;
	}
	return sum;
}

double entk_spectrum_loss(const EntkSpectrum *spectrum, const double *powers, double step, double count)
{
	double sum = 0;
	for (size_t k = 0; k < spectrum->n; k++)
		sum += pow(fabs(1 - step * eigenvalue(spectrum, k)), 2 * count) * powers[k];
	return sum;
}

/* ---- alignment --------------------------------------------------------------------------------------------------- */

/* <K, Y^T Y> / (|K| |Y^T Y|) with K_ij = kernel_ij - means_i - means_j + mean. */
static EntkStatus align(const double *kernel, const double *means, double mean, size_t n, const double *targets,
			size_t outputs, double *alignment, EntkError *error)
{
	double square = 0, product = 0, target_square = 0;
	double *targets_gram = entk_linalg_matrix(outputs, outputs, "the targets' products", error);
	double *row = entk_allocate(n, sizeof *row, "a row of the kernel", error);
	double *applied = entk_linalg_matrix(outputs, 1, "a row of the kernel", error);
	EntkStatus status = targets_gram && row && applied ? ENTK_OK : error->status;
	for (size_t i = 0; status == ENTK_OK && i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			row[j] = kernel[i * n + j] - means[i] - means[j] + mean;
			square += row[j] * row[j];
		}
		entk_linalg_product_transposed(targets, row, outputs, 1, n, applied);
		for (size_t o = 0; o < outputs; o++)
			product += targets[o * n + i] * applied[o];
	}
	if (status == ENTK_OK) {
		/* |Y^T Y| = |Y Y^T|, and outputs are few. */
		entk_linalg_product_transposed(targets, targets, outputs, outputs, n, targets_gram);
		for (size_t i = 0; i < outputs * outputs; i++)
			target_square += targets_gram[i] * targets_gram[i];
		*alignment = square > 0 && target_square > 0 ? product / sqrt(square * target_square) : NAN;
	}
	free(targets_gram);
	free(row);
	free(applied);
	return status;
}

static double mean_of(const double *values, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += values[i];
	return sum / (double)n;
}

EntkStatus entk_spectrum_alignment(const double *kernel, size_t n, const double *targets, size_t outputs, double *plain,
				   double *centred, EntkError *error)
{
	double *means = entk_allocate(n, sizeof *means, "the kernel's means", error);
	double *varying = entk_linalg_matrix(outputs, n, "the centred targets", error);
	EntkStatus status =
		means && varying ? align(kernel, means, 0, n, targets, outputs, plain, error) : error->status;
	if (status == ENTK_OK) {
		for (size_t i = 0; i < n; i++)
			means[i] = mean_of(kernel + i * n, n);
		for (size_t o = 0; o < outputs; o++) {
			double mean = mean_of(targets + o * n, n);
			for (size_t i = 0; i < n; i++)
				varying[o * n + i] = targets[o * n + i] - mean;
		}
		status = align(kernel, means, mean_of(means, n), n, varying, outputs, centred, error);
	}
	free(means);
	free(varying);
	return status;
}
