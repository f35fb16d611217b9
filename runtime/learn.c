/* What the learning commands share: see learn.h. The command line is in learn_line.c. */
#include "learn.h"

#include "linalg.h"
#include "metrics.h"
#include "warn.h"

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

/* ---- resources -------------------------------------------------------------------------------------------------- */

EntkStatus entk_learn_check_memory(double bytes, const char *what, EntkError *error)
{
	struct sysinfo info;
	if (sysinfo(&info) != 0)
		return ENTK_OK;
	double have = ((double)info.totalram + (double)info.totalswap) * info.mem_unit;
	if (bytes <= have)
		return ENTK_OK;
	entk_fail(error, ENTK_MEMORY, NULL, "out of memory: %s takes %.1f GB, the machine has %.1f GB", what,
		  1e-9 * bytes, 1e-9 * have);
	return entk_fix(error, "use fewer samples");
}

double entk_learn_fit_bytes(const EntkLearn *learn, size_t n, bool kept)
{
	EntkRegressOptions options = entk_learn_regression(learn, n);
	double matrix = (double)n * (double)n * sizeof(double);
	/* LAPACK's eigensolver works on twice the matrix, and what it is given is lost. */
	return entk_regress_needs_spectrum(&options) ? (kept ? 3 : 2) * matrix : 0;
}

EntkStatus entk_learn_gram(EntkLearnLine *line, const EntkNet *net, const EntkSamples *x, const EntkSamples *z,
			   double **kernel, EntkError *error)
{
	EntkGramOptions options = entk_common_gram_options(&line->common);
	*kernel = entk_linalg_matrix(x->count, z ? z->count : x->count, "the Gram matrix", error);
	if (!*kernel)
		return error->status;
	return entk_gram(line->common.program, net, x, z, &options, line->learn.ntk ? NULL : *kernel,
			 line->learn.ntk ? *kernel : NULL, error);
}

EntkStatus entk_learn_hold_out(EntkLearnLine *line, EntkDataset *dataset, const EntkNet *net,
			       const EntkEncoding *encoding, const EntkSamples *train, EntkHeldOut *held,
			       EntkError *error)
{
	EntkSamples samples = {0};
	memset(held, 0, sizeof *held);
	if (line->learn.rule != ENTK_RIDGE_VALIDATION)
		return ENTK_OK;
	EntkStatus status =
		entk_dataset_samples(dataset, ENTK_PART_VAL, net, line->common.program->precision, &samples, error);
	if (status == ENTK_OK)
		status = entk_learn_gram(line, net, &samples, train, &held->cross, error);
	if (status == ENTK_OK)
		status = entk_encode_as(encoding, dataset, ENTK_PART_VAL, NULL, samples.count, &held->targets, error);
	if (status == ENTK_OK)
		held->validation = (EntkValidation){samples.count, held->cross, held->targets};
	entk_samples_destroy(&samples);
	return status;
}

void entk_learn_held_out_destroy(EntkHeldOut *held)
{
	free(held->cross);
	free(held->targets);
	memset(held, 0, sizeof *held);
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

const char *entk_learn_time_text(double time, char *text, size_t size)
{
	snprintf(text, size, isinf(time) ? "inf" : "%g", time);
	return text;
}

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
