/* Kernel regression: see regress.h. */
#include "regress.h"

#include "linalg.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define JITTER_FIRST 1e-12
#define JITTER_LAST  1e-6

static double mean_diagonal(const double *kernel, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += kernel[i * n + i];
	return n ? sum / (double)n : 0;
}

static double *allocate_matrix(size_t rows, size_t columns, const char *what, EntkError *error)
{
	size_t count;
	if (!entk_multiply(rows, columns, &count)) {
		entk_fail_memory(error, what, SIZE_MAX);
		return NULL;
	}
	return entk_allocate(count, sizeof(double), what, error);
}

/* ---- leave one out ------------------------------------------------------------------------------------------------ */

/* R^-1 = sum_k weights[k] w_k w_k^T with the rows w_k of `rows`. */
typedef struct Inverse {
	size_t n;
	const double *rows;    /* n x n */
	const double *weights; /* n; NULL: all 1 */
} Inverse;

/* diagonal[i] = (R^-1)_ii. */
static void inverse_diagonal(const Inverse *inverse, double *diagonal)
{
	size_t n = inverse->n;
	memset(diagonal, 0, n * sizeof *diagonal);
	for (size_t k = 0; k < n; k++) {
		const double *row = inverse->rows + k * n;
		double weight = inverse->weights ? inverse->weights[k] : 1;
		for (size_t i = 0; i < n; i++)
			diagonal[i] += weight * row[i] * row[i];
	}
}

/* block (size x size) of R^-1 at the samples `members`; `gathered` has n * size numbers. */
static void inverse_block(const Inverse *inverse, const size_t *members, size_t size, double *gathered, double *block)
{
	size_t n = inverse->n;
	for (size_t i = 0; i < size; i++)
		for (size_t k = 0; k < n; k++)
			gathered[i * n + k] =
				inverse->rows[k * n + members[i]] * (inverse->weights ? sqrt(inverse->weights[k]) : 1);
	entk_linalg_product_transposed(gathered, gathered, size, size, n, block);
}

/* Errors of one group's samples when the whole group is left out: (R^-1)_gg^-1 (R^-1 Y)_g, Schur's complement. */
static EntkStatus group_errors(const Inverse *inverse, const double *solved, size_t outputs, const size_t *members,
			       size_t size, double *errors, EntkError *error)
{
	size_t n = inverse->n;
	double *gathered = allocate_matrix(size, n, "a group's part of the inverse", error);
	double *block = allocate_matrix(size, size, "a group's part of the inverse", error);
	double *right = allocate_matrix(outputs, size, "a group's errors", error);
	EntkStatus status = gathered && block && right ? ENTK_OK : error->status;
	if (status == ENTK_OK) {
		inverse_block(inverse, members, size, gathered, block);
		for (size_t o = 0; o < outputs; o++)
			for (size_t i = 0; i < size; i++)
				right[o * size + i] = solved[o * n + members[i]];
		status = entk_linalg_cholesky(block, size, error);
	}
	if (status == ENTK_OK)
		status = entk_linalg_cholesky_solve(block, size, right, outputs, error);
	for (size_t o = 0; status == ENTK_OK && o < outputs; o++)
		for (size_t i = 0; i < size; i++)
			errors[o * n + members[i]] = right[o * size + i];
	free(gathered);
	free(block);
	free(right);
	return status;
}

/* One list of samples per group, laid end to end: starts has count + 1 entries. */
typedef struct Groups {
	size_t count;
	size_t *members, *starts;
} Groups;

typedef struct Member {
	size_t group, sample;
} Member;

static int compare_members(const void *a, const void *b)
{
	const Member *x = a, *y = b;
	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->sample < y->sample ? -1 : x->sample > y->sample;
}

static EntkStatus groups_create(const size_t *numbers, size_t n, Groups *groups, EntkError *error)
{
	memset(groups, 0, sizeof *groups);
	Member *sorted = entk_allocate(n, sizeof *sorted, "the groups", error);
	groups->members = entk_allocate(n, sizeof *groups->members, "the groups", error);
	groups->starts = entk_allocate(n + 1, sizeof *groups->starts, "the groups", error);
	if (!sorted || !groups->members || !groups->starts) {
		free(sorted);
		return error->status;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = (Member){numbers[i], i};
	qsort(sorted, n, sizeof *sorted, compare_members);
	for (size_t i = 0; i < n; i++) {
		groups->members[i] = sorted[i].sample;
		if (i == 0 || sorted[i].group != sorted[i - 1].group)
			groups->starts[groups->count++] = i;
	}
	groups->starts[groups->count] = n;
	free(sorted);
	return ENTK_OK;
}

static void groups_destroy(Groups *groups)
{
	free(groups->members);
	free(groups->starts);
}

/* errors (outputs x n): targets minus leave-one-out predictions. `solved` is R^-1 Y, `diagonal` that of R^-1. */
static EntkStatus loo_errors(const Inverse *inverse, const double *diagonal, const double *solved, size_t outputs,
			     const size_t *numbers, double *errors, EntkError *error)
{
	size_t n = inverse->n;
	for (size_t o = 0; o < outputs; o++)
		for (size_t i = 0; i < n; i++)
			errors[o * n + i] = solved[o * n + i] / diagonal[i];
	if (!numbers)
		return ENTK_OK;
	Groups groups;
	EntkStatus status = groups_create(numbers, n, &groups, error);
	for (size_t g = 0; status == ENTK_OK && g < groups.count; g++) {
		size_t size = groups.starts[g + 1] - groups.starts[g];
		if (size > 1)
			status = group_errors(inverse, solved, outputs, groups.members + groups.starts[g], size, errors,
					      error);
	}
	groups_destroy(&groups);
	return status;
}

/* Everything that leaving out tells, from R^-1 and R^-1 Y. `log_determinant` is R's. */
static EntkStatus merit_from(const Inverse *inverse, const double *solved, const double *targets, size_t outputs,
			     const size_t *groups, double log_determinant, EntkMerit *merit, double *loo,
			     EntkError *error)
{
	size_t n = inverse->n;
	double *diagonal = entk_allocate(n, sizeof *diagonal, "the inverse's diagonal", error);
	double *errors = allocate_matrix(outputs, n, "the leave-one-out errors", error);
	EntkStatus status = diagonal && errors ? ENTK_OK : error->status;
	if (status == ENTK_OK) {
		inverse_diagonal(inverse, diagonal);
		status = loo_errors(inverse, diagonal, solved, outputs, groups, errors, error);
	}
	if (status == ENTK_OK) {
		const double pi = 3.14159265358979323846;
		double squares = 0, scaled = 0, count = (double)outputs * (double)n;
		for (size_t i = 0; i < outputs * n; i++) {
			squares += errors[i] * errors[i];
			/* The error with sample i alone left out is solved / diagonal, and its variance 1 / diagonal. */
			scaled += solved[i] * solved[i] / diagonal[i % n];
		}
		merit->loo_mse = squares / count;
		merit->amplitude = scaled / count;
		/* The best scale is s = q / (n outputs). */
		double q = entk_linalg_dot(targets, solved, outputs * n),
		       rest = (double)outputs * (log_determinant + (double)n * log(2 * pi));
		merit->log_marginal = -0.5 * (q + rest);
		merit->log_evidence = -0.5 * (count * (log(q / count) + 1) + rest);
		for (size_t i = 0; loo && i < outputs * n; i++)
			loo[i] = targets[i] - errors[i];
	}
	free(diagonal);
	free(errors);
	return status;
}

/* ---- spectrum ------------------------------------------------------------------------------------------------------ */

EntkStatus entk_spectrum_create(const double *kernel, size_t n, EntkSpectrum *spectrum, EntkError *error)
{
	*spectrum = (EntkSpectrum){.n = n, .mean_diagonal = mean_diagonal(kernel, n)};
	spectrum->vectors = allocate_matrix(n, n, "the eigenvectors", error);
	spectrum->values = entk_allocate(n, sizeof *spectrum->values, "the eigenvalues", error);
	EntkStatus status = spectrum->vectors && spectrum->values ? ENTK_OK : error->status;
	if (status == ENTK_OK) {
		memcpy(spectrum->vectors, kernel, n * n * sizeof *kernel);
		status = entk_linalg_eigen(spectrum->vectors, n, spectrum->values, error);
	}
	if (status != ENTK_OK)
		entk_spectrum_destroy(spectrum);
	return status;
}

void entk_spectrum_destroy(EntkSpectrum *spectrum)
{
	free(spectrum->vectors);
	free(spectrum->values);
	memset(spectrum, 0, sizeof *spectrum);
}

double entk_spectrum_noise(const EntkSpectrum *spectrum)
{
	return spectrum->n ? (double)spectrum->n * DBL_EPSILON * fabs(spectrum->values[spectrum->n - 1]) : 0;
}

/* rows (m x n) become rows V^T diag(weights) V. */
static EntkStatus apply_weights(const double *vectors, const double *weights, size_t n, double *rows, size_t m,
				EntkError *error)
{
	double *projected = allocate_matrix(m, n, "projections on the eigenvectors", error);
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
	double *solved = allocate_matrix(outputs, n, "the solution", error);
	EntkStatus status = weights && solved ? ENTK_OK : error->status;
	if (status == ENTK_OK) {
		for (size_t k = 0; k < n; k++) {
			weights[k] = 1 / (spectrum->values[k] + r);
			log_determinant += log(spectrum->values[k] + r);
		}
		memcpy(solved, targets, outputs * n * sizeof *solved);
		status = apply_weights(spectrum->vectors, weights, n, solved, outputs, error);
	}
	if (status == ENTK_OK) {
		Inverse inverse = {n, spectrum->vectors, weights};
		status = merit_from(&inverse, solved, targets, outputs, groups, log_determinant, merit, loo, error);
	}
	free(weights);
	free(solved);
	return status;
}

/* ---- ridges -------------------------------------------------------------------------------------------------------- */

const char *entk_ridge_rule_name(EntkRidgeRule rule)
{
	switch (rule) {
	case ENTK_RIDGE_FIXED:
		return "fixed";
	case ENTK_RIDGE_LOO:
		return "loo";
	case ENTK_RIDGE_EVIDENCE:
		return "evidence";
	}
	return "";
}

EntkStatus entk_ridge_parse(const char *option, const char *text, EntkRidgeRule *rule, double *ridge, EntkError *error)
{
	char *end;
	*rule = ENTK_RIDGE_FIXED;
	if (strcmp(text, "loo") == 0)
		*rule = ENTK_RIDGE_LOO;
	else if (strcmp(text, "evidence") == 0)
		*rule = ENTK_RIDGE_EVIDENCE;
	if (*rule != ENTK_RIDGE_FIXED)
		return ENTK_OK;
	*ridge = strtod(text, &end);
	if (end == text || *end || !(*ridge >= 0 && *ridge <= 1e6)) {
		entk_fail(error, ENTK_USAGE, option, "expected a number from 0 to 1e6, loo or evidence, got \"%s\"",
			  text);
		return entk_fix(error, "the ridge is relative to the mean of the Gram's diagonal");
	}
	return ENTK_OK;
}

double entk_ridge_grid(size_t i)
{
	return pow(10, -8 + 0.5 * (double)i);
}

EntkStatus entk_spectrum_choose(const EntkSpectrum *spectrum, EntkRidgeRule rule, const double *targets, size_t outputs,
				const size_t *groups, double *ridge, EntkError *error)
{
	double best = INFINITY;
	for (size_t i = 0; i < ENTK_RIDGE_GRID; i++) {
		EntkMerit merit;
		double r = entk_ridge_grid(i) * spectrum->mean_diagonal;
		EntkStatus status = entk_spectrum_merit(spectrum, r, targets, outputs, groups, &merit, NULL, error);
		if (status == ENTK_NUMERICAL)
			continue;
		if (status != ENTK_OK)
			return status;
		double cost = rule == ENTK_RIDGE_EVIDENCE ? -merit.log_evidence : merit.loo_mse;
		/* Of equals the larger ridge: it is the better conditioned one. */
		if (cost <= best) {
			best = cost;
			*ridge = entk_ridge_grid(i);
		}
	}
	if (isfinite(best))
		return ENTK_OK;
	return entk_fail(error, ENTK_NUMERICAL, NULL,
			 "the Gram matrix is not positive definite with any ridge up to %g",
			 entk_ridge_grid(ENTK_RIDGE_GRID - 1));
}

/* ---- fit ----------------------------------------------------------------------------------------------------------- */

void entk_regress_destroy(EntkRegression *regression)
{
	free(regression->alpha);
	free(regression->factor);
	free(regression->values);
	free(regression->loo);
	memset(regression, 0, sizeof *regression);
}

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

/* factor = Cholesky of A + shift, with as little jitter as it takes. */
static EntkStatus factorize(const double *kernel, EntkRegression *regression, EntkError *error)
{
	size_t n = regression->n;
	for (;;) {
		set_shift(regression);
		memcpy(regression->factor, kernel, n * n * sizeof *kernel);
		for (size_t i = 0; i < n; i++)
			regression->factor[i * n + i] += regression->shift;
		double norm = entk_linalg_norm(regression->factor, n);
		EntkStatus status = entk_linalg_cholesky(regression->factor, n, error);
		if (status == ENTK_OK)
			return entk_linalg_cholesky_condition(regression->factor, n, norm, &regression->condition,
							      error);
		if (status != ENTK_NUMERICAL)
			return status;
		if (!next_jitter(regression))
			return too_indefinite(regression, error);
	}
}

/* merit and loo from the Cholesky factor: R^-1 = W^T W with W = L^-1. */
static EntkStatus merit_of_factor(const double *targets, const size_t *groups, EntkRegression *regression,
				  EntkError *error)
{
	size_t n = regression->n;
	double log_determinant = 0;
	double *inverse = allocate_matrix(n, n, "the inverse", error);
	if (!inverse)
		return error->status;
	for (size_t i = 0; i < n; i++) {
		memcpy(inverse + i * n, regression->factor + i * n,
		       (i + 1) * sizeof *inverse); /* above the diagonal: zeros */
		log_determinant += 2 * log(regression->factor[i * n + i]);
	}
	EntkStatus status = entk_linalg_invert_lower(inverse, n, error);
	if (status == ENTK_OK) {
		Inverse rows = {n, inverse, NULL};
		status = merit_from(&rows, regression->alpha, targets, regression->outputs, groups, log_determinant,
				    &regression->merit, regression->loo, error);
	}
	free(inverse);
	return status;
}

static EntkStatus fit_cholesky(const double *kernel, const double *targets, const size_t *groups,
			       EntkRegression *regression, EntkError *error)
{
	size_t n = regression->n;
	regression->factor = allocate_matrix(n, n, "the Cholesky factor", error);
	if (!regression->factor)
		return error->status;
	EntkStatus status = factorize(kernel, regression, error);
	if (status == ENTK_OK)
		status = entk_linalg_cholesky_solve(regression->factor, n, regression->alpha, regression->outputs,
						    error);
	return status == ENTK_OK ? merit_of_factor(targets, groups, regression, error) : status;
}

/* f(t) at the eigenvalue w of R. An eigenvalue that is zero up to rounding has no component in any kernel row: it counts
 * as in the pseudo-inverse, not as 1/0. */
static double flow(const EntkRegression *regression, double w, double time)
{
	double largest = regression->values[regression->n - 1];
	if (w <= (double)regression->n * DBL_EPSILON * largest)
		return 0;
	if (isinf(time))
		return 1 / w;
	return -expm1(-w * time / ((double)regression->n * (double)regression->outputs)) / w;
}

static EntkStatus flow_weights(const EntkRegression *regression, double time, double **weights, EntkError *error)
{
	*weights = entk_allocate(regression->n, sizeof **weights, "the eigenvalues", error);
	if (!*weights)
		return error->status;
	for (size_t k = 0; k < regression->n; k++)
		(*weights)[k] = flow(regression, regression->values[k], time);
	return ENTK_OK;
}

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

/* Everything but `factor`. */
static EntkStatus fit_spectrum(const EntkSpectrum *spectrum, const double *targets, const EntkRegressOptions *options,
			       EntkRegression *regression, EntkError *error)
{
	size_t n = regression->n;
	double *weights = NULL;
	EntkStatus status = ENTK_OK;
	if (options->rule != ENTK_RIDGE_FIXED)
		status = entk_spectrum_choose(spectrum, options->rule, targets, regression->outputs, options->groups,
					      &regression->ridge, error);
	if (status == ENTK_OK)
		status = shift_spectrum(spectrum, regression, error);
	if (status == ENTK_OK) {
		/* A singular matrix is no obstacle at finite times, but it has no marginal likelihood. */
		status = entk_spectrum_merit(spectrum, regression->shift, targets, regression->outputs, options->groups,
					     &regression->merit, regression->loo, error);
		if (status == ENTK_NUMERICAL && !isinf(regression->time))
			status = ENTK_OK;
	}
	if (status != ENTK_OK)
		return status;
	regression->values = entk_allocate(n, sizeof *regression->values, "the eigenvalues", error);
	if (!regression->values)
		return error->status;
	for (size_t k = 0; k < n; k++)
		regression->values[k] = spectrum->values[k] + regression->shift;
	double least = regression->values[0];
	regression->condition = least > 0 ? regression->values[n - 1] / least : INFINITY;
	status = flow_weights(regression, regression->time, &weights, error);
	if (status == ENTK_OK)
		status = apply_weights(spectrum->vectors, weights, n, regression->alpha, regression->outputs, error);
	free(weights);
	return status;
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
		.merit = {NAN, NAN, NAN, NAN},
	};
	if (n == 0 || outputs == 0)
		return entk_fail(error, ENTK_INPUT, NULL, "nothing to learn from: %zu samples with %zu targets", n,
				 outputs);
	regression->alpha = allocate_matrix(outputs, n, "the solution", error);
	if (isinf(options->time))
		regression->loo = allocate_matrix(outputs, n, "the leave-one-out predictions", error);
	if (!regression->alpha || (isinf(options->time) && !regression->loo))
		return error->status;
	memcpy(regression->alpha, targets, outputs * n * sizeof *targets);
	return ENTK_OK;
}

static EntkStatus end_fit(EntkStatus status, EntkRegression *regression, EntkError *error)
{
	for (size_t i = 0; status == ENTK_OK && i < regression->outputs * regression->n; i++)
		if (!isfinite(regression->alpha[i])) {
			entk_fail(error, ENTK_NUMERICAL, NULL, "the solution is not finite");
			status = entk_fix(error, "raise --ridge, or scale the targets");
		}
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
	return end_fit(status, regression, error);
}

EntkStatus entk_regress_fit(const double *kernel, size_t n, const double *targets, size_t outputs,
			    const EntkRegressOptions *options, EntkRegression *regression, EntkError *error)
{
	EntkSpectrum spectrum;
	EntkStatus status = begin_fit(n, mean_diagonal(kernel, n), targets, outputs, options, regression, error);
	if (status == ENTK_OK && isinf(options->time) && options->rule == ENTK_RIDGE_FIXED) {
		status = fit_cholesky(kernel, targets, options->groups, regression, error);
	} else if (status == ENTK_OK) {
		status = entk_spectrum_create(kernel, n, &spectrum, error);
		if (status == ENTK_OK) {
			status = fit_spectrum(&spectrum, targets, options, regression, error);
			regression->factor = spectrum.vectors;
			spectrum.vectors = NULL;
			entk_spectrum_destroy(&spectrum);
		}
	}
	return end_fit(status, regression, error);
}

/* ---- prediction ---------------------------------------------------------------------------------------------------- */

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

/* rows (m x n) become rows f(time). */
static EntkStatus apply_flow(const EntkRegression *regression, double time, double *rows, size_t m, EntkError *error)
{
	double *weights;
	if (!regression->values)
		return entk_linalg_cholesky_solve(regression->factor, regression->n, rows, m, error);
	EntkStatus status = flow_weights(regression, time, &weights, error);
	if (status == ENTK_OK)
		status = apply_weights(regression->factor, weights, regression->n, rows, m, error);
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
	spread->left = allocate_matrix(m, n, "the covariance", error);
	if (!spread->left)
		return error->status;
	if (!regression->ntk)
		return half_product(regression, 2 * regression->time, cross->cross, m, spread->left, error);
	spread->right = allocate_matrix(m, n, "the covariance", error);
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
		mixed = allocate_matrix(m, m, "the covariance", error);
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
	double *half = allocate_matrix(m, n, "the variances", error);
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
