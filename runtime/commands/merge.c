/* `merge OUT.gram A.gram B.gram ..`: shards, or parts of the same Gram from several machines, become one store. */
#include "commands/commands.h"

#include "support/cancel.h"
#include "cli/common.h"
#include "cli/warn.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const EntkOption options[] = {
	{ENTK_OPTION_THREADS, "threads", 't', "N", "threads that check the stores (default: all cores)"},
	{ENTK_OPTION_HELP, "help", 'h', NULL, "this text"},
	{0},
};

static const char *const text =
	"Copies the tiles of the stores A, B .. (made with --shard, or interrupted) into OUT, after comparing their "
	"checksums. OUT may\n"
	"exist: a merge that was interrupted continues. Inputs must belong to the same net, samples and params: that "
	"is "
	"looked at before\n"
	"anything is written. They are not changed.\n"
	"A damaged tile of an input is left out and named; the status is then 1.";

typedef struct MergeCommand {
	EntkCommon common;
	const char *program; /* as it was called */
	const char *output;
	size_t input_count;
	const char **inputs;      /* names */
	EntkStoreHeader *headers; /* of the output's parts: one for each net of the inputs */
	EntkGramFolder *out_folder;
	EntkGramStore **stores; /* open parts of the output, those that were made so far */
	size_t header_count, store_count;
	bool damaged; /* a tile of an input was */
} MergeCommand;

static bool same_net(const EntkStoreHeader *a, const EntkStoreHeader *b)
{
	return strcmp(a->fields[ENTK_FIELD_NET], b->fields[ENTK_FIELD_NET]) == 0;
}

/* Is the store a part of the same run as the one with this header? */
static EntkStatus match(const EntkGramStore *store, const EntkStoreHeader *wanted, EntkError *error)
{
	EntkStatus status = entk_store_header_match(entk_gram_store_path(store), entk_gram_store_header(store), wanted,
						    true, false, error);
	return status == ENTK_OK ? status : entk_fix(error, "leave it out, or merge into another folder");
}

/* Does one net's part of an input belong to what came before it? The first of each net sets the output's header. */
static EntkStatus check_net(MergeCommand *command, const EntkGramStore *source, EntkError *error)
{
	const EntkStoreHeader *header = entk_gram_store_header(source);
	for (size_t i = 0; i < command->header_count; i++)
		if (same_net(header, &command->headers[i]))
			return match(source, &command->headers[i], error);
	EntkStoreHeader *grown = realloc(command->headers, (command->header_count + 1) * sizeof *grown);
	if (!grown)
		return entk_fail_memory(error, "a list of nets", (command->header_count + 1) * sizeof *grown);
	command->headers = grown;
	EntkStatus status = entk_store_header_copy(header, (EntkShard){1, 1}, &grown[command->header_count], error);
	command->header_count += status == ENTK_OK;
	return status;
}

/* The output's part for `source`, made on first use. */
static EntkStatus open_target(MergeCommand *command, const EntkGramStore *source, EntkGramStore **target,
			      EntkError *error)
{
	const EntkStoreHeader *header = entk_gram_store_header(source);
	for (size_t i = 0; i < command->store_count; i++) {
		*target = command->stores[i];
		if (same_net(entk_gram_store_header(*target), header))
			return ENTK_OK;
	}
	size_t i = 0;
	while (i < command->header_count && !same_net(header, &command->headers[i]))
		i++;
	if (i == command->header_count)
		return entk_fail(error, ENTK_INPUT, entk_gram_store_path(source),
				 "it came while the stores were merged");
	EntkStatus status = entk_gram_store_create(command->out_folder, &command->headers[i], target, error);
	if (status == ENTK_INPUT)
		return entk_fix(error, "merge into another folder");
	if (status != ENTK_OK)
		return status;
	command->stores[command->store_count++] = *target;
	status = entk_gram_store_scan(*target, command->common.threads, NULL, entk_cancel_flag(), error);
	return status == ENTK_OK ? entk_gram_store_check_space(*target, error) : status;
}

static EntkStatus copy_tile(MergeCommand *command, const EntkGramStore *source, EntkGramStore *target, uint64_t i,
			    double *buffer, EntkError *error)
{
	if (*entk_cancel_flag())
		return entk_fail(error, ENTK_INTERRUPTED, NULL, "interrupted");
	switch (entk_gram_store_read_tile(source, i, buffer)) {
	case ENTK_TILE_MISSING:
		return ENTK_OK;
	case ENTK_TILE_PRESENT:
		return entk_gram_store_write_tile(target, i, buffer, error);
	case ENTK_TILE_DAMAGED:
		command->damaged = true;
		entk_warn(command->program, entk_gram_store_path(source), "tile %llu is damaged and was left out",
			  (unsigned long long)i);
		return ENTK_OK;
	}
	return ENTK_OK;
}

static EntkStatus copy_tiles(MergeCommand *command, const EntkGramStore *source, EntkGramStore *target,
			     EntkError *error)
{
	EntkStatus status = ENTK_OK;
	uint64_t count = entk_gram_store_tiles(source)->count;
	double *buffer = entk_allocate(entk_gram_store_tile_values(source) + 2, sizeof *buffer, "a tile", error);
	if (!buffer)
		return error->status;
	for (uint64_t i = 0; i < count && status == ENTK_OK; i++)
		if (entk_gram_store_has(source, i) && entk_gram_store_state(target, i) != ENTK_TILE_PRESENT)
			status = copy_tile(command, source, target, i, buffer, error);
	free(buffer);
	return status;
}

static EntkStatus merge_net(MergeCommand *command, const EntkGramStore *source, EntkError *error)
{
	EntkGramStore *target = NULL;
	EntkStatus status = open_target(command, source, &target, error);
	if (status == ENTK_OK)
		status = match(source, entk_gram_store_header(target), error);
	if (status == ENTK_OK)
		status = copy_tiles(command, source, target, error);
	return status;
}

/* `visit` for each net's part of an input. */
static EntkStatus visit_nets(MergeCommand *command, const char *path,
			     EntkStatus (*visit)(MergeCommand *, const EntkGramStore *, EntkError *), EntkError *error)
{
	EntkGramFolder *folder;
	EntkGramStore *source;
	char **nets;
	size_t count;
	EntkStatus status = entk_gram_folder_open(path, false, &folder, error);
	if (status != ENTK_OK)
		return status;
	status = entk_gram_folder_nets(folder, &nets, &count, error);
	for (size_t i = 0; i < count && status == ENTK_OK; i++) {
		status = entk_gram_store_open(folder, nets[i], &source, error);
		if (status != ENTK_OK)
			break;
		status = visit(command, source, error);
		entk_gram_store_close(source);
	}
	entk_gram_folder_free_nets(nets, count);
	entk_gram_folder_close(folder);
	return status;
}

/* What came together. */
static void report(const MergeCommand *command)
{
	for (size_t i = 0; i < command->store_count; i++) {
		const EntkGramStore *store = command->stores[i];
		uint64_t present = entk_gram_store_count(store, ENTK_TILE_PRESENT), size = entk_gram_store_size(store);
		printf("%s: %llu of %llu tiles", entk_gram_store_path(store), (unsigned long long)present,
		       (unsigned long long)size);
		if (present < size)
			printf("; merge more shards, or compute the rest with gram -o %s\n", command->output);
		else
			printf(", complete\n");
	}
}

static EntkStatus run(MergeCommand *command, EntkError *error)
{
	EntkError of_sync;
	EntkStatus status = ENTK_OK;
	for (size_t i = 0; i < command->input_count && status == ENTK_OK; i++)
		status = visit_nets(command, command->inputs[i], check_net, error);
	if (status == ENTK_OK) {
		command->stores =
			entk_allocate(command->header_count + 1, sizeof(EntkGramStore *), "a list of nets", error);
		status = command->stores ? ENTK_OK : error->status;
	}
	if (status == ENTK_OK)
		status = entk_gram_folder_open(command->output, true, &command->out_folder, error);
	for (size_t i = 0; i < command->input_count && status == ENTK_OK; i++)
		status = visit_nets(command, command->inputs[i], merge_net, error);
	for (size_t i = 0; i < command->store_count; i++)
		if (entk_gram_store_sync(command->stores[i], &of_sync) != ENTK_OK && status == ENTK_OK) {
			*error = of_sync;
			status = error->status;
		}
	if (status == ENTK_INTERRUPTED)
		entk_fix(error, "the same command continues");
	if (status == ENTK_OK)
		report(command);
	return status;
}

static EntkStatus parse(MergeCommand *command, EntkArgs *args, EntkError *error)
{
	EntkStatus status = ENTK_OK;
	for (int id; status == ENTK_OK && (id = entk_args_next(args, error)) != ENTK_ARG_END;) {
		if (id == ENTK_ARG_ERROR)
			return error->status;
		if (id != ENTK_ARG_POSITIONAL)
			status = entk_common_take(&command->common, id, args->value, error);
		else if (!command->output)
			command->output = args->value;
		else
			command->inputs[command->input_count++] = args->value;
	}
	if (status != ENTK_OK || command->common.help)
		return status;
	if (command->input_count == 0) {
		entk_fail(error, ENTK_USAGE, NULL, "no stores to merge; expected %s", args->usage);
		return entk_fix(error, "name the output first, then the stores");
	}
	if (!entk_gram_folder_name(command->output)) {
		entk_fail(error, ENTK_USAGE, command->output, "the output's name must end in .gram");
		return entk_fix(error, "name the output first, then the stores");
	}
	for (size_t i = 0; i < command->input_count && status == ENTK_OK; i++)
		status = entk_check_distinct(command->output, command->inputs[i], error);
	return status;
}

static void destroy(MergeCommand *command)
{
	for (size_t i = 0; i < command->store_count; i++)
		entk_gram_store_close(command->stores[i]);
	free(command->stores);
	for (size_t i = 0; i < command->header_count; i++)
		entk_store_header_destroy(&command->headers[i]);
	free(command->headers);
	free(command->inputs);
	entk_gram_folder_close(command->out_folder);
	entk_common_destroy(&command->common);
}

int entk_command_merge(const EntkProgram *program, int argc, char **argv)
{
	EntkArgs args = entk_args_begin("merge OUT.gram A.gram B.gram .. [options]", text, options, argc, argv);
	MergeCommand command = {.program = argv[0]};
	EntkError error;
	EntkStatus status = entk_common_create(program, &command.common, &error);
	if (status == ENTK_OK) {
		command.inputs = entk_allocate((size_t)argc, sizeof *command.inputs, "the command line", &error);
		status = command.inputs ? ENTK_OK : error.status;
	}
	if (status == ENTK_OK)
		status = parse(&command, &args, &error);
	if (status == ENTK_OK && !command.common.help)
		status = run(&command, &error);
	bool help = command.common.help, damaged = command.damaged;
	destroy(&command);
	if (status != ENTK_OK)
		return entk_error_print(argv[0], &error);
	return help ? entk_args_help(&args) : damaged;
}
