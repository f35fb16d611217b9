/* Training kernels for the learning commands: computed, or read from a store straight into the matrix that will be factorized. */
#include "learn.h"
#include "linalg.h"
#include "store_dir.h"

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
