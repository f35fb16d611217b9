/* What the learning commands share: see learn.h. */
#include "learn.h"

#include "metrics.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

/* ---- options --------------------------------------------------------------------------------------------------- */

EntkLearn entk_learn_defaults(void)
{
	return (EntkLearn){.ntk = true, .rule = ENTK_RIDGE_FIXED, .ridge = 1e-4, .time = INFINITY};
}

bool entk_learn_has(int id)
{
	return id >= ENTK_LEARN_KERNEL && id <= ENTK_LEARN_TIME;
}

static EntkStatus take_time(EntkLearn *learn, const char *value, EntkError *error)
{
	if (strcmp(value, "inf") == 0) {
		learn->time = INFINITY;
		return ENTK_OK;
	}
	return entk_parse_real("--time", value, 0, 1e300, &learn->time, error);
}

EntkStatus entk_learn_take(EntkLearn *learn, int id, const char *value, EntkError *error)
{
	switch (id) {
	case ENTK_LEARN_KERNEL:
		learn->ntk = strcmp(value, "ntk") == 0;
		if (!learn->ntk && strcmp(value, "nngp") != 0)
			return entk_fail(error, ENTK_USAGE, "--kernel", "expected ntk or nngp, got \"%s\"", value);
		return ENTK_OK;
	case ENTK_LEARN_RIDGE:
		return entk_ridge_parse("--ridge", value, &learn->rule, &learn->ridge, error);
	default:
		return take_time(learn, value, error);
	}
}

const char *entk_learn_kernel(const EntkLearn *learn)
{
	return learn->ntk ? "ntk" : "nngp";
}

EntkRegressOptions entk_learn_regression(const EntkLearn *learn, const size_t *groups)
{
	return (EntkRegressOptions){
		.ntk = learn->ntk, .rule = learn->rule, .ridge = learn->ridge, .time = learn->time, .groups = groups};
}

/* ---- warnings -------------------------------------------------------------------------------------------------- */

void entk_warn(const char *program, const char *where, const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "%s: warning: %s%s", program, where, *where ? ": " : "");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

void entk_warn_jitter(const char *program, const char *net, const EntkRegression *regression)
{
	if (regression->jitter > 0)
		entk_warn(program, net,
			  "the Gram matrix of %zu samples is not positive definite with ridge %g; %g more was added to "
			  "it (relative to the mean "
			  "diagonal)",
			  regression->n, regression->ridge, regression->jitter);
}

void entk_warn_error(const char *program, const EntkError *error)
{
	char text[sizeof error->what + sizeof error->fix + 4];
	snprintf(text, sizeof text, "%s%s%s", error->what, error->fix[0] ? "; " : "", error->fix);
	entk_warn(program, error->where, "%s", text);
}

EntkStatus entk_learn_where(const EntkNet *net, EntkError *error)
{
	if (error->where[0] == '\0')
		snprintf(error->where, sizeof error->where, "%s", net->name);
	return error->status;
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

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

EntkStatus entk_learn_check_output(const char *path, EntkError *error)
{
	EntkNpzWriter *writer;
	if (strcmp(path, "-") == 0)
		return ENTK_OK;
	EntkStatus status = entk_npz_writer_create(path, 0, &writer, error);
	entk_npz_writer_destroy(writer);
	return status;
}

double *entk_learn_matrix(size_t rows, size_t columns, const char *what, EntkError *error)
{
	size_t count;
	if (!entk_multiply(rows, columns, &count)) {
		entk_fail_memory(error, what, SIZE_MAX);
		return NULL;
	}
	return entk_allocate(count, sizeof(double), what, error);
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

void entk_learn_json(const EntkLearn *learn, EntkJson *json)
{
	entk_json_put_string(json, "kernel", entk_learn_kernel(learn));
	entk_json_put_string(json, "ridge_rule", entk_ridge_rule_name(learn->rule));
	entk_json_put_number(json, "time", learn->time);
}

void entk_learn_json_fit(const EntkRegression *regression, EntkJson *json)
{
	entk_json_put_number(json, "ridge", regression->ridge);
	entk_json_put_number(json, "jitter", regression->jitter);
	entk_json_put_number(json, "condition", regression->condition);
	entk_json_put_number(json, "loo_mse", regression->merit.loo_mse);
	entk_json_put_number(json, "log_marginal_likelihood", regression->merit.log_marginal);
	entk_json_put_number(json, "log_evidence", regression->merit.log_evidence);
}

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

void entk_learn_print_fit(const EntkLearn *learn, const EntkDataset *dataset, const EntkRegression *regression)
{
	char time[32];
	printf("  kernel               %s, time %s\n", entk_learn_kernel(learn),
	       entk_learn_time_text(learn->time, time, sizeof time));
	printf("  ridge                %.3g%s%s\n", regression->ridge,
	       learn->rule == ENTK_RIDGE_FIXED ? "" : ", chosen by ",
	       learn->rule == ENTK_RIDGE_FIXED ? ""
	       : learn->rule == ENTK_RIDGE_LOO ? "leave-one-out"
					       : "evidence");
	if (regression->jitter > 0)
		printf("  jitter               %.3g\n", regression->jitter);
	printf("  condition number     %.3g%s\n", regression->condition, regression->values ? "" : " (estimate)");
	if (!isnan(regression->merit.loo_mse)) {
		double accuracy = entk_learn_loo_accuracy(dataset, regression);
		printf("  leave-one-%sout %s  mean squared error %.4g", dataset->groups ? "group-" : "",
		       dataset->groups ? "" : "     ", regression->merit.loo_mse);
		if (!isnan(accuracy))
			printf(", accuracy %.4f", accuracy);
		printf("\n");
	}
	if (!isnan(regression->merit.log_marginal))
		printf("  log likelihood       %.6g marginal, %.6g with the kernel's best scale\n",
		       regression->merit.log_marginal, regression->merit.log_evidence);
}
