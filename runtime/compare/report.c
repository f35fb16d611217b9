/* Tables, JSON and figure of a comparison: see compare.h. */
#include "compare/compare.h"

#include "cli/warn.h"
#include "learn/describe.h"
#include "numerics/linalg.h"
#include "output/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_regression(const EntkCompare *compare)
{
	return compare->dataset.task == ENTK_TASK_REGRESSION;
}

static const char *score_name(const EntkCompare *compare)
{
	return is_regression(compare) ? "mean absolute error" : "accuracy";
}

/* The score of all seeds into `values`. */
static EntkSpread scores(const EntkCompare *compare, size_t net, size_t size, double *values)
{
	for (size_t s = 0; s < compare->seeds; s++)
		values[s] = entk_compare_score(compare, &entk_compare_get(compare, net, size, s)->metrics);
	return entk_spread(values, compare->seeds);
}

/* The score minus another net's, training set by training set. */
static EntkSpread differences(const EntkCompare *compare, size_t net, size_t against, size_t size, double *values)
{
	for (size_t s = 0; s < compare->seeds; s++)
		values[s] = entk_compare_score(compare, &entk_compare_get(compare, net, size, s)->metrics) -
			    entk_compare_score(compare, &entk_compare_get(compare, against, size, s)->metrics);
	return entk_spread(values, compare->seeds);
}

/* The score with the i-th ridge of the grid; NaN unless all seeds have one. */
static EntkSpread swept(const EntkCompare *compare, size_t net, size_t size, size_t ridge, double *values)
{
	for (size_t s = 0; s < compare->seeds; s++)
		values[s] = entk_compare_get(compare, net, size, s)->sweep[ridge];
	return entk_spread(values, compare->seeds);
}

/* ---- tables --------------------------------------------------------------------------------------------------------- */

static size_t name_width(const EntkCompare *compare)
{
	size_t width = 8;
	for (size_t i = 0; i < compare->net_count; i++)
		if (strlen(compare->nets[i].name) > width)
			width = strlen(compare->nets[i].name);
	return width;
}

static void print_head(const EntkCompare *compare)
{
	char time[32];
	printf("%s: %s", compare->line.arguments[0], is_regression(compare) ? "regression" : "");
	if (!is_regression(compare))
		printf("%zu %s", compare->dataset.outputs, entk_task_name(compare->dataset.task));
	printf(", training sets from %zu of %zu samples, %zu test samples, %zu seed%s\n", compare->pool_count,
	       compare->dataset.parts[ENTK_PART_TRAIN].count, compare->test_count, compare->seeds,
	       compare->seeds == 1 ? "" : "s");
	printf("kernel %s, ridge ", entk_learn_kernel(&compare->line.learn));
	if (compare->line.learn.rule == ENTK_RIDGE_FIXED)
		printf("%g of the Gram's mean diagonal", compare->line.learn.ridge);
	else if (compare->line.learn.rule == ENTK_RIDGE_ABSOLUTE)
		printf("%g absolute", compare->line.learn.ridge);
	else
		printf("for each training set%s", entk_ridge_rule_text(compare->line.learn.rule));
	printf(", time %s\n\n", entk_learn_time_text(compare->line.learn.time, time, sizeof time));
}

/* "0.843 +- 0.012" and so on, blanks where there is a single seed. */
static void print_spread(const char *format, double value, double half)
{
	printf(format, value);
	if (isnan(half))
		printf("%10s", "");
	else
		printf(" +- %.4f", half);
}

/* "+0.0123 +- 0.0045  0.012": mean difference, its standard error, p. */
static void print_difference(const EntkCompare *compare, size_t net, size_t against, size_t size, double *values)
{
	EntkSpread spread = differences(compare, net, against, size, values);
	print_spread("  %+.4f", spread.mean, spread.error);
	if (!isnan(spread.p))
		printf("  %-7.2g", spread.p);
}

static void print_scores(const EntkCompare *compare, double *values)
{
	int width = (int)name_width(compare);
	printf("test %s: mean and 95 %% interval over the seeds, standard deviation\n", score_name(compare));
	printf("%8s  %-*s  %-17s  %-9s", "samples", width, "net", "mean", "deviation");
	if (compare->net_count > 1)
		printf("  minus %s, +- standard error, p", compare->nets[0].name);
	printf("\n");
	for (size_t size = 0; size < compare->size_count; size++)
		for (size_t net = 0; net < compare->net_count; net++) {
			EntkSpread spread = scores(compare, net, size, values);
			printf("%8zu  %-*s  ", compare->sizes[size], width, compare->nets[net].name);
			print_spread("%.4f", spread.mean, spread.half);
			if (isnan(spread.deviation))
				printf("  %9s", "");
			else
				printf("   %-9.4f", spread.deviation);
			if (net > 0)
				print_difference(compare, net, 0, size, values);
			printf("\n");
		}
	if (compare->seeds > 1 && compare->sizes[compare->size_count - 1] == compare->pool_count)
		printf("with %zu samples every seed has the same training set: there is no spread to see\n",
		       compare->pool_count);
	printf("\n");
}

/* Nets against each other, beyond the first, with the largest training sets. */
static void print_pairs(const EntkCompare *compare, double *values)
{
	int width = (int)name_width(compare);
	size_t size = compare->size_count - 1;
	if (compare->net_count < 3 || compare->seeds < 2)
		return;
	printf("differences with %zu samples, +- standard error, p of a paired t-test\n", compare->sizes[size]);
	for (size_t net = 2; net < compare->net_count; net++)
		for (size_t against = 1; against < net; against++) {
			printf("%8s  %-*s  minus %-*s", "", width, compare->nets[net].name, width,
			       compare->nets[against].name);
			print_difference(compare, net, against, size, values);
			printf("\n");
		}
	printf("\n");
}

/* Full decades only; the JSON file has all. */
static void print_sweep(const EntkCompare *compare, double *values)
{
	int width = (int)name_width(compare);
	printf("%s by ridge, mean over the seeds (-: not positive definite)\n%8s  %-*s", score_name(compare), "samples",
	       width, "net");
	for (size_t i = 0; i < ENTK_RIDGE_GRID; i += 2)
		printf("  %6.0e", entk_ridge_grid(i));
	printf("\n");
	for (size_t size = 0; size < compare->size_count; size++)
		for (size_t net = 0; net < compare->net_count; net++) {
			printf("%8zu  %-*s", compare->sizes[size], width, compare->nets[net].name);
			for (size_t i = 0; i < ENTK_RIDGE_GRID; i += 2) {
				EntkSpread spread = swept(compare, net, size, i, values);
				if (isnan(spread.mean))
					printf("  %6s", "-");
				else
					printf("  %6.4g", spread.mean);
			}
			printf("\n");
		}
	printf("\n");
}

static void print_chosen(const EntkCompare *compare)
{
	int width = (int)name_width(compare);
	if (!entk_ridge_chosen(compare->line.learn.rule))
		return;
	printf("chosen ridges, one per seed\n");
	for (size_t size = 0; size < compare->size_count; size++)
		for (size_t net = 0; net < compare->net_count; net++) {
			printf("%8zu  %-*s", compare->sizes[size], width, compare->nets[net].name);
			for (size_t s = 0; s < compare->seeds && s < 10; s++)
				printf("  %7.1e", entk_compare_get(compare, net, size, s)->ridge);
			printf("%s\n", compare->seeds > 10 ? "  .." : "");
		}
	printf("\n");
}

static void print_cost(const EntkCompare *compare)
{
	int width = (int)name_width(compare);
	char gram[32] = "-", pair[32] = "-", solve[32];
	printf("%-*s  %-12s  %-11s  %-12s  %s\n", width, "net", "kernels", "ms per pair", "solves", "memory");
	for (size_t i = 0; i < compare->net_count; i++) {
		const EntkCompareNet *net = &compare->nets[i];
		if (!isnan(net->gram_seconds)) {
			entk_duration_text(net->gram_seconds, gram, sizeof gram);
			snprintf(pair, sizeof pair, "%.4g", 1e3 * net->gram_seconds / net->pairs);
		} else {
			snprintf(gram, sizeof gram, "from a file");
			snprintf(pair, sizeof pair, "-");
		}
		printf("%-*s  %-12s  %-11s  %-12s  %.1f MB\n", width, net->name, gram, pair,
		       entk_duration_text(net->solve_seconds, solve, sizeof solve), 1e-6 * net->memory);
	}
}

static void print_tables(const EntkCompare *compare, double *values)
{
	print_head(compare);
	print_scores(compare, values);
	print_pairs(compare, values);
	print_sweep(compare, values);
	print_chosen(compare);
	print_cost(compare);
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------- */

static void add_spread(EntkJson *json, const char *key, EntkSpread spread, const double *values, size_t count)
{
	entk_json_key(json, key);
	entk_json_object(json);
	entk_json_put_number(json, "mean", spread.mean);
	entk_json_put_number(json, "std", spread.deviation);
	entk_json_put_number(json, "standard_error", spread.error);
	entk_json_put_number(json, "ci95_half", spread.half);
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
		EntkSpread spread = swept(compare, net, size, i, values);
		entk_json_number(json, half ? spread.half : spread.mean);
	}
	entk_json_close(json, ']');
}

/* Against every net before it. */
static void add_differences(const EntkCompare *compare, EntkJson *json, size_t net, size_t size, double *values)
{
	if (net == 0)
		return;
	EntkSpread spread = differences(compare, net, 0, size, values);
	add_spread(json, "difference", spread, values, compare->seeds);
	entk_json_key(json, "differences");
	entk_json_object(json);
	for (size_t against = 0; against < net; against++) {
		spread = differences(compare, net, against, size, values);
		add_spread(json, compare->nets[against].name, spread, values, compare->seeds);
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
	EntkSpread spread = scores(compare, net, size, values);
	entk_json_object(json);
	entk_json_put_integer(json, "train", (int64_t)compare->sizes[size]);
	add_spread(json, is_regression(compare) ? "mae" : "accuracy", spread, values, compare->seeds);
	add_differences(compare, json, net, size, values);
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
		if (columns[i].tasks & (is_regression(compare) ? 2 : 1))
			add_runs(compare, json, columns[i].key, net, size, columns[i].offset);
	add_sweep(compare, json, net, size, false, values);
	add_sweep(compare, json, net, size, true, values);
	entk_json_close(json, '}');
}

static void add_net(const EntkCompare *compare, EntkJson *json, size_t i, double *values)
{
	const EntkCompareNet *net = &compare->nets[i];
	entk_json_object(json);
	entk_json_put_string(json, "net", net->name);
	if (net->source)
		entk_json_put_string(json, "source", net->source);
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

static EntkStatus write_json(const EntkCompare *compare, double *values, EntkError *error)
{
	EntkJson json = {0};
	double ridges[ENTK_RIDGE_GRID];
	entk_json_object(&json);
	entk_json_put_string(&json, "program", compare->line.common.program->source);
	entk_json_put_string(&json, "data", compare->line.arguments[0]);
	entk_json_put_string(&json, "task", entk_task_name(compare->dataset.task));
	entk_json_put_string(&json, "score", is_regression(compare) ? "mae" : "accuracy");
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

/* ---- figure ----------------------------------------------------------------------------------------------------------- */

/* Numbers of both panels: means and half intervals of every net at every size, and at every ridge for the largest size. */
typedef struct Drawing {
	double *sizes, *mean, *half;              /* size_count; nets x size_count */
	double *ridges, *sweep_mean, *sweep_half; /* RIDGES; nets x RIDGES */
	EntkCurve *curves[2];
} Drawing;

/* Every full decade. */
#define RIDGES ((ENTK_RIDGE_GRID + 1) / 2)

static void drawing_destroy(Drawing *drawing)
{
	free(drawing->sizes);
	free(drawing->mean);
	free(drawing->half);
	free(drawing->ridges);
	free(drawing->sweep_mean);
	free(drawing->sweep_half);
	free(drawing->curves[0]);
	free(drawing->curves[1]);
}

static EntkStatus drawing_create(const EntkCompare *compare, Drawing *drawing, EntkError *error)
{
	size_t nets = compare->net_count;
	const char *what = "the figure";
	memset(drawing, 0, sizeof *drawing);
	drawing->sizes = entk_linalg_matrix(1, compare->size_count, what, error);
	drawing->mean = entk_linalg_matrix(nets, compare->size_count, what, error);
	drawing->half = entk_linalg_matrix(nets, compare->size_count, what, error);
	drawing->ridges = entk_linalg_matrix(1, RIDGES, what, error);
	drawing->sweep_mean = entk_linalg_matrix(nets, RIDGES, what, error);
	drawing->sweep_half = entk_linalg_matrix(nets, RIDGES, what, error);
	drawing->curves[0] = entk_allocate(nets, sizeof(EntkCurve), what, error);
	drawing->curves[1] = entk_allocate(nets, sizeof(EntkCurve), what, error);
	bool good = drawing->sizes && drawing->mean && drawing->half && drawing->ridges && drawing->sweep_mean &&
		    drawing->sweep_half && drawing->curves[0] && drawing->curves[1];
	return good ? ENTK_OK : error->status;
}

static void fill_drawing(const EntkCompare *compare, Drawing *drawing, double *values)
{
	for (size_t i = 0; i < compare->size_count; i++)
		drawing->sizes[i] = (double)compare->sizes[i];
	for (size_t i = 0; i < RIDGES; i++)
		drawing->ridges[i] = entk_ridge_grid(2 * i);
	for (size_t net = 0; net < compare->net_count; net++) {
		double *mean = drawing->mean + net * compare->size_count,
		       *half = drawing->half + net * compare->size_count;
		double *sweep_mean = drawing->sweep_mean + net * RIDGES,
		       *sweep_half = drawing->sweep_half + net * RIDGES;
		for (size_t size = 0; size < compare->size_count; size++) {
			EntkSpread spread = scores(compare, net, size, values);
			mean[size] = spread.mean;
			half[size] = spread.half;
		}
		for (size_t i = 0; i < RIDGES; i++) {
			EntkSpread spread = swept(compare, net, compare->size_count - 1, 2 * i, values);
			sweep_mean[i] = spread.mean;
			sweep_half[i] = spread.half;
		}
		bool bars = compare->seeds > 1;
		drawing->curves[0][net] = (EntkCurve){compare->nets[net].name, mean, bars ? half : NULL};
		drawing->curves[1][net] = (EntkCurve){compare->nets[net].name, sweep_mean, bars ? sweep_half : NULL};
	}
}

static EntkStatus draw(const EntkCompare *compare, const Drawing *drawing, EntkError *error)
{
	char score[64], title[400], ridge_title[64];
	const char *slash = strrchr(compare->line.arguments[0], '/');
	snprintf(score, sizeof score, "test %s", score_name(compare));
	snprintf(ridge_title, sizeof ridge_title, "Dependence on the ridge, %zu samples",
		 compare->sizes[compare->size_count - 1]);
	snprintf(title, sizeof title, "%.120s on %.120s: %zu seeds, mean and 95 %% interval",
		 compare->line.common.program->source, slash ? slash + 1 : compare->line.arguments[0], compare->seeds);
	if (compare->seeds == 1)
		snprintf(title, sizeof title, "%.120s on %.120s", compare->line.common.program->source,
			 slash ? slash + 1 : compare->line.arguments[0]);
	const EntkPanel panels[2] = {
		{"Learning curve", "training samples", score, "%.0f", drawing->sizes, compare->size_count,
		 drawing->curves[0], compare->net_count, false, false},
		{ridge_title, "ridge / mean diagonal of the Gram", score, "%.0e", drawing->ridges, RIDGES,
		 drawing->curves[1], compare->net_count, false, false},
	};
	const EntkFigure figure = {
		.title = title, .panels = panels, .panel_count = 2, .falling = is_regression(compare)};
	return entk_figure_write(&figure, compare->figure, error);
}

static EntkStatus write_figure(const EntkCompare *compare, double *values, EntkError *error)
{
	Drawing drawing;
	EntkStatus status = drawing_create(compare, &drawing, error);
	if (status == ENTK_OK) {
		fill_drawing(compare, &drawing, values);
		status = draw(compare, &drawing, error);
	}
	drawing_destroy(&drawing);
	return status;
}

/* ---- all ------------------------------------------------------------------------------------------------------------- */

EntkStatus entk_compare_report(EntkCompare *compare, EntkError *error)
{
	double *values = entk_linalg_matrix(1, compare->seeds, "the results", error);
	EntkStatus status = values ? ENTK_OK : error->status;
	if (status == ENTK_OK && !(compare->json_path && strcmp(compare->json_path, "-") == 0))
		print_tables(compare, values);
	if (status == ENTK_OK && compare->json_path)
		status = write_json(compare, values, error);
	/* A figure is not worth failing for: tables and numbers are there. */
	if (status == ENTK_OK && compare->figure && write_figure(compare, values, error) != ENTK_OK)
		entk_warn_error(compare->line.program_name, error);
	free(values);
	return status;
}
