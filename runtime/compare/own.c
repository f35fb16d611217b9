/* Kernels of this program's own nets for a comparison: see compare.h. Nets on one trunk are computed together, when the first of
 * them is due, and kept until the last one's turn. */
#include "compare/compare.h"

#include "learn/describe.h"
#include "learn/grams.h"
#include "numerics/linalg.h"

#include <stdlib.h>
#include <string.h>

/* ---- samples ----------------------------------------------------------------------------------------------------- */

/* The pool's samples and those of the rows, in a net's format. */
typedef struct Loaded {
	const EntkNet *net;
	EntkSamples pool, rows;
} Loaded;

static void loaded_destroy(Loaded *loaded)
{
	entk_samples_destroy(&loaded->pool);
	entk_samples_destroy(&loaded->rows);
	loaded->net = NULL;
}

static EntkStatus load_part(EntkCompare *compare, EntkPartName part, const EntkNet *net, const size_t *chosen,
			    size_t count, EntkSamples *samples, EntkError *error)
{
	EntkSamples whole;
	EntkStatus status = entk_dataset_samples(&compare->dataset, part, net, compare->line.common.program->precision,
						 &whole, error);
	if (status == ENTK_OK)
		status = entk_samples_subset(&whole, chosen, count, samples, error);
	entk_samples_destroy(&whole);
	return status;
}

/* Test samples, then the validation part where it is wanted. */
static EntkStatus load_rows(EntkCompare *compare, const EntkNet *net, const size_t *chosen, size_t count,
			    EntkSamples *rows, EntkError *error)
{
	EntkSamples test = {0}, val = {0};
	if (compare->val_count == 0)
		return load_part(compare, ENTK_PART_TEST, net, chosen, count, rows, error);
	EntkStatus status = load_part(compare, ENTK_PART_TEST, net, chosen, count, &test, error);
	if (status == ENTK_OK)
		status = entk_dataset_samples(&compare->dataset, ENTK_PART_VAL, net,
					      compare->line.common.program->precision, &val, error);
	if (status == ENTK_OK)
		status = entk_samples_join(&test, &val, rows, error);
	entk_samples_destroy(&test);
	entk_samples_destroy(&val);
	return status;
}

EntkStatus entk_compare_load(EntkCompare *compare, const EntkNet *net, const size_t *pool, size_t pool_count,
			     const size_t *test, size_t test_count, EntkSamples *pool_samples, EntkSamples *rows,
			     EntkError *error)
{
	EntkStatus status = load_part(compare, ENTK_PART_TRAIN, net, pool, pool_count, pool_samples, error);
	return status == ENTK_OK ? load_rows(compare, net, test, test_count, rows, error) : status;
}

static EntkStatus load(EntkCompare *compare, const EntkNet *net, Loaded *loaded, EntkError *error)
{
	if (loaded->net && entk_same_input(loaded->net, net))
		return ENTK_OK;
	loaded_destroy(loaded);
	EntkStatus status = entk_compare_load(compare, net, compare->pool, compare->pool_count, compare->test,
					      compare->test_count, &loaded->pool, &loaded->rows, error);
	if (status == ENTK_OK)
		loaded->net = net;
	return status;
}

/* ---- kernels ----------------------------------------------------------------------------------------------------- */

/* Of one net, or, one behind the other, of all on a trunk. */
typedef struct Family {
	const EntkTrunk *trunk; /* NULL: one net */
	EntkCompareKernels kernels;
	uint32_t left;  /* members whose turn is still to come */
	double seconds; /* each member's share */
} Family;

static EntkStatus family_gram(EntkCompare *compare, const EntkNet *net, const Family *family, const EntkSamples *x,
			      const EntkSamples *z, double **kernel, EntkError *error)
{
	if (!family->trunk)
		return entk_learn_gram(&compare->line, net, x, z, kernel, error);
	EntkGramOptions options = entk_common_gram_options(&compare->line.common);
	const bool ntk = compare->line.learn.ntk;
	size_t rows;
	if (!entk_multiply(x->count, family->trunk->count, &rows))
		return entk_fail_memory(error, "the Gram matrices", SIZE_MAX);
	*kernel = entk_linalg_matrix(rows, z ? z->count : x->count, "the Gram matrices", error);
	if (!*kernel)
		return error->status;
	return entk_gram_trunk(compare->line.common.program, family->trunk, x, z, &options, ntk ? NULL : *kernel,
			       ntk ? *kernel : NULL, error);
}

static EntkStatus family_compute(EntkCompare *compare, const EntkNet *net, const Loaded *loaded, Family *family,
				 EntkError *error)
{
	double start = entk_now();
	EntkStatus status = family_gram(compare, net, family, &loaded->pool, NULL, &family->kernels.pool, error);
	if (status == ENTK_OK)
		status = family_gram(compare, net, family, &loaded->rows, &loaded->pool, &family->kernels.cross, error);
	family->left = family->trunk ? family->trunk->count : 1;
	family->seconds = (entk_now() - start) / family->left;
	if (status != ENTK_OK)
		entk_learn_where(net->name, error);
	return status;
}

/* The net's own part of the family's kernels. */
static EntkCompareKernels family_member(const EntkCompare *compare, const EntkNet *net, const Family *family)
{
	const EntkNet *nets = compare->line.common.program->nets;
	size_t pool = compare->pool_count, rows = compare->test_count + compare->val_count, m = 0;
	while (family->trunk && &nets[family->trunk->members[m]] != net)
		m++;
	return (EntkCompareKernels){family->kernels.pool + m * pool * pool, family->kernels.cross + m * rows * pool};
}

static EntkStatus own_net(EntkCompare *compare, const EntkNet *net, const Loaded *loaded, Family *family,
			  EntkCompareUse use, EntkError *error)
{
	EntkCompareNet *added;
	EntkGramOptions options = entk_common_gram_options(&compare->line.common);
	EntkStatus status = entk_compare_add(compare, net->name, NULL, &added, error);
	if (status == ENTK_OK && family->left == 0)
		status = family_compute(compare, net, loaded, family, error);
	if (status != ENTK_OK)
		return status;
	EntkCompareKernels kernels = family_member(compare, net, family);
	added->own = net;
	added->gram_seconds = family->seconds;
	added->memory = (double)entk_gram_memory(compare->line.common.program, net, loaded->rows.count,
						 loaded->pool.count, &options);
	status = use(compare, added, &kernels, error);
	if (--family->left == 0)
		entk_compare_kernels_destroy(&family->kernels);
	return status;
}

const EntkTrunk *entk_compare_trunk(const EntkCompare *compare, const EntkNet *net)
{
	const EntkCommon *common = &compare->line.common;
	return common->net || compare->store ? NULL : entk_trunk_of(common->program, net);
}

/* Through the folder of stores, each net for itself. */
static EntkStatus stored_net(EntkCompare *compare, const EntkNet *net, EntkCompareUse use, EntkError *error)
{
	EntkCompareNet *added;
	EntkCompareKernels kernels = {0};
	EntkGramOptions options = entk_common_gram_options(&compare->line.common);
	double start = entk_now();
	EntkStatus status = entk_compare_add(compare, net->name, NULL, &added, error);
	if (status == ENTK_OK) {
		added->own = net;
		status = entk_compare_stored(compare, net, &kernels, &added->pairs, error);
		if (status != ENTK_OK)
			entk_learn_where(net->name, error);
	}
	if (status == ENTK_OK) {
		added->gram_seconds = entk_now() - start;
		added->memory = (double)entk_gram_memory(compare->line.common.program, net,
							 compare->test_count + compare->val_count, compare->pool_count,
							 &options);
		status = use(compare, added, &kernels, error);
	}
	entk_compare_kernels_destroy(&kernels);
	return status;
}

EntkStatus entk_compare_own(EntkCompare *compare, EntkCompareUse use, EntkError *error)
{
	const EntkCommon *common = &compare->line.common;
	const EntkProgram *program = common->program;
	const EntkNet *net;
	Loaded loaded = {0};
	/* The last one is for nets without a trunk, one at a time. */
	Family *families = entk_allocate((size_t)program->trunk_count + 1, sizeof *families, "the list of nets", error);
	EntkStatus status = families ? ENTK_OK : error->status;
	for (size_t i = 0; status == ENTK_OK && (net = entk_common_net(common, i)) != NULL; i++) {
		const EntkTrunk *trunk = entk_compare_trunk(compare, net);
		if (compare->unit_seconds)
			compare->line.common.progress.weight = compare->unit_seconds[i];
		Family *family = &families[trunk ? (size_t)(trunk - program->trunks) : program->trunk_count];
		family->trunk = trunk;
		if (compare->store) {
			status = stored_net(compare, net, use, error);
			continue;
		}
		status = load(compare, net, &loaded, error);
		if (status == ENTK_OK)
			status = own_net(compare, net, &loaded, family, use, error);
	}
	for (size_t t = 0; families && t <= program->trunk_count; t++)
		entk_compare_kernels_destroy(&families[t].kernels);
	free(families);
	loaded_destroy(&loaded);
	return status;
}
