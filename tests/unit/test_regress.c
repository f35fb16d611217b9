/* Kernel regression: the golden predictions, and what must hold for any kernel, by brute force. */
#include "numerics/linalg.h"
#include "arrays/npz.h"
#include "regress/regress.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The golden predictions were made in double precision too, with R^-1 written out; condition numbers reach 2e5. */
#define GOLDEN_TOLERANCE 1e-9

/* A fit takes the kernel matrix for its own work: give it a copy, which the regression then carries. */
static EntkStatus fit_copy(const double *kernel, size_t n, const double *targets, size_t outputs,
			   const EntkRegressOptions *options, EntkRegression *regression, EntkError *error)
{
	double *copy = malloc(n * n * sizeof *copy);
	memcpy(copy, kernel, n * n * sizeof *copy);
	EntkStatus status = entk_regress_fit(copy, n, targets, outputs, options, regression, error);
	if (status != ENTK_OK)
		free(copy);
	return status;
}

static void forget(EntkRegression *regression)
{
	free(regression->factor);
	entk_regress_destroy(regression);
}

static EntkStatus decompose_copy(const double *kernel, size_t n, EntkSpectrum *spectrum, EntkError *error)
{
	double *copy = malloc(n * n * sizeof *copy);
	memcpy(copy, kernel, n * n * sizeof *copy);
	return entk_spectrum_create(copy, n, spectrum, error);
}

static void forget_spectrum(EntkSpectrum *spectrum)
{
	free(spectrum->vectors);
	entk_spectrum_destroy(spectrum);
}

static double *read_array(EntkNpz *npz, const char *key, size_t *rows, size_t *columns)
{
	EntkArray array = {0};
	EntkError error;
	if (entk_npz_read(npz, key, &array, &error) != ENTK_OK)
		fail_msg("%s: %s", error.where, error.what);
	double *values = malloc((array.count ? array.count : 1) * sizeof *values);
	for (size_t i = 0; i < array.count; i++)
		values[i] = entk_array_get(&array, i);
	if (rows)
		*rows = array.rank > 0 ? array.shape[0] : 1;
	if (columns)
		*columns = array.rank > 1 ? array.shape[1] : 1;
	entk_array_destroy(&array);
	return values;
}

/* max |got - want| / max(max |want|, scale). */
static double scaled_difference(const double *got, const double *want, size_t count, double scale)
{
	double most = 0;
	for (size_t i = 0; i < count; i++) {
		if (!isfinite(got[i]))
			return INFINITY;
		most = fmax(most, fabs(got[i] - want[i]));
		scale = fmax(scale, fabs(want[i]));
	}
	return most / (scale > 0 ? scale : 1);
}

static double difference(const double *got, const double *want, size_t count)
{
	return scaled_difference(got, want, count, 0);
}

static void transpose(const double *a, size_t rows, size_t columns, double *out)
{
	for (size_t i = 0; i < rows; i++)
		for (size_t j = 0; j < columns; j++)
			out[j * rows + i] = a[i * columns + j];
}

static double *transposed(const double *a, size_t rows, size_t columns)
{
	double *out = malloc(rows * columns * sizeof *out);
	transpose(a, rows, columns, out);
	return out;
}

/* ---- golden values ------------------------------------------------------------------------------------------------ */

typedef struct Golden {
	EntkNpz *npz;
	size_t n, m, classes;
	double *kernel[2]; /* NNGP, NTK of the training samples */
	double *cross[2];  /* m x n */
	double *nngp_test, *diagonal;
	double *targets; /* classes x n, centred one-hot */
} Golden;

static bool golden_open(Golden *golden)
{
	const char *shared = getenv("ENTK_SHARED");
	char path[1024];
	EntkError error;
	snprintf(path, sizeof path, "%s/golden/regression.npz", shared ? shared : "../shared");
	if (access(path, R_OK) != 0) {
		printf("skip: %s is absent\n", path);
		return false;
	}
	if (entk_npz_open(path, &golden->npz, &error) != ENTK_OK)
		fail_msg("%s: %s", error.where, error.what);
	golden->kernel[0] = read_array(golden->npz, "nngp_train", &golden->n, NULL);
	golden->kernel[1] = read_array(golden->npz, "ntk_train", NULL, NULL);
	for (int k = 0; k < 2; k++) {
		double *cross = read_array(golden->npz, k ? "ntk_cross" : "nngp_cross", NULL, &golden->m);
		golden->cross[k] = transposed(cross, golden->n, golden->m);
		free(cross);
	}
	golden->nngp_test = read_array(golden->npz, "nngp_test", NULL, NULL);
	golden->diagonal = malloc(golden->m * sizeof(double));
	for (size_t i = 0; i < golden->m; i++)
		golden->diagonal[i] = golden->nngp_test[i * golden->m + i];
	double *labels = read_array(golden->npz, "y_train", NULL, NULL);
	for (size_t i = 0; i < golden->n; i++)
		if ((size_t)labels[i] >= golden->classes)
			golden->classes = (size_t)labels[i] + 1;
	golden->targets = malloc(golden->classes * golden->n * sizeof(double));
	for (size_t c = 0; c < golden->classes; c++)
		for (size_t i = 0; i < golden->n; i++)
			golden->targets[c * golden->n + i] = ((size_t)labels[i] == c) - 1.0 / (double)golden->classes;
	free(labels);
	return true;
}

static void golden_close(Golden *golden)
{
	entk_npz_close(golden->npz);
	for (int k = 0; k < 2; k++) {
		free(golden->kernel[k]);
		free(golden->cross[k]);
	}
	free(golden->nngp_test);
	free(golden->diagonal);
	free(golden->targets);
}

static void compare_golden(Golden *golden, const char *key, const double *got, size_t count, double scale)
{
	double *want = read_array(golden->npz, key, NULL, NULL);
	double d = scaled_difference(got, want, count, scale);
	free(want);
	if (!(d <= GOLDEN_TOLERANCE))
		fail_msg("%s: relative difference %g", key, d);
}

static void check_golden(Golden *golden, int ntk, double ridge, double time)
{
	size_t n = golden->n, m = golden->m, classes = golden->classes;
	char key[128], prefix[96];
	EntkRegressOptions options = {.ntk = ntk, .ridge = ridge, .time = time};
	EntkRegression regression;
	EntkError error;
	if (fit_copy(golden->kernel[ntk], n, golden->targets, classes, &options, &regression, &error) != ENTK_OK)
		fail_msg("%s", error.what);
	assert_true(regression.jitter == 0);
	double *mean = malloc(m * classes * sizeof *mean), *cov = malloc(m * m * sizeof *cov),
	       *var = malloc(m * sizeof *var);
	EntkCross cross = {m, golden->cross[ntk], golden->cross[0], golden->kernel[0], golden->nngp_test};
	double prior = 0;
	for (size_t i = 0; i < m; i++)
		prior = fmax(prior, golden->diagonal[i]);
	entk_regress_mean(&regression, golden->cross[ntk], m, mean);
	assert_int_equal(entk_regress_covariance(&regression, &cross, cov, &error), ENTK_OK);
	snprintf(prefix, sizeof prefix, "%s_ridge%g", ntk ? "ntk" : "nngp", ridge);
	snprintf(key, sizeof key, "%s_t%g_mean", prefix, time);
	compare_golden(golden, key, mean, m * classes, 0);
	snprintf(key, sizeof key, "%s_t%g_cov", prefix, time);
	/* Relative to what the small posterior covariance is subtracted from: without a ridge the golden file's own error is 4e-9 of
	 * its largest entry (against rational arithmetic; this code's is 3e-13). */
	compare_golden(golden, key, cov, m * m, prior);
	cross.nngp_test = golden->diagonal;
	assert_int_equal(entk_regress_variance(&regression, &cross, var, &error), ENTK_OK);
	for (size_t i = 0; i < m; i++)
		assert_true(fabs(var[i] - cov[i * m + i]) <= 1e-12 * golden->diagonal[i]);
	snprintf(key, sizeof key, "%s_logml", prefix);
	compare_golden(golden, key, &regression.merit.log_marginal, 1, 0);
	if (isinf(time)) {
		double *loo = transposed(regression.loo, classes, n);
		snprintf(key, sizeof key, "%s_loo", prefix);
		compare_golden(golden, key, loo, n * classes, 0);
		free(loo);
	} else {
		assert_null(regression.loo);
		assert_true(isnan(regression.merit.loo_mse));
	}
	free(mean);
	free(cov);
	free(var);
	forget(&regression);
}

static void test_golden(void **state)
{
	Golden golden = {0};
	(void)state;
	if (!golden_open(&golden))
		skip();
	const double ridges[] = {0, 1e-4, 1e-2}, times[] = {0.1, 1, 10, 1000, INFINITY};
	for (int ntk = 0; ntk < 2; ntk++)
		for (size_t r = 0; r < 3; r++)
			for (size_t t = 0; t < 5; t++)
				check_golden(&golden, ntk, ridges[r], times[t]);
	golden_close(&golden);
}

/* Leave-one-out and marginal likelihood from the spectrum, at every golden ridge. */
static void test_golden_spectrum(void **state)
{
	Golden golden = {0};
	EntkSpectrum spectrum;
	EntkError error;
	(void)state;
	if (!golden_open(&golden))
		skip();
	double *loo = malloc(golden.classes * golden.n * sizeof *loo);
	for (int ntk = 0; ntk < 2; ntk++) {
		assert_int_equal(decompose_copy(golden.kernel[ntk], golden.n, &spectrum, &error), ENTK_OK);
		for (int i = 0; i < 3; i++) {
			const double ridges[] = {0, 1e-4, 1e-2};
			char key[128];
			EntkMerit merit;
			assert_int_equal(entk_spectrum_merit(&spectrum, ridges[i] * spectrum.mean_diagonal,
							     golden.targets, golden.classes, NULL, &merit, loo, &error),
					 ENTK_OK);
			double *rows = transposed(loo, golden.classes, golden.n);
			snprintf(key, sizeof key, "%s_ridge%g_loo", ntk ? "ntk" : "nngp", ridges[i]);
			compare_golden(&golden, key, rows, golden.n * golden.classes, 0);
			snprintf(key, sizeof key, "%s_ridge%g_logml", ntk ? "ntk" : "nngp", ridges[i]);
			compare_golden(&golden, key, &merit.log_marginal, 1, 0);
			free(rows);
		}
		forget_spectrum(&spectrum);
	}
	free(loo);
	golden_close(&golden);
}

/* ---- by brute force on random kernels ----------------------------------------------------------------------------- */

typedef struct Problem {
	size_t n, m, outputs;
	double *all;      /* (n + m)^2: the kernel of all samples */
	double *kernel;   /* n x n */
	double *cross;    /* m x n */
	double *diagonal; /* m */
	double *targets;  /* outputs x n */
} Problem;

static double uniform(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(*seed >> 11) / 9007199254740992.0 - 0.5;
}

/* K = F F^T / d with random features; `dimension` below n + m makes it singular. */
static Problem problem_create(size_t n, size_t m, size_t outputs, size_t dimension, uint64_t seed)
{
	size_t total = n + m;
	Problem p = {n,
		     m,
		     outputs,
		     malloc(total * total * sizeof(double)),
		     malloc(n * n * sizeof(double)),
		     malloc(m * n * sizeof(double)),
		     malloc(m * sizeof(double)),
		     malloc(outputs * n * sizeof(double))};
	double *features = malloc(total * dimension * sizeof *features);
	for (size_t i = 0; i < total * dimension; i++)
		features[i] = uniform(&seed);
	for (size_t i = 0; i < total; i++)
		for (size_t j = 0; j < total; j++) {
			double sum = 0;
			for (size_t k = 0; k < dimension; k++)
				sum += features[i * dimension + k] * features[j * dimension + k];
			p.all[i * total + j] = sum / (double)dimension;
		}
	for (size_t i = 0; i < n; i++)
		memcpy(p.kernel + i * n, p.all + i * total, n * sizeof(double));
	for (size_t i = 0; i < m; i++) {
		memcpy(p.cross + i * n, p.all + (n + i) * total, n * sizeof(double));
		p.diagonal[i] = p.all[(n + i) * total + n + i];
	}
	for (size_t i = 0; i < outputs * n; i++)
		p.targets[i] = uniform(&seed);
	free(features);
	return p;
}

static void problem_destroy(Problem *p)
{
	free(p->all);
	free(p->kernel);
	free(p->cross);
	free(p->diagonal);
	free(p->targets);
}

/* x = (A + r I)^-1 b by Gaussian elimination with pivots; also log |det|. Nothing in common with the code under test. */
static double solve(const double *a, size_t n, double r, const double *b, double *x)
{
	double *w = malloc(n * (n + 1) * sizeof *w), log_determinant = 0;
	for (size_t i = 0; i < n; i++) {
		memcpy(w + i * (n + 1), a + i * n, n * sizeof *w);
		w[i * (n + 1) + i] += r;
		w[i * (n + 1) + n] = b[i];
	}
	for (size_t k = 0; k < n; k++) {
		size_t pivot = k;
		for (size_t i = k + 1; i < n; i++)
			if (fabs(w[i * (n + 1) + k]) > fabs(w[pivot * (n + 1) + k]))
				pivot = i;
		for (size_t j = 0; j <= n; j++) {
			double t = w[k * (n + 1) + j];
			w[k * (n + 1) + j] = w[pivot * (n + 1) + j];
			w[pivot * (n + 1) + j] = t;
		}
		log_determinant += log(fabs(w[k * (n + 1) + k]));
		for (size_t i = 0; i < n; i++) {
			double factor = i == k ? 0 : w[i * (n + 1) + k] / w[k * (n + 1) + k];
			for (size_t j = k; i != k && j <= n; j++)
				w[i * (n + 1) + j] -= factor * w[k * (n + 1) + j];
		}
	}
	for (size_t i = 0; i < n; i++)
		x[i] = w[i * (n + 1) + n] / w[i * (n + 1) + i];
	free(w);
	return log_determinant;
}

/* Predict the samples for which out[i] is set from the others, by solving the smaller problem. */
static void predict_left_out(const Problem *p, double r, size_t output, const bool *out, double *prediction)
{
	size_t n = p->n, kept = 0;
	size_t *index = malloc(n * sizeof *index);
	for (size_t i = 0; i < n; i++)
		if (!out[i])
			index[kept++] = i;
	double *a = malloc(kept * kept * sizeof *a), *b = malloc(kept * sizeof *b), *x = malloc(kept * sizeof *x);
	for (size_t i = 0; i < kept; i++) {
		b[i] = p->targets[output * n + index[i]];
		for (size_t j = 0; j < kept; j++)
			a[i * kept + j] = p->kernel[index[i] * n + index[j]];
	}
	solve(a, kept, r, b, x);
	for (size_t i = 0; i < n; i++)
		if (out[i]) {
			prediction[i] = 0;
			for (size_t j = 0; j < kept; j++)
				prediction[i] += p->kernel[i * n + index[j]] * x[j];
		}
	free(index);
	free(a);
	free(b);
	free(x);
}

static void check_leaving_out(const size_t *groups)
{
	Problem p = problem_create(14, 3, 2, 40, 11);
	EntkRegressOptions options = {.ridge = 0.03, .time = INFINITY, .groups = groups};
	EntkRegression regression;
	EntkError error;
	EntkSpectrum spectrum;
	EntkMerit merit;
	double squares = 0, scaled = 0, *loo = malloc(p.outputs * p.n * sizeof *loo);
	assert_int_equal(fit_copy(p.kernel, p.n, p.targets, p.outputs, &options, &regression, &error), ENTK_OK);
	assert_int_equal(decompose_copy(p.kernel, p.n, &spectrum, &error), ENTK_OK);
	assert_int_equal(
		entk_spectrum_merit(&spectrum, regression.shift, p.targets, p.outputs, groups, &merit, loo, &error),
		ENTK_OK);
	for (size_t o = 0; o < p.outputs; o++)
		for (size_t i = 0; i < p.n; i++) {
			double prediction[14];
			bool out[14];
			for (size_t j = 0; j < p.n; j++)
				out[j] = groups ? groups[j] == groups[i] : j == i;
			predict_left_out(&p, regression.shift, o, out, prediction);
			assert_true(fabs(regression.loo[o * p.n + i] - prediction[i]) < 1e-11);
			assert_true(fabs(loo[o * p.n + i] - prediction[i]) < 1e-11);
			squares += pow(p.targets[o * p.n + i] - prediction[i], 2);
			scaled += (p.targets[o * p.n + i] - prediction[i]) * regression.alpha[o * p.n + i];
		}
	assert_true(fabs(regression.merit.amplitude - scaled / (double)(p.outputs * p.n)) < 1e-10 * scaled);
	assert_true(fabs(regression.merit.loo_mse - squares / (double)(p.outputs * p.n)) < 1e-12);
	assert_true(fabs(merit.loo_mse - regression.merit.loo_mse) < 1e-12);
	assert_true(fabs(merit.log_marginal - regression.merit.log_marginal) < 1e-10);
	assert_true(fabs(merit.amplitude - regression.merit.amplitude) < 1e-10 * merit.amplitude);
	free(loo);
	forget_spectrum(&spectrum);
	forget(&regression);
	problem_destroy(&p);
}

static void test_leave_one_out(void **state)
{
	(void)state;
	check_leaving_out(NULL);
}

static void test_leave_one_group_out(void **state)
{
	const size_t groups[14] = {7, 7, 3, 0, 3, 7, 9, 2, 2, 0, 5, 3, 3, 1};
	(void)state;
	check_leaving_out(groups);
}

static void test_marginal_likelihood(void **state)
{
	Problem p = problem_create(9, 1, 2, 30, 5);
	EntkRegressOptions options = {.ridge = 0.1, .time = INFINITY};
	EntkRegression regression;
	EntkError error;
	double want = 0, x[9];
	(void)state;
	assert_int_equal(fit_copy(p.kernel, p.n, p.targets, p.outputs, &options, &regression, &error), ENTK_OK);
	for (size_t o = 0; o < p.outputs; o++) {
		double log_determinant = solve(p.kernel, p.n, regression.shift, p.targets + o * p.n, x);
		want -= 0.5 * (entk_linalg_dot(p.targets + o * p.n, x, p.n) + log_determinant +
			       (double)p.n * log(2 * acos(-1)));
	}
	assert_true(fabs(regression.merit.log_marginal - want) < 1e-10);
	/* The best of many scales: a kernel times s has the same solution, and its own likelihood. */
	double best = -INFINITY, evidence = regression.merit.log_evidence;
	forget(&regression);
	for (double scale = 1e-3; scale < 1e3; scale *= 1.003) {
		double *scaled = malloc(p.n * p.n * sizeof *scaled);
		for (size_t i = 0; i < p.n * p.n; i++)
			scaled[i] = scale * p.kernel[i];
		assert_int_equal(fit_copy(scaled, p.n, p.targets, p.outputs, &options, &regression, &error), ENTK_OK);
		best = fmax(best, regression.merit.log_marginal);
		assert_true(fabs(regression.merit.log_evidence - evidence) < 1e-9);
		forget(&regression);
		free(scaled);
	}
	assert_true(best <= evidence + 1e-10 && best > evidence - 1e-3);
	problem_destroy(&p);
}

/* Cholesky and eigenvectors, and a time so long that everything is learnt, agree. */
static void test_paths_agree(void **state)
{
	Problem p = problem_create(20, 6, 3, 60, 3);
	EntkError error;
	(void)state;
	for (int ntk = 0; ntk < 2; ntk++) {
		EntkRegression a, b;
		EntkRegressOptions options = {.ntk = ntk, .ridge = 0.01, .time = INFINITY};
		assert_int_equal(fit_copy(p.kernel, p.n, p.targets, p.outputs, &options, &a, &error), ENTK_OK);
		options.time = 1e9;
		assert_int_equal(fit_copy(p.kernel, p.n, p.targets, p.outputs, &options, &b, &error), ENTK_OK);
		assert_null(a.values);
		assert_non_null(b.values);
		double mean[2][18], var[2][6];
		EntkCross cross = {p.m, p.cross, p.cross, p.kernel, p.diagonal};
		entk_regress_mean(&a, p.cross, p.m, mean[0]);
		entk_regress_mean(&b, p.cross, p.m, mean[1]);
		assert_int_equal(entk_regress_variance(&a, &cross, var[0], &error), ENTK_OK);
		assert_int_equal(entk_regress_variance(&b, &cross, var[1], &error), ENTK_OK);
		assert_true(difference(mean[1], mean[0], 18) < 1e-11);
		assert_true(difference(var[1], var[0], 6) < 1e-11);
		assert_int_equal(entk_regress_posterior(&a, p.cross, p.diagonal, p.m, var[0], &error), ENTK_OK);
		assert_int_equal(entk_regress_posterior(&b, p.cross, p.diagonal, p.m, var[1], &error), ENTK_OK);
		assert_true(difference(var[1], var[0], 6) < 1e-11);
		/* The estimate is a lower bound in another norm: within n of the exact number. */
		assert_true(a.condition > b.condition / (double)p.n && a.condition < b.condition * (double)p.n);
		forget(&a);
		forget(&b);
	}
	problem_destroy(&p);
}

/* Nothing is learnt at time 0: mean 0, the prior's covariance. */
static void test_start_of_training(void **state)
{
	Problem p = problem_create(8, 4, 1, 30, 9);
	EntkError error;
	(void)state;
	for (int ntk = 0; ntk < 2; ntk++) {
		EntkRegression regression;
		EntkRegressOptions options = {.ntk = ntk, .ridge = 1e-3, .time = 0};
		double mean[4], var[4];
		EntkCross cross = {p.m, p.cross, p.cross, p.kernel, p.diagonal};
		assert_int_equal(fit_copy(p.kernel, p.n, p.targets, 1, &options, &regression, &error), ENTK_OK);
		entk_regress_mean(&regression, p.cross, p.m, mean);
		assert_int_equal(entk_regress_variance(&regression, &cross, var, &error), ENTK_OK);
		for (size_t i = 0; i < p.m; i++) {
			assert_true(mean[i] == 0);
			assert_true(fabs(var[i] - p.diagonal[i]) < 1e-15);
		}
		forget(&regression);
	}
	problem_destroy(&p);
}

static void test_rules(void **state)
{
	Problem p = problem_create(25, 1, 2, 12, 21);
	EntkError error;
	EntkSpectrum spectrum;
	(void)state;
	assert_int_equal(decompose_copy(p.kernel, p.n, &spectrum, &error), ENTK_OK);
	for (int rule = ENTK_RIDGE_LOO; rule <= ENTK_RIDGE_EVIDENCE; rule++) {
		EntkRegressOptions options = {.rule = (EntkRidgeRule)rule, .time = INFINITY};
		EntkRegression regression;
		assert_int_equal(fit_copy(p.kernel, p.n, p.targets, p.outputs, &options, &regression, &error), ENTK_OK);
		double chosen = rule == ENTK_RIDGE_LOO ? regression.merit.loo_mse : -regression.merit.log_evidence;
		bool on_grid = false;
		for (size_t i = 0; i < ENTK_RIDGE_GRID; i++) {
			EntkMerit merit;
			on_grid = on_grid || regression.ridge == entk_ridge_grid(i);
			if (entk_spectrum_merit(&spectrum, entk_ridge_grid(i) * spectrum.mean_diagonal, p.targets,
						p.outputs, NULL, &merit, NULL, &error) == ENTK_OK)
				assert_true((rule == ENTK_RIDGE_LOO ? merit.loo_mse : -merit.log_evidence) >=
					    chosen - 1e-12 * fabs(chosen));
		}
		assert_true(on_grid);
		/* Random targets cannot be learnt: both rules prefer a large ridge. */
		assert_true(regression.ridge >= 0.1);
		forget(&regression);
	}
	forget_spectrum(&spectrum);
	problem_destroy(&p);
}

/* More samples than features and no ridge: singular. The jitter is reported, and small. */
static void test_jitter(void **state)
{
	Problem p = problem_create(30, 2, 1, 5, 1);
	EntkRegressOptions options = {.ridge = 0, .time = INFINITY};
	EntkRegression regression;
	EntkError error;
	(void)state;
	assert_int_equal(fit_copy(p.kernel, p.n, p.targets, 1, &options, &regression, &error), ENTK_OK);
	assert_true(regression.jitter >= 1e-13 && regression.jitter <= 1e-6);
	assert_true(regression.shift == regression.jitter * regression.mean_diagonal);
	forget(&regression);
	/* The same matrix has a perfectly good flow at finite times, without jitter. */
	options.time = 100;
	assert_int_equal(fit_copy(p.kernel, p.n, p.targets, 1, &options, &regression, &error), ENTK_OK);
	assert_true(regression.jitter == 0);
	forget(&regression);
	problem_destroy(&p);
}

static void test_indefinite(void **state)
{
	EntkError error;
	EntkRegression regression;
	double kernel[4] = {1, 2, 2, 1}, zero[4] = {0}, targets[2] = {1, -1};
	(void)state;
	for (int i = 0; i < 3; i++) {
		EntkRegressOptions options = {.ridge = 1e-4, .time = i == 1 ? 10 : INFINITY};
		const double *which = i == 2 ? zero : kernel;
		assert_int_equal(fit_copy(which, 2, targets, 1, &options, &regression, &error), ENTK_NUMERICAL);
		assert_true(strlen(error.what) > 0 && strstr(error.fix, "--ridge"));
		assert_null(regression.alpha);
	}
	/* A large ridge makes it definite; the rules find that by themselves. */
	EntkRegressOptions options = {.ridge = 2, .time = INFINITY};
	assert_int_equal(fit_copy(kernel, 2, targets, 1, &options, &regression, &error), ENTK_OK);
	forget(&regression);
	options.rule = ENTK_RIDGE_LOO;
	assert_int_equal(fit_copy(kernel, 2, targets, 1, &options, &regression, &error), ENTK_OK);
	assert_true(regression.ridge > 1);
	forget(&regression);
}

/* Afterwards the kernel is what it was, bit by bit, whatever happened to its lower triangle. */
static void test_restore(void **state)
{
	EntkError error;
	(void)state;
	for (int i = 0; i < 4; i++) {
		/* With 5 features 30 samples are singular: the first tries fail. */
		Problem p = problem_create(30, 2, 2, i < 2 ? 5 : 50, 17);
		EntkRegressOptions options = {.ridge = i < 2 ? 0 : 1e-3, .time = INFINITY, .skip_loo = i % 2};
		EntkRegression regression;
		double *kernel = malloc(p.n * p.n * sizeof *kernel);
		memcpy(kernel, p.kernel, p.n * p.n * sizeof *kernel);
		assert_int_equal(entk_regress_fit(kernel, p.n, p.targets, 2, &options, &regression, &error), ENTK_OK);
		assert_true(regression.factor == kernel && memcmp(kernel, p.kernel, p.n * p.n * sizeof *kernel) != 0);
		assert_true((regression.jitter > 0) == (i < 2) && regression.inverted == (i % 2 == 0));
		entk_regress_restore(&regression);
		assert_memory_equal(kernel, p.kernel, p.n * p.n * sizeof *kernel);
		entk_regress_destroy(&regression);
		free(kernel);
		problem_destroy(&p);
	}
}

/* Without leaving one out the rest is the same, and the scale comes from the likelihood. */
static void test_skip_loo(void **state)
{
	Problem p = problem_create(20, 4, 2, 60, 8);
	EntkError error;
	EntkRegression a, b;
	EntkRegressOptions options = {.ridge = 0.01, .time = INFINITY};
	double var[2][4];
	(void)state;
	assert_int_equal(fit_copy(p.kernel, p.n, p.targets, 2, &options, &a, &error), ENTK_OK);
	options.skip_loo = true;
	assert_int_equal(fit_copy(p.kernel, p.n, p.targets, 2, &options, &b, &error), ENTK_OK);
	assert_true(a.loo && !b.loo && isnan(b.merit.loo_mse) && a.inverted && !b.inverted);
	assert_true(difference(b.alpha, a.alpha, 40) == 0 && a.merit.log_marginal == b.merit.log_marginal);
	double q = entk_linalg_dot(p.targets, b.alpha, 40);
	assert_true(fabs(b.merit.amplitude - q / 40) < 1e-14 * q);
	assert_int_equal(entk_regress_posterior(&a, p.cross, p.diagonal, p.m, var[0], &error), ENTK_OK);
	assert_int_equal(entk_regress_posterior(&b, p.cross, p.diagonal, p.m, var[1], &error), ENTK_OK);
	assert_true(difference(var[1], var[0], 4) < 1e-12);
	forget(&a);
	forget(&b);
	problem_destroy(&p);
}

/* Above the largest rate the squared error of gradient descent grows, below it falls. */
static void test_max_learning_rate(void **state)
{
	Problem p = problem_create(12, 1, 2, 30, 4);
	EntkError error;
	(void)state;
	for (int spectral = 0; spectral < 2; spectral++) {
		EntkRegression regression;
		EntkRegressOptions options = {.ridge = 0, .time = spectral ? 1e9 : INFINITY};
		assert_int_equal(fit_copy(p.kernel, p.n, p.targets, 2, &options, &regression, &error), ENTK_OK);
		double most = entk_regress_max_learning_rate(&regression);
		for (int side = -1; side <= 1; side += 2) {
			double f[24] = {0}, error_norm = 0, change[24];
			double rate = most * (1 + 0.02 * side);
			for (int step = 0; step < 20000; step++) {
				error_norm = 0;
				for (size_t i = 0; i < 24; i++) {
					change[i] = 0;
					for (size_t j = 0; j < 12; j++)
						change[i] += p.kernel[i % 12 * 12 + j] *
							     (f[i / 12 * 12 + j] - p.targets[i / 12 * 12 + j]);
				}
				for (size_t i = 0; i < 24; i++) {
					f[i] -= rate / 24 * change[i];
					error_norm += pow(f[i] - p.targets[i], 2);
				}
				if (error_norm > 1e6)
					break;
			}
			assert_true(side < 0 ? error_norm < 1 : error_norm > 1e6);
		}
		forget(&regression);
	}
	problem_destroy(&p);
}

/* The largest eigenvalue, by Lanczos and by LAPACK. */
static void test_largest(void **state)
{
	EntkError error;
	(void)state;
	for (size_t n = 1; n <= 40; n += 3) {
		Problem p = problem_create(n, 1, 1, n % 2 ? 3 : 2 * n, n);
		EntkSpectrum spectrum;
		double largest;
		for (size_t i = 0; i < n * n; i++) /* a rank-one part as kernels have, on every other one */
			p.kernel[i] += n % 4 ? 0 : 1;
		assert_int_equal(entk_linalg_largest(p.kernel, n, &largest, &error), ENTK_OK);
		assert_int_equal(decompose_copy(p.kernel, n, &spectrum, &error), ENTK_OK);
		assert_true(fabs(largest - spectrum.values[n - 1]) < 1e-6 * spectrum.values[n - 1]);
		forget_spectrum(&spectrum);
		problem_destroy(&p);
	}
}

/* A ridge given as it is, and one chosen on samples with known targets. */
static void test_absolute_and_validation(void **state)
{
	Problem p = problem_create(25, 8, 2, 12, 33);
	EntkError error;
	EntkRegression regression, other;
	double targets[16], mean[16];
	(void)state;
	EntkRegressOptions options = {.rule = ENTK_RIDGE_ABSOLUTE, .ridge = 0.02, .time = INFINITY};
	assert_int_equal(fit_copy(p.kernel, p.n, p.targets, 2, &options, &regression, &error), ENTK_OK);
	assert_true(fabs(regression.shift - 0.02) < 1e-16);
	forget(&regression);
	for (size_t i = 0; i < 16; i++) /* what a ridge of about 1e-1.5 predicts, and noise */
		targets[i] = 0.01 * sin((double)(7 * i));
	EntkValidation validation = {p.m, p.cross, targets};
	for (int finite = 0; finite < 2; finite++) {
		double best = INFINITY, ridge = NAN;
		options = (EntkRegressOptions){.time = finite ? 30 : INFINITY};
		for (size_t g = 0; g < ENTK_RIDGE_GRID; g++) {
			double squares = 0;
			options.ridge = entk_ridge_grid(g);
			assert_int_equal(fit_copy(p.kernel, p.n, p.targets, 2, &options, &other, &error), ENTK_OK);
			entk_regress_mean(&other, p.cross, p.m, mean);
			for (size_t i = 0; i < 16; i++)
				squares += pow(mean[i] - targets[i % 2 * 8 + i / 2], 2) / 16;
			if (squares < best && other.jitter == 0) {
				best = squares;
				ridge = entk_ridge_grid(g);
			}
			forget(&other);
		}
		options.rule = ENTK_RIDGE_VALIDATION;
		options.validation = &validation;
		assert_int_equal(fit_copy(p.kernel, p.n, p.targets, 2, &options, &regression, &error), ENTK_OK);
		assert_true(fabs(regression.merit.val_mse - best) < 1e-9 * best && regression.ridge == ridge);
		forget(&regression);
	}
	problem_destroy(&p);
}

static void test_ridge_texts(void **state)
{
	EntkRidgeRule rule;
	double ridge = -1;
	EntkError error;
	(void)state;
	assert_int_equal(entk_ridge_parse("--ridge", "1e-3", &rule, &ridge, &error), ENTK_OK);
	assert_true(rule == ENTK_RIDGE_FIXED && ridge == 1e-3);
	assert_int_equal(entk_ridge_parse("--ridge", "0", &rule, &ridge, &error), ENTK_OK);
	assert_int_equal(entk_ridge_parse("--ridge", "loo", &rule, &ridge, &error), ENTK_OK);
	assert_true(rule == ENTK_RIDGE_LOO);
	assert_int_equal(entk_ridge_parse("--ridge", "evidence", &rule, &ridge, &error), ENTK_OK);
	assert_true(rule == ENTK_RIDGE_EVIDENCE);
	assert_int_equal(entk_ridge_parse("--ridge", "val", &rule, &ridge, &error), ENTK_OK);
	assert_true(rule == ENTK_RIDGE_VALIDATION && entk_ridge_chosen(rule));
	assert_int_equal(entk_ridge_parse("--ridge", "abs:1e8", &rule, &ridge, &error), ENTK_OK);
	assert_true(rule == ENTK_RIDGE_ABSOLUTE && ridge == 1e8 && !entk_ridge_chosen(rule));
	assert_string_equal(entk_ridge_rule_name(ENTK_RIDGE_VALIDATION), "val");
	assert_string_equal(entk_ridge_rule_name(ENTK_RIDGE_LOO), "loo");
	const char *const bad[] = {"", "abs:", "abs:-1", "abs", "-1", "nan", "inf", "1e-3x", "LOO", "1e7"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(entk_ridge_parse("--ridge", bad[i], &rule, &ridge, &error), ENTK_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_golden_spectrum),
		cmocka_unit_test(test_leave_one_out),
		cmocka_unit_test(test_leave_one_group_out),
		cmocka_unit_test(test_marginal_likelihood),
		cmocka_unit_test(test_paths_agree),
		cmocka_unit_test(test_start_of_training),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_indefinite),
		cmocka_unit_test(test_restore),
		cmocka_unit_test(test_skip_loo),
		cmocka_unit_test(test_max_learning_rate),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_absolute_and_validation),
		cmocka_unit_test(test_ridge_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
