/* `verify S.gram [X [Z]]`: is every byte of a store what was written, and, given the samples, what this program computes? */
#include "commands/commands.h"

#include "cli/common.h"
#include "data/inputs.h"
#include "store/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { NET = 1, TILES, SEED };

static const EntkOption options[] = {
	{NET, "net", 0, "NAME", "only this net (default: all of the store)"},
	{TILES, "tiles", 0, "N", "with X: how many randomly chosen tiles of each net are computed again (default: 10)"},
	{SEED, "seed", 0, "N", "chooses the same tiles again; it is printed"},
	{ENTK_OPTION_SET, "set", 0, "NAME=VALUE ..", "with X: the params that the store was made with"},
	{ENTK_OPTION_THREADS, "threads", 't', "N", "threads (default: all cores)"},
	{ENTK_OPTION_PROGRESS, "progress", 0, NULL, "show progress even where stderr is no terminal"},
	{ENTK_OPTION_QUIET, "quiet", 'q', NULL, "no progress"},
	{ENTK_OPTION_HELP, "help", 'h', NULL, "this text"},
	{0},
};

static const char *const text =
	"Reads every byte and compares all checksums. With X (and Z) it also compares what identifies samples, net and "
	"params, and\n"
	"computes some tiles again. Nothing is repaired: the next `gram` computes missing and damaged tiles. Exit "
	"status 1 "
	"unless the\n"
	"store is complete and every comparison holds.";

/* Lists of bad tiles are cut here. */
enum { SHOWN = 20 };

typedef struct VerifyCommand {
	EntkCommon common;
	EntkGramOptions gram;
	const char *store, *net;
	const char *needs_x; /* the last option given that says nothing without samples */
	EntkInputs inputs;
	uint64_t tiles, seed;
	bool bad; /* something was not as it should be */
} VerifyCommand;

static EntkStatus parse(VerifyCommand *command, EntkArgs *args, EntkError *error)
{
	EntkStatus status = ENTK_OK;
	for (int id; status == ENTK_OK && (id = entk_args_next(args, error)) != ENTK_ARG_END;) {
		if (id == ENTK_ARG_ERROR)
			return error->status;
		if (id == TILES || id == SEED || id == ENTK_OPTION_SET)
			command->needs_x = id == TILES ? "--tiles" : id == SEED ? "--seed" : "--set";
		if (id == NET)
			command->net = args->value;
		else if (id == TILES)
			status = entk_parse_count("--tiles", args->value, 1, UINT32_MAX, &command->tiles, error);
		else if (id == SEED)
			status = entk_parse_count("--seed", args->value, 0, UINT64_MAX, &command->seed, error);
		else if (id != ENTK_ARG_POSITIONAL)
			status = entk_common_take(&command->common, id, args->value, error);
		else if (!command->store)
			command->store = args->value;
		else if (!command->inputs.x_name)
			command->inputs.x_name = args->value;
		else if (!command->inputs.z_name)
			command->inputs.z_name = args->value;
		else
			return entk_fail(error, ENTK_USAGE, args->value,
					 "one argument too many; expected S.gram, S.gram X, or S.gram X Z");
	}
	if (status == ENTK_OK && !command->common.help && !command->store) {
		entk_fail(error, ENTK_USAGE, NULL, "no store; expected %s", args->usage);
		return entk_fix(error, "name a folder that `gram X -o K.gram` made");
	}
	if (status == ENTK_OK && !command->common.help && command->needs_x && !command->inputs.x_name) {
		entk_fail(error, ENTK_USAGE, command->needs_x, "nothing is computed again without samples");
		return entk_fix(error, "name those that the store was made with: verify S.gram X [Z]");
	}
	return status;
}

/* ---- bytes ----------------------------------------------------------------------------------------------------- */

/* One line of the report about something wrong. */
__attribute__((format(printf, 3, 4))) static void complain(VerifyCommand *command, const char *where,
							   const char *format, ...)
{
	va_list arguments;
	command->bad = true;
	printf("%s: ", where);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

static void complain_tile(VerifyCommand *command, const EntkGramStore *store, uint64_t i, const char *what)
{
	EntkTileRange range = entk_tiles_get(entk_gram_store_tiles(store), i);
	complain(command, entk_gram_store_path(store), "tile %llu (rows %u to %u, columns %u to %u) %s",
		 (unsigned long long)i, range.row, range.row + range.rows - 1, range.column,
		 range.column + range.columns - 1, what);
}

/* Tiles that are damaged, of all or only of those with a flag. Returns how many. */
static uint64_t complain_tiles(VerifyCommand *command, const EntkGramStore *store, const bool *only, const char *what)
{
	uint64_t count = 0;
	for (uint64_t i = 0; i < entk_gram_store_tiles(store)->count; i++) {
		if ((only && !only[i]) || !entk_gram_store_has(store, i) ||
		    entk_gram_store_state(store, i) != ENTK_TILE_DAMAGED)
			continue;
		if (count++ < SHOWN)
			complain_tile(command, store, i, what);
	}
	if (count > SHOWN)
		complain(command, entk_gram_store_path(store), "and %llu more", (unsigned long long)(count - SHOWN));
	return count;
}

static void check_headers(VerifyCommand *command, const EntkGramStore *store)
{
	static const char *const names[2] = {"header", "header.copy"};
	for (int copy = 0; copy < 2; copy++) {
		EntkHeaderState state = entk_gram_store_header_state(store, copy);
		if (state != ENTK_HEADER_GOOD)
			complain(command, entk_gram_store_path(store), "%s is %s", names[copy],
				 state == ENTK_HEADER_MISSING ? "missing" : "damaged");
	}
}

static EntkStatus check_bytes(VerifyCommand *command, EntkGramStore *store, EntkError *error)
{
	check_headers(command, store);
	EntkStatus status =
		entk_gram_store_scan(store, command->gram.threads, command->gram.progress, command->gram.cancel, error);
	if (status != ENTK_OK)
		return status;
	uint64_t damaged = complain_tiles(command, store, NULL, "is damaged: its checksum is wrong");
	uint64_t missing = entk_gram_store_count(store, ENTK_TILE_MISSING), size = entk_gram_store_size(store);
	if (entk_gram_store_excess(store))
		complain(command, entk_gram_store_path(store), "%llu bytes stand behind the last tile",
			 (unsigned long long)entk_gram_store_excess(store));
	if (missing > 0)
		complain(command, entk_gram_store_path(store), "incomplete: %llu of %llu tiles are missing",
			 (unsigned long long)missing, (unsigned long long)size);
	printf("%s: %llu of %llu tiles have the right checksum\n", entk_gram_store_path(store),
	       (unsigned long long)(size - missing - damaged), (unsigned long long)size);
	return ENTK_OK;
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

/* xorshift64*: enough to choose tiles. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1du;
}

/* `tiles` of those that are present, each with the same probability (one pass: the chance of a tile is what is still wanted
 * over what is still to come). Returns how many. */
static uint64_t choose(const VerifyCommand *command, const EntkGramStore *store, bool *chosen)
{
	uint64_t state = command->seed * 0x9e3779b97f4a7c15u + 1, count = 0;
	uint64_t left = entk_gram_store_count(store, ENTK_TILE_PRESENT);
	uint64_t wanted = command->tiles < left ? command->tiles : left;
	for (uint64_t i = 0; count < wanted; i++) {
		if (!entk_gram_store_has(store, i) || entk_gram_store_state(store, i) != ENTK_TILE_PRESENT)
			continue;
		if ((double)(next_random(&state) >> 11) * 0x1p-53 * (double)left < (double)(wanted - count)) {
			chosen[i] = true;
			count++;
		}
		left--;
	}
	return count;
}

static EntkStatus compute_again(VerifyCommand *command, const EntkNet *net, EntkGramStore *store, EntkError *error)
{
	bool *chosen = entk_allocate(entk_gram_store_tiles(store)->count, sizeof *chosen, "the list of tiles", error);
	if (!chosen)
		return error->status;
	uint64_t count = choose(command, store, chosen);
	EntkStore comparer = entk_gram_store_comparer(store, chosen);
	EntkStatus status = entk_gram_into(command->common.program, net, &command->inputs.x,
					   entk_inputs_z(&command->inputs), &command->gram, &comparer, error);
	if (status == ENTK_OK) {
		uint64_t other =
			complain_tiles(command, store, chosen, "holds other values than this program computes");
		printf("%s: %llu of %llu tiles computed again have the same bits (--seed=%llu)\n",
		       entk_gram_store_path(store), (unsigned long long)(count - other), (unsigned long long)count,
		       (unsigned long long)command->seed);
	}
	free(chosen);
	return status;
}

static const EntkNet *find_net(const EntkProgram *program, const char *name)
{
	for (uint32_t i = 0; i < program->net_count; i++)
		if (strcmp(program->nets[i].name, name) == 0)
			return &program->nets[i];
	return NULL;
}

/* Belongs the store to these samples and this program? Then some tiles are computed again. */
static EntkStatus check_values(VerifyCommand *command, const char *name, EntkGramStore *store, EntkError *error)
{
	const EntkProgram *program = command->common.program;
	const EntkNet *net = find_net(program, name);
	const EntkStoreHeader *header = entk_gram_store_header(store);
	size_t rows, columns;
	if (!net) {
		complain(command, entk_gram_store_path(store), "this program has no net \"%s\"", name);
		return ENTK_OK;
	}
	EntkStatus status = entk_inputs_check(&command->inputs, net, &rows, &columns, error);
	if (status == ENTK_OK)
		status = entk_inputs_load(&command->inputs, net, program->precision, error);
	if (status != ENTK_OK)
		return status;
	EntkStoreRun run = {.program = program,
			    .net = net,
			    .params = command->common.params,
			    .x = &command->inputs.x,
			    .z = entk_inputs_z(&command->inputs),
			    .nngp = header->nngp,
			    .ntk = header->ntk,
			    .shard = {1, 1}};
	EntkError mismatch;
	if (entk_gram_store_match(store, &run, &mismatch) != ENTK_OK) {
		if (mismatch.status != ENTK_INPUT) {
			*error = mismatch;
			return error->status;
		}
		complain(command, entk_gram_store_path(store), "%s", mismatch.what);
		return ENTK_OK;
	}
	return compute_again(command, net, store, error);
}

/* ---- run ------------------------------------------------------------------------------------------------------- */

static EntkStatus verify_net(VerifyCommand *command, EntkGramFolder *folder, const char *net, EntkError *error)
{
	EntkGramStore *store;
	EntkStatus status = entk_gram_store_open(folder, net, &store, error);
	if (status != ENTK_OK)
		return status;
	status = check_bytes(command, store, error);
	if (status == ENTK_OK && command->inputs.x_name)
		status = check_values(command, net, store, error);
	entk_gram_store_close(store);
	return status;
}

static EntkStatus run(VerifyCommand *command, EntkError *error)
{
	EntkGramFolder *folder;
	char **nets;
	size_t count;
	EntkStatus status = command->inputs.x_name ? entk_inputs_open(&command->inputs, error) : ENTK_OK;
	if (status == ENTK_OK)
		status = entk_gram_folder_open(command->store, false, &folder, error);
	if (status != ENTK_OK)
		return status;
	if (command->net) {
		status = verify_net(command, folder, command->net, error);
	} else {
		status = entk_gram_folder_nets(folder, &nets, &count, error);
		for (size_t i = 0; i < count && status == ENTK_OK; i++)
			status = verify_net(command, folder, nets[i], error);
		entk_gram_folder_free_nets(nets, count);
	}
	entk_gram_folder_close(folder);
	return status;
}

int entk_command_verify(const EntkProgram *program, int argc, char **argv)
{
	EntkArgs args = entk_args_begin("verify S.gram [X [Z]] [options]", text, options, argc, argv);
	VerifyCommand command = {.tiles = 10};
	EntkError error;
	/* Without a seed of the user's: any, short enough to be typed. */
	if (getrandom(&command.seed, sizeof command.seed, GRND_NONBLOCK) > 0)
		command.seed %= 1000000;
	EntkStatus status = entk_common_create(program, &command.common, &error);
	if (status == ENTK_OK)
		status = parse(&command, &args, &error);
	if (status == ENTK_OK)
		status = entk_common_check(&command.common, &error);
	if (status == ENTK_OK && !command.common.help) {
		command.gram = entk_common_gram_options(&command.common);
		status = run(&command, &error);
	}
	bool help = command.common.help, bad = command.bad;
	entk_inputs_destroy(&command.inputs);
	entk_common_destroy(&command.common);
	if (status != ENTK_OK)
		return entk_error_print(argv[0], &error);
	return help ? entk_args_help(&args) : bad;
}
