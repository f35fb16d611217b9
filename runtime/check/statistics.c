#include "check/statistics.h"

#include "numerics/student.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- means and errors -------------------------------------------------------------------------------------------- */

static double square(double x)
{
	return x * x;
}

/* Mean over networks, and the variance of that mean. */
static void moments(const EntkCheckData *data, size_t width, size_t pair, double *mean, double *variance)
{
	const double *at = data->estimates + width * data->nets * data->pairs + pair;
	double sum = 0, squares = 0, n = (double)data->nets;
	for (size_t m = 0; m < data->nets; m++)
		sum += at[m * data->pairs];
	*mean = sum / n;
	for (size_t m = 0; m < data->nets; m++)
		squares += square(at[m * data->pairs] - *mean);
	*variance = squares / (n - 1) / n;
}

static double kernel_square(const EntkCheckData *data)
{
	double sum = 0;
	for (size_t p = 0; p < data->pairs; p++)
		sum += square(data->kernel[p]);
	return sum > 0 ? sum : 1; /* black images: errors are absolute then */
}

static double z_score(double difference, double variance, double resolution)
{
	double error = sqrt(variance + square(resolution));
	if (error > 0)
		return difference / error;
	return difference == 0 ? 0 : copysign(INFINITY, difference);
}

static void evaluate_width(const EntkCheckData *data, size_t width, EntkCheckWidth *result)
{
	const double *at = data->estimates + width * data->nets * data->pairs;
	double scale = kernel_square(data), single = 0, means = 0, variances = 0;
	for (size_t m = 0; m < data->nets; m++)
		for (size_t p = 0; p < data->pairs; p++)
			single += square(at[m * data->pairs + p] - data->kernel[p]);
	result->largest = 0;
	for (size_t p = 0; p < data->pairs; p++) {
		double mean, variance;
		moments(data, width, p, &mean, &variance);
		means += square(mean - data->kernel[p]);
		variances += variance;
		result->largest =
			fmax(result->largest, fabs(z_score(mean - data->kernel[p], variance, data->resolution[p])));
	}
	result->single = sqrt(single / (double)data->nets / scale);
	result->mean = sqrt(means / scale);
	result->standard = sqrt(variances / scale);
}

/* ---- slope ------------------------------------------------------------------------------------------------------- */

/* Variance of log(error of one network) at a width, by propagation from that of its square. */
static double log_error_variance(const EntkCheckData *data, size_t width)
{
	const double *at = data->estimates + width * data->nets * data->pairs;
	double sum = 0, squares = 0, n = (double)data->nets;
	for (size_t m = 0; m < data->nets; m++) {
		double error = 0;
		for (size_t p = 0; p < data->pairs; p++)
			error += square(at[m * data->pairs + p] - data->kernel[p]);
		sum += error;
		squares += error * error;
	}
	double mean = sum / n, variance = fmax(squares / n - mean * mean, 0) / (n - 1);
	return mean > 0 ? variance / square(2 * mean) : 0;
}

/* Least squares of log(error) over log(width). */
static void find_slope(const EntkCheckData *data, EntkCheckResult *result)
{
	double center = 0, spread = 0, slope = 0, variance = 0, resolution = 0;
	for (size_t p = 0; p < data->pairs; p++)
		resolution += square(data->resolution[p]);
	result->has_slope = true;
	for (size_t w = 0; w < data->width_count; w++) {
		result->has_slope &= result->widths[w].single > 3 * sqrt(resolution / kernel_square(data));
		center += log(data->widths[w]) / (double)data->width_count;
	}
	for (size_t w = 0; w < data->width_count && result->has_slope; w++)
		spread += square(log(data->widths[w]) - center);
	for (size_t w = 0; w < data->width_count && result->has_slope; w++) {
		double weight = (log(data->widths[w]) - center) / spread;
		slope += weight * log(result->widths[w].single);
		variance += square(weight) * log_error_variance(data, w);
	}
	result->slope = slope;
	result->slope_error = sqrt(variance);
}

/* ---- infinite width ---------------------------------------------------------------------------------------------- */

/* Weights c with sum c = 1 and sum c / width = 0: the intercept of mean(W) = K + b / W by least squares, each width with
 * its precision, proportional to W. */
static void intercept_weights(const EntkCheckData *data, double *c)
{
	double s0 = 0, s1 = (double)data->width_count, s2 = 0;
	for (size_t w = 0; w < data->width_count; w++) {
		s0 += data->widths[w];
		s2 += 1.0 / data->widths[w];
	}
	for (size_t w = 0; w < data->width_count; w++)
		c[w] = (data->widths[w] * s2 - s1) / (s0 * s2 - s1 * s1);
}

/* The extrapolated mean of one pair; returns the two-sided tail probability of its z. Degrees of freedom after Welch and
 * Satterthwaite. */
static double extrapolate(const EntkCheckData *data, const double *c, size_t pair, EntkCheckResult *result)
{
	double value = 0, variance = 0, fourth = 0;
	for (size_t w = 0; w < data->width_count; w++) {
		double mean, v;
		moments(data, w, pair, &mean, &v);
		value += c[w] * mean;
		variance += c[w] * c[w] * v;
		fourth += square(c[w] * c[w] * v) / (double)(data->nets - 1);
	}
	double z = z_score(value - data->kernel[pair], variance, data->resolution[pair]);
	result->difference[pair] = value - data->kernel[pair];
	result->standard[pair] = sqrt(variance);
	result->z[pair] = z;
	return entk_student_tail(z, fourth > 0 ? square(variance) / fourth : (double)(data->nets - 1));
}

static void find_limit(const EntkCheckData *data, const double *c, size_t tests, EntkCheckResult *result)
{
	double means = 0, variances = 0, squares = 0, scale = kernel_square(data), least = 2;
	for (size_t p = 0; p < data->pairs; p++) {
		double tail = extrapolate(data, c, p, result);
		means += square(result->difference[p]);
		variances += square(result->standard[p]);
		squares += square(result->z[p]);
		if (fabs(result->z[p]) > result->largest_z || p == 0) {
			result->largest_z = fabs(result->z[p]);
			result->largest_pair = p;
		}
		least = fmin(least, tail);
	}
	result->mean = sqrt(means / scale);
	result->standard_mean = sqrt(variances / scale);
	result->rms_z = sqrt(squares / (double)data->pairs);
	result->p = fmin(1, least * (double)tests);
}

EntkStatus entk_check_evaluate(const EntkCheckData *data, size_t tests, EntkCheckResult *result, EntkError *error)
{
	memset(result, 0, sizeof *result);
	double *c = entk_allocate(data->width_count, sizeof *c, "the statistics", error);
	result->widths = entk_allocate(data->width_count, sizeof *result->widths, "the statistics", error);
	result->difference = entk_allocate(data->pairs, sizeof(double), "the statistics", error);
	result->standard = entk_allocate(data->pairs, sizeof(double), "the statistics", error);
	result->z = entk_allocate(data->pairs, sizeof(double), "the statistics", error);
	bool good = c && result->widths && result->difference && result->standard && result->z;
	if (good) {
		for (size_t w = 0; w < data->width_count; w++)
			evaluate_width(data, w, &result->widths[w]);
		find_slope(data, result);
		intercept_weights(data, c);
		find_limit(data, c, tests, result);
	} else {
		entk_check_result_destroy(result);
	}
	free(c);
	return good ? ENTK_OK : error->status;
}

void entk_check_result_destroy(EntkCheckResult *result)
{
	free(result->widths);
	free(result->difference);
	free(result->standard);
	free(result->z);
	memset(result, 0, sizeof *result);
}

bool entk_check_slope_good(const EntkCheckResult *result)
{
	double excess = result->slope + 0.5;
	return !result->has_slope || excess <= ENTK_CHECK_SLOPE_MARGIN ||
	       excess <= ENTK_CHECK_SLOPE_ERRORS * result->slope_error;
}

bool entk_check_means_good(const EntkCheckResult *result)
{
	return result->p >= ENTK_CHECK_LEVEL;
}
