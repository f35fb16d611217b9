/* Tables of a comparison: see compare.h. */
#include "compare/compare.h"

#include "cli/warn.h"
#include "learn/describe.h"
#include "numerics/linalg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	printf("%s: %s", compare->line.arguments[0], entk_compare_is_regression(compare) ? "regression" : "");
	if (!entk_compare_is_regression(compare))
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
	printf(", time %s\n", entk_learn_time_text(compare->line.learn.time, time, sizeof time));
	printf("+- is everywhere the half width of a 95 %% interval, over the draw of the test samples%s\n\n",
	       compare->seeds > 1 ? " and of the training sets"
				  : " alone: one training set says nothing about others (--seeds)");
}

/* "0.8430 +- 0.0120"; blanks where there is a single test sample. */
static void print_spread(const char *format, EntkSpread spread)
{
	/* Rounding would write -0.0000. */
	printf(format, fabs(spread.mean) < 5e-5 ? 0.0 : spread.mean);
	if (isnan(spread.half))
		printf("%10s", "");
	else
		printf(" +- %.4f", spread.half);
}

/* "+0.0123 +- 0.0045  0.012": mean difference, its interval, p. */
static void print_difference(const EntkCompare *compare, size_t net, size_t against, size_t size, double *values)
{
	if (entk_compare_alike(compare, net, against, size)) {
		printf("  the same on every test sample");
		return;
	}
	EntkSpread spread = entk_compare_difference(compare, net, against, size, values);
	print_spread("  %+.4f", spread);
	if (!isnan(spread.p))
		printf("  %-7.2g", spread.p);
}

/* The best net of every size, and by how much it is ahead of the next one. */
static void print_best(const EntkCompare *compare, double *values)
{
	int width = (int)name_width(compare);
	if (compare->net_count < 2)
		return;
	printf("best test %s\n%8s  %-*s  %-16s  %-*s  %-17s  p\n", entk_compare_score_name(compare), "samples", width,
	       "net", "mean", width + 10, "next", "difference");
	for (size_t size = 0; size < compare->size_count; size++) {
		size_t best = entk_compare_best(compare, size, SIZE_MAX, values),
		       next = entk_compare_best(compare, size, best, values);
		printf("%8zu  %-*s  ", compare->sizes[size], width, compare->nets[best].name);
		print_spread("%.4f", entk_compare_scores(compare, best, size, values));
		printf("  %-*s  %.4f", width + 2, compare->nets[next].name,
		       entk_compare_scores(compare, next, size, values).mean);
		print_difference(compare, best, next, size, values);
		printf("\n");
	}
	printf("\n");
}

static void print_scores(const EntkCompare *compare, double *values)
{
	int width = (int)name_width(compare);
	printf("test %s of all nets; deviation: standard deviation over the training sets\n",
	       entk_compare_score_name(compare));
	printf("%8s  %-*s  %-16s  %-9s", "samples", width, "net", "mean", "deviation");
	if (compare->net_count > 1)
		printf("  minus %s, p", compare->nets[0].name);
	printf("\n");
	for (size_t size = 0; size < compare->size_count; size++)
		for (size_t net = 0; net < compare->net_count; net++) {
			EntkSpread spread = entk_compare_scores(compare, net, size, values);
			printf("%8zu  %-*s  ", compare->sizes[size], width, compare->nets[net].name);
			print_spread("%.4f", spread);
			if (isnan(spread.deviation))
				printf("  %9s", "");
			else
				printf("  %-9.4f", spread.deviation);
			if (net > 0)
				print_difference(compare, net, 0, size, values);
			printf("\n");
		}
	if (compare->seeds > 1 && compare->sizes[compare->size_count - 1] == compare->pool_count)
		printf("with %zu samples every seed has the same training set: only the test samples are a draw\n",
		       compare->pool_count);
	printf("\n");
}

/* Nets against each other, beyond the first, with the largest training sets. */
static void print_pairs(const EntkCompare *compare, double *values)
{
	int width = (int)name_width(compare);
	size_t size = compare->size_count - 1;
	if (compare->net_count < 3)
		return;
	printf("paired differences with %zu samples, p\n", compare->sizes[size]);
	for (size_t net = 2; net < compare->net_count; net++)
		for (size_t against = 1; against < net; against++) {
			printf("%8s  %-*s  minus %-*s", "", width, compare->nets[net].name, width,
			       compare->nets[against].name);
			print_difference(compare, net, against, size, values);
			printf("\n");
		}
	printf("\n");
}

/* "by ridge", full decades only; the JSON file has all. */
static void print_sweep(const EntkCompare *compare, double *values)
{
	int width = (int)name_width(compare);
	printf("%s by ridge, mean over the seeds (-: not positive definite)\n%8s  %-*s",
	       entk_compare_score_name(compare), "samples", width, "net");
	for (size_t i = 0; i < ENTK_RIDGE_GRID; i += 2)
		printf("  %6.0e", entk_ridge_grid(i));
	printf("\n");
	for (size_t size = 0; size < compare->size_count; size++)
		for (size_t net = 0; net < compare->net_count; net++) {
			printf("%8zu  %-*s", compare->sizes[size], width, compare->nets[net].name);
			for (size_t i = 0; i < ENTK_RIDGE_GRID; i += 2) {
				EntkSpread spread = entk_compare_swept(compare, net, size, i, values);
				if (isnan(spread.mean))
					printf("  %6s", "-");
				else
					printf("  %6.4f", spread.mean);
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
			if (net->pairs == 0) {
				snprintf(gram, sizeof gram, "stored");
				snprintf(pair, sizeof pair, "-");
			}
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
	print_best(compare, values);
	print_scores(compare, values);
	print_pairs(compare, values);
	if (compare->show_ridges)
		print_sweep(compare, values);
	print_chosen(compare);
	print_cost(compare);
}

/* ---- all ------------------------------------------------------------------------------------------------------------- */

EntkStatus entk_compare_report(EntkCompare *compare, EntkError *error)
{
	double *values = entk_linalg_matrix(1, compare->seeds, "the results", error);
	EntkStatus status = values ? ENTK_OK : error->status;
	if (status == ENTK_OK && !(compare->json_path && strcmp(compare->json_path, "-") == 0))
		print_tables(compare, values);
	if (status == ENTK_OK && compare->json_path)
		status = entk_compare_json(compare, values, error);
	/* A figure is not worth failing for: tables and numbers are there. */
	if (status == ENTK_OK && compare->figure && entk_compare_figure(compare, values, error) != ENTK_OK)
		entk_warn_error(compare->line.program_name, error);
	free(values);
	return status;
}
