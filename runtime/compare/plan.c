/* What a comparison will take, before it is begun: see compare.h. */
#include "compare/compare.h"

#include "numerics/linalg.h"

#include <math.h>
#include <stdio.h>

typedef struct Plan {
	double pairs, seconds, memory; /* memory: at once */
} Plan;

/* Seconds that one thread takes for a pair, measured on a few. */
static EntkStatus measure(EntkCompare *compare, const EntkNet *net, double *seconds, EntkError *error)
{
	EntkSamples whole = {0}, few = {0};
	size_t count = compare->pool_count < 64 ? compare->pool_count : 64;
	EntkGramOptions options = entk_common_gram_options(&compare->line.common);
	EntkStatus status = entk_dataset_samples(&compare->dataset, ENTK_PART_TRAIN, net,
						 compare->line.common.program->precision, &whole, error);
	options.progress = NULL;
	if (status == ENTK_OK)
		status = entk_samples_subset(&whole, compare->pool, count, &few, error);
	if (status == ENTK_OK)
		status = entk_gram_calibrate(compare->line.common.program, net, &few, &options, compare->line.learn.ntk,
					     seconds, error);
	entk_samples_destroy(&whole);
	entk_samples_destroy(&few);
	return status;
}

/* Does a net come with another one, before it on the same trunk? */
static bool comes_along(const EntkCompare *compare, const EntkNet *net)
{
	const EntkTrunk *trunk = entk_compare_trunk(compare, net);
	return trunk && net != &compare->line.common.program->nets[trunk->members[0]];
}

static EntkStatus plan_net(EntkCompare *compare, const EntkNet *net, Plan *plan, double *unit, EntkError *error)
{
	double pool = (double)compare->pool_count, rows = (double)(compare->test_count + compare->val_count);
	const EntkTrunk *trunk = entk_compare_trunk(compare, net);
	EntkGramOptions options = entk_common_gram_options(&compare->line.common);
	*plan = (Plan){.pairs = pool * (pool + 1) / 2 + pool * rows};
	plan->memory = (double)entk_gram_memory(compare->line.common.program, net, compare->test_count,
						compare->pool_count, &options) +
		       entk_compare_solver_bytes(compare);
	if (trunk)
		plan->memory += (trunk->count - 1) * (pool * pool + rows * pool) * sizeof(double);
	*unit = 0;
	if (comes_along(compare, net)) {
		plan->pairs = 0;
		return ENTK_OK;
	}
	EntkStatus status = compare->store ? entk_compare_missing(compare, net, &plan->pairs, error) : ENTK_OK;
	if (status == ENTK_OK && plan->pairs > 0)
		status = measure(compare, net, unit, error);
	*unit /= entk_thread_count(compare->line.common.threads);
	plan->seconds = plan->pairs * *unit;
	return status;
}

static void print_net(const EntkCompare *compare, const EntkNet *net, const Plan *plan)
{
	char time[32];
	printf("net %s\n", net->name);
	if (comes_along(compare, net))
		printf("  pairs   with those of net %s, on the same trunk\n",
		       compare->line.common.program->nets[entk_compare_trunk(compare, net)->members[0]].name);
	else if (plan->pairs == 0)
		printf("  pairs   0: all are stored\n");
	else
		printf("  pairs   %.0f%s\n  time    about %s\n", plan->pairs,
		       compare->store ? " that are not stored" : "",
		       entk_duration_text(plan->seconds, time, sizeof time));
	printf("  memory  %.1f MB\n", 1e-6 * plan->memory);
}

/* All nets of this program; `print`: each of them. */
static EntkStatus plan_all(EntkCompare *compare, bool print, Plan *all, EntkError *error)
{
	const EntkNet *net;
	*all = (Plan){0};
	compare->unit_seconds =
		entk_linalg_matrix(1, compare->line.common.program->net_count, "the list of nets", error);
	if (!compare->unit_seconds)
		return error->status;
	for (size_t i = 0; (net = entk_common_net(&compare->line.common, i)) != NULL; i++) {
		Plan plan;
		EntkStatus status = plan_net(compare, net, &plan, &compare->unit_seconds[i], error);
		if (status != ENTK_OK)
			return status;
		if (print)
			print_net(compare, net, &plan);
		all->pairs += plan.pairs;
		all->seconds += plan.seconds;
		all->memory = fmax(all->memory, plan.memory);
	}
	return ENTK_OK;
}

EntkStatus entk_compare_dry_run(EntkCompare *compare, EntkError *error)
{
	Plan all;
	char time[32];
	unsigned threads = entk_thread_count(compare->line.common.threads);
	printf("%s: training sets of up to %zu from %zu samples, %zu test samples", compare->line.arguments[0],
	       compare->sizes[compare->size_count - 1], compare->pool_count, compare->test_count);
	if (compare->val_count)
		printf(", %zu validation samples", compare->val_count);
	printf("\n");
	EntkStatus status = plan_all(compare, true, &all, error);
	if (status != ENTK_OK)
		return status;
	printf("all nets of this program, one after another\n  pairs   %.0f\n  time    about %s with %u thread%s, and "
	       "%zu "
	       "eigendecompositions per net\n  memory  %.1f MB\n",
	       all.pairs, entk_duration_text(all.seconds, time, sizeof time), threads, threads == 1 ? "" : "s",
	       compare->size_count * compare->seeds, 1e-6 * all.memory);
	return ENTK_OK;
}

EntkStatus entk_compare_announce(EntkCompare *compare, EntkError *error)
{
	Plan all;
	char time[32];
	EntkProgress *progress = &compare->line.common.progress;
	EntkStatus status = plan_all(compare, false, &all, error);
	if (status != ENTK_OK)
		return status;
	fprintf(stderr, "all nets: %.0f pairs, about %s%s\n", all.pairs,
		entk_duration_text(all.seconds, time, sizeof time),
		compare->program_count ? "; those of other programs are not counted" : "");
	progress->whole = all.seconds;
	progress->past = 0;
	progress->begun = entk_now();
	return ENTK_OK;
}
