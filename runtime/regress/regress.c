/* Fitting a kernel regression: see regress.h. Predictions are in predictions.c. */
#include "regress/regress.h"

#include "numerics/linalg.h"
#include "regress/choose.h"
#include "regress/flow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define JITTER_FIRST 1e-12
#define JITTER_LAST  1e-6

void entk_regress_destroy(EntkRegression *regression)
{
	free(regression->alpha);
	free(regression->values);
	free(regression->diagonal);
	free(regression->loo);
	memset(regression, 0, sizeof *regression);
}

bool entk_regress_needs_spectrum(const EntkRegressOptions *options)
{
	return !isinf(options->time) || entk_ridge_chosen(options->rule);
}

double entk_regress_max_learning_rate(const EntkRegression *regression)
{
	return 2 * (double)regression->n * (double)regression->outputs / regression->largest;
}

/* ---- jitter ------------------------------------------------------------------------------------------------------ */

static EntkStatus too_indefinite(const EntkRegression *regression, EntkError *error)
{
	entk_fail(error, ENTK_NUMERICAL, NULL,
		  "the Gram matrix of %zu samples is not positive definite with ridge %g, nor with %g more",
		  regression->n, regression->ridge, JITTER_LAST);
	return entk_fix(error, "raise --ridge, remove repeated samples, or compile with --precision=f64");
}

/* The next jitter to try; false after the last. */
static bool next_jitter(EntkRegression *regression)
{
	double next = regression->jitter > 0 ? 10 * regression->jitter : JITTER_FIRST;
	if (next > 1.5 * JITTER_LAST || !(regression->mean_diagonal > 0))
		return false;
	regression->jitter = next;
	return true;
}

static void set_shift(EntkRegression *regression)
{
	regression->shift = (regression->ridge + regression->jitter) * regression->mean_diagonal;
}

/* ---- Cholesky ---------------------------------------------------------------------------------------------------- */

static void set_diagonal(const EntkRegression *regression, double shift)
{
	for (size_t i = 0; i < regression->n; i++)
		regression->factor[i * regression->n + i] = regression->diagonal[i] + shift;
}

static void take_diagonal(EntkRegression *regression)
{
	for (size_t i = 0; i < regression->n; i++)
		regression->diagonal[i] = regression->factor[i * regression->n + i];
}

void entk_regress_restore(EntkRegression *regression)
{
	entk_linalg_mirror(regression->factor, regression->n);
	set_diagonal(regression, 0);
	regression->factor = NULL;
	regression->inverted = false;
}

/* The lower triangle of `factor` becomes Cholesky's of A + shift, with as little jitter as it takes. A failed try leaves the upper
 * triangle as it was, from which the next one starts. */
static EntkStatus factorize(EntkRegression *regression, EntkError *error)
{
	size_t n = regression->n;
	take_diagonal(regression);
	for (;;) {
		set_shift(regression);
		set_diagonal(regression, regression->shift);
		double norm = entk_linalg_norm(regression->factor, n);
		EntkStatus status = entk_linalg_largest(regression->factor, n, &regression->largest, error);
		if (status == ENTK_OK)
			status = entk_linalg_cholesky(regression->factor, n, error);
		if (status == ENTK_OK)
			return entk_linalg_cholesky_condition(regression->factor, n, norm, &regression->condition,
							      error);
		if (status != ENTK_NUMERICAL)
			return status;
		if (!next_jitter(regression))
			return too_indefinite(regression, error);
		entk_linalg_mirror(regression->factor, n);
	}
}

/* Leave-one-out from R^-1 = W^T W with W = L^-1, which takes the place of L. */
static EntkStatus leave_one_out(const double *targets, const size_t *groups, EntkRegression *regression,
				EntkError *error)
{
	size_t n = regression->n, outputs = regression->outputs;
	EntkInverse inverse = {n, regression->factor, NULL, true};
	regression->loo = entk_linalg_matrix(outputs, n, "the leave-one-out predictions", error);
	if (!regression->loo)
		return error->status;
	EntkStatus status = entk_linalg_invert_lower(regression->factor, n, error);
	regression->inverted = status == ENTK_OK;
	if (status == ENTK_OK)
		status = entk_merit_leave_one_out(&inverse, regression->alpha, targets, outputs, groups,
						  &regression->merit, regression->loo, error);
	return status;
}

static EntkStatus fit_cholesky(double *kernel, const double *targets, const EntkRegressOptions *options,
			       EntkRegression *regression, EntkError *error)
{
	size_t n = regression->n;
	double log_determinant = 0;
	regression->factor = kernel;
	regression->diagonal = entk_allocate(n, sizeof *regression->diagonal, "the Gram's diagonal", error);
	EntkStatus status = regression->diagonal ? factorize(regression, error) : error->status;
	if (status == ENTK_OK)
		status = entk_linalg_cholesky_solve(regression->factor, n, regression->alpha, regression->outputs,
						    error);
	if (status != ENTK_OK)
		return status;
	for (size_t i = 0; i < n; i++)
		log_determinant += 2 * log(regression->factor[i * n + i]);
	entk_merit_likelihood(regression->alpha, targets, regression->outputs, n, log_determinant, &regression->merit);
	return options->skip_loo ? ENTK_OK : leave_one_out(targets, options->groups, regression, error);
}

/* ---- eigenvectors ------------------------------------------------------------------------------------------------ */

/* The least shift at which the spectrum is positive (t = infinity), or not negative beyond rounding (finite t, where
 * f(t) is finite at 0). */
static EntkStatus shift_spectrum(const EntkSpectrum *spectrum, EntkRegression *regression, EntkError *error)
{
	double noise = entk_spectrum_noise(spectrum);
	for (;;) {
		set_shift(regression);
		double least = spectrum->values[0] + regression->shift;
		if (least > (isinf(regression->time) ? noise : -noise))
			return ENTK_OK;
		if (!next_jitter(regression))
			return too_indefinite(regression, error);
	}
}

static EntkStatus spectrum_merit(const EntkSpectrum *spectrum, const double *targets, const EntkRegressOptions *options,
				 EntkRegression *regression, EntkError *error)
{
	if (isinf(regression->time)) {
		regression->loo =
			entk_linalg_matrix(regression->outputs, regression->n, "the leave-one-out predictions", error);
		if (!regression->loo)
			return error->status;
	}
	EntkStatus status = entk_spectrum_merit(spectrum, regression->shift, targets, regression->outputs,
						options->groups, &regression->merit, regression->loo, error);
	/* A singular matrix is no obstacle at finite times, but it has no marginal likelihood. */
	return status == ENTK_NUMERICAL && !isinf(regression->time) ? ENTK_OK : status;
}

/* Everything but `factor`. */
static EntkStatus fit_spectrum(const EntkSpectrum *spectrum, const double *targets, const EntkRegressOptions *options,
			       EntkRegression *regression, EntkError *error)
{
	size_t n = regression->n;
	EntkStatus status = ENTK_OK;
	if (entk_ridge_chosen(options->rule))
		status = entk_ridge_choose(spectrum, options, targets, regression->outputs, &regression->ridge, error);
	if (status == ENTK_OK)
		status = shift_spectrum(spectrum, regression, error);
	if (status == ENTK_OK)
		status = spectrum_merit(spectrum, targets, options, regression, error);
	if (status != ENTK_OK)
		return status;
	double *weights = entk_allocate(n, sizeof *weights, "the eigenvalues", error);
	regression->values = entk_allocate(n, sizeof *regression->values, "the eigenvalues", error);
	if (weights && regression->values) {
		for (size_t k = 0; k < n; k++)
			regression->values[k] = spectrum->values[k] + regression->shift;
		double least = regression->values[0];
		regression->largest = regression->values[n - 1];
		regression->condition = least > 0 ? regression->largest / least : INFINITY;
		entk_flow_weights(regression->values, 0, n, regression->outputs, regression->time, weights);
		status = entk_spectrum_apply(spectrum->vectors, weights, n, regression->alpha, regression->outputs,
					     error);
	} else {
		status = error->status;
	}
	free(weights);
	return status;
}

/* ---- fit --------------------------------------------------------------------------------------------------------- */

/* A ridge that was given as it is, relative to the mean diagonal. */
static EntkStatus absolute_ridge(const EntkRegressOptions *options, EntkRegression *regression, EntkError *error)
{
	if (options->rule != ENTK_RIDGE_ABSOLUTE)
		return ENTK_OK;
	if (!(regression->mean_diagonal > 0))
		return entk_fail(error, ENTK_NUMERICAL, NULL,
				 "the Gram matrix is not positive definite: the mean of its diagonal is %g",
				 regression->mean_diagonal);
	regression->ridge = options->ridge / regression->mean_diagonal;
	return ENTK_OK;
}

/* Members that do not depend on how the system is solved; alpha starts as the targets. */
static EntkStatus begin_fit(size_t n, double mean, const double *targets, size_t outputs,
			    const EntkRegressOptions *options, EntkRegression *regression, EntkError *error)
{
	*regression = (EntkRegression){
		.n = n,
		.outputs = outputs,
		.ntk = options->ntk,
		.time = options->time,
		.ridge = options->ridge,
		.mean_diagonal = mean,
		.merit = {NAN, NAN, NAN, NAN, NAN},
	};
	if (n == 0 || outputs == 0)
		return entk_fail(error, ENTK_INPUT, NULL, "nothing to learn from: %zu samples with %zu targets", n,
				 outputs);
	if (absolute_ridge(options, regression, error) != ENTK_OK)
		return error->status;
	regression->alpha = entk_linalg_matrix(outputs, n, "the solution", error);
	if (!regression->alpha)
		return error->status;
	memcpy(regression->alpha, targets, outputs * n * sizeof *targets);
	return ENTK_OK;
}

static EntkStatus find_val_mse(const EntkValidation *validation, EntkRegression *regression, EntkError *error)
{
	double *mean = entk_linalg_matrix(validation->count, regression->outputs, "the predictions", error);
	if (!mean)
		return error->status;
	entk_regress_mean(regression, validation->cross, validation->count, mean);
	regression->merit.val_mse = entk_validation_error(validation, mean, regression->outputs);
	free(mean);
	return ENTK_OK;
}

static EntkStatus end_fit(EntkStatus status, const EntkRegressOptions *options, EntkRegression *regression,
			  EntkError *error)
{
	for (size_t i = 0; status == ENTK_OK && i < regression->outputs * regression->n; i++)
		if (!isfinite(regression->alpha[i])) {
			entk_fail(error, ENTK_NUMERICAL, NULL, "the solution is not finite");
			status = entk_fix(error, "raise --ridge, or scale the targets");
		}
	if (status == ENTK_OK && options->validation)
		status = find_val_mse(options->validation, regression, error);
	/* A network that was not trained to the end has no closed form of leaving one out. */
	if (!isinf(regression->time))
		regression->merit.loo_mse = regression->merit.amplitude = NAN;
	if (status != ENTK_OK)
		entk_regress_destroy(regression);
	return status;
}

EntkStatus entk_regress_fit_spectrum(const EntkSpectrum *spectrum, const double *targets, size_t outputs,
				     const EntkRegressOptions *options, EntkRegression *regression, EntkError *error)
{
	EntkStatus status =
		begin_fit(spectrum->n, spectrum->mean_diagonal, targets, outputs, options, regression, error);
	if (status == ENTK_OK)
		status = fit_spectrum(spectrum, targets, options, regression, error);
	return end_fit(status, options, regression, error);
}

EntkStatus entk_regress_fit(double *kernel, size_t n, const double *targets, size_t outputs,
			    const EntkRegressOptions *options, EntkRegression *regression, EntkError *error)
{
	EntkSpectrum spectrum;
	EntkStatus status =
		begin_fit(n, entk_linalg_mean_diagonal(kernel, n), targets, outputs, options, regression, error);
	if (status == ENTK_OK && !entk_regress_needs_spectrum(options)) {
		status = fit_cholesky(kernel, targets, options, regression, error);
	} else if (status == ENTK_OK) {
		status = entk_spectrum_create(kernel, n, &spectrum, error);
		if (status == ENTK_OK) {
			status = fit_spectrum(&spectrum, targets, options, regression, error);
			regression->factor = spectrum.vectors;
			entk_spectrum_destroy(&spectrum);
		}
	}
	return end_fit(status, options, regression, error);
}
