/* Means, intervals and differences of a comparison: see compare.h. */
#include "compare/compare.h"

#include <math.h>

bool entk_compare_is_regression(const EntkCompare *compare)
{
	return compare->dataset.task == ENTK_TASK_REGRESSION;
}

const char *entk_compare_score_name(const EntkCompare *compare)
{
	return entk_compare_is_regression(compare) ? "mean absolute error" : "accuracy";
}

double entk_compare_score(const EntkCompare *compare, const EntkMetrics *metrics)
{
	return entk_compare_is_regression(compare) ? metrics->mae : metrics->accuracy;
}

/* ---- sample by sample ------------------------------------------------------------------------------------------- */

void entk_compare_add_samples(const EntkCompare *compare, const double *predictions, const size_t *classes,
			      const double *truth, double *sums)
{
	size_t outputs = compare->dataset.outputs;
	for (size_t i = 0; i < compare->test_count; i++) {
		const double *row = predictions + i * outputs;
		double sum = 0;
		if (classes) {
			sums[i] += entk_argmax(row, outputs) == classes[i];
			continue;
		}
		for (size_t o = 0; o < outputs; o++)
			sum += entk_compare_is_regression(compare) ? fabs(row[o] - truth[i * outputs + o])
								   : (row[o] > 0.5) == (truth[i * outputs + o] > 0.5);
		sums[i] += sum / (double)outputs;
	}
}

/* Squared deviations of the samples' means over the seeds, `against` taken off them where it is given. */
static double sample_error(const EntkCompare *compare, const double *sums, const double *against)
{
	double m = (double)compare->test_count, seeds = (double)compare->seeds, mean = 0, squares = 0;
	if (compare->test_count < 2)
		return NAN;
	for (size_t i = 0; i < compare->test_count; i++)
		mean += (sums[i] - (against ? against[i] : 0)) / (seeds * m);
	for (size_t i = 0; i < compare->test_count; i++) {
		double d = (sums[i] - (against ? against[i] : 0)) / seeds - mean;
		squares += d * d;
	}
	return sqrt(squares / (m - 1) / m);
}

/* A test that is passed without a mistake does not prove that there are none: the error is at least that of a test with one. */
double entk_compare_test_error(const EntkCompare *compare, const double *sums)
{
	double m = (double)compare->test_count, error = sample_error(compare, sums, NULL);
	if (entk_compare_is_regression(compare) || isnan(error))
		return error;
	double one = compare->dataset.task == ENTK_TASK_LABELS ? 1 / (double)compare->dataset.outputs : 1;
	return fmax(error, one / m);
}

/* ---- spreads ---------------------------------------------------------------------------------------------------- */

static const double *sums_of(const EntkCompare *compare, size_t net, size_t size)
{
	return compare->nets[net].sums + size * compare->test_count;
}

EntkSpread entk_compare_scores(const EntkCompare *compare, size_t net, size_t size, double *values)
{
	for (size_t s = 0; s < compare->seeds; s++)
		values[s] = entk_compare_score(compare, &entk_compare_get(compare, net, size, s)->metrics);
	return entk_spread_tested(values, compare->seeds, entk_compare_test_error(compare, sums_of(compare, net, size)),
				  compare->test_count);
}

EntkSpread entk_compare_difference(const EntkCompare *compare, size_t net, size_t against, size_t size, double *values)
{
	for (size_t s = 0; s < compare->seeds; s++)
		values[s] = entk_compare_score(compare, &entk_compare_get(compare, net, size, s)->metrics) -
			    entk_compare_score(compare, &entk_compare_get(compare, against, size, s)->metrics);
	double error = sample_error(compare, sums_of(compare, net, size), sums_of(compare, against, size));
	return entk_spread_tested(values, compare->seeds, error, compare->test_count);
}

EntkSpread entk_compare_swept(const EntkCompare *compare, size_t net, size_t size, size_t ridge, double *values)
{
	for (size_t s = 0; s < compare->seeds; s++)
		values[s] = entk_compare_get(compare, net, size, s)->sweep[ridge];
	return entk_spread_tested(values, compare->seeds,
				  compare->nets[net].sweep_errors[size * ENTK_RIDGE_GRID + ridge], compare->test_count);
}

size_t entk_compare_indefinite(const EntkCompare *compare, size_t net, size_t size, size_t ridge)
{
	size_t count = 0;
	for (size_t s = 0; s < compare->seeds; s++)
		count += isnan(entk_compare_get(compare, net, size, s)->sweep[ridge]) ? 1 : 0;
	return count;
}

bool entk_compare_alike(const EntkCompare *compare, size_t net, size_t against, size_t size)
{
	for (size_t i = 0; i < compare->test_count; i++)
		if (sums_of(compare, net, size)[i] != sums_of(compare, against, size)[i])
			return false;
	for (size_t s = 0; s < compare->seeds; s++)
		if (entk_compare_score(compare, &entk_compare_get(compare, net, size, s)->metrics) !=
		    entk_compare_score(compare, &entk_compare_get(compare, against, size, s)->metrics))
			return false;
	return true;
}

size_t entk_compare_best(const EntkCompare *compare, size_t size, size_t without, double *values)
{
	size_t best = without == 0;
	double most = -INFINITY, sign = entk_compare_is_regression(compare) ? -1 : 1;
	for (size_t net = 0; net < compare->net_count; net++) {
		double score = sign * entk_compare_scores(compare, net, size, values).mean;
		if (net != without && score > most) {
			most = score;
			best = net;
		}
	}
	return best;
}
