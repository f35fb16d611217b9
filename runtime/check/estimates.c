#include "check/estimates.h"

#include "numerics/blas.h"
#include "numerics/linalg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

size_t entk_check_pairs(size_t samples)
{
	return samples * (samples + 1) / 2;
}

void entk_check_pair(size_t n, size_t p, size_t *i, size_t *j)
{
	for (*i = 0; p >= n - *i; ++*i)
		p -= n - *i;
	*j = *i + p;
}

/* ---- what it takes ----------------------------------------------------------------------------------------------- */

/* Operations per second of one thread in a product of matrices, measured: about 10 ms. */
static double measure_products(void)
{
	enum { SIZE = 192 };
	static const double operations = 2.0 * SIZE * SIZE * SIZE;
	double *a = calloc(3 * SIZE * SIZE, sizeof *a), best = 0;
	for (int i = 0; a && i < 4; i++) {
		double start = entk_now();
		entk_linalg_product(a, a + SIZE * SIZE, SIZE, SIZE, SIZE, a + 2 * SIZE * SIZE);
		best = fmax(best, operations / fmax(entk_now() - start, 1e-6));
	}
	free(a);
	return best > 0 ? best : 1e9;
}

/* The widest network that takes no more than this is measured. */
#define MEASURED_SECONDS 0.3

/* Operations per second of one thread in one network, measured: there is more to it than products. Where even the
 * narrowest is too large, the rate of products must do. */
static double measure_rate(const FinitePlan *plan, const FiniteSamples *x, const EntkCheckOptions *options)
{
	double rate = measure_products();
	for (size_t w = options->width_count; w-- > 0;) {
		double operations = finite_cost(plan, options->widths[w], x->count, options->want_ntk).operations;
		if (operations > MEASURED_SECONDS * rate)
			continue;
		double *kernels = calloc(2 * (size_t)x->count * x->count, sizeof *kernels), start = entk_now();
		if (kernels && finite_kernels(plan, options->params, options->widths[w], options->seed, 0, x, kernels,
					      options->want_ntk ? kernels + x->count * x->count : NULL) == FINITE_OK)
			rate = operations / fmax(entk_now() - start, 1e-6);
		free(kernels);
		break;
	}
	return rate;
}

static EntkStatus check_time(const FinitePlan *plan, const char *net, const FiniteSamples *x,
			     const EntkCheckOptions *options, unsigned threads, EntkError *error)
{
	char needed[32], allowed[32];
	double operations = 0;
	for (size_t w = 0; w < options->width_count; w++)
		operations += (double)options->nets *
			      finite_cost(plan, options->widths[w], x->count, options->want_ntk).operations;
	double seconds = operations / measure_rate(plan, x, options) / threads;
	if (seconds <= options->max_seconds)
		return ENTK_OK;
	entk_fail(error, ENTK_USAGE, net,
		  "its finite networks take about %s (%.2g operations, %u thread%s), --max-time allows %s",
		  entk_duration_text(seconds, needed, sizeof needed), operations, threads, threads == 1 ? "" : "s",
		  entk_duration_text(options->max_seconds, allowed, sizeof allowed));
	return entk_fix(
		error,
		"compile the file for a smaller input (entkc --set size=12x12, where it has such a let), ask for "
		"smaller --widths, fewer --nets or --samples, or raise --max-time");
}

/* Threads whose networks fit into memory together. */
static EntkStatus fit_threads(const FinitePlan *plan, const char *net, const EntkSamples *samples,
			      const EntkCheckOptions *options, unsigned *threads, EntkError *error)
{
	struct sysinfo info;
	double bytes = 0;
	for (size_t w = 0; w < options->width_count; w++)
		bytes = fmax(bytes,
			     finite_cost(plan, options->widths[w], (uint32_t)samples->count, options->want_ntk).bytes);
	*threads = entk_thread_count(options->threads);
	if (sysinfo(&info) != 0)
		return ENTK_OK;
	double have = 0.8 * (double)info.totalram * info.mem_unit;
	if (bytes > have) {
		entk_fail(error, ENTK_MEMORY, net,
			  "out of memory: one network of width %u takes %.1f GB, the machine has %.1f GB",
			  options->widths[options->width_count - 1], 1e-9 * bytes, 1e-9 * have / 0.8);
		return entk_fix(
			error,
			"compile the file for a smaller input (entkc --set size=12x12, where it has such a let), "
			"ask for smaller --widths or fewer --samples");
	}
	if (bytes * *threads > have)
		*threads = (unsigned)(have / bytes);
	return ENTK_OK;
}

/* ---- networks ---------------------------------------------------------------------------------------------------- */

typedef struct Draw {
	const FinitePlan *plan;
	const char *net;
	const EntkCheckOptions *options;
	FiniteSamples samples;
	EntkCheckEstimates *estimates;
} Draw;

/* A thread's two matrices of kernels. */
static EntkStatus scratch_create(void *context, void **scratch, EntkError *error)
{
	const Draw *draw = context;
	*scratch =
		entk_allocate(2 * (size_t)draw->samples.count * draw->samples.count, sizeof(double), "kernels", error);
	return *scratch ? ENTK_OK : error->status;
}

static void scratch_destroy(void *context, void *scratch)
{
	(void)context;
	free(scratch);
}

static void keep(const Draw *draw, const double *matrix, size_t row, double *to)
{
	size_t n = draw->samples.count, pairs = draw->estimates->pairs, i, j;
	for (size_t p = 0; p < pairs; p++) {
		entk_check_pair(n, p, &i, &j);
		to[row * pairs + p] = matrix[i * n + j];
	}
}

/* Wide networks first: the narrow ones then fill the threads' last moments. */
static EntkStatus run_network(void *context, void *scratch, uint64_t job, uint64_t *work, EntkError *error)
{
	const Draw *draw = context;
	const EntkCheckOptions *options = draw->options;
	size_t n = draw->samples.count, w = options->width_count - 1 - (size_t)(job / options->nets);
	size_t number = (size_t)(job % options->nets);
	double *nngp = scratch, *ntk = options->want_ntk ? nngp + n * n : NULL;
	FiniteStatus status = finite_kernels(draw->plan, options->params, options->widths[w], options->seed, number,
					     &draw->samples, nngp, ntk);
	*work = 1;
	switch (status) {
	case FINITE_OK:
		if (options->want_nngp)
			keep(draw, nngp, w * options->nets + number, draw->estimates->nngp);
		if (options->want_ntk)
			keep(draw, ntk, w * options->nets + number, draw->estimates->ntk);
		return ENTK_OK;
	case FINITE_NO_MEMORY:
		entk_fail(error, ENTK_MEMORY, draw->net, "out of memory: a finite network of width %u",
			  options->widths[w]);
		return entk_fix(error, "ask for smaller --widths, fewer --samples or fewer --threads");
	case FINITE_OVERFLOW:
		break;
	}
	return entk_fail(error, ENTK_NUMERICAL, draw->net,
			 "a finite network of width %u has outputs that are not finite", options->widths[w]);
}

static double *as_doubles(const EntkSamples *samples, EntkError *error)
{
	size_t count = samples->count * samples->size;
	double *values = entk_allocate(count, sizeof *values, "the samples", error);
	for (size_t i = 0; values && i < count; i++)
		values[i] = samples->precision == 32 ? (double)((const float *)samples->values)[i]
						     : ((const double *)samples->values)[i];
	return values;
}

static EntkStatus allocate_estimates(const EntkCheckOptions *options, EntkCheckEstimates *estimates, EntkError *error)
{
	size_t count;
	if (!entk_multiply(options->width_count * options->nets, estimates->pairs, &count))
		return entk_fail_memory(error, "the estimates", SIZE_MAX);
	if (options->want_nngp && !(estimates->nngp = entk_allocate(count, sizeof(double), "the estimates", error)))
		return error->status;
	if (options->want_ntk && !(estimates->ntk = entk_allocate(count, sizeof(double), "the estimates", error)))
		return error->status;
	return ENTK_OK;
}

EntkStatus entk_check_draw(const FinitePlan *plan, const char *net, const EntkSamples *samples,
			   const EntkCheckOptions *options, EntkCheckEstimates *estimates, EntkError *error)
{
	unsigned threads;
	*estimates = (EntkCheckEstimates){.pairs = entk_check_pairs(samples->count)};
	EntkStatus status = fit_threads(plan, net, samples, options, &threads, error);
	/* Networks are independent: one thread each, and their bits do not depend on how many. */
	if (status == ENTK_OK && entk_blas_is_limited())
		threads = 1;
	if (status == ENTK_OK)
		status = entk_linalg_threads(1, error);
	double *values = status == ENTK_OK ? as_doubles(samples, error) : NULL;
	FiniteSamples x = {values, (uint32_t)samples->count};
	if (status == ENTK_OK)
		status = values ? check_time(plan, net, &x, options, threads, error) : error->status;
	if (status == ENTK_OK)
		status = allocate_estimates(options, estimates, error);
	if (status == ENTK_OK) {
		Draw draw = {plan, net, options, x, estimates};
		EntkJobs jobs = {options->width_count * options->nets, &draw, run_network, scratch_create,
				 scratch_destroy};
		if (options->progress)
			entk_progress_begin(options->progress, net, "networks", jobs.count);
		status = entk_execute(&jobs, threads, options->progress, options->cancel, error);
		if (options->progress)
			entk_progress_end(options->progress);
	}
	free(values);
	if (status != ENTK_OK)
		entk_check_estimates_destroy(estimates);
	return status;
}

void entk_check_estimates_destroy(EntkCheckEstimates *estimates)
{
	free(estimates->nngp);
	free(estimates->ntk);
	memset(estimates, 0, sizeof *estimates);
}
