/* `export S.gram -o K.npz|K.npy`: arrays from a store, block by block. */
#include "commands/commands.h"

#include "arrays/npz_writer.h"
#include "support/cancel.h"
#include "cli/common.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a matrix that are in memory at a time. */
#define BLOCK_BYTES ((size_t)256 << 20)

enum { OUTPUT = 1, KERNEL, NET };

static const EntkOption options[] = {
	{OUTPUT, "output", 'o', "K.npz|K.npy",
	 "arrays nngp and ntk (NAME.nngp .. for several nets), or one array (choose it with --net, --kernel)"},
	{KERNEL, "kernel", 0, "NAME", "only one kernel, nngp or ntk (default: those that the store has)"},
	{NET, "net", 0, "NAME", "only this net (default: all of the store)"},
	{ENTK_OPTION_THREADS, "threads", 't', "N", "threads that check the store (default: all cores)"},
	{ENTK_OPTION_HELP, "help", 'h', NULL, "this text"},
	{0},
};

static const char *const text = "Writes whole float64 matrices, both triangles, as `gram X -o K.npz` does. Never more "
				"than 256 MB of them are in "
				"memory.\n"
				"The store must be complete; all its checksums are compared.";

/* One matrix of the output, and where it comes from. */
typedef struct Matrix {
	const EntkGramStore *store;
	bool ntk;
	char name[300];
} Matrix;

typedef struct ExportCommand {
	EntkCommon common;
	const char *input, *output, *net;
	bool want_nngp, want_ntk;
	EntkGramFolder *folder;
	char **nets;
	size_t net_count;
	EntkGramStore **stores; /* one per net */
	Matrix *matrices;
	size_t matrix_count;
	EntkNpzWriter *writer;
} ExportCommand;

static EntkStatus parse(ExportCommand *command, EntkArgs *args, EntkError *error)
{
	EntkStatus status = ENTK_OK;
	for (int id; status == ENTK_OK && (id = entk_args_next(args, error)) != ENTK_ARG_END;) {
		if (id == ENTK_ARG_ERROR)
			return error->status;
		if (id == OUTPUT)
			command->output = args->value;
		else if (id == NET)
			command->net = args->value;
		else if (id == KERNEL)
			status = entk_parse_kernels(args->value, &command->want_nngp, &command->want_ntk, error);
		else if (id != ENTK_ARG_POSITIONAL)
			status = entk_common_take(&command->common, id, args->value, error);
		else if (command->input)
			return entk_fail(error, ENTK_USAGE, args->value, "one argument too many; expected one store");
		else
			command->input = args->value;
	}
	if (status != ENTK_OK || command->common.help)
		return status;
	if (!command->input) {
		entk_fail(error, ENTK_USAGE, NULL, "no store; expected %s", args->usage);
		return entk_fix(error, "name a folder that `gram X -o K.gram` made");
	}
	if (!command->output) {
		entk_fail(error, ENTK_USAGE, NULL, "no output file for the matrices");
		return entk_fix(error, "add -o K.npz or -o K.npy");
	}
	return ENTK_OK;
}

/* ---- matrices -------------------------------------------------------------------------------------------------- */

static void add_matrix(ExportCommand *command, const EntkGramStore *store, bool ntk)
{
	Matrix *matrix = &command->matrices[command->matrix_count++];
	const char *net = command->net_count > 1 ? entk_gram_store_header(store)->fields[ENTK_FIELD_NET] : "";
	*matrix = (Matrix){.store = store, .ntk = ntk};
	snprintf(matrix->name, sizeof matrix->name, "%s%s%s", net, *net ? "." : "", ntk ? "ntk" : "nngp");
}

static EntkStatus open_net(ExportCommand *command, size_t i, EntkError *error)
{
	EntkStatus status = entk_gram_store_open(command->folder, command->nets[i], &command->stores[i], error);
	if (status == ENTK_OK)
		status = entk_gram_store_scan(command->stores[i], command->common.threads, NULL, entk_cancel_flag(),
					      error);
	if (status == ENTK_OK)
		status = entk_gram_store_complete(command->stores[i], error);
	if (status != ENTK_OK)
		return status;
	const EntkStoreHeader *header = entk_gram_store_header(command->stores[i]);
	if (header->nngp && command->want_nngp)
		add_matrix(command, command->stores[i], false);
	if (header->ntk && command->want_ntk)
		add_matrix(command, command->stores[i], true);
	return ENTK_OK;
}

static EntkStatus list_nets(ExportCommand *command, EntkError *error)
{
	if (!command->net)
		return entk_gram_folder_nets(command->folder, &command->nets, &command->net_count, error);
	command->nets = entk_allocate(1, sizeof *command->nets, "a list of nets", error);
	if (!command->nets)
		return error->status;
	command->nets[0] = strdup(command->net);
	command->net_count = 1;
	return command->nets[0] ? ENTK_OK : entk_fail_memory(error, "a list of nets", strlen(command->net));
}

static EntkStatus open_stores(ExportCommand *command, EntkError *error)
{
	EntkStatus status = entk_gram_folder_open(command->input, false, &command->folder, error);
	if (status == ENTK_OK)
		status = list_nets(command, error);
	if (status != ENTK_OK)
		return status;
	command->stores = entk_allocate(command->net_count, sizeof *command->stores, "a list of nets", error);
	if (!command->stores)
		return error->status;
	command->matrices = entk_allocate(2 * command->net_count, sizeof *command->matrices, "a list of nets", error);
	if (!command->matrices)
		return error->status;
	for (size_t i = 0; i < command->net_count && status == ENTK_OK; i++)
		status = open_net(command, i, error);
	if (status == ENTK_OK && command->matrix_count == 0)
		status = entk_fail(error, ENTK_USAGE, "--kernel", "the store does not hold this kernel");
	return status;
}

static EntkStatus read_rows(void *context, size_t row, size_t count, void *rows, EntkError *error)
{
	const Matrix *matrix = context;
	if (*entk_cancel_flag())
		return entk_fail(error, ENTK_INTERRUPTED, NULL, "interrupted");
	return entk_gram_store_read_rows(matrix->store, matrix->ntk, row, count, rows, error);
}

/* Whole bands of tiles where they fit, so that no tile is read more than twice. */
static EntkRowSource row_source(Matrix *matrix)
{
	const EntkTiles *tiles = entk_gram_store_tiles(matrix->store);
	size_t block = BLOCK_BYTES / (tiles->columns * sizeof(double));
	if (block > tiles->tile_rows)
		block = block / tiles->tile_rows * tiles->tile_rows;
	return (EntkRowSource){.context = matrix, .block = block ? block : 1, .read = read_rows};
}

static EntkStatus write_npz(ExportCommand *command, EntkError *error)
{
	double bytes = 0;
	for (size_t i = 0; i < command->matrix_count; i++) {
		const EntkTiles *tiles = entk_gram_store_tiles(command->matrices[i].store);
		bytes += (double)tiles->rows * tiles->columns * sizeof(double);
	}
	EntkStatus status = entk_npz_writer_create(command->output, (size_t)bytes, &command->writer, error);
	for (size_t i = 0; i < command->matrix_count && status == ENTK_OK; i++) {
		Matrix *matrix = &command->matrices[i];
		const EntkTiles *tiles = entk_gram_store_tiles(matrix->store);
		EntkRowSource source = row_source(matrix);
		status = entk_npz_writer_add_rows(command->writer, matrix->name, ENTK_F64, 2,
						  (size_t[]){tiles->rows, tiles->columns}, &source, error);
	}
	return status == ENTK_OK ? entk_npz_writer_commit(command->writer, error) : status;
}

static EntkStatus write_npy(ExportCommand *command, EntkError *error)
{
	Matrix *matrix = &command->matrices[0];
	const EntkTiles *tiles = entk_gram_store_tiles(matrix->store);
	EntkRowSource source = row_source(matrix);
	if (command->matrix_count > 1) {
		entk_fail(error, ENTK_USAGE, command->output,
			  "a .npy file holds one array, and there are %zu (%s, %s ..)", command->matrix_count,
			  matrix[0].name, matrix[1].name);
		return entk_fix(error, "choose one with --net and --kernel, or write a .npz");
	}
	return entk_npy_write_rows(command->output, ENTK_F64, 2, (size_t[]){tiles->rows, tiles->columns}, &source,
				   error);
}

static EntkStatus run(ExportCommand *command, EntkError *error)
{
	size_t length = strlen(command->output);
	EntkStatus status = open_stores(command, error);
	if (status != ENTK_OK)
		return status;
	bool npy = length >= 4 && strcmp(command->output + length - 4, ".npy") == 0;
	return npy ? write_npy(command, error) : write_npz(command, error);
}

static void destroy(ExportCommand *command)
{
	entk_npz_writer_destroy(command->writer);
	for (size_t i = 0; command->stores && i < command->net_count; i++)
		entk_gram_store_close(command->stores[i]);
	free(command->stores);
	free(command->matrices);
	entk_gram_folder_free_nets(command->nets, command->net_count);
	entk_gram_folder_close(command->folder);
	entk_common_destroy(&command->common);
}

int entk_command_export(const EntkProgram *program, int argc, char **argv)
{
	EntkArgs args = entk_args_begin("export S.gram -o K.npz|K.npy [options]", text, options, argc, argv);
	ExportCommand command = {.want_nngp = true, .want_ntk = true};
	EntkError error;
	EntkStatus status = entk_common_create(program, &command.common, &error);
	if (status == ENTK_OK)
		status = parse(&command, &args, &error);
	if (status == ENTK_OK && !command.common.help)
		status = run(&command, &error);
	bool help = command.common.help;
	destroy(&command);
	if (status != ENTK_OK)
		return entk_error_print(argv[0], &error);
	return help ? entk_args_help(&args) : 0;
}
