/* Kernels of a comparison that are kept in stores, or come from one: see compare.h.
 *
 * The folder of --store has the stores train-P.gram (P training samples with each other, as `gram`, `eval` and `fit` know them),
 * test-MxP.gram (M test samples with these P) and, where a ridge is chosen on it, val-VxP.gram. Samples of a smaller pool are
 * among those of a larger one, and stand in the same order: a run that needs fewer takes its share of what is there, bit for bit. */
#include "compare/compare.h"

#include "support/cancel.h"
#include "learn/grams.h"
#include "numerics/linalg.h"
#include "output/text.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- which stores ----------------------------------------------------------------------------------------------- */

enum { TRAIN, TEST, VAL, STORES };

/* Samples of the stores: at least those that are compared. */
typedef struct Stored {
	size_t *chosen[STORES], count[STORES]; /* of the parts; of VAL all */
	size_t *places[STORES];                /* of the compared samples among them */
	EntkSamples samples[STORES];
	EntkText names[STORES];
} Stored;

static void stored_destroy(Stored *stored)
{
	for (int s = 0; s < STORES; s++) {
		free(stored->chosen[s]);
		free(stored->places[s]);
		entk_samples_destroy(&stored->samples[s]);
		entk_text_destroy(&stored->names[s]);
	}
}

/* Is this the name of a store, of one kernel alone or of both, and of how many samples? */
static bool read_name(const char *name, const char *suffix, size_t *train, size_t *test)
{
	char expected[128];
	*test = 0;
	if (sscanf(name, "train-%zu", train) == 1) {
		snprintf(expected, sizeof expected, "train-%zu%s.gram", *train, suffix);
		return strcmp(name, expected) == 0;
	}
	if (sscanf(name, "test-%zux%zu", test, train) != 2)
		return false;
	snprintf(expected, sizeof expected, "test-%zux%zu%s.gram", *test, *train, suffix);
	return strcmp(name, expected) == 0;
}

/* Without the NTK the NNGP's stores are others: an NTK cannot be added to a store. */
static const char *suffix_of(const EntkCompare *compare)
{
	return compare->line.learn.ntk ? "" : "-nngp";
}

/* The smallest counts that are large enough among the stores that are there; else those that are compared. */
static void choose_counts(const EntkCompare *compare, Stored *stored)
{
	size_t train, test, best_train = SIZE_MAX, best_test = SIZE_MAX;
	struct dirent *entry;
	DIR *folder = opendir(compare->store);
	while (folder && (entry = readdir(folder)))
		if (read_name(entry->d_name, suffix_of(compare), &train, &test) && test == 0 &&
		    train >= compare->pool_count && train < best_train &&
		    train <= compare->dataset.parts[ENTK_PART_TRAIN].count)
			best_train = train;
	stored->count[TRAIN] = best_train == SIZE_MAX ? compare->pool_count : best_train;
	if (folder)
		rewinddir(folder);
	while (folder && (entry = readdir(folder)))
		if (read_name(entry->d_name, suffix_of(compare), &train, &test) && train == stored->count[TRAIN] &&
		    test >= compare->test_count && test < best_test &&
		    test <= compare->dataset.parts[ENTK_PART_TEST].count)
			best_test = test;
	stored->count[TEST] = best_test == SIZE_MAX ? compare->test_count : best_test;
	stored->count[VAL] = compare->val_count;
	if (folder)
		closedir(folder);
}

/* Counts and names. */
static EntkStatus choose_stores(const EntkCompare *compare, Stored *stored, EntkError *error)
{
	const char *suffix = suffix_of(compare);
	memset(stored, 0, sizeof *stored);
	choose_counts(compare, stored);
	entk_text_add(&stored->names[TRAIN], "%s/train-%zu%s.gram", compare->store, stored->count[TRAIN], suffix);
	entk_text_add(&stored->names[TEST], "%s/test-%zux%zu%s.gram", compare->store, stored->count[TEST],
		      stored->count[TRAIN], suffix);
	entk_text_add(&stored->names[VAL], "%s/val-%zux%zu%s.gram", compare->store, stored->count[VAL],
		      stored->count[TRAIN], suffix);
	for (int s = 0; s < STORES; s++)
		if (stored->names[s].failed)
			return entk_fail_memory(error, "a file's name", stored->names[s].size);
	return ENTK_OK;
}

/* Where the samples of `few` stand among those of `many`; both ascend. */
static EntkStatus find_places(const size_t *few, size_t count, const size_t *many, size_t **places, EntkError *error)
{
	*places = entk_allocate(count, sizeof **places, "the places of samples", error);
	if (!*places)
		return error->status;
	for (size_t i = 0, j = 0; i < count; i++) {
		while (many && many[j] != few[i])
			j++;
		(*places)[i] = many ? j : i;
	}
	return ENTK_OK;
}

/* Samples of one store in the net's format. */
static EntkStatus load_samples(EntkCompare *compare, const EntkNet *net, int s, Stored *stored, EntkError *error)
{
	static const EntkPartName parts[STORES] = {ENTK_PART_TRAIN, ENTK_PART_TEST, ENTK_PART_VAL};
	EntkSamples whole = {0};
	const unsigned precision = compare->line.common.program->precision;
	if (s == VAL)
		return compare->val_count ? entk_dataset_samples(&compare->dataset, parts[s], net, precision,
								 &stored->samples[s], error)
					  : ENTK_OK;
	EntkStatus status =
		entk_compare_samples(compare, parts[s], stored->count[s], &stored->chosen[s], &stored->count[s], error);
	if (status == ENTK_OK)
		status = entk_dataset_samples(&compare->dataset, parts[s], net, precision, &whole, error);
	if (status == ENTK_OK)
		status = entk_samples_subset(&whole, stored->chosen[s], stored->count[s], &stored->samples[s], error);
	entk_samples_destroy(&whole);
	return status;
}

static EntkStatus stored_create(EntkCompare *compare, const EntkNet *net, Stored *stored, EntkError *error)
{
	const size_t *compared[STORES] = {compare->pool, compare->test, NULL},
		     counts[STORES] = {compare->pool_count, compare->test_count, compare->val_count};
	EntkStatus status = choose_stores(compare, stored, error);
	for (int s = 0; s < STORES && status == ENTK_OK; s++) {
		status = load_samples(compare, net, s, stored, error);
		if (status == ENTK_OK)
			status = find_places(compared[s], counts[s], stored->chosen[s], &stored->places[s], error);
	}
	return status;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* Rows that are read at once: few enough for memory, many enough that tiles are seldom cut by two blocks. */
#define BLOCK 512

/* The rows `rows` (ascending) and columns `columns` of a stored matrix. */
static EntkStatus read_places(const EntkGramStore *store, bool ntk, const size_t *rows, size_t row_count,
			      const size_t *columns, size_t column_count, double *values, EntkError *error)
{
	const EntkStoreHeader *header = entk_gram_store_header(store);
	size_t width = header->columns, height = header->rows, block = BLOCK;
	EntkStatus status = ENTK_OK;
	block = block < height ? block : height;
	double *buffer = entk_linalg_matrix(block, width, "rows of a store", error);
	if (!buffer)
		return error->status;
	for (size_t i = 0; i < row_count && status == ENTK_OK;) {
		size_t start = rows[i], count = height - start < block ? height - start : block;
		status = entk_gram_store_read_rows(store, ntk, start, count, buffer, error);
		for (; status == ENTK_OK && i < row_count && rows[i] < start + count; i++)
			for (size_t j = 0; j < column_count; j++)
				values[i * column_count + j] = buffer[(rows[i] - start) * width + columns[j]];
	}
	free(buffer);
	return status;
}

/* ---- the folder of --store -------------------------------------------------------------------------------------- */

static EntkStatus make_folder(const char *path, EntkError *error)
{
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		return ENTK_OK;
	return entk_fail(error, ENTK_SYSTEM, path, "cannot make this folder: %s", strerror(errno));
}

/* Reads one store, after computing what it misses; *pairs grows by that. */
static EntkStatus fill_and_read(EntkCompare *compare, const EntkNet *net, const char *path, const EntkSamples *x,
				const EntkSamples *z, const size_t *rows, size_t row_count, const size_t *columns,
				size_t column_count, double *values, double *pairs, EntkError *error)
{
	EntkGramFolder *folder = NULL;
	EntkGramStore *store = NULL;
	EntkStoreHeader header = {0};
	EntkError of_sync;
	EntkGramOptions options = entk_common_gram_options(&compare->line.common);
	bool ntk = compare->line.learn.ntk;
	EntkStoreRun run = {.program = compare->line.common.program,
			    .net = net,
			    .params = compare->line.common.params,
			    .x = x,
			    .z = z,
			    .nngp = true,
			    .ntk = ntk,
			    .shard = {1, 1}};
	EntkStatus status = entk_store_header_create(&run, &header, error);
	if (status == ENTK_OK)
		status = entk_gram_folder_open(path, true, &folder, error);
	if (status == ENTK_OK && (status = entk_gram_store_create(folder, &header, &store, error)) == ENTK_INPUT)
		entk_fix(error, "these kernels are of other samples, params or nets: name another folder with --store");
	if (status == ENTK_OK)
		status = entk_gram_store_scan(store, options.threads, NULL, options.cancel, error);
	if (status == ENTK_OK)
		status = entk_gram_store_check_space(store, error);
	if (status == ENTK_OK) {
		const EntkTiles *tiles = entk_gram_store_tiles(store);
		for (uint64_t i = 0; i < tiles->count; i++)
			if (entk_gram_store_state(store, i) != ENTK_TILE_PRESENT)
				*pairs += (double)entk_tiles_pairs(tiles, entk_tiles_get(tiles, i));
		EntkStore writer = entk_gram_store_writer(store);
		status = entk_gram_into(run.program, net, x, z, &options, &writer, error);
		if (entk_gram_store_sync(store, &of_sync) != ENTK_OK && status == ENTK_OK) {
			*error = of_sync;
			status = error->status;
		}
	}
	if (status == ENTK_OK)
		status = read_places(store, ntk, rows, row_count, columns, column_count, values, error);
	if (status == ENTK_INTERRUPTED)
		entk_fix(error, "%s keeps what is finished: the same command continues", compare->store);
	entk_gram_store_close(store);
	entk_gram_folder_close(folder);
	entk_store_header_destroy(&header);
	return status;
}

static EntkStatus kernels_create(const EntkCompare *compare, EntkCompareKernels *kernels, EntkError *error)
{
	size_t pool = compare->pool_count, rows = compare->test_count + compare->val_count;
	kernels->pool = entk_linalg_matrix(pool, pool, "the Gram matrix", error);
	kernels->cross = entk_linalg_matrix(rows, pool, "the kernels of test and training samples", error);
	return kernels->pool && kernels->cross ? ENTK_OK : error->status;
}

EntkStatus entk_compare_stored(EntkCompare *compare, const EntkNet *net, EntkCompareKernels *kernels, double *pairs,
			       EntkError *error)
{
	Stored stored = {0};
	const size_t counts[STORES] = {compare->pool_count, compare->test_count, compare->val_count};
	*pairs = 0;
	EntkStatus status = make_folder(compare->store, error);
	if (status == ENTK_OK)
		status = stored_create(compare, net, &stored, error);
	if (status == ENTK_OK)
		status = kernels_create(compare, kernels, error);
	for (int s = 0; s < STORES && status == ENTK_OK; s++) {
		double *values = s == TRAIN  ? kernels->pool
				 : s == TEST ? kernels->cross
					     : kernels->cross + compare->test_count * compare->pool_count;
		if (counts[s] > 0)
			status = fill_and_read(compare, net, stored.names[s].bytes, &stored.samples[s],
					       s == TRAIN ? NULL : &stored.samples[TRAIN], stored.places[s], counts[s],
					       stored.places[TRAIN], compare->pool_count, values, pairs, error);
	}
	stored_destroy(&stored);
	return status;
}

/* Pairs of a store's tiles that are there. A store that is absent, or does not fit, has none: the run itself says why. */
static EntkStatus count_present(EntkCompare *compare, const EntkNet *net, const char *path, double *pairs,
				EntkError *error)
{
	EntkGramFolder *folder = NULL;
	EntkGramStore *store = NULL;
	EntkError ignored;
	struct stat information;
	*pairs = 0;
	if (stat(path, &information) != 0 || entk_gram_folder_open(path, false, &folder, &ignored) != ENTK_OK)
		return ENTK_OK;
	EntkStatus status = ENTK_OK;
	if (entk_gram_store_open(folder, net->name, &store, &ignored) == ENTK_OK) {
		const EntkTiles *tiles = entk_gram_store_tiles(store);
		status = entk_gram_store_scan(store, compare->line.common.threads, NULL, entk_cancel_flag(), error);
		for (uint64_t i = 0; status == ENTK_OK && i < tiles->count; i++)
			if (entk_gram_store_state(store, i) == ENTK_TILE_PRESENT)
				*pairs += (double)entk_tiles_pairs(tiles, entk_tiles_get(tiles, i));
	}
	entk_gram_store_close(store);
	entk_gram_folder_close(folder);
	return status;
}

EntkStatus entk_compare_missing(EntkCompare *compare, const EntkNet *net, double *pairs, EntkError *error)
{
	Stored stored;
	EntkStatus status = choose_stores(compare, &stored, error);
	*pairs = 0;
	for (int s = 0; s < STORES && status == ENTK_OK; s++) {
		double present, rows = (double)stored.count[s], pool = (double)stored.count[TRAIN];
		status = count_present(compare, net, stored.names[s].bytes, &present, error);
		*pairs += (s == TRAIN ? pool * (pool + 1) / 2 : rows * pool) - present;
	}
	stored_destroy(&stored);
	return status;
}

/* ---- --gram NAME=K.gram ----------------------------------------------------------------------------------------- */

/* Of all samples: training, validation, test part one after another. */
static EntkStatus read_all(const EntkCompare *compare, const EntkGramStore *store, EntkCompareKernels *kernels,
			   EntkError *error)
{
	size_t train = compare->dataset.parts[ENTK_PART_TRAIN].count, val = compare->dataset.parts[ENTK_PART_VAL].count,
	       count = compare->test_count + compare->val_count;
	bool ntk = compare->line.learn.ntk;
	size_t *places = entk_allocate(count, sizeof *places, "the places of samples", error);
	if (!places)
		return error->status;
	for (size_t i = 0; i < count; i++)
		places[i] = i < compare->test_count ? train + val + compare->test[i] : train + i - compare->test_count;
	EntkStatus status = read_places(store, ntk, compare->pool, compare->pool_count, compare->pool,
					compare->pool_count, kernels->pool, error);
	if (status == ENTK_OK)
		status = read_places(store, ntk, places, compare->test_count, compare->pool, compare->pool_count,
				     kernels->cross, error);
	if (status == ENTK_OK && compare->val_count)
		status = read_places(store, ntk, places + compare->test_count, compare->val_count, compare->pool,
				     compare->pool_count, kernels->cross + compare->test_count * compare->pool_count,
				     error);
	free(places);
	return status;
}

static const EntkNet *find_net(const EntkProgram *program, const char *name)
{
	for (uint32_t i = 0; i < program->net_count; i++)
		if (strcmp(program->nets[i].name, name) == 0)
			return &program->nets[i];
	return NULL;
}

/* Of x_train, by a net of this program: that computes the kernels of the others with it. */
static EntkStatus read_train(EntkCompare *compare, const EntkGramStore *store, EntkCompareKernels *kernels,
			     double *seconds, EntkError *error)
{
	const EntkProgram *program = compare->line.common.program;
	const EntkStoreHeader *header = entk_gram_store_header(store);
	const EntkNet *net = find_net(program, header->fields[ENTK_FIELD_NET]);
	EntkSamples train = {0}, pool = {0}, rows = {0};
	if (!net) {
		entk_fail(error, ENTK_INPUT, entk_gram_store_path(store),
			  "kernels of x_train by a net that is not here");
		return entk_fix(error, "a store of another program's net must be of all samples: train, val, test");
	}
	EntkStatus status =
		entk_dataset_samples(&compare->dataset, ENTK_PART_TRAIN, net, program->precision, &train, error);
	EntkStoreRun run = {.program = program,
			    .net = net,
			    .params = compare->line.common.params,
			    .x = &train,
			    .nngp = header->nngp,
			    .ntk = header->ntk,
			    .shard = {1, 1}};
	if (status == ENTK_OK)
		status = entk_gram_store_match(store, &run, error);
	if (status == ENTK_OK)
		status = read_places(store, compare->line.learn.ntk, compare->pool, compare->pool_count, compare->pool,
				     compare->pool_count, kernels->pool, error);
	if (status == ENTK_OK)
		status = entk_compare_load(compare, net, compare->pool, compare->pool_count, compare->test,
					   compare->test_count, &pool, &rows, error);
	double start = entk_now();
	if (status == ENTK_OK) {
		free(kernels->cross);
		kernels->cross = NULL;
		status = entk_learn_gram(&compare->line, net, &rows, &pool, &kernels->cross, error);
	}
	*seconds = entk_now() - start;
	entk_samples_destroy(&train);
	entk_samples_destroy(&pool);
	entk_samples_destroy(&rows);
	return status;
}

EntkStatus entk_compare_read_gram(EntkCompare *compare, const char *path, EntkCompareKernels *kernels, double *seconds,
				  EntkError *error)
{
	EntkGramStore *store = NULL;
	EntkText folder = {0};
	size_t total = 0, train = compare->dataset.parts[ENTK_PART_TRAIN].count;
	const char *net = entk_gram_folder_name(path) ? NULL : strrchr(path, ':');
	for (int p = 0; p < ENTK_PARTS; p++)
		total += compare->dataset.parts[p].count;
	entk_text_add(&folder, "%.*s", (int)(net ? (size_t)(net - path) : strlen(path)), path);
	EntkStatus status = folder.failed ? entk_fail_memory(error, "a file's name", folder.size) : ENTK_OK;
	if (status == ENTK_OK)
		status = entk_gram_store_open_read(folder.bytes, net ? net + 1 : NULL, compare->line.common.threads,
						   &store, error);
	if (status == ENTK_OK)
		status = kernels_create(compare, kernels, error);
	if (status == ENTK_OK) {
		const EntkStoreHeader *header = entk_gram_store_header(store);
		if (header->rows == total && header->columns == total) {
			status = read_all(compare, store, kernels, error);
		} else if (header->symmetric && header->rows == train) {
			status = read_train(compare, store, kernels, seconds, error);
		} else {
			entk_fail(error, ENTK_INPUT, path, "%u x %u kernels, expected %zu x %zu or %zu x %zu",
				  header->rows, header->columns, total, total, train, train);
			status = entk_fix(error, "the kernels of all samples (train, val, test), or of x_train");
		}
	}
	entk_gram_store_close(store);
	entk_text_destroy(&folder);
	return status;
}
