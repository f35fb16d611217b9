/* Headers of stored Gram matrices: see header.h. */
#include "store/header.h"

#include "base/number.h"
#include "gram/k0.h"
#include "support/hash.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SAMPLES (UINT32_MAX / 2)
#define TITLE       "entk gram store "

typedef struct FieldInfo {
	const char *key;  /* in the file */
	const char *name; /* in messages: "made with another NAME" */
	const char *fix;
} FieldInfo;

static const char *const use_its_program = "run the program that made it, or write to another folder";
static const char *const use_its_data = "give the samples that it was made from, or write to another folder";

static FieldInfo field_info(EntkStoreField field)
{
	switch (field) {
	case ENTK_FIELD_NET:
		return (FieldInfo){"net", "net", use_its_program};
	case ENTK_FIELD_KERNELS:
		return (FieldInfo){"kernels", "choice of kernels",
				   "give the same --kernel, or write to another folder"};
	case ENTK_FIELD_ROWS:
		return (FieldInfo){"rows", "number of samples X", use_its_data};
	case ENTK_FIELD_COLUMNS:
		return (FieldInfo){"columns", "number of samples Z", use_its_data};
	case ENTK_FIELD_PAIRS:
		return (FieldInfo){"pairs", "kind of matrix", "give Z exactly if it was made with Z"};
	case ENTK_FIELD_TILE:
		return (FieldInfo){"tile", "tile size", "give --tile when the store is made"};
	case ENTK_FIELD_SHARD:
		return (FieldInfo){"shard", "shard", "give the same --shard, or write to another folder"};
	case ENTK_FIELD_PRECISION:
		return (FieldInfo){"precision", "precision", use_its_program};
	case ENTK_FIELD_COMPILER:
		return (FieldInfo){"compiler", "version of entkc", use_its_program};
	case ENTK_FIELD_ARCHITECTURE:
		return (FieldInfo){"architecture", "architecture", use_its_program};
	case ENTK_FIELD_CPU:
		return (FieldInfo){"cpu", "kind of CPU",
				   "compile for the same CPU (entkc --cpu), or write to another folder"};
	case ENTK_FIELD_PARAMS:
		return (FieldInfo){"params", "value of a param",
				   "--set the values that it was made with, or write to another folder"};
	case ENTK_FIELD_COEFFICIENTS:
		return (FieldInfo){"coefficients", "set of coefficients",
				   "use the machine and mathematical library that made it, or write to another folder"};
	case ENTK_FIELD_DATA_X:
		return (FieldInfo){"data_x", "set of samples X", use_its_data};
	case ENTK_FIELD_DATA_Z:
		return (FieldInfo){"data_z", "set of samples Z", use_its_data};
	case ENTK_FIELD_COUNT:
		break;
	}
	return (FieldInfo){"", "", ""};
}

void entk_store_header_destroy(EntkStoreHeader *header)
{
	for (int i = 0; i < ENTK_FIELD_COUNT; i++)
		free(header->fields[i]);
	memset(header, 0, sizeof *header);
}

/* ---- text ------------------------------------------------------------------------------------------------------ */

/* One line per field; without the shard: what the tiles' checksums start from. */
static EntkStatus write_fields(const EntkStoreHeader *header, bool with_shard, char **text, size_t *size,
			       EntkError *error)
{
	FILE *stream = open_memstream(text, size);
	if (!stream)
		return entk_fail_memory(error, "a store's header", 4096);
	fprintf(stream, TITLE "%d\n", ENTK_STORE_VERSION);
	for (int i = 0; i < ENTK_FIELD_COUNT; i++)
		if (with_shard || i != ENTK_FIELD_SHARD)
			fprintf(stream, "%s %s\n", field_info((EntkStoreField)i).key, header->fields[i]);
	/* A stream that cannot grow drops what is printed, and may still be closed without an error. */
	bool good = !ferror(stream);
	if (fclose(stream) == 0 && good && *text)
		return ENTK_OK;
	free(*text);
	*text = NULL;
	return entk_fail_memory(error, "a store's header", *size);
}

EntkStatus entk_store_header_text(const EntkStoreHeader *header, char **text, size_t *size, EntkError *error)
{
	char *fields;
	EntkStatus status = write_fields(header, true, &fields, size, error);
	if (status != ENTK_OK)
		return status;
	int length = asprintf(text, "%schecksum %016" PRIx64 "\n", fields, entk_hash(fields, *size, 0));
	free(fields);
	if (length < 0)
		return entk_fail_memory(error, "a store's header", *size);
	*size = (size_t)length;
	return ENTK_OK;
}

static EntkStatus set_seed(EntkStoreHeader *header, EntkError *error)
{
	char *text;
	size_t size;
	EntkStatus status = write_fields(header, false, &text, &size, error);
	if (status != ENTK_OK)
		return status;
	header->seed = entk_hash(text, size, 0);
	free(text);
	return ENTK_OK;
}

/* "KEY VALUE\n" at *at; advances. */
static char *take_field(const char **at, const char *end, const char *key)
{
	size_t length = strlen(key);
	const char *stop = memchr(*at, '\n', (size_t)(end - *at));
	if (!stop || (size_t)(stop - *at) <= length || memcmp(*at, key, length) != 0 || (*at)[length] != ' ')
		return NULL;
	char *value = strndup(*at + length + 1, (size_t)(stop - *at) - length - 1);
	*at = stop + 1;
	return value;
}

static bool numbers(const char *text, const char *between, uint32_t *a, uint32_t *b)
{
	char pattern[16], again[64];
	snprintf(pattern, sizeof pattern, "%%%s%s%%%s", SCNu32, between, SCNu32);
	if (sscanf(text, pattern, a, b) != 2)
		return false;
	snprintf(again, sizeof again, "%" PRIu32 "%s%" PRIu32, *a, between, *b);
	return strcmp(again, text) == 0;
}

/* Numbers from the fields; false where they make no sense together. */
static bool interpret(EntkStoreHeader *header)
{
	char *const *fields = header->fields;
	char shape[64];
	snprintf(shape, sizeof shape, "%.20s %.20s", fields[ENTK_FIELD_ROWS], fields[ENTK_FIELD_COLUMNS]);
	header->symmetric = strcmp(fields[ENTK_FIELD_PAIRS], "triangle") == 0;
	header->nngp = strcmp(fields[ENTK_FIELD_KERNELS], "ntk") != 0;
	header->ntk = strcmp(fields[ENTK_FIELD_KERNELS], "nngp") != 0;
	if (!numbers(shape, " ", &header->rows, &header->columns) ||
	    !numbers(fields[ENTK_FIELD_TILE], "x", &header->tile_rows, &header->tile_columns) ||
	    !numbers(fields[ENTK_FIELD_SHARD], "/", &header->shard.index, &header->shard.count))
		return false;
	double slot = (double)header->tile_rows * header->tile_columns, cells = (double)header->rows * header->columns;
	return header->rows > 0 && header->columns > 0 && header->rows <= MAX_SAMPLES &&
	       header->columns <= MAX_SAMPLES && header->tile_rows > 0 && header->tile_columns > 0 &&
	       header->tile_rows <= header->rows && header->tile_columns <= header->columns && slot < 1e12 &&
	       cells < 1e17 && header->shard.index > 0 && header->shard.index <= header->shard.count &&
	       (!header->symmetric || (header->rows == header->columns && header->tile_rows <= header->tile_columns)) &&
	       (header->symmetric || strcmp(fields[ENTK_FIELD_PAIRS], "all") == 0) &&
	       (!header->nngp || !header->ntk || strcmp(fields[ENTK_FIELD_KERNELS], "nngp+ntk") == 0);
}

static EntkStatus damaged(const char *where, EntkError *error)
{
	return entk_fail(error, ENTK_INPUT, where, "damaged: not the header of a gram store with its checksum");
}

EntkStatus entk_store_header_parse(const char *where, const char *text, size_t size, EntkStoreHeader *header,
				   EntkError *error)
{
	enum { LAST = sizeof "checksum 0123456789abcdef\n" - 1 };
	const size_t title = sizeof TITLE - 1;
	char last[LAST + 1];
	memset(header, 0, sizeof *header);
	if (size < LAST + title || memcmp(text, TITLE, title) != 0)
		return damaged(where, error);
	snprintf(last, sizeof last, "checksum %016" PRIx64 "\n", entk_hash(text, size - LAST, 0));
	if (memcmp(text + size - LAST, last, LAST) != 0)
		return damaged(where, error);
	const char *end = text + size - LAST, *at = text + title;
	/* The checksum is good: digits are followed by a line break. */
	long version = strtol(at, NULL, 10);
	if (version != ENTK_STORE_VERSION) {
		entk_fail(error, ENTK_INPUT, where, "a store of format %ld, this program knows format %d", version,
			  ENTK_STORE_VERSION);
		return entk_fix(error, "use a program compiled by the entkc that belongs to it");
	}
	const char *line = memchr(at, '\n', (size_t)(end - at));
	at = line ? line + 1 : end;
	bool good = true;
	for (int i = 0; i < ENTK_FIELD_COUNT && good; i++)
		good = (header->fields[i] = take_field(&at, end, field_info((EntkStoreField)i).key)) != NULL;
	if (!good || at != end || !interpret(header)) {
		entk_store_header_destroy(header);
		return damaged(where, error);
	}
	EntkStatus status = set_seed(header, error);
	if (status != ENTK_OK)
		entk_store_header_destroy(header);
	return status;
}

/* ---- from a run ------------------------------------------------------------------------------------------------ */

__attribute__((format(printf, 4, 5))) static EntkStatus set(EntkStoreHeader *header, EntkStoreField field,
							    EntkError *error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&header->fields[field], format, arguments);
	va_end(arguments);
	if (length >= 0)
		return ENTK_OK;
	header->fields[field] = NULL;
	return entk_fail_memory(error, "a store's header", 64);
}

/* "w=1.5 b=0.1", with digits enough to tell any two doubles apart. */
static EntkStatus set_params(EntkStoreHeader *header, const EntkStoreRun *run, EntkError *error)
{
	size_t size;
	FILE *stream = open_memstream(&header->fields[ENTK_FIELD_PARAMS], &size);
	if (!stream)
		return entk_fail_memory(error, "a store's header", 64);
	for (uint32_t i = 0; i < run->program->param_count; i++) {
		char number[ENTK_NUMBER_SIZE];
		fprintf(stream, "%s%s=%s", i ? " " : "", run->program->params[i].name,
			entk_number_text(run->params[i], number));
	}
	bool good = !ferror(stream);
	return fclose(stream) == 0 && good && header->fields[ENTK_FIELD_PARAMS]
		       ? ENTK_OK
		       : entk_fail_memory(error, "a store's header", size);
}

/* The numbers that the kernels compute with: they depend on the params and on the mathematical library. */
static EntkStatus set_coefficients(EntkStoreHeader *header, const EntkStoreRun *run, EntkError *error)
{
	size_t count = run->net->coefficient_count;
	double *values = entk_allocate(count + 1, sizeof *values, "the coefficients", error);
	if (!values)
		return error->status;
	if (run->net->coefficients)
		run->net->coefficients(run->params, values);
	uint64_t hash = entk_hash(values, count * sizeof *values, 0);
	free(values);
	return set(header, ENTK_FIELD_COEFFICIENTS, error, "%016" PRIx64, hash);
}

static uint64_t samples_hash(const EntkSamples *samples)
{
	return entk_hash(samples->values, samples->count * samples->size * (samples->precision / 8), samples->size);
}

/* What decides the bits of a kernel beside its code: nothing for grids, the product of matrices for vectors. */
static EntkStatus set_program(EntkStoreHeader *header, const EntkStoreRun *run, EntkError *error)
{
	const EntkProgram *program = run->program;
	EntkStatus status = set(header, ENTK_FIELD_NET, error, "%s", run->net->name);
	if (status == ENTK_OK)
		status = set(header, ENTK_FIELD_PRECISION, error, "%" PRIu32, program->precision);
	if (status == ENTK_OK)
		status = set(header, ENTK_FIELD_COMPILER, error, "%s", program->compiler);
	if (status == ENTK_OK)
		status = set(header, ENTK_FIELD_ARCHITECTURE, error, "%016" PRIx64, run->net->hash);
	if (status == ENTK_OK && run->net->dim == 0)
		status = set(header, ENTK_FIELD_CPU, error, "%s, %s products", program->cpu, entk_k0_variant());
	else if (status == ENTK_OK)
		status = set(header, ENTK_FIELD_CPU, error, "%s", program->cpu);
	if (status == ENTK_OK)
		status = set_params(header, run, error);
	return status == ENTK_OK ? set_coefficients(header, run, error) : status;
}

static EntkStatus set_layout(EntkStoreHeader *header, const EntkStoreRun *run, EntkError *error)
{
	uint32_t rows = (uint32_t)run->x->count, columns = (uint32_t)(run->z ? run->z : run->x)->count;
	uint32_t tile_rows = run->tile_rows < rows ? run->tile_rows : rows;
	uint32_t tile_columns = run->tile_columns < columns ? run->tile_columns : columns;
	if (!tile_rows || !tile_columns)
		entk_tiles_choose(rows, columns, !run->z, run->net->operations_per_pair, run->net->lanes, &tile_rows,
				  &tile_columns);
	else if (!run->z && tile_rows > tile_columns)
		tile_rows = tile_columns;
	EntkStatus status = set(header, ENTK_FIELD_KERNELS, error, "%s",
				run->nngp && run->ntk ? "nngp+ntk"
				: run->nngp           ? "nngp"
						      : "ntk");
	if (status == ENTK_OK)
		status = set(header, ENTK_FIELD_ROWS, error, "%" PRIu32, rows);
	if (status == ENTK_OK)
		status = set(header, ENTK_FIELD_COLUMNS, error, "%" PRIu32, columns);
	if (status == ENTK_OK)
		status = set(header, ENTK_FIELD_PAIRS, error, "%s", run->z ? "all" : "triangle");
	if (status == ENTK_OK)
		status = set(header, ENTK_FIELD_TILE, error, "%" PRIu32 "x%" PRIu32, tile_rows, tile_columns);
	if (status == ENTK_OK)
		status = set(header, ENTK_FIELD_SHARD, error, "%" PRIu32 "/%" PRIu32, run->shard.index,
			     run->shard.count);
	return status;
}

EntkStatus entk_store_header_create(const EntkStoreRun *run, EntkStoreHeader *header, EntkError *error)
{
	memset(header, 0, sizeof *header);
	if (run->x->count > MAX_SAMPLES || (run->z && run->z->count > MAX_SAMPLES))
		return entk_fail(error, ENTK_INPUT, run->net->name, "more than 2^31 samples");
	EntkStatus status = set_program(header, run, error);
	if (status == ENTK_OK)
		status = set_layout(header, run, error);
	if (status == ENTK_OK)
		status = set(header, ENTK_FIELD_DATA_X, error, "%016" PRIx64, samples_hash(run->x));
	if (status == ENTK_OK && run->z)
		status = set(header, ENTK_FIELD_DATA_Z, error, "%016" PRIx64, samples_hash(run->z));
	else if (status == ENTK_OK)
		status = set(header, ENTK_FIELD_DATA_Z, error, "none");
	if (status == ENTK_OK && !interpret(header))
		status = entk_fail(error, ENTK_INPUT, run->net->name, "no store for %zu samples in tiles of %s",
				   run->x->count, header->fields[ENTK_FIELD_TILE]);
	if (status == ENTK_OK)
		status = set_seed(header, error);
	if (status != ENTK_OK)
		entk_store_header_destroy(header);
	return status;
}

EntkStatus entk_store_header_copy(const EntkStoreHeader *header, EntkShard shard, EntkStoreHeader *copy,
				  EntkError *error)
{
	EntkStatus status = ENTK_OK;
	*copy = *header;
	copy->shard = shard;
	memset(copy->fields, 0, sizeof copy->fields);
	for (int i = 0; i < ENTK_FIELD_COUNT && status == ENTK_OK; i++)
		if (i == ENTK_FIELD_SHARD)
			status = set(copy, ENTK_FIELD_SHARD, error, "%" PRIu32 "/%" PRIu32, shard.index, shard.count);
		else
			status = set(copy, (EntkStoreField)i, error, "%s", header->fields[i]);
	if (status != ENTK_OK)
		entk_store_header_destroy(copy);
	return status;
}

/* ---- use ------------------------------------------------------------------------------------------------------- */

EntkStatus entk_store_header_match(const char *where, const EntkStoreHeader *stored, const EntkStoreHeader *wanted,
				   bool tile, bool shard, EntkError *error)
{
	for (int i = 0; i < ENTK_FIELD_COUNT; i++) {
		FieldInfo info = field_info((EntkStoreField)i);
		if ((i == ENTK_FIELD_TILE && !tile) || (i == ENTK_FIELD_SHARD && !shard) ||
		    strcmp(stored->fields[i], wanted->fields[i]) == 0)
			continue;
		entk_fail(error, ENTK_INPUT, where, "made with another %s: %s is \"%.150s\" there and \"%.150s\" here",
			  info.name, info.key, stored->fields[i], wanted->fields[i]);
		return entk_fix(error, "%s", info.fix);
	}
	return ENTK_OK;
}

EntkStatus entk_store_header_tiles(const EntkStoreHeader *header, EntkTiles *tiles, EntkError *error)
{
	return entk_tiles_create(header->rows, header->columns, header->symmetric, header->tile_rows,
				 header->tile_columns, tiles, error);
}

uint64_t entk_store_header_slot(const EntkStoreHeader *header)
{
	uint64_t kernels = (uint64_t)header->nngp + (uint64_t)header->ntk;
	return 16 + kernels * header->tile_rows * header->tile_columns * sizeof(double);
}
