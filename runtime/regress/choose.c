/* Choosing a ridge: see choose.h. */
#include "regress/choose.h"

#include "numerics/linalg.h"
#include "regress/flow.h"

#include <math.h>
#include <stdlib.h>

/* What validation takes beside the ridge: kernels and targets, projected on the eigenvectors. */
typedef struct Projected {
	double *cross;   /* count x n */
	double *targets; /* outputs x n */
	double *weighted, *weights, *mean;
} Projected;

static void projected_destroy(Projected *projected)
{
	free(projected->cross);
	free(projected->targets);
	free(projected->weighted);
	free(projected->weights);
	free(projected->mean);
}

static EntkStatus projected_create(const EntkSpectrum *spectrum, const EntkValidation *validation,
				   const double *targets, size_t outputs, Projected *projected, EntkError *error)
{
	size_t n = spectrum->n;
	const char *what = "projections on the eigenvectors";
	*projected = (Projected){
		.cross = entk_linalg_matrix(validation->count, n, what, error),
		.targets = entk_linalg_matrix(outputs, n, what, error),
		.weighted = entk_linalg_matrix(outputs, n, what, error),
		.weights = entk_linalg_matrix(1, n, what, error),
		.mean = entk_linalg_matrix(validation->count, outputs, what, error),
	};
	if (!projected->cross || !projected->targets || !projected->weighted || !projected->weights || !projected->mean)
		return error->status;
	entk_linalg_product_transposed(validation->cross, spectrum->vectors, validation->count, n, n, projected->cross);
	entk_linalg_product_transposed(targets, spectrum->vectors, outputs, n, n, projected->targets);
	return ENTK_OK;
}

/* mean: count x outputs. */
double entk_validation_error(const EntkValidation *validation, const double *mean, size_t outputs)
{
	double squares = 0;
	for (size_t i = 0; i < validation->count; i++)
		for (size_t o = 0; o < outputs; o++) {
			double d = mean[i * outputs + o] - validation->targets[o * validation->count + i];
			squares += d * d;
		}
	return squares / ((double)validation->count * (double)outputs);
}

static double projected_error(const EntkSpectrum *spectrum, const EntkValidation *validation, double r, double time,
			      size_t outputs, Projected *projected)
{
	size_t n = spectrum->n;
	entk_flow_weights(spectrum->values, r, n, outputs, time, projected->weights);
	for (size_t o = 0; o < outputs; o++)
		for (size_t k = 0; k < n; k++)
			projected->weighted[o * n + k] = projected->weights[k] * projected->targets[o * n + k];
	entk_linalg_product_transposed(projected->cross, projected->weighted, validation->count, outputs, n,
				       projected->mean);
	return entk_validation_error(validation, projected->mean, outputs);
}

/* What a rule makes least, at one ridge; ENTK_NUMERICAL where the matrix is not definite with it. */
static EntkStatus cost_of(const EntkSpectrum *spectrum, const EntkRegressOptions *options, double r,
			  const double *targets, size_t outputs, Projected *projected, double *cost, EntkError *error)
{
	EntkMerit merit;
	if (options->rule == ENTK_RIDGE_VALIDATION) {
		double least = spectrum->values[0] + r, noise = entk_spectrum_noise(spectrum);
		if (!(least > (isinf(options->time) ? noise : -noise)))
			return entk_fail(error, ENTK_NUMERICAL, NULL, "the Gram matrix is not positive definite");
		*cost = projected_error(spectrum, options->validation, r, options->time, outputs, projected);
		return ENTK_OK;
	}
	EntkStatus status = entk_spectrum_merit(spectrum, r, targets, outputs, options->groups, &merit, NULL, error);
	*cost = options->rule == ENTK_RIDGE_EVIDENCE ? -merit.log_evidence : merit.loo_mse;
	return status;
}

/* The best relative ridge of the grid. */
static EntkStatus search_grid(const EntkSpectrum *spectrum, const EntkRegressOptions *options, const double *targets,
			      size_t outputs, Projected *projected, double *ridge, EntkError *error)
{
	double best = INFINITY;
	bool found = false; /* targets that are all 0 are reproduced exactly: their evidence is infinite */
	for (size_t i = 0; i < ENTK_RIDGE_GRID; i++) {
		double cost = INFINITY, r = entk_ridge_grid(i) * spectrum->mean_diagonal;
		EntkStatus status = cost_of(spectrum, options, r, targets, outputs, projected, &cost, error);
		if (status == ENTK_NUMERICAL)
			continue;
		if (status != ENTK_OK)
			return status;
		/* Of equals the larger ridge: it is the better conditioned one. */
		if (cost <= best) {
			best = cost;
			found = true;
			*ridge = entk_ridge_grid(i);
		}
	}
	if (found)
		return ENTK_OK;
	return entk_fail(error, ENTK_NUMERICAL, NULL,
			 "the Gram matrix is not positive definite with any ridge up to %g",
			 entk_ridge_grid(ENTK_RIDGE_GRID - 1));
}

EntkStatus entk_ridge_choose(const EntkSpectrum *spectrum, const EntkRegressOptions *options, const double *targets,
			     size_t outputs, double *ridge, EntkError *error)
{
	Projected projected = {0};
	EntkStatus status = ENTK_OK;
	if (options->rule == ENTK_RIDGE_VALIDATION && !options->validation)
		return entk_fail(error, ENTK_INTERNAL, NULL, "no validation part to choose the ridge on");
	if (options->rule == ENTK_RIDGE_VALIDATION)
		status = projected_create(spectrum, options->validation, targets, outputs, &projected, error);
	if (status == ENTK_OK)
		status = search_grid(spectrum, options, targets, outputs, &projected, ridge, error);
	projected_destroy(&projected);
	return status;
}
