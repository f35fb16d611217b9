/* Kernels for the learning commands: computed, or read from a store straight into the matrix that will be factorized. See grams.h. */
#include "learn/grams.h"

#include "numerics/linalg.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

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

/* The part of this net; it must be of these samples and params. */
static EntkStatus read_store(EntkLearnLine *line, const EntkNet *net, const EntkSamples *train, double *nngp,
			     double *ntk, EntkError *error)
{
	EntkGramStore *store;
	EntkStatus status =
		entk_gram_store_open_read(line->learn.store, net->name, line->common.threads, &store, error);
	if (status != ENTK_OK)
		return status;
	const EntkStoreHeader *header = entk_gram_store_header(store);
	EntkStoreRun run = {
		.program = line->common.program,
		.net = net,
		.params = line->common.params,
		.x = train,
		.nngp = header->nngp, /* it may hold more than is wanted; reading says when it holds less */
		.ntk = header->ntk,
		.shard = {1, 1},
	};
	status = entk_gram_store_match(store, &run, error);
	if (status == ENTK_OK && nngp)
		status = entk_gram_store_read(store, false, line->common.threads, nngp, error);
	if (status == ENTK_OK && ntk)
		status = entk_gram_store_read(store, true, line->common.threads, ntk, error);
	entk_gram_store_close(store);
	return status;
}

EntkStatus entk_learn_train_grams(EntkLearnLine *line, const EntkNet *net, const EntkSamples *train, double *nngp,
				  double *ntk, EntkError *error)
{
	EntkGramOptions options = entk_common_gram_options(&line->common);
	if (line->learn.store)
		return read_store(line, net, train, nngp, ntk, error);
	return entk_gram(line->common.program, net, train, NULL, &options, nngp, ntk, error);
}

EntkStatus entk_learn_train_gram(EntkLearnLine *line, const EntkNet *net, const EntkSamples *train, double **kernel,
				 EntkError *error)
{
	*kernel = entk_linalg_matrix(train->count, train->count, "the Gram matrix", error);
	if (!*kernel)
		return error->status;
	bool ntk = line->learn.ntk;
	return entk_learn_train_grams(line, net, train, ntk ? NULL : *kernel, ntk ? *kernel : NULL, error);
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
