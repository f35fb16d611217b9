/* A comparison in JSON: see compare.h. docs/cli.md names the keys. */
#include "compare/compare.h"

#include "learn/describe.h"
#include "output/json.h"

#include <stdio.h>
#include <string.h>

static void add_spread(EntkJson *json, const char *key, EntkSpread spread, bool difference, const double *values,
		       size_t count)
{
	entk_json_key(json, key);
	entk_json_object(json);
	entk_json_put_number(json, "mean", spread.mean);
	entk_json_put_number(json, "std", spread.deviation);
	entk_json_put_number(json, "standard_error", spread.error);
	entk_json_put_number(json, "standard_error_train", spread.of_seeds);
	entk_json_put_number(json, "standard_error_test", spread.of_tests);
	entk_json_put_number(json, "ci95_half", spread.half);
	/* That a score is not zero is no question. */
	if (difference)
		entk_json_put_number(json, "p_value", spread.p);
	entk_json_put_numbers(json, "values", values, count);
	entk_json_close(json, '}');
}

/* One number of every seed's run. */
static void add_runs(const EntkCompare *compare, EntkJson *json, const char *key, size_t net, size_t size,
		     size_t offset)
{
	entk_json_key(json, key);
	entk_json_flat_array(json);
	for (size_t s = 0; s < compare->seeds; s++)
		entk_json_number(json,
				 *(const double *)((const char *)entk_compare_get(compare, net, size, s) + offset));
	entk_json_close(json, ']');
}

/* Means of the sweep, or half widths of their intervals. */
static void add_sweep(const EntkCompare *compare, EntkJson *json, size_t net, size_t size, bool half, double *values)
{
	entk_json_key(json, half ? "sweep_ci95_half" : "sweep");
	entk_json_flat_array(json);
	for (size_t i = 0; i < ENTK_RIDGE_GRID; i++) {
		EntkSpread spread = entk_compare_swept(compare, net, size, i, values);
		entk_json_number(json, half ? spread.half : spread.mean);
	}
	entk_json_close(json, ']');
}

/* For how many seeds a ridge was not enough. */
static void add_indefinite(const EntkCompare *compare, EntkJson *json, size_t net, size_t size)
{
	entk_json_key(json, "sweep_not_definite");
	entk_json_flat_array(json);
	for (size_t i = 0; i < ENTK_RIDGE_GRID; i++)
		entk_json_integer(json, (int64_t)entk_compare_indefinite(compare, net, size, i));
	entk_json_close(json, ']');
}

/* Against every net before it. */
static void add_differences(const EntkCompare *compare, EntkJson *json, size_t net, size_t size, double *values)
{
	if (net == 0)
		return;
	EntkSpread spread = entk_compare_difference(compare, net, 0, size, values);
	add_spread(json, "difference", spread, true, values, compare->seeds);
	entk_json_key(json, "differences");
	entk_json_object(json);
	for (size_t against = 0; against < net; against++) {
		spread = entk_compare_difference(compare, net, against, size, values);
		add_spread(json, compare->nets[against].name, spread, true, values, compare->seeds);
	}
	entk_json_close(json, '}');
}

static void add_result(const EntkCompare *compare, EntkJson *json, size_t net, size_t size, double *values)
{
	static const struct {
		const char *key;
		size_t offset;
		int tasks; /* 1: classes and labels, 2: regression, 3: both */
	} columns[] = {
		{"mse", offsetof(EntkRun, metrics.mse), 3},
		{"r2", offsetof(EntkRun, metrics.r2), 2},
		{"balanced_accuracy", offsetof(EntkRun, metrics.balanced_accuracy), 1},
		{"auc", offsetof(EntkRun, metrics.auc), 1},
		{"ridge", offsetof(EntkRun, ridge), 3},
		{"jitter", offsetof(EntkRun, jitter), 3},
		{"condition", offsetof(EntkRun, condition), 3},
		{"loo_mse", offsetof(EntkRun, loo_mse), 3},
		{"val_mse", offsetof(EntkRun, val_mse), 3},
		{"log_evidence", offsetof(EntkRun, log_evidence), 3},
	};
	EntkSpread spread = entk_compare_scores(compare, net, size, values);
	entk_json_object(json);
	entk_json_put_integer(json, "train", (int64_t)compare->sizes[size]);
	add_spread(json, entk_compare_is_regression(compare) ? "mae" : "accuracy", spread, false, values,
		   compare->seeds);
	add_differences(compare, json, net, size, values);
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
		if (columns[i].tasks & (entk_compare_is_regression(compare) ? 2 : 1))
			add_runs(compare, json, columns[i].key, net, size, columns[i].offset);
	add_sweep(compare, json, net, size, false, values);
	add_sweep(compare, json, net, size, true, values);
	add_indefinite(compare, json, net, size);
	entk_json_close(json, '}');
}

static void add_net(const EntkCompare *compare, EntkJson *json, size_t i, double *values)
{
	const EntkCompareNet *net = &compare->nets[i];
	entk_json_object(json);
	entk_json_put_string(json, "net", net->name);
	if (net->source)
		entk_json_put_string(json, "source", net->source);
	if (net->own) {
		char hash[32];
		snprintf(hash, sizeof hash, "%016llx", (unsigned long long)net->own->hash);
		entk_json_put_string(json, "hash", hash);
	}
	entk_json_put_number(json, "pairs", net->pairs);
	entk_json_put_number(json, "gram_seconds", net->gram_seconds);
	entk_json_put_number(json, "solve_seconds", net->solve_seconds);
	entk_json_put_number(json, "memory_bytes", net->memory);
	entk_json_key(json, "results");
	entk_json_array(json);
	for (size_t size = 0; size < compare->size_count; size++)
		add_result(compare, json, i, size, values);
	entk_json_close(json, ']');
	entk_json_close(json, '}');
}

EntkStatus entk_compare_json(const EntkCompare *compare, double *values, EntkError *error)
{
	EntkJson json = {0};
	double ridges[ENTK_RIDGE_GRID];
	const EntkProgram *program = compare->line.common.program;
	entk_json_object(&json);
	entk_json_put_string(&json, "program", program->source);
	entk_json_put_string(&json, "version", program->compiler);
	entk_json_put_integer(&json, "precision", program->precision);
	entk_json_key(&json, "params");
	entk_json_object(&json);
	for (uint32_t i = 0; i < program->param_count; i++)
		entk_json_put_number(&json, program->params[i].name, compare->line.common.params[i]);
	entk_json_close(&json, '}');
	entk_json_put_string(&json, "data", compare->line.arguments[0]);
	entk_json_put_string(&json, "task", entk_task_name(compare->dataset.task));
	entk_json_put_string(&json, "score", entk_compare_is_regression(compare) ? "mae" : "accuracy");
	entk_json_put_integer(&json, "outputs", (int64_t)compare->dataset.outputs);
	entk_json_put_integer(&json, "seeds", (int64_t)compare->seeds);
	entk_json_put_integer(&json, "pool", (int64_t)compare->pool_count);
	entk_json_put_integer(&json, "test", (int64_t)compare->test_count);
	entk_learn_json(&compare->line.learn, &json);
	for (size_t i = 0; i < ENTK_RIDGE_GRID; i++)
		ridges[i] = entk_ridge_grid(i);
	entk_json_put_numbers(&json, "sweep_ridges", ridges, ENTK_RIDGE_GRID);
	entk_json_key(&json, "nets");
	entk_json_array(&json);
	for (size_t i = 0; i < compare->net_count; i++)
		add_net(compare, &json, i, values);
	entk_json_close(&json, ']');
	entk_json_close(&json, '}');
	EntkStatus status = entk_json_write(&json, compare->json_path, error);
	entk_json_destroy(&json);
	return status;
}
