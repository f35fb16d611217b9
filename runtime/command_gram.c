/* `gram X [Z] -o K.npz`: Gram matrices into a file. */
#include "commands.h"

#include "npz.h"
#include "tiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

enum { OUTPUT = 1, KERNEL, TILE, DRY_RUN };

static const EntkOption options[] = {
	{OUTPUT, "output", 'o', "K.npz", "where the arrays go: nngp and ntk, or NAME.nngp and NAME.ntk for several nets"},
	{KERNEL, "kernel", 0, "NAME", "only one kernel, nngp or ntk (default: both)"},
	{DRY_RUN, "dry-run", 0, NULL, "only say how many pairs, operations, bytes and seconds it will take"},
	{TILE, "tile", 0, "RxC", "samples per tile, at most the program's own (results do not depend on it)"},
	ENTK_COMMON_OPTIONS,
	{0},
};

static const char *const text =
	"Exact kernels of all samples of X with each other, or of X (rows) with Z (columns), in float64. X and Z are FILE.npy,\n"
	"FILE.npz with one array or one called x, or FILE.npz:KEY; samples first, channels last (none: one channel); uint8 is divided\n"
	"by 255. In the Gram of X with itself the first sample of each pair is the one of smaller index.";

typedef struct GramCommand {
	EntkCommon common;
	EntkGramOptions gram;
	const char *x_name, *z_name; /* z_name NULL: X with itself */
	const char *output;
	bool want_nngp, want_ntk, dry_run;
	EntkNpz *x_file, *z_file;
	const char *x_key, *z_key;
	size_t rows, columns;
	size_t net_count;
	EntkNpzWriter *writer;
	double **arrays; /* 2 per net: NNGP, NTK; NULL where not wanted, or where it stands behind that of another net */
} GramCommand;

static EntkStatus parse_tile(GramCommand *command, const char *value, EntkError *error) {
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

static EntkStatus parse_kernel(GramCommand *command, const char *value, EntkError *error) {
	command->want_nngp = strcmp(value, "ntk") != 0;
	command->want_ntk = strcmp(value, "nngp") != 0;
	if (command->want_nngp && command->want_ntk && strcmp(value, "both") != 0)
		return entk_fail(error, ENTK_USAGE, "--kernel", "expected nngp, ntk or both, got \"%s\"", value);
	return ENTK_OK;
}

static EntkStatus parse(GramCommand *command, EntkArgs *args, EntkError *error) {
	EntkStatus status = ENTK_OK;
	for (int id; status == ENTK_OK && (id = entk_args_next(args, error)) != ENTK_ARG_END;) {
		switch (id) {
		case ENTK_ARG_ERROR:
			return error->status;
		case ENTK_ARG_POSITIONAL:
			if (!command->x_name)
				command->x_name = args->value;
			else if (!command->z_name)
				command->z_name = args->value;
			else
				return entk_fail(error, ENTK_USAGE, args->value, "one argument too many; expected X or X Z");
			break;
		case OUTPUT:
			command->output = args->value;
			break;
		case KERNEL:
			status = parse_kernel(command, args->value, error);
			break;
		case TILE:
			status = parse_tile(command, args->value, error);
			break;
		case DRY_RUN:
			command->dry_run = true;
			break;
		default:
			status = entk_common_take(&command->common, id, args->value, error);
		}
	}
	if (status != ENTK_OK || command->common.help)
		return status;
	if (!command->x_name) {
		entk_fail(error, ENTK_USAGE, NULL, "no samples; expected %s", args->usage);
		return entk_fix(error, "name a .npy or .npz file");
	}
	if (!command->output && !command->dry_run) {
		entk_fail(error, ENTK_USAGE, NULL, "no output file for the kernels");
		return entk_fix(error, "add -o K.npz (or --dry-run)");
	}
	return ENTK_OK;
}

static EntkStatus open_samples(const char *name, EntkNpz **file, const char **key, EntkError *error) {
	EntkStatus status = entk_npz_open(name, file, error);
	return status == ENTK_OK ? entk_npz_only_key(*file, "x", key, error) : status;
}

/* Opens the files and checks every net's shapes before anything is computed. */
static EntkStatus open_files(GramCommand *command, EntkError *error) {
	const EntkNet *net;
	EntkStatus status = open_samples(command->x_name, &command->x_file, &command->x_key, error);
	if (status == ENTK_OK && command->z_name)
		status = open_samples(command->z_name, &command->z_file, &command->z_key, error);
	for (; status == ENTK_OK && (net = entk_common_net(&command->common, command->net_count)) != NULL; command->net_count++) {
		status = entk_samples_check(command->x_file, command->x_key, net, &command->rows, error);
		command->columns = command->rows;
		if (status == ENTK_OK && command->z_name)
			status = entk_samples_check(command->z_file, command->z_key, net, &command->columns, error);
		if (status != ENTK_OK && command->net_count > 0 && !error->fix[0])
			entk_fix(error, "choose one net with --net");
	}
	return status;
}

/* ---- dry run --------------------------------------------------------------------------------------------------- */

static double output_bytes(const GramCommand *command) {
	return (double)command->rows * (double)command->columns * sizeof(double) *
		(double)((unsigned)command->want_nngp + (unsigned)command->want_ntk) * (double)command->net_count;
}

static EntkStatus dry_run(GramCommand *command, const EntkNet *net, const EntkSamples *x, EntkError *error) {
	const EntkProgram *program = command->common.program;
	const EntkTrunk *trunk = command->net_count > 1 ? entk_trunk_of(program, net) : NULL;
	if (trunk && net != &program->nets[trunk->members[0]]) {
		printf("net %s\n  comes with net %s, on the same trunk\n", net->name, program->nets[trunk->members[0]].name);
		return ENTK_OK;
	}
	size_t z_count = command->z_name ? command->columns : 0;
	double n = (double)command->rows, pairs = command->z_name ? n * (double)command->columns : n * (n + 1) / 2;
	double seconds = 0;
	char each[32], total[32];
	unsigned threads = entk_thread_count(command->gram.threads);
	EntkStatus status = entk_gram_calibrate(program, net, x, &command->gram, command->want_ntk, &seconds, error);
	if (status != ENTK_OK)
		return status;
	printf("net %s\n  pairs       %.0f (%zu x %zu%s)\n", net->name, pairs, command->rows, command->columns,
		command->z_name ? "" : ", one triangle");
	printf("  operations  %.3g predicted, %.3g per pair\n", pairs * net->operations_per_pair, net->operations_per_pair);
	printf("  memory      %.1f MB: samples %.1f, output %.1f, workspace of %u thread%s %.1f\n",
		1e-6 * ((n + (double)z_count) * (double)x->size * program->precision / 8 + output_bytes(command) +
				   (double)entk_gram_memory(program, net, command->rows, z_count, &command->gram)),
		1e-6 * (n + (double)z_count) * (double)x->size * program->precision / 8, 1e-6 * output_bytes(command), threads,
		threads == 1 ? "" : "s", 1e-6 * (double)entk_gram_memory(program, net, command->rows, z_count, &command->gram));
	printf("  time        %s with %u thread%s; %s per pair and thread, measured\n",
		entk_duration_text(seconds * pairs / threads, total, sizeof total), threads, threads == 1 ? "" : "s",
		entk_duration_text(seconds, each, sizeof each));
	return ENTK_OK;
}

/* ---- run ------------------------------------------------------------------------------------------------------- */

/* The output must fit into memory: overcommitted, it would end in a kill after hours. */
static EntkStatus check_memory(const GramCommand *command, EntkError *error) {
	struct sysinfo info;
	double needed = output_bytes(command), have;
	if (sysinfo(&info) != 0)
		return ENTK_OK;
	have = ((double)info.totalram + (double)info.totalswap) * info.mem_unit;
	if (needed <= have)
		return ENTK_OK;
	entk_fail(error, ENTK_MEMORY, NULL, "out of memory: %zu x %zu kernels take %.1f GB, the machine has %.1f GB", command->rows,
		command->columns, 1e-9 * needed, 1e-9 * have);
	return entk_fix(error, "use fewer samples, one net (--net) or one kernel (--kernel)");
}

/* One matrix per member, one behind the other, each under its own name. */
static EntkStatus allocate_output(GramCommand *command, const EntkNet *const *members, uint32_t count, bool ntk, double **output,
	EntkError *error) {
	size_t shape[2] = {command->rows, command->columns}, plane, total;
	const char *kernel = ntk ? "ntk" : "nngp";
	if (!(ntk ? command->want_ntk : command->want_nngp))
		return ENTK_OK;
	if (!entk_multiply(command->rows, command->columns, &plane) || !entk_multiply(plane, count, &total))
		return entk_fail_memory(error, "the Gram matrix", SIZE_MAX);
	*output = entk_allocate(total, sizeof(double), "the Gram matrix", error);
	EntkStatus status = *output ? ENTK_OK : error->status;
	for (uint32_t m = 0; m < count && status == ENTK_OK; m++) {
		char name[256];
		snprintf(name, sizeof name, "%s%s%s", command->net_count > 1 ? members[m]->name : "", command->net_count > 1 ? "." : "", kernel);
		status = entk_npz_writer_add(command->writer, name, ENTK_F64, 2, shape, *output + m * plane, error);
	}
	return status;
}

/* The i-th net; or, if it is the first of a trunk's members, all of them; or, if it is another one, nothing more. */
static EntkStatus run_net(GramCommand *command, size_t i, const EntkNet *net, const EntkSamples *x, const EntkSamples *z,
	EntkError *error) {
	const EntkProgram *program = command->common.program;
	const EntkTrunk *trunk = command->net_count > 1 ? entk_trunk_of(program, net) : NULL;
	if (trunk && net != &program->nets[trunk->members[0]])
		return ENTK_OK;
	uint32_t count = trunk ? trunk->count : 1;
	const EntkNet **members = entk_allocate(count, sizeof *members, "the nets", error);
	if (!members)
		return error->status;
	for (uint32_t m = 0; m < count; m++)
		members[m] = trunk ? &program->nets[trunk->members[m]] : net;
	double **nngp = &command->arrays[2 * i], **ntk = nngp + 1;
	EntkStatus status = allocate_output(command, members, count, false, nngp, error);
	if (status == ENTK_OK)
		status = allocate_output(command, members, count, true, ntk, error);
	if (status == ENTK_OK)
		status = trunk ? entk_gram_trunk(program, trunk, x, z, &command->gram, *nngp, *ntk, error)
					   : entk_gram(program, net, x, z, &command->gram, *nngp, *ntk, error);
	free(members);
	return status;
}

/* For each net: its samples (loaded again only where the shape differs), then the work. */
static EntkStatus run_nets(GramCommand *command, EntkError *error) {
	EntkSamples x = {0}, z = {0};
	const EntkNet *net, *loaded = NULL;
	const uint32_t precision = command->common.program->precision;
	EntkStatus status = ENTK_OK;
	for (size_t i = 0; status == ENTK_OK && (net = entk_common_net(&command->common, i)) != NULL; i++) {
		if (!loaded || !entk_same_input(loaded, net)) {
			entk_samples_destroy(&x);
			entk_samples_destroy(&z);
			status = entk_samples_load(command->x_file, command->x_key, net, precision, &x, error);
			if (status == ENTK_OK && command->z_name)
				status = entk_samples_load(command->z_file, command->z_key, net, precision, &z, error);
			loaded = net;
		}
		if (status == ENTK_OK)
			status = command->dry_run ? dry_run(command, net, &x, error)
									  : run_net(command, i, net, &x, command->z_name ? &z : NULL, error);
	}
	entk_samples_destroy(&x);
	entk_samples_destroy(&z);
	return status;
}

static EntkStatus run(GramCommand *command, EntkError *error) {
	EntkStatus status = open_files(command, error);
	if (status != ENTK_OK)
		return status;
	if (command->dry_run)
		return run_nets(command, error);
	status = check_memory(command, error);
	if (status == ENTK_OK)
		status = entk_npz_writer_create(command->output, (size_t)output_bytes(command), &command->writer, error);
	if (status != ENTK_OK)
		return status;
	command->arrays = entk_allocate(2 * command->net_count, sizeof *command->arrays, "the Gram matrices", error);
	if (!command->arrays)
		return error->status;
	status = run_nets(command, error);
	return status == ENTK_OK ? entk_npz_writer_commit(command->writer, error) : status;
}

static void destroy(GramCommand *command) {
	entk_npz_writer_destroy(command->writer);
	for (size_t i = 0; command->arrays && i < 2 * command->net_count; i++)
		free(command->arrays[i]);
	free(command->arrays);
	entk_npz_close(command->x_file);
	entk_npz_close(command->z_file);
	entk_common_destroy(&command->common);
}

int entk_command_gram(const EntkProgram *program, int argc, char **argv) {
	EntkArgs args = entk_args_begin("gram X [Z] -o K.npz [options]", text, options, argc, argv);
	GramCommand command = {.want_nngp = true, .want_ntk = true};
	EntkError error;
	EntkStatus status = entk_common_create(program, &command.common, &error);
	if (status == ENTK_OK)
		status = parse(&command, &args, &error);
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
