/* Means and covariances of predictions: see regress.h. */
#include "regress/regress.h"

#include "numerics/linalg.h"
#include "regress/flow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void entk_regress_mean(const EntkRegression *regression, const double *cross, size_t m, double *mean)
{
	entk_linalg_product_transposed(cross, regression->alpha, m, regression->outputs, regression->n, mean);
}

static EntkStatus need_factor(const EntkRegression *regression, EntkError *error)
{
	if (regression->factor)
		return ENTK_OK;
	return entk_fail(error, ENTK_INTERNAL, NULL, "a regression without factor has no covariance");
}

/* f(time) at R's eigenvalues; the caller frees *weights. */
static EntkStatus flow_weights(const EntkRegression *regression, double time, double **weights, EntkError *error)
{
	*weights = entk_allocate(regression->n, sizeof **weights, "the eigenvalues", error);
	if (!*weights)
		return error->status;
	entk_flow_weights(regression->values, 0, regression->n, regression->outputs, time, *weights);
	return ENTK_OK;
}

/* rows (m x n) become rows f(time). */
static EntkStatus apply_flow(const EntkRegression *regression, double time, double *rows, size_t m, EntkError *error)
{
	double *weights;
	if (!regression->values && regression->inverted) {
		entk_linalg_multiply_lower(regression->factor, regression->n, false, rows, m);
		entk_linalg_multiply_lower(regression->factor, regression->n, true, rows, m);
		return ENTK_OK;
	}
	if (!regression->values)
		return entk_linalg_cholesky_solve(regression->factor, regression->n, rows, m, error);
	EntkStatus status = flow_weights(regression, time, &weights, error);
	if (status == ENTK_OK)
		status = entk_spectrum_apply(regression->factor, weights, regression->n, rows, m, error);
	free(weights);
	return status;
}

/* half (m x n) with half half^T = cross f(time) cross^T. */
static EntkStatus half_product(const EntkRegression *regression, double time, const double *cross, size_t m,
			       double *half, EntkError *error)
{
	size_t n = regression->n;
	double *weights;
	if (!regression->values) {
		memcpy(half, cross, m * n * sizeof *half);
		if (regression->inverted)
			entk_linalg_multiply_lower(regression->factor, n, false, half, m);
		else
			entk_linalg_forward_solve(regression->factor, n, half, m);
		return ENTK_OK;
	}
	EntkStatus status = flow_weights(regression, time, &weights, error);
	if (status != ENTK_OK)
		return status;
	entk_linalg_product_transposed(cross, regression->factor, m, n, n, half);
	for (size_t i = 0; i < m; i++)
		for (size_t k = 0; k < n; k++)
			half[i * n + k] *= sqrt(weights[k]);
	free(weights);
	return ENTK_OK;
}

/* What both kinds of (co)variance are made of. NNGP: `left` = half product, cov = K** - left left^T. NTK: `left` = B, `right` = B K,
 * cov = K** + right left^T - (left K*^T + K* left^T). */
typedef struct Spread {
	double *left, *right;
} Spread;

static EntkStatus spread_create(const EntkRegression *regression, const EntkCross *cross, Spread *spread,
				EntkError *error)
{
	size_t n = regression->n, m = cross->m;
	memset(spread, 0, sizeof *spread);
	if (need_factor(regression, error) != ENTK_OK)
		return error->status;
	spread->left = entk_linalg_matrix(m, n, "the covariance", error);
	if (!spread->left)
		return error->status;
	if (!regression->ntk)
		return half_product(regression, 2 * regression->time, cross->cross, m, spread->left, error);
	spread->right = entk_linalg_matrix(m, n, "the covariance", error);
	if (!spread->right)
		return error->status;
	memcpy(spread->left, cross->cross, m * n * sizeof *spread->left);
	EntkStatus status = apply_flow(regression, regression->time, spread->left, m, error);
	if (status == ENTK_OK)
		entk_linalg_product(spread->left, cross->nngp_train, m, n, n, spread->right);
	return status;
}

static void spread_destroy(Spread *spread)
{
	free(spread->left);
	free(spread->right);
}

EntkStatus entk_regress_covariance(const EntkRegression *regression, const EntkCross *cross, double *cov,
				   EntkError *error)
{
	size_t n = regression->n, m = cross->m;
	Spread spread;
	double *mixed = NULL;
	EntkStatus status = spread_create(regression, cross, &spread, error);
	if (status == ENTK_OK && regression->ntk) {
		mixed = entk_linalg_matrix(m, m, "the covariance", error);
		status = mixed ? ENTK_OK : error->status;
	}
	if (status == ENTK_OK) {
		entk_linalg_product_transposed(regression->ntk ? spread.right : spread.left, spread.left, m, m, n, cov);
		if (mixed)
			entk_linalg_product_transposed(spread.left, cross->cross_nngp, m, m, n, mixed);
		/* The products are symmetric up to rounding; the result is so exactly. */
		for (size_t i = 0; i < m; i++)
			for (size_t j = 0; j <= i; j++) {
				double product = 0.5 * (cov[i * m + j] + cov[j * m + i]);
				double value = mixed ? product - (mixed[i * m + j] + mixed[j * m + i]) : -product;
				cov[i * m + j] = cov[j * m + i] = cross->nngp_test[i * m + j] + value;
			}
	}
	free(mixed);
	spread_destroy(&spread);
	return status;
}

EntkStatus entk_regress_variance(const EntkRegression *regression, const EntkCross *cross, double *var,
				 EntkError *error)
{
	size_t n = regression->n;
	Spread spread;
	EntkStatus status = spread_create(regression, cross, &spread, error);
	for (size_t i = 0; status == ENTK_OK && i < cross->m; i++) {
		const double *left = spread.left + i * n;
		double value = cross->nngp_test[i];
		if (regression->ntk)
			value += entk_linalg_dot(spread.right + i * n, left, n) -
				 2 * entk_linalg_dot(left, cross->cross_nngp + i * n, n);
		else
			value -= entk_linalg_dot(left, left, n);
		var[i] = value > 0 ? value : 0;
	}
	spread_destroy(&spread);
	return status;
}

EntkStatus entk_regress_posterior(const EntkRegression *regression, const double *cross, const double *diagonal,
				  size_t m, double *var, EntkError *error)
{
	size_t n = regression->n;
	if (need_factor(regression, error) != ENTK_OK)
		return error->status;
	double *half = entk_linalg_matrix(m, n, "the variances", error);
	if (!half)
		return error->status;
	EntkStatus status = half_product(regression, INFINITY, cross, m, half, error);
	for (size_t i = 0; status == ENTK_OK && i < m; i++) {
		double value = diagonal[i] - entk_linalg_dot(half + i * n, half + i * n, n);
		var[i] = (value > 0 ? value : 0) + regression->shift;
	}
	free(half);
	return status;
}
