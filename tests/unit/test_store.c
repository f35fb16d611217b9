/* Gram stores from inside: headers, choice of tiles, what is read back. Crashes and disks are check_store.py's. */
#include "fake_program.h"
#include "gram/compute.h"
#include "support/hash.h"
#include "store/store.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 37, COLUMNS = 21 };

static char folder[] = "/tmp/entk-test-store-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int clean_up(void **state)
{
	char command[600];
	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

/* A name that no test has used. */
static const char *fresh(void)
{
	static char name[512];
	static int number;
	snprintf(name, sizeof name, "%s/%d.gram", folder, number++);
	return name;
}

static const double params[] = {1, 0};

static EntkStoreRun describe(const EntkNet *net, const EntkSamples *x, const EntkSamples *z)
{
	return (EntkStoreRun){.program = fake_program(64),
			      .net = net,
			      .params = params,
			      .x = x,
			      .z = z,
			      .nngp = true,
			      .ntk = true,
			      .tile_rows = 5,
			      .tile_columns = 8,
			      .shard = {1, 1}};
}

static void random_samples(const EntkNet *net, size_t count, EntkSamples *samples)
{
	EntkError error;
	assert_int_equal(entk_samples_random(net, 64, count, count, samples, &error), ENTK_OK);
}

/* ---- headers --------------------------------------------------------------------------------------------------- */

static void make_header(EntkStoreHeader *header, char **text, size_t *size)
{
	EntkSamples x;
	EntkError error;
	const EntkNet *net = &fake_program(64)->nets[0];
	random_samples(net, ROWS, &x);
	EntkStoreRun run = describe(net, &x, NULL);
	assert_int_equal(entk_store_header_create(&run, header, &error), ENTK_OK);
	assert_int_equal(entk_store_header_text(header, text, size, &error), ENTK_OK);
	entk_samples_destroy(&x);
}

static void test_header_text(void **state)
{
	EntkStoreHeader header, again;
	EntkError error;
	char *text;
	size_t size;
	(void)state;
	make_header(&header, &text, &size);
	assert_int_equal(entk_store_header_parse("h", text, size, &again, &error), ENTK_OK);
	assert_int_equal(entk_store_header_match("h", &header, &again, true, true, &error), ENTK_OK);
	assert_true(again.seed == header.seed && again.rows == ROWS && again.columns == ROWS && again.symmetric);
	assert_true(again.tile_rows == 5 && again.tile_columns == 8 && again.nngp && again.ntk);
	assert_true(again.shard.index == 1 && again.shard.count == 1);
	entk_store_header_destroy(&again);
	/* Another bit anywhere, or another length, is no header. */
	for (size_t i = 0; i < 8 * size; i++) {
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
		assert_int_equal(entk_store_header_parse("h", text, size, &again, &error), ENTK_INPUT);
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
	}
	for (size_t length = 0; length < size; length++)
		assert_int_equal(entk_store_header_parse("h", text, length, &again, &error), ENTK_INPUT);
	free(text);
	entk_store_header_destroy(&header);
}

/* `text` with `from` replaced by `to`, under a checksum that is right. */
static char *forge(const char *text, const char *from, const char *to, size_t *size)
{
	const char *at = strstr(text, from), *end = strstr(text, "checksum ");
	char *fields, *whole;
	assert_non_null(at);
	int length = asprintf(&fields, "%.*s%s%.*s", (int)(at - text), text, to, (int)(end - at - (long)strlen(from)),
			      at + strlen(from));
	assert_true(length > 0);
	length = asprintf(&whole, "%schecksum %016" PRIx64 "\n", fields, entk_hash(fields, (size_t)length, 0));
	free(fields);
	*size = (size_t)length;
	return whole;
}

/* Who makes a checksum right may still write nonsense. */
static void test_forged_headers(void **state)
{
	static const char *const changes[][2] = {
		{"rows 37", "rows 0"},
		{"rows 37", "rows 38"},
		{"rows 37\ncolumns 37", "rows 4294967295\ncolumns 4294967295"},
		{"tile 5x8", "tile 0x8"},
		{"tile 5x8", "tile 5x38"},
		{"tile 5x8", "tile 9x8"},
		{"tile 5x8", "tile 5"},
		{"tile 5x8", "tile -5x8"},
		{"shard 1/1", "shard 2/1"},
		{"shard 1/1", "shard 0/0"},
		{"pairs triangle", "pairs x"},
		{"kernels nngp+ntk", "kernels both"},
		{"net vector\n", ""},
		{"rows 37", "rows 37 "},
		{"rows 37", "rows  37"},
		{"data_z none\n", "data_z none\nmore 1\n"},
	};
	EntkStoreHeader header, again;
	EntkError error;
	char *text;
	size_t size;
	(void)state;
	make_header(&header, &text, &size);
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		char *forged = forge(text, changes[i][0], changes[i][1], &size);
		if (entk_store_header_parse("h", forged, size, &again, &error) != ENTK_INPUT)
			fail_msg("accepted: %s", changes[i][1]);
		free(forged);
	}
	char *forged = forge(text, "store 1\n", "store 2\n", &size);
	assert_int_equal(entk_store_header_parse("h", forged, size, &again, &error), ENTK_INPUT);
	assert_non_null(strstr(error.what, "format 2"));
	free(forged);
	free(text);
	entk_store_header_destroy(&header);
}

static void test_match(void **state)
{
	EntkStoreHeader header, other;
	EntkError error;
	char *text;
	size_t size;
	(void)state;
	make_header(&header, &text, &size);
	free(text);
	for (int field = 0; field < ENTK_FIELD_COUNT; field++) {
		assert_int_equal(entk_store_header_copy(&header, header.shard, &other, &error), ENTK_OK);
		other.fields[field][0]++;
		EntkStatus wanted = field == ENTK_FIELD_TILE ? ENTK_OK : ENTK_INPUT;
		assert_int_equal(entk_store_header_match("h", &header, &other, true, true, &error), ENTK_INPUT);
		assert_true(error.fix[0] != '\0' && strlen(error.what) > 20);
		assert_int_equal(entk_store_header_match("h", &header, &other, false, true, &error), wanted);
		entk_store_header_destroy(&other);
	}
	entk_store_header_destroy(&header);
}

/* ---- choice of tiles ------------------------------------------------------------------------------------------- */

static void test_choice(void **state)
{
	static const uint32_t counts[] = {1, 2, 7, 40, 100, 1000, 10000, 100000, 2000000};
	static const double costs[] = {0, 1, 1e3, 1e6, 1e9, 1e13};
	(void)state;
	for (size_t a = 0; a < 9; a++)
		for (size_t b = 0; b < 9; b++)
			for (size_t c = 0; c < 6; c++)
				for (uint32_t lanes = 1; lanes <= 16; lanes *= 2) {
					uint32_t rows, columns;
					bool symmetric = a == b;
					entk_tiles_choose(counts[a], counts[b], symmetric, costs[c], lanes, &rows,
							  &columns);
					assert_true(rows >= 1 && rows <= counts[a] && columns >= 1 &&
						    columns <= counts[b]);
					assert_true(!symmetric || rows <= columns);
					double tiles =
						(double)counts[a] / rows * counts[b] / columns / (symmetric ? 2 : 1);
					assert_true(tiles < 4e6);
				}
	uint32_t rows, columns;
	/* A cheap net's tiles are large, a dear net's last about half a second. */
	entk_tiles_choose(100000, 100000, true, 1e3, 8, &rows, &columns);
	assert_true(rows > 200 && rows <= 256 && columns > 200 && columns <= 256);
	entk_tiles_choose(1000, 1000, true, 1e9, 8, &rows, &columns);
	assert_true(rows * columns >= 8 && rows * columns <= 64);
}

/* ---- what is read back ----------------------------------------------------------------------------------------- */

static EntkGramFolder *fill(const EntkStoreRun *run, const char *path, EntkGramStore **store)
{
	EntkGramFolder *made;
	EntkStoreHeader header;
	EntkError error = {0};
	EntkGramOptions options = {.threads = 2, .params = run->params};
	assert_int_equal(entk_store_header_create(run, &header, &error), ENTK_OK);
	assert_int_equal(entk_gram_folder_open(path, true, &made, &error), ENTK_OK);
	assert_int_equal(entk_gram_store_create(made, &header, store, &error), ENTK_OK);
	assert_int_equal(entk_gram_store_scan(*store, 2, NULL, NULL, &error), ENTK_OK);
	EntkStore writer = entk_gram_store_writer(*store);
	if (entk_gram_into(run->program, run->net, run->x, run->z, &options, &writer, &error) != ENTK_OK)
		fail_msg("%s", error.what);
	assert_int_equal(entk_gram_store_sync(*store, &error), ENTK_OK);
	entk_store_header_destroy(&header);
	return made;
}

/* Every block of rows, and the whole matrix. */
static void check_kernel(const EntkGramStore *store, bool ntk, const double *wanted, size_t rows, size_t columns)
{
	EntkError error;
	double *got = malloc(rows * columns * sizeof *got);
	assert_non_null(got);
	assert_int_equal(entk_gram_store_read(store, ntk, 2, got, &error), ENTK_OK);
	assert_memory_equal(got, wanted, rows * columns * sizeof *got);
	for (size_t row = 0; row < rows; row++)
		for (size_t count = 0; row + count <= rows; count++) {
			memset(got, 0xff, rows * columns * sizeof *got);
			assert_int_equal(entk_gram_store_read_rows(store, ntk, row, count, got, &error), ENTK_OK);
			assert_memory_equal(got, wanted + row * columns, count * columns * sizeof *got);
		}
	assert_int_equal(entk_gram_store_read_rows(store, ntk, rows, 1, got, &error), ENTK_INTERNAL);
	free(got);
}

static void check_matrix(const EntkStoreRun *run)
{
	const EntkNet *net = run->net;
	size_t rows = run->x->count, columns = run->z ? run->z->count : rows;
	double *nngp = calloc(rows * columns, sizeof *nngp), *ntk = calloc(rows * columns, sizeof *ntk);
	const char *path = fresh();
	EntkGramOptions options = {.threads = 1, .params = run->params};
	EntkGramStore *store;
	EntkError error;
	assert_int_equal(entk_gram(run->program, net, run->x, run->z, &options, nngp, ntk, &error), ENTK_OK);
	EntkGramFolder *made = fill(run, path, &store);
	entk_gram_store_close(store);
	entk_gram_folder_close(made);
	assert_int_equal(entk_gram_store_open_read(path, NULL, 2, &store, &error), ENTK_OK);
	assert_int_equal(entk_gram_store_match(store, run, &error), ENTK_OK);
	if (run->nngp)
		check_kernel(store, false, nngp, rows, columns);
	if (run->ntk)
		check_kernel(store, true, ntk, rows, columns);
	if (!run->nngp || !run->ntk) {
		assert_int_equal(entk_gram_store_read(store, run->nngp, 1, nngp, &error), ENTK_INPUT);
		assert_non_null(strstr(error.what, run->nngp ? "only the NNGP" : "only the NTK"));
	}
	entk_gram_store_close(store);
	free(nngp);
	free(ntk);
}

static void test_matrices(void **state)
{
	static const uint32_t tiles[][2] = {{5, 8}, {1, 1}, {3, 20}, {8, 5}, {36, 36}, {100, 100}, {1, 37}, {7, 7}};
	(void)state;
	for (uint32_t n = 0; n < 2; n++) {
		EntkSamples x, z;
		const EntkNet *net = &fake_program(64)->nets[n];
		random_samples(net, ROWS, &x);
		random_samples(net, COLUMNS, &z);
		for (size_t t = 0; t < 8; t++)
			for (int cross = 0; cross < 2; cross++) {
				EntkStoreRun run = describe(net, &x, cross ? &z : NULL);
				run.tile_rows = tiles[t][0];
				run.tile_columns = tiles[t][1];
				run.nngp = t != 3;
				run.ntk = t != 4;
				check_matrix(&run);
			}
		entk_samples_destroy(&x);
		entk_samples_destroy(&z);
	}
}

/* Who opens a store for solving learns what is wrong with it. */
static void test_refusals(void **state)
{
	EntkSamples x, other;
	EntkGramStore *store;
	EntkError error;
	const EntkNet *net = &fake_program(64)->nets[1];
	(void)state;
	random_samples(net, ROWS, &x);
	random_samples(net, ROWS, &other);
	((double *)other.values)[17] += 1e-300;
	((double *)other.values)[18] *= 1 + 0x1p-52;
	EntkStoreRun run = describe(net, &x, NULL), changed = run;
	char path[512], file[600];
	snprintf(path, sizeof path, "%s", fresh());
	EntkGramFolder *made = fill(&run, path, &store);
	/* One writer, and no reader beside it, in the same process either. */
	EntkGramStore *second;
	assert_int_equal(entk_gram_store_open_read(path, NULL, 1, &second, &error), ENTK_SYSTEM);
	assert_null(second);
	entk_gram_store_close(store);
	entk_gram_folder_close(made);
	assert_int_equal(entk_gram_store_open_read(path, "gray", 1, &store, &error), ENTK_INPUT);
	assert_int_equal(entk_gram_store_open_read(path, "image", 1, &store, &error), ENTK_OK);
	assert_int_equal(entk_gram_store_open_read(path, "image", 1, &second, &error), ENTK_OK); /* two readers */
	entk_gram_store_close(second);
	changed.x = &other;
	assert_int_equal(entk_gram_store_match(store, &changed, &error), ENTK_INPUT);
	assert_non_null(strstr(error.what, "samples X"));
	changed = run;
	changed.params = (double[]){1.5, 0};
	assert_int_equal(entk_gram_store_match(store, &changed, &error), ENTK_INPUT);
	assert_non_null(strstr(error.what, "w=1.5"));
	/* Damage that happens after the store was opened. */
	snprintf(file, sizeof file, "%s/image/tiles", path);
	double *matrix = malloc(ROWS * ROWS * sizeof *matrix);
	assert_int_equal(truncate(file, 100), 0);
	assert_int_equal(entk_gram_store_read(store, true, 2, matrix, &error), ENTK_INPUT);
	assert_int_equal(entk_gram_store_read_rows(store, true, 30, 2, matrix, &error), ENTK_INPUT);
	entk_gram_store_close(store);
	assert_int_equal(entk_gram_store_open_read(path, NULL, 1, &store, &error), ENTK_INPUT);
	assert_non_null(strstr(error.what, "incomplete"));
	free(matrix);
	entk_samples_destroy(&x);
	entk_samples_destroy(&other);
}

/* A failing tile leaves the store as it was, and no memory behind. */
static void test_failure(void **state)
{
	EntkSamples x;
	EntkGramStore *store;
	EntkError error;
	const EntkNet *net = &fake_program(64)->nets[1];
	(void)state;
	random_samples(net, ROWS, &x);
	((double *)x.values)[30 * x.size] = NAN;
	EntkStoreRun run = describe(net, &x, NULL);
	EntkStoreHeader header;
	EntkGramFolder *made;
	EntkGramOptions options = {.threads = 1};
	assert_int_equal(entk_store_header_create(&run, &header, &error), ENTK_OK);
	assert_int_equal(entk_gram_folder_open(fresh(), true, &made, &error), ENTK_OK);
	assert_int_equal(entk_gram_store_create(made, &header, &store, &error), ENTK_OK);
	EntkStore writer = entk_gram_store_writer(store);
	assert_int_equal(entk_gram_into(run.program, net, &x, NULL, &options, &writer, &error), ENTK_NUMERICAL);
	uint64_t present = entk_gram_store_count(store, ENTK_TILE_PRESENT);
	assert_true(present > 0 && present < entk_gram_store_size(store));
	assert_int_equal(entk_gram_store_scan(store, 2, NULL, NULL, &error), ENTK_OK);
	assert_int_equal(entk_gram_store_count(store, ENTK_TILE_PRESENT), present);
	assert_int_equal(entk_gram_store_count(store, ENTK_TILE_DAMAGED), 0);
	entk_gram_store_close(store);
	entk_gram_folder_close(made);
	entk_store_header_destroy(&header);
	entk_samples_destroy(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_text), cmocka_unit_test(test_forged_headers),
		cmocka_unit_test(test_match),       cmocka_unit_test(test_choice),
		cmocka_unit_test(test_matrices),    cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_failure),
	};
	return cmocka_run_group_tests(tests, set_up, clean_up);
}
