/* Metrics: see metrics.h. */
#include "regress/metrics.h"

#include "numerics/student.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CALIBRATION_BINS 15

static const EntkMetrics nothing = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};

size_t entk_argmax(const double *values, size_t count)
{
	size_t best = 0;
	for (size_t i = 1; i < count; i++)
		if (values[i] > values[best])
			best = i;
	return best;
}

/* ---- AUC ----------------------------------------------------------------------------------------------------------- */

typedef struct Scored {
	double score;
	bool positive;
} Scored;

static int compare_scored(const void *a, const void *b)
{
	double x = ((const Scored *)a)->score, y = ((const Scored *)b)->score;
	return x < y ? -1 : x > y;
}

EntkStatus entk_metrics_auc(const double *scores, size_t stride, const bool *positive, size_t m, double *auc,
			    EntkError *error)
{
	double below = 0, won = 0, positives = 0;
	Scored *sorted = entk_allocate(m, sizeof *sorted, "the scores", error);
	if (!sorted)
		return error->status;
	for (size_t i = 0; i < m; i++)
		sorted[i] = (Scored){scores[i * stride], positive[i]};
	qsort(sorted, m, sizeof *sorted, compare_scored);
	for (size_t i = 0, end; i < m; i = end) {
		double here_positive = 0, here_negative = 0;
		for (end = i; end < m && sorted[end].score == sorted[i].score; end++) {
			here_positive += sorted[end].positive;
			here_negative += !sorted[end].positive;
		}
		won += here_positive * (below + 0.5 * here_negative);
		below += here_negative;
		positives += here_positive;
	}
	free(sorted);
	*auc = positives > 0 && below > 0 ? won / (positives * below) : NAN;
	return ENTK_OK;
}

/* ---- classes ------------------------------------------------------------------------------------------------------- */

void entk_metrics_confusion(const double *scores, const size_t *truth, size_t m, size_t classes, size_t *confusion)
{
	memset(confusion, 0, classes * classes * sizeof *confusion);
	for (size_t i = 0; i < m; i++)
		confusion[truth[i] * classes + entk_argmax(scores + i * classes, classes)]++;
}

static double calibration_error(const double *probabilities, const size_t *truth, size_t m, size_t classes)
{
	double confidence[CALIBRATION_BINS] = {0}, right[CALIBRATION_BINS] = {0}, sum = 0;
	for (size_t i = 0; i < m; i++) {
		size_t best = entk_argmax(probabilities + i * classes, classes);
		double p = probabilities[i * classes + best];
		size_t bin = (size_t)(p * CALIBRATION_BINS);
		bin = bin < CALIBRATION_BINS ? bin : CALIBRATION_BINS - 1;
		confidence[bin] += p;
		right[bin] += best == truth[i];
	}
	for (size_t b = 0; b < CALIBRATION_BINS; b++)
		sum += fabs(confidence[b] - right[b]);
	return sum / (double)m;
}

/* One class against the rest, mean over the classes that occur (of two classes the second one). */
static EntkStatus class_auc(const double *scores, const size_t *truth, size_t m, size_t classes, double *auc,
			    EntkError *error)
{
	double sum = 0;
	size_t count = 0;
	EntkStatus status = ENTK_OK;
	bool *positive = entk_allocate(m, sizeof *positive, "the classes", error);
	if (!positive)
		return error->status;
	for (size_t c = classes == 2 ? 1 : 0; c < classes && status == ENTK_OK; c++) {
		double one;
		for (size_t i = 0; i < m; i++)
			positive[i] = truth[i] == c;
		status = entk_metrics_auc(scores + c, classes, positive, m, &one, error);
		if (status == ENTK_OK && !isnan(one)) {
			sum += one;
			count++;
		}
	}
	free(positive);
	*auc = count ? sum / (double)count : NAN;
	return status;
}

/* Mean over the classes that occur of the share of their samples found. */
static EntkStatus balanced(const double *scores, const size_t *truth, size_t m, size_t classes, double *accuracy,
			   EntkError *error)
{
	double sum = 0;
	size_t occur = 0;
	size_t *counts = entk_allocate(2 * classes, sizeof *counts, "the classes", error);
	if (!counts)
		return error->status;
	for (size_t i = 0; i < m; i++) {
		counts[2 * truth[i]]++;
		counts[2 * truth[i] + 1] += entk_argmax(scores + i * classes, classes) == truth[i];
	}
	for (size_t c = 0; c < classes; c++)
		if (counts[2 * c]) {
			sum += (double)counts[2 * c + 1] / (double)counts[2 * c];
			occur++;
		}
	free(counts);
	*accuracy = sum / (double)occur;
	return ENTK_OK;
}

EntkStatus entk_metrics_classes(const double *scores, const double *probabilities, const size_t *truth, size_t m,
				size_t classes, EntkMetrics *metrics, EntkError *error)
{
	double right = 0, squares = 0, absolute = 0, nll = 0, count = (double)m;
	*metrics = nothing;
	for (size_t i = 0; i < m; i++) {
		const double *row = scores + i * classes;
		right += entk_argmax(row, classes) == truth[i];
		for (size_t c = 0; c < classes; c++) {
			double d = row[c] - ((truth[i] == c) - 1.0 / (double)classes);
			squares += d * d;
			absolute += fabs(d);
		}
		if (probabilities)
			nll -= log(fmax(probabilities[i * classes + truth[i]], DBL_MIN));
	}
	metrics->accuracy = right / count;
	metrics->mse = squares / (count * (double)classes);
	metrics->mae = absolute / (count * (double)classes);
	if (probabilities) {
		metrics->nll = nll / count;
		metrics->calibration_error = calibration_error(probabilities, truth, m, classes);
	}
	EntkStatus status = balanced(scores, truth, m, classes, &metrics->balanced_accuracy, error);
	return status == ENTK_OK ? class_auc(scores, truth, m, classes, &metrics->auc, error) : status;
}

/* ---- labels ---------------------------------------------------------------------------------------------------------- */

static double normal_cdf(double z)
{
	return 0.5 * erfc(-z * 0.70710678118654752440);
}

double entk_label_probability(double mean, double variance)
{
	return normal_cdf((mean - 0.5) / sqrt(variance));
}

/* What one label adds up to. */
typedef struct LabelCounts {
	double yes, no, yes_found, no_found;
	double squares, absolute, nll;
} LabelCounts;

/* Mean of the shares found of those of yes and no that occur. */
static double label_balance(const LabelCounts *c)
{
	double sum = (c->yes > 0 ? c->yes_found / c->yes : 0) + (c->no > 0 ? c->no_found / c->no : 0);
	return sum / ((c->yes > 0) + (c->no > 0));
}

/* Probabilities of being 1, and how many are, in bins of these probabilities. */
typedef struct LabelBins {
	double expected[CALIBRATION_BINS], found[CALIBRATION_BINS];
} LabelBins;

static LabelCounts count_label(const double *predictions, const double *variances, const double *truth, size_t m,
			       size_t stride, bool *positive, LabelBins *bins)
{
	LabelCounts c = {0};
	for (size_t i = 0; i < m; i++) {
		double p = predictions[i * stride], y = truth[i * stride];
		positive[i] = y > 0.5;
		*(positive[i] ? &c.yes : &c.no) += 1;
		*(positive[i] ? &c.yes_found : &c.no_found) += (p > 0.5) == positive[i];
		c.squares += (p - y) * (p - y);
		c.absolute += fabs(p - y);
		if (!variances)
			continue;
		double probability = entk_label_probability(p, variances[i]);
		size_t bin = (size_t)(probability * CALIBRATION_BINS);
		bin = bin < CALIBRATION_BINS ? bin : CALIBRATION_BINS - 1;
		bins->expected[bin] += probability;
		bins->found[bin] += positive[i];
		c.nll -= log(fmax(positive[i] ? probability : entk_label_probability(1 - p, variances[i]), DBL_MIN));
	}
	return c;
}

static void add_label(EntkMetrics *metrics, const LabelCounts *c)
{
	metrics->accuracy += c->yes_found + c->no_found;
	metrics->balanced_accuracy += label_balance(c);
	metrics->mse += c->squares;
	metrics->mae += c->absolute;
	metrics->nll += c->nll;
}

/* Sums over labels and samples become means. */
static void finish_labels(EntkMetrics *metrics, const LabelBins *bins, bool variances, size_t m, size_t labels)
{
	double count = (double)m * (double)labels;
	metrics->accuracy /= count;
	metrics->balanced_accuracy /= (double)labels;
	metrics->mse /= count;
	metrics->mae /= count;
	metrics->nll = variances ? metrics->nll / count : NAN;
	if (!variances)
		return;
	metrics->calibration_error = 0;
	for (size_t b = 0; b < CALIBRATION_BINS; b++)
		metrics->calibration_error += fabs(bins->expected[b] - bins->found[b]) / count;
}

EntkStatus entk_metrics_labels(const double *predictions, const double *variances, const double *truth, size_t m,
			       size_t labels, EntkMetrics *metrics, EntkError *error)
{
	double area = 0;
	size_t areas = 0;
	LabelBins bins = {0};
	EntkStatus status = ENTK_OK;
	*metrics = nothing;
	metrics->accuracy = metrics->balanced_accuracy = metrics->mse = metrics->mae = metrics->nll = 0;
	bool *positive = entk_allocate(m, sizeof *positive, "the labels", error);
	if (!positive)
		return error->status;
	for (size_t o = 0; o < labels && status == ENTK_OK; o++) {
		double auc;
		LabelCounts counts = count_label(predictions + o, variances, truth + o, m, labels, positive, &bins);
		add_label(metrics, &counts);
		status = entk_metrics_auc(predictions + o, labels, positive, m, &auc, error);
		if (status == ENTK_OK && !isnan(auc)) {
			area += auc;
			areas++;
		}
	}
	free(positive);
	finish_labels(metrics, &bins, variances != NULL, m, labels);
	metrics->auc = areas ? area / (double)areas : NAN;
	return status;
}

/* ---- real targets ---------------------------------------------------------------------------------------------------- */

/* Sums over the samples of one output. */
typedef struct OutputSums {
	double squares, absolute,
		total; /* total: squared deviations from the mean; exactly 0 where all targets are equal */
	double nll, covered, width;
} OutputSums;

static OutputSums sum_output(const double *predictions, const double *variances, double scale, const double *truth,
			     size_t m, size_t stride)
{
	const double pi = 3.14159265358979323846;
	OutputSums sums = {0};
	double mean = 0;
	for (size_t i = 0; i < m; i++)
		mean += truth[i * stride] / (double)m;
	bool varies = false; /* the mean of equal targets is rounded, and the deviations from it are rounding alone */
	for (size_t i = 0; i < m; i++)
		varies = varies || truth[i * stride] != truth[0];
	for (size_t i = 0; i < m; i++) {
		double y = truth[i * stride], d = predictions[i * stride] - y;
		sums.total += varies ? (y - mean) * (y - mean) : 0;
		sums.squares += d * d;
		sums.absolute += fabs(d);
		if (variances) {
			double variance = variances[i] * scale * scale, half = ENTK_INTERVAL * sqrt(variance);
			sums.nll += 0.5 * (log(2 * pi * variance) + d * d / variance);
			sums.covered += fabs(d) <= half;
			sums.width += 2 * half;
		}
	}
	return sums;
}

void entk_metrics_regression(const double *predictions, const double *variances, const double *scale,
			     const double *truth, size_t m, size_t outputs, EntkMetrics *metrics)
{
	OutputSums all = {0};
	double explained = 0, count = (double)m * (double)outputs;
	size_t varying = 0;
	*metrics = nothing;
	for (size_t o = 0; o < outputs; o++) {
		OutputSums sums = sum_output(predictions + o, variances, scale[o], truth + o, m, outputs);
		all.squares += sums.squares;
		all.absolute += sums.absolute;
		all.nll += sums.nll;
		all.covered += sums.covered;
		all.width += sums.width;
		if (sums.total > 0) {
			explained += 1 - sums.squares / sums.total;
			varying++;
		}
	}
	metrics->mse = all.squares / count;
	metrics->mae = all.absolute / count;
	metrics->r2 = varying ? explained / (double)varying : NAN;
	if (variances) {
		metrics->nll = all.nll / count;
		metrics->coverage = all.covered / count;
		metrics->interval_width = all.width / count;
	}
}

/* ---- probabilities --------------------------------------------------------------------------------------------------- */

/* p_c = integral over F of phi_c(F) prod_{j != c} Phi_j(F): c has the score F, and all others less. The trapezoid rule
 * converges exponentially for such smooth integrands: 24 nodes per standard deviation leave only rounding. Beyond 9
 * deviations around the largest mean the winning score has no weight. */
void entk_class_probabilities(const double *mean, size_t classes, double variance, double *probabilities)
{
	const double reach = 9, step = 1.0 / 24;
	double deviation = sqrt(variance), top = mean[entk_argmax(mean, classes)], sum = 0;
	memset(probabilities, 0, classes * sizeof *probabilities);
	if (!(deviation > 0)) {
		probabilities[entk_argmax(mean, classes)] = 1;
		return;
	}
	for (double z = -reach; z <= reach; z += step) {
		double log_product = 0;
		for (size_t j = 0; j < classes; j++)
			log_product += log(fmax(normal_cdf(z + (top - mean[j]) / deviation), DBL_MIN));
		for (size_t c = 0; c < classes; c++) {
			double zc = z + (top - mean[c]) / deviation;
			probabilities[c] += exp(log_product - log(fmax(normal_cdf(zc), DBL_MIN)) - 0.5 * zc * zc);
		}
	}
	for (size_t c = 0; c < classes; c++)
		sum += probabilities[c];
	for (size_t c = 0; c < classes; c++)
		probabilities[c] /= sum;
}

/* ---- over seeds ------------------------------------------------------------------------------------------------------ */

EntkSpread entk_spread(const double *values, size_t count)
{
	EntkSpread s = {0, NAN, NAN, NAN, NAN, NAN, NAN};
	double square = 0;
	for (size_t i = 0; i < count; i++)
		s.mean += values[i] / (double)count;
	if (count < 2)
		return s;
	for (size_t i = 0; i < count; i++)
		square += (values[i] - s.mean) * (values[i] - s.mean);
	s.deviation = sqrt(square / (double)(count - 1));
	s.error = s.of_seeds = s.deviation / sqrt((double)count);
	s.half = s.error * entk_student_quantile(0.95, (double)(count - 1));
	/* Equal differences that are not 0 are beyond doubt; all zeros are no difference. */
	s.p = isnan(s.mean) ? NAN
	      : s.mean == 0 ? 1
	      : s.error > 0 ? entk_student_tail(s.mean / s.error, (double)(count - 1))
			    : 0;
	return s;
}

EntkSpread entk_spread_tested(const double *values, size_t count, double of_tests, size_t tests)
{
	EntkSpread s = entk_spread(values, count);
	s.of_tests = tests > 1 ? of_tests : NAN;
	if (isnan(s.of_tests))
		return s;
	double a = count > 1 ? s.of_seeds * s.of_seeds : 0, b = s.of_tests * s.of_tests;
	s.error = sqrt(a + b);
	s.half = 0;
	s.p = isnan(s.mean) ? NAN : s.mean == 0 ? 1 : 0;
	if (s.error > 0) {
		/* As shares, whose squares do not underflow. */
		double x = a / (a + b), y = b / (a + b);
		double degrees = 1 / ((count > 1 ? x * x / (double)(count - 1) : 0) + y * y / (double)(tests - 1));
		s.half = s.error * entk_student_quantile(0.95, degrees);
		s.p = entk_student_tail(s.mean / s.error, degrees);
	}
	return s;
}
