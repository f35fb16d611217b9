/* `gram X [Z] -o K.npz` or `-o K.gram`: Gram matrices into one file of arrays, or into a store that survives interruptions. */
#include "commands/commands.h"

#include "arrays/npz_writer.h"
#include "cli/common.h"
#include "cli/warn.h"
#include "data/inputs.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>

enum { OUTPUT = 1, KERNEL, TILE, SHARD, DRY_RUN };

static const EntkOption options[] = {
	{OUTPUT, "output", 'o', "K.npz|K.gram",
	 "where the kernels go: arrays nngp and ntk (NAME.nngp .. for several nets), or a store"},
	{KERNEL, "kernel", 0, "NAME", "only one kernel, nngp or ntk (default: both)"},
	{SHARD, "shard", 0, "I/N", "only the I-th of N shares of the tiles, into a store; `merge` puts them together"},
	{DRY_RUN, "dry-run", 0, NULL, "only say how many pairs, operations, bytes and seconds it will take"},
	{TILE, "tile", 0, "RxC", "samples per tile (results do not depend on it); a store keeps its own"},
	ENTK_COMMON_OPTIONS,
	{0},
};

static const char *const text =
	"Exact kernels of all samples of X with each other, or of X (rows) with Z (columns), in float64. X and Z are "
	"FILE.npy,\n"
	"FILE.npz with one array or one called x, or FILE.npz:KEY; samples first, channels last (none: one channel); "
	"uint8 is divided\n"
	"by 255. In the Gram of X with itself the first sample of each pair is the one of smaller index.\n\n"
	"With a name that ends in .gram finished tiles are kept in a folder: after an interruption or a crash the same "
	"command\n"
	"continues, bit for bit. `export` makes arrays of it, `verify` checks it.";

typedef struct GramCommand {
	EntkCommon common;
	EntkGramOptions gram;
	EntkInputs inputs;
	const char *program; /* as it was called, for warnings */
	const char *output;
	bool want_nngp, want_ntk, dry_run;
	EntkShard shard;
	size_t rows, columns;
	size_t net_count;
	/* -o K.npz */
	EntkNpzWriter *writer;
	double **
		arrays; /* 2 per net: NNGP, NTK; NULL where not wanted, or where it stands behind that of another net */
	/* -o K.gram */
	EntkGramFolder *folder;
	EntkGramStore **stores; /* one per net */
} GramCommand;

static EntkStatus parse_tile(GramCommand *command, const char *value, EntkError *error)
{
	uint64_t left = 0, right = 0;
	char first[32];
	const char *x = strchr(value, 'x');
	if (!x || (size_t)(x - value) >= sizeof first)
		return entk_fail(error, ENTK_USAGE, "--tile", "expected ROWSxCOLUMNS such as 8x16, got \"%s\"", value);
	snprintf(first, sizeof first, "%.*s", (int)(x - value), value);
	EntkStatus status = entk_parse_count("--tile", first, 1, UINT32_MAX, &left, error);
	if (status == ENTK_OK)
		status = entk_parse_count("--tile", x + 1, 1, UINT32_MAX, &right, error);
	command->gram.tile_left = (uint32_t)left;
	command->gram.tile_right = (uint32_t)right;
	return status;
}

static EntkStatus parse_shard(GramCommand *command, const char *value, EntkError *error)
{
	uint64_t index = 0, count = 0;
	char first[32];
	const char *slash = strchr(value, '/');
	if (!slash || (size_t)(slash - value) >= sizeof first)
		return entk_fail(error, ENTK_USAGE, "--shard", "expected I/N such as 2/7, got \"%s\"", value);
	snprintf(first, sizeof first, "%.*s", (int)(slash - value), value);
	EntkStatus status = entk_parse_count("--shard", slash + 1, 1, 1000000, &count, error);
	if (status == ENTK_OK)
		status = entk_parse_count("--shard", first, 1, count, &index, error);
	command->shard = (EntkShard){(uint32_t)index, (uint32_t)count};
	return status;
}

static bool to_store(const GramCommand *command)
{
	return command->output && entk_gram_folder_name(command->output);
}

static EntkStatus check_arguments(const GramCommand *command, const EntkArgs *args, EntkError *error)
{
	if (!command->inputs.x_name) {
		entk_fail(error, ENTK_USAGE, NULL, "no samples; expected %s", args->usage);
		return entk_fix(error, "name a .npy or .npz file");
	}
	if (!command->output && !command->dry_run) {
		entk_fail(error, ENTK_USAGE, NULL, "no output file for the kernels");
		return entk_fix(error, "add -o K.npz, -o K.gram, or --dry-run");
	}
	if (entk_check_distinct(command->output, command->inputs.x_name, error) != ENTK_OK ||
	    entk_check_distinct(command->output, command->inputs.z_name, error) != ENTK_OK)
		return error->status;
	if (command->shard.count > 1 && command->output && !to_store(command)) {
		entk_fail(error, ENTK_USAGE, "--shard", "a share of the tiles goes into a store, not into %s",
			  command->output);
		return entk_fix(error, "add -o NAME.gram");
	}
	return ENTK_OK;
}

static EntkStatus parse(GramCommand *command, EntkArgs *args, EntkError *error)
{
	EntkStatus status = ENTK_OK;
	for (int id; status == ENTK_OK && (id = entk_args_next(args, error)) != ENTK_ARG_END;) {
		switch (id) {
		case ENTK_ARG_ERROR:
			return error->status;
		case ENTK_ARG_POSITIONAL:
			if (!command->inputs.x_name)
				command->inputs.x_name = args->value;
			else if (!command->inputs.z_name)
				command->inputs.z_name = args->value;
			else
				return entk_fail(error, ENTK_USAGE, args->value,
						 "one argument too many; expected X or X Z");
			break;
		case OUTPUT:
			command->output = args->value;
			break;
		case KERNEL:
			status = entk_parse_kernels(args->value, &command->want_nngp, &command->want_ntk, error);
			break;
		case TILE:
			status = parse_tile(command, args->value, error);
			break;
		case SHARD:
			status = parse_shard(command, args->value, error);
			break;
		case DRY_RUN:
			command->dry_run = true;
			break;
		default:
			status = entk_common_take(&command->common, id, args->value, error);
		}
	}
	return status != ENTK_OK || command->common.help ? status : check_arguments(command, args, error);
}

/* Opens the files and checks every net's shapes before anything is computed. */
static EntkStatus open_files(GramCommand *command, EntkError *error)
{
	const EntkNet *net;
	EntkStatus status = entk_inputs_open(&command->inputs, error);
	for (; status == ENTK_OK && (net = entk_common_net(&command->common, command->net_count)) != NULL;
	     command->net_count++) {
		status = entk_inputs_check(&command->inputs, net, &command->rows, &command->columns, error);
		if (status != ENTK_OK && command->net_count > 0 && !error->fix[0])
			entk_fix(error, "choose one net with --net");
	}
	return status;
}

/* For each net: its samples, then the work. */
static EntkStatus for_each_net(GramCommand *command,
			       EntkStatus (*work)(GramCommand *, size_t, const EntkNet *, EntkError *),
			       EntkError *error)
{
	const EntkNet *net;
	EntkStatus status = ENTK_OK;
	for (size_t i = 0; status == ENTK_OK && (net = entk_common_net(&command->common, i)) != NULL; i++) {
		status = entk_inputs_load(&command->inputs, net, command->common.program->precision, error);
		if (status == ENTK_OK)
			status = work(command, i, net, error);
	}
	return status;
}

/* The trunk whose members are computed with this net, the first of them; *another: it comes with the first. */
static const EntkTrunk *trunk_of(const GramCommand *command, const EntkNet *net, bool *another)
{
	const EntkProgram *program = command->common.program;
	/* Of nets that are chosen each is computed alone: the trunk's others may not be wanted. */
	const EntkTrunk *trunk = command->common.net ? NULL : entk_trunk_of(program, net);
	*another = trunk && net != &program->nets[trunk->members[0]];
	return trunk;
}

static EntkStoreRun describe_run(const GramCommand *command, const EntkNet *net)
{
	return (EntkStoreRun){
		.program = command->common.program,
		.net = net,
		.params = command->common.params,
		.x = &command->inputs.x,
		.z = entk_inputs_z(&command->inputs),
		.nngp = command->want_nngp,
		.ntk = command->want_ntk,
		.tile_rows = command->gram.tile_left,
		.tile_columns = command->gram.tile_right,
		.shard = command->shard,
	};
}

/* ---- dry run --------------------------------------------------------------------------------------------------- */

static double output_bytes(const GramCommand *command)
{
	return (double)command->rows * (double)command->columns * sizeof(double) *
	       (double)((unsigned)command->want_nngp + (unsigned)command->want_ntk) * (double)command->net_count;
}

/* What a net costs. */
typedef struct Prediction {
	double pairs, samples, output, workspace, disk; /* the last four in bytes; output: what is in memory of it */
	uint64_t tiles;                                 /* of the store; 0: none */
	uint32_t tile_rows, tile_columns;
} Prediction;

/* The share of the tiles that goes into the store, and a tile for each thread. */
static EntkStatus predict_store(const GramCommand *command, const EntkNet *net, Prediction *prediction,
				EntkError *error)
{
	EntkStoreHeader header;
	EntkTiles tiles = {0};
	EntkStoreRun run = describe_run(command, net);
	EntkStatus status = entk_store_header_create(&run, &header, error);
	if (status != ENTK_OK)
		return status;
	status = entk_store_header_tiles(&header, &tiles, error);
	if (status == ENTK_OK) {
		prediction->pairs = 0;
		for (uint64_t i = command->shard.index - 1; i < tiles.count; i += command->shard.count) {
			prediction->pairs += (double)entk_tiles_pairs(&tiles, entk_tiles_get(&tiles, i));
			prediction->tiles++;
		}
		double slot = (double)entk_store_header_slot(&header);
		prediction->disk = slot * (double)prediction->tiles;
		prediction->output = slot * entk_thread_count(command->gram.threads) + 9 * (double)tiles.count;
		prediction->tile_rows = header.tile_rows;
		prediction->tile_columns = header.tile_columns;
	}
	entk_tiles_destroy(&tiles);
	entk_store_header_destroy(&header);
	return status;
}

static EntkStatus predict(const GramCommand *command, const EntkNet *net, Prediction *prediction, EntkError *error)
{
	size_t z_count = command->inputs.z_name ? command->columns : 0;
	double n = (double)command->rows;
	*prediction = (Prediction){
		.pairs = z_count ? n * (double)z_count : n * (n + 1) / 2,
		.samples =
			(n + (double)z_count) * (double)command->inputs.x.size * command->common.program->precision / 8,
		.output = output_bytes(command),
		.workspace =
			(double)entk_gram_memory(command->common.program, net, command->rows, z_count, &command->gram),
		.disk = output_bytes(command),
	};
	if (to_store(command) || command->shard.count > 1)
		return predict_store(command, net, prediction, error);
	return ENTK_OK;
}

/* Bytes that are free where `path` is or will be; -1 where the system does not tell. */
static double free_bytes(const char *path)
{
	struct statvfs disk;
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	bool known = statvfs(path, &disk) == 0 || (folder && statvfs(folder, &disk) == 0);
	free(folder);
	return known ? (double)disk.f_bavail * (double)disk.f_frsize : -1;
}

/* In the unit that gives it few digits. */
static const char *size_text(double bytes, char *to, size_t size)
{
	if (bytes < 1e10)
		snprintf(to, size, "%.1f MB", 1e-6 * bytes);
	else if (bytes < 1e12)
		snprintf(to, size, "%.1f GB", 1e-9 * bytes);
	else
		snprintf(to, size, "%.1f TB", 1e-12 * bytes);
	return to;
}

/* Bytes of memory and swap; -1 where the system does not tell. */
static double memory_bytes(void)
{
	struct sysinfo info;
	return sysinfo(&info) == 0 ? ((double)info.totalram + (double)info.totalswap) * info.mem_unit : -1;
}

/* Does it fit? */
static bool print_disk(const GramCommand *command, const Prediction *p)
{
	double available = command->output ? free_bytes(command->output) : -1;
	char size[32], left[32];
	printf("  disk        %s", size_text(p->disk, size, sizeof size));
	if (p->tiles)
		printf(": %llu tiles of %u x %u", (unsigned long long)p->tiles, p->tile_rows, p->tile_columns);
	if (available >= 0)
		printf("; %s are free%s", size_text(available, left, sizeof left),
		       p->disk > available ? ": does not fit" : "");
	printf("\n");
	return available < 0 || p->disk <= available;
}

static EntkStatus dry_run(GramCommand *command, size_t i, const EntkNet *net, EntkError *error)
{
	Prediction p;
	double seconds = 0;
	char each[32], total[32], shard[64] = "";
	unsigned threads = entk_thread_count(command->gram.threads);
	const char *plural = threads == 1 ? "" : "s";
	bool another;
	const EntkTrunk *trunk = trunk_of(command, net, &another);
	(void)i;
	if (another && !to_store(command)) {
		printf("net %s\n  comes with net %s, on the same trunk\n", net->name,
		       command->common.program->nets[trunk->members[0]].name);
		return ENTK_OK;
	}
	EntkStatus status = predict(command, net, &p, error);
	if (status == ENTK_OK)
		status = entk_gram_calibrate(command->common.program, net, &command->inputs.x, &command->gram,
					     command->want_ntk, &seconds, error);
	if (status != ENTK_OK)
		return status;
	if (command->shard.count > 1)
		snprintf(shard, sizeof shard, ", shard %u of %u", command->shard.index, command->shard.count);
	printf("net %s\n  pairs       %.0f (%zu x %zu%s%s)\n", net->name, p.pairs, command->rows, command->columns,
	       command->inputs.z_name ? "" : ", one triangle", shard);
	printf("  operations  %.3g predicted, %.3g per pair\n", p.pairs * net->operations_per_pair,
	       net->operations_per_pair);
	double memory = p.samples + p.output + p.workspace, have = memory_bytes();
	bool fits = have < 0 || memory <= have;
	char size[32];
	printf("  memory      %s: samples %.1f, %s %.1f, workspace of %u thread%s %.1f%s%s\n",
	       size_text(memory, size, sizeof size), 1e-6 * p.samples, p.tiles ? "tiles" : "output", 1e-6 * p.output,
	       threads, plural, 1e-6 * p.workspace, memory < 1e10 ? "" : " MB", fits ? "" : ": does not fit");
	fits &= print_disk(command, &p);
	printf("  time        %s with %u thread%s; %s per pair and thread, measured\n",
	       entk_duration_text(seconds * p.pairs / threads, total, sizeof total), threads, plural,
	       entk_duration_text(seconds, each, sizeof each));
	if (fits)
		return ENTK_OK;
	entk_fail(error, ENTK_MEMORY, net->name, "does not fit: %zu x %zu kernels take more than there is",
		  command->rows, command->columns);
	return entk_fix(error, "%s",
			to_store(command) ? "share the tiles among disks (--shard)"
					  : "write to a store (-o K.gram), or use fewer samples");
}

/* ---- into memory, then into one file --------------------------------------------------------------------------- */

/* The output must fit into memory: overcommitted, it would end in a kill after hours. */
static EntkStatus check_memory(const GramCommand *command, EntkError *error)
{
	double needed = output_bytes(command), have = memory_bytes();
	if (have < 0 || needed <= have)
		return ENTK_OK;
	entk_fail(error, ENTK_MEMORY, NULL, "out of memory: %zu x %zu kernels take %.1f GB, the machine has %.1f GB",
		  command->rows, command->columns, 1e-9 * needed, 1e-9 * have);
	return entk_fix(error,
			"write to a store (-o K.gram), use fewer samples, one net (--net) or one kernel (--kernel)");
}

/* The i-th net's matrix of one kernel, under its name; those of a trunk stand one behind the other in the first member's place. */
static EntkStatus place_output(GramCommand *command, size_t i, const EntkNet *net, bool ntk, EntkError *error)
{
	size_t shape[2] = {command->rows, command->columns}, plane, total, owner = i, member = 0;
	bool another, several = command->net_count > 1;
	const EntkTrunk *trunk = trunk_of(command, net, &another);
	if (!(ntk ? command->want_ntk : command->want_nngp))
		return ENTK_OK;
	if (!entk_multiply(command->rows, command->columns, &plane) ||
	    !entk_multiply(plane, trunk ? trunk->count : 1, &total))
		return entk_fail_memory(error, "the Gram matrix", SIZE_MAX);
	if (another) {
		owner = trunk->members[0];
		while (trunk->members[member] != i)
			member++;
	} else {
		command->arrays[2 * i + ntk] = entk_allocate(total, sizeof(double), "the Gram matrix", error);
	}
	double *output = command->arrays[2 * owner + ntk];
	if (!output)
		return error->status;
	char name[256];
	snprintf(name, sizeof name, "%s%s%s", several ? net->name : "", several ? "." : "", ntk ? "ntk" : "nngp");
	return entk_npz_writer_add(command->writer, name, ENTK_F64, 2, shape, output + member * plane, error);
}

static EntkStatus place_outputs(GramCommand *command, EntkError *error)
{
	const EntkNet *net;
	EntkStatus status = ENTK_OK;
	for (size_t i = 0; status == ENTK_OK && (net = entk_common_net(&command->common, i)) != NULL; i++) {
		status = place_output(command, i, net, false, error);
		if (status == ENTK_OK)
			status = place_output(command, i, net, true, error);
	}
	return status;
}

static EntkStatus compute_arrays(GramCommand *command, size_t i, const EntkNet *net, EntkError *error)
{
	const EntkProgram *program = command->common.program;
	const EntkSamples *x = &command->inputs.x, *z = entk_inputs_z(&command->inputs);
	double *nngp = command->arrays[2 * i], *ntk = command->arrays[2 * i + 1];
	bool another;
	const EntkTrunk *trunk = trunk_of(command, net, &another);
	if (another)
		return ENTK_OK;
	if (trunk)
		return entk_gram_trunk(program, trunk, x, z, &command->gram, nngp, ntk, error);
	return entk_gram(program, net, x, z, &command->gram, nngp, ntk, error);
}

static EntkStatus run_file(GramCommand *command, EntkError *error)
{
	EntkStatus status = check_memory(command, error);
	if (status == ENTK_OK)
		status =
			entk_npz_writer_create(command->output, (size_t)output_bytes(command), &command->writer, error);
	if (status != ENTK_OK)
		return status;
	command->arrays = entk_allocate(2 * command->net_count, sizeof *command->arrays, "the Gram matrices", error);
	if (!command->arrays)
		return error->status;
	status = place_outputs(command, error);
	if (status == ENTK_OK)
		status = for_each_net(command, compute_arrays, error);
	if (status == ENTK_INTERRUPTED)
		return entk_fix(error, "nothing is kept; with -o NAME.gram finished tiles would be");
	return status == ENTK_OK ? entk_npz_writer_commit(command->writer, error) : status;
}

/* ---- into a store ---------------------------------------------------------------------------------------------- */

/* Opens the part of a net and finds out what is there already. */
static EntkStatus open_store(GramCommand *command, size_t i, const EntkNet *net, EntkError *error)
{
	EntkStoreHeader header;
	EntkStoreRun run = describe_run(command, net);
	EntkStatus status = entk_store_header_create(&run, &header, error);
	if (status != ENTK_OK)
		return status;
	status = entk_gram_store_create(command->folder, &header, &command->stores[i], error);
	entk_store_header_destroy(&header);
	if (status != ENTK_OK)
		return status;
	EntkGramStore *store = command->stores[i];
	status =
		entk_gram_store_scan(store, command->gram.threads, command->gram.progress, command->gram.cancel, error);
	if (status != ENTK_OK)
		return status;
	uint64_t present = entk_gram_store_count(store, ENTK_TILE_PRESENT);
	uint64_t damaged = entk_gram_store_count(store, ENTK_TILE_DAMAGED);
	if (entk_gram_store_header_state(store, 0) == ENTK_HEADER_DAMAGED ||
	    entk_gram_store_header_state(store, 1) == ENTK_HEADER_DAMAGED)
		entk_warn(command->program, entk_gram_store_path(store),
			  "a damaged copy of the header was written anew");
	if (damaged > 0)
		entk_warn(command->program, entk_gram_store_path(store), "%llu damaged tile%s: computed again",
			  (unsigned long long)damaged, damaged == 1 ? "" : "s");
	if (present > 0 && command->gram.progress)
		fprintf(stderr, "%s: %llu of %llu tiles are there\n", entk_gram_store_path(store),
			(unsigned long long)present, (unsigned long long)entk_gram_store_size(store));
	return entk_gram_store_check_space(store, error);
}

static EntkStatus fill_store(GramCommand *command, size_t i, const EntkNet *net, EntkError *error)
{
	EntkError of_sync;
	EntkStore writer = entk_gram_store_writer(command->stores[i]);
	EntkStatus status = entk_gram_into(command->common.program, net, &command->inputs.x,
					   entk_inputs_z(&command->inputs), &command->gram, &writer, error);
	if (entk_gram_store_sync(command->stores[i], &of_sync) != ENTK_OK && status == ENTK_OK) {
		*error = of_sync;
		return error->status;
	}
	return status;
}

/* How many tiles of all nets there are, and will be. */
static void count_tiles(const GramCommand *command, uint64_t *present, uint64_t *total)
{
	*present = *total = 0;
	for (size_t i = 0; i < command->net_count; i++)
		if (command->stores[i]) {
			*present += entk_gram_store_count(command->stores[i], ENTK_TILE_PRESENT);
			*total += entk_gram_store_size(command->stores[i]);
		}
}

static EntkStatus run_store(GramCommand *command, EntkError *error)
{
	uint64_t present, total;
	EntkStatus status = entk_gram_folder_open(command->output, true, &command->folder, error);
	if (status != ENTK_OK)
		return status;
	command->stores = entk_allocate(command->net_count, sizeof *command->stores, "the list of nets", error);
	if (!command->stores)
		return error->status;
	/* Every part is opened before the first is computed: what does not fit is said at once. */
	status = for_each_net(command, open_store, error);
	if (status == ENTK_INTERRUPTED)
		return entk_fix(error, "the same command continues");
	if (status == ENTK_OK)
		status = for_each_net(command, fill_store, error);
	if (status == ENTK_INTERRUPTED) {
		count_tiles(command, &present, &total);
		entk_fix(error, "%s keeps %llu of %llu tiles: the same command continues", command->output,
			 (unsigned long long)present, (unsigned long long)total);
	}
	return status;
}

static EntkStatus run(GramCommand *command, EntkError *error)
{
	EntkStatus status = open_files(command, error);
	if (status != ENTK_OK)
		return status;
	if (command->dry_run)
		return for_each_net(command, dry_run, error);
	return to_store(command) ? run_store(command, error) : run_file(command, error);
}

static void destroy(GramCommand *command)
{
	entk_npz_writer_destroy(command->writer);
	for (size_t i = 0; command->arrays && i < 2 * command->net_count; i++)
		free(command->arrays[i]);
	free(command->arrays);
	for (size_t i = 0; command->stores && i < command->net_count; i++)
		entk_gram_store_close(command->stores[i]);
	free(command->stores);
	entk_gram_folder_close(command->folder);
	entk_inputs_destroy(&command->inputs);
	entk_common_destroy(&command->common);
}

int entk_command_gram(const EntkProgram *program, int argc, char **argv)
{
	EntkArgs args = entk_args_begin("gram X [Z] -o K.npz|K.gram [options]", text, options, argc, argv);
	GramCommand command = {.want_nngp = true, .want_ntk = true, .shard = {1, 1}, .program = argv[0]};
	EntkError error;
	EntkStatus status = entk_common_create(program, &command.common, &error);
	if (status == ENTK_OK)
		status = parse(&command, &args, &error);
	if (status == ENTK_OK)
		status = entk_common_check(&command.common, &error);
	if (status == ENTK_OK && !command.common.help) {
		EntkGramOptions common = entk_common_gram_options(&command.common);
		common.tile_left = command.gram.tile_left;
		common.tile_right = command.gram.tile_right;
		command.gram = common;
		status = run(&command, &error);
	}
	bool help = command.common.help;
	destroy(&command);
	if (status != ENTK_OK)
		return entk_error_print(argv[0], &error);
	return help ? entk_args_help(&args) : 0;
}
