/* What is said about a fit: see describe.h. */
#include "learn/describe.h"

#include "cli/warn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

/* ---- warnings --------------------------------------------------------------------------------------------------- */

void entk_warn_fit(const char *program, const char *net, const EntkLearn *learn, const EntkRegression *regression)
{
	double most = entk_regress_max_learning_rate(regression);
	if (regression->jitter > 0)
		entk_warn(program, net,
			  "the Gram matrix of %zu samples is not positive definite with ridge %g; %g more was added to "
			  "it "
			  "(relative to the mean diagonal)",
			  regression->n, regression->ridge, regression->jitter);
	if (isfinite(learn->time) && learn->rate_given && learn->learning_rate > most)
		entk_warn(program, net,
			  "gradient descent with learning rate %g diverges, the largest stable one is %.3g; "
			  "predictions are those of gradient flow",
			  learn->learning_rate, most);
}

void entk_warn_unseen(const char *program, const char *path, const EntkDataset *dataset)
{
	char where[512];
	for (int p = ENTK_PART_VAL; p < ENTK_PARTS; p++) {
		size_t class, count = entk_dataset_unseen(dataset, (EntkPartName)p, &class);
		if (count == 0)
			continue;
		snprintf(where, sizeof where, "%s:%s", path, dataset->parts[p].y_key);
		entk_warn(program, where,
			  "%zu of %zu samples are of classes that no training sample has (the smallest: %lld); they "
			  "count as errors",
			  count, dataset->parts[p].count, (long long)dataset->values[class]);
	}
}

EntkStatus entk_learn_where(const char *net, EntkError *error)
{
	if (error->where[0] == '\0')
		snprintf(error->where, sizeof error->where, "%s", net);
	return error->status;
}

bool entk_learn_calibrated(double amplitude)
{
	return amplitude > 0 && isfinite(amplitude);
}

/* ---- in JSON ---------------------------------------------------------------------------------------------------- */

void entk_learn_json(const EntkLearn *learn, EntkJson *json)
{
	entk_json_put_string(json, "kernel", entk_learn_kernel(learn));
	entk_json_put_string(json, "ridge_rule", entk_ridge_rule_name(learn->rule));
	entk_json_put_number(json, "time", learn->time);
	entk_json_put_number(json, "learning_rate", learn->learning_rate);
}

void entk_learn_json_fit(const EntkRegression *regression, EntkJson *json)
{
	const EntkMerit *merit = &regression->merit;
	entk_json_put_number(json, "ridge", regression->ridge);
	entk_json_put_number(json, "ridge_absolute", regression->ridge * regression->mean_diagonal);
	entk_json_put_number(json, "jitter", regression->jitter);
	entk_json_put_number(json, "condition", regression->condition);
	entk_json_put_number(json, "max_learning_rate", entk_regress_max_learning_rate(regression));
	entk_json_put_number(json, "loo_mse", merit->loo_mse);
	entk_json_put_number(json, "val_mse", merit->val_mse);
	entk_json_put_number(json, "log_marginal_likelihood", merit->log_marginal);
	entk_json_put_number(json, "log_evidence", merit->log_evidence);
}

/* ---- in text ---------------------------------------------------------------------------------------------------- */

double entk_learn_loo_accuracy(const EntkDataset *dataset, const EntkRegression *regression)
{
	size_t n = regression->n, outputs = regression->outputs, right = 0;
	const size_t *truth = dataset->parts[ENTK_PART_TRAIN].classes;
	if (!regression->loo || !truth)
		return NAN;
	for (size_t i = 0; i < n; i++) {
		size_t best = 0;
		for (size_t o = 1; o < outputs; o++)
			if (regression->loo[o * n + i] > regression->loo[best * n + i])
				best = o;
		right += best == truth[i];
	}
	return (double)right / (double)n;
}

static void print_kernel(const EntkLearn *learn)
{
	char time[32];
	printf("  kernel               %s, time %s", entk_learn_kernel(learn),
	       entk_learn_time_text(learn->time, time, sizeof time));
	if (learn->learning_rate != 1 && isfinite(learn->time))
		printf(" in steps of rate %g", learn->learning_rate);
	printf("\n");
}

static void print_loo(const EntkDataset *dataset, const EntkRegression *regression)
{
	double accuracy = entk_learn_loo_accuracy(dataset, regression);
	const char *name = dataset->groups ? "leave-one-group-out" : "leave-one-out";
	if (isinf(regression->time) && !regression->loo) {
		printf("  %-20s not computed; --loo=always does, in twice the time\n", name);
		return;
	}
	if (isnan(regression->merit.loo_mse))
		return;
	printf("  %-20s mean squared error %.4g", name, regression->merit.loo_mse);
	if (!isnan(accuracy))
		printf(", accuracy %.4f", accuracy);
	printf("\n");
}

void entk_learn_print_fit(const EntkLearn *learn, const EntkDataset *dataset, const EntkRegression *regression)
{
	const EntkMerit *merit = &regression->merit;
	print_kernel(learn);
	printf("  ridge                %.3g (%.3g absolute)%s\n", regression->ridge,
	       regression->ridge * regression->mean_diagonal, entk_ridge_rule_text(learn->rule));
	if (regression->jitter > 0)
		printf("  jitter               %.3g\n", regression->jitter);
	printf("  condition number     %.3g%s\n", regression->condition, regression->values ? "" : " (estimate)");
	printf("  max learning rate    %.4g (of gradient descent on the mean squared error)\n",
	       entk_regress_max_learning_rate(regression));
	print_loo(dataset, regression);
	if (!isnan(merit->val_mse))
		printf("  validation           mean squared error %.4g\n", merit->val_mse);
	if (!isnan(merit->log_marginal))
		printf("  log likelihood       %.6g marginal, %.6g with the kernel's best scale\n", merit->log_marginal,
		       merit->log_evidence);
}
