/* How good predictions are. Predictions are m x outputs; whatever is undefined (the AUC of a single class) is NaN. */
#ifndef ENTK_REGRESS_METRICS_H
#define ENTK_REGRESS_METRICS_H

#include "support/status.h"

#include <stddef.h>

/* Half the width of a 95 % interval in standard deviations. */
#define ENTK_INTERVAL 1.959963984540054

typedef struct EntkMetrics {
	double accuracy;          /* share of right classes, or of right labels */
	double balanced_accuracy; /* mean over the classes that occur of the share found; for labels the mean over labels */
	double auc;      /* area under the ROC curve; classes: one against the rest, mean over the classes that occur */
	double mse, mae; /* over samples and outputs; classes: of the centred one-hot scores */
	double r2;       /* 1 - squared error / variance, mean over the outputs that vary */
	double nll;      /* mean negative log likelihood of the true value, in nats (per output for real targets) */
	double coverage; /* real targets: share inside their 95 % prediction intervals */
	double interval_width;    /* mean width of these, in the targets' units */
	double calibration_error; /* classes: |confidence - accuracy| in 15 bins of confidence, weighted by their samples;
				   * labels: the same of the probability of being 1 */
} EntkMetrics;

/* The place of the largest number; the first of several. */
size_t entk_argmax(const double *values, size_t count);

/* Scores (m x classes), larger means likelier. `probabilities` (m x classes) may be NULL: then nll and calibration are NaN. */
EntkStatus entk_metrics_classes(const double *scores, const double *probabilities, const size_t *truth, size_t m,
				size_t classes, EntkMetrics *metrics, EntkError *error);
/* confusion[true * classes + predicted] counts. */
void entk_metrics_confusion(const double *scores, const size_t *truth, size_t m, size_t classes, size_t *confusion);
/* Predictions of 0/1 labels; above 1/2 counts as 1. `variances` (m) of the prediction, or NULL: then nll is NaN. */
EntkStatus entk_metrics_labels(const double *predictions, const double *variances, const double *truth, size_t m,
			       size_t labels, EntkMetrics *metrics, EntkError *error);
/* Predictions of real targets; `variances` (m) times scale[o]^2 is that of output o; NULL: nll and intervals are NaN. */
void entk_metrics_regression(const double *predictions, const double *variances, const double *scale,
			     const double *truth, size_t m, size_t outputs, EntkMetrics *metrics);

/* The area under the ROC curve: how often a positive has the larger score than a negative, ties counting half. */
EntkStatus entk_metrics_auc(const double *scores, size_t stride, const bool *positive, size_t m, double *auc,
			    EntkError *error);

/* P(label = 1) of a label predicted as `mean`: that a normal score exceeds 1/2. */
double entk_label_probability(double mean, double variance);
/* Probability that class c has the largest of independent scores N(mean[c], variance), for all classes. */
void entk_class_probabilities(const double *mean, size_t classes, double variance, double *probabilities);

/* ---- over seeds ------------------------------------------------------------------------------------------------ */

typedef struct EntkSpread {
	double mean;
	double deviation;          /* sample standard deviation (n - 1); NaN for a single value */
	double error;              /* standard error of the mean */
	double half;               /* half width of the 95 % interval of the mean (Student's t) */
	double of_seeds, of_tests; /* what the standard error is made of, as in entk_spread_tested; NaN: unknown */
	double p; /* how likely a mean as far from 0 is, were the true one 0 (two-sided t-test); NaN for a single value */
} EntkSpread;

EntkSpread entk_spread(const double *values, size_t count);
/* The same for scores that are means over `tests` test samples, which are a draw too: `of_tests` is the standard error that comes
 * from them. The squares of both standard errors are added (what belongs to both is counted twice: intervals are rather too wide
 * than too narrow), and the degrees of freedom are Welch's. With one value the test samples alone make the interval. */
EntkSpread entk_spread_tested(const double *values, size_t count, double of_tests, size_t tests);

#endif
