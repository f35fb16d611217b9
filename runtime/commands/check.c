/* `check [D]`: the kernels of every net against random finite networks of the same description. */
#include "commands/commands.h"

#include "check/summary.h"
#include "cli/common.h"
#include "data/smooth.h"
#include "network/recheck.h"
#include "output/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUICK = 1, WIDTHS, NETS, SAMPLES, SEED, KERNEL, MAX_TIME, JSON };

static const EntkOption options[] = {
	{QUICK, "quick", 0, NULL, "a rough check in seconds: widths 16,32,64 and 3 samples"},
	{WIDTHS, "widths", 0, "LIST", "widths of the networks (default: 32,64,128,256)"},
	{NETS, "nets", 0, "N", "independent networks of each width (default: 64)"},
	{SAMPLES, "samples", 0, "N", "samples, all pairs of which are compared (default: 4)"},
	{SEED, "seed", 0, "S", "of samples and networks (default: 1)"},
	{KERNEL, "kernel", 0, "NAME", "only one kernel, nngp or ntk (default: both)"},
	{MAX_TIME, "max-time", 0, "SECONDS", "refuse a net that is predicted to take longer (default: 600)"},
	{JSON, "json", 0, "FILE", "all numbers (-: on stdout, instead of the text)"},
	ENTK_COMMON_OPTIONS,
	{0},
};

static const char *const text = "Draws random networks of finite width and compares their empirical NNGP and NTK with "
				"the kernels: the error of one\n"
				"network must fall as width^-1/2, and the mean over networks, extrapolated to infinite "
				"width, must agree within its\n"
				"statistical error. Samples are smooth random ones, or drawn from D (FILE.npy, "
				"FILE.npz:KEY, x_train of a data set).\n"
				"Exit status 2 when a net's kernels are contradicted.";

#define MAX_WIDTHS     16
#define MAX_WIDTH      65536
#define MAX_SAMPLES    64
/* Kernels come with rounding errors, relative to sqrt(K(x, x) K(z, z)): see docs/math.md [KR-29] for the float32 one. */
#define RESOLUTION_F64 1e-9
#define RESOLUTION_F32 1e-4

typedef struct CheckCommand {
	EntkCommon common;
	EntkCheckOptions check;
	uint32_t widths[MAX_WIDTHS];
	uint64_t sample_count; /* 0: not given */
	bool quick;
	const char *path, *json_path;
	EntkNpz *npz; /* of D */
	const char *key;
	Arena *arena;
	Program *networks; /* by the sources that the program carries; in its order of nets */
	EntkCheckNet *nets;
	size_t net_count;
	EntkJson json;
} CheckCommand;

/* ---- command line ------------------------------------------------------------------------------------------------ */

static EntkStatus parse_widths(CheckCommand *command, const char *value, EntkError *error)
{
	size_t count = 0;
	for (const char *at = value; *at; at += *at == ',') {
		char word[16];
		uint64_t width = 0;
		size_t length = strcspn(at, ",");
		snprintf(word, sizeof word, "%.*s", (int)(length < 15 ? length : 15), at);
		EntkStatus status = entk_parse_count("--widths", word, 1, MAX_WIDTH, &width, error);
		if (status != ENTK_OK)
			return status;
		if (count == MAX_WIDTHS || (count > 0 && width <= command->widths[count - 1]))
			return entk_fail(error, ENTK_USAGE, "--widths",
					 "expected up to %d increasing widths, got \"%s\"", MAX_WIDTHS, value);
		command->widths[count++] = (uint32_t)width;
		at += length;
	}
	if (count < 2) {
		entk_fail(error, ENTK_USAGE, "--widths", "expected at least two widths, got \"%s\"", value);
		return entk_fix(error,
				"the slope of the error and the limit of infinite width need --widths=64,128, say");
	}
	command->check.width_count = count;
	return ENTK_OK;
}

static EntkStatus parse_kernel(CheckCommand *command, const char *value, EntkError *error)
{
	command->check.want_nngp = strcmp(value, "ntk") != 0;
	command->check.want_ntk = strcmp(value, "nngp") != 0;
	if (command->check.want_nngp && command->check.want_ntk && strcmp(value, "both") != 0)
		return entk_fail(error, ENTK_USAGE, "--kernel", "expected nngp, ntk or both, got \"%s\"", value);
	return ENTK_OK;
}

static EntkStatus take(CheckCommand *command, int id, const char *value, EntkError *error)
{
	EntkStatus status = ENTK_OK;
	uint64_t count = 0;
	switch (id) {
	case ENTK_ARG_POSITIONAL:
		if (command->path)
			return entk_fail(error, ENTK_USAGE, value, "one argument too many; expected one D at most");
		command->path = value;
		return ENTK_OK;
	case QUICK:
		command->quick = true;
		return ENTK_OK;
	case WIDTHS:
		return parse_widths(command, value, error);
	case NETS:
		status = entk_parse_count("--nets", value, 10, 1000000, &count, error);
		command->check.nets = (size_t)count;
		return status;
	case SAMPLES:
		return entk_parse_count("--samples", value, 1, MAX_SAMPLES, &command->sample_count, error);
	case SEED:
		return entk_parse_count("--seed", value, 0, INT64_MAX, &command->check.seed, error);
	case KERNEL:
		return parse_kernel(command, value, error);
	case MAX_TIME:
		return entk_parse_real("--max-time", value, 0, 1e12, &command->check.max_seconds, error);
	case JSON:
		command->json_path = value;
		return ENTK_OK;
	default:
		return entk_common_take(&command->common, id, value, error);
	}
}

/* What was not given; --quick is for the rest, wherever it stands. */
static void settle(CheckCommand *command)
{
	static const uint32_t usual[] = {32, 64, 128, 256}, quick[] = {16, 32, 64};
	if (command->check.width_count == 0) {
		command->check.width_count = command->quick ? 3 : 4;
		memcpy(command->widths, command->quick ? quick : usual,
		       command->check.width_count * sizeof *command->widths);
	}
	if (command->sample_count == 0)
		command->sample_count = command->quick ? 3 : 4;
}

static EntkStatus parse(CheckCommand *command, EntkArgs *args, EntkError *error)
{
	EntkStatus status = ENTK_OK;
	for (int id; status == ENTK_OK && (id = entk_args_next(args, error)) != ENTK_ARG_END;)
		status = id == ENTK_ARG_ERROR ? error->status : take(command, id, args->value, error);
	settle(command);
	return status;
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */

static EntkStatus open_data(CheckCommand *command, EntkError *error)
{
	static const char *const names[] = {"x_train", "train_images"};
	EntkStatus status = entk_npz_open(command->path, &command->npz, error);
	for (size_t i = 0; status == ENTK_OK && i < 2 && !command->key; i++)
		if (entk_npz_has(command->npz, names[i]))
			command->key = names[i];
	if (status == ENTK_OK && !command->key)
		status = entk_npz_only_key(command->npz, "x", &command->key, error);
	return status;
}

static EntkStatus take_samples(CheckCommand *command, const EntkNet *net, EntkSamples *samples, EntkError *error)
{
	uint32_t precision = command->common.program->precision;
	size_t wanted = (size_t)command->sample_count;
	if (!command->path)
		return entk_samples_smooth(net, precision, wanted, command->check.seed, samples, error);
	EntkSamples all;
	EntkStatus status = entk_samples_load(command->npz, command->key, net, precision, &all, error);
	if (status != ENTK_OK)
		return status;
	if (all.count == 0)
		status = entk_fail(error, ENTK_INPUT, entk_npz_where(command->npz, command->key), "there is no sample");
	else
		status = entk_samples_draw(&all, wanted < all.count ? wanted : all.count, command->check.seed, samples,
					   error);
	entk_samples_destroy(&all);
	return status;
}

/* ---- one net ----------------------------------------------------------------------------------------------------- */

static const Network *find_network(const CheckCommand *command, const EntkNet *net)
{
	for (uint32_t i = 0; i < command->networks->network_count; i++)
		if (strcmp(command->networks->networks[i]->name, net->name) == 0)
			return command->networks->networks[i];
	return NULL;
}

/* The compiled kernels, and what of a difference is their rounding. */
static EntkStatus compute_kernels(CheckCommand *command, const EntkSamples *samples, EntkCheckNet *net,
				  double *resolution[ENTK_CHECK_KERNELS], EntkError *error)
{
	size_t n = samples->count, i, j;
	double unit = command->common.program->precision == 32 ? RESOLUTION_F32 : RESOLUTION_F64;
	EntkGramOptions gram = entk_common_gram_options(&command->common);
	gram.progress = NULL;
	double *matrices = entk_allocate(2 * n * n, sizeof *matrices, "the kernels", error);
	EntkStatus status = matrices ? entk_gram(command->common.program, net->net, samples, NULL, &gram, matrices,
						 command->check.want_ntk ? matrices + n * n : NULL, error)
				     : error->status;
	for (int k = 0; k < ENTK_CHECK_KERNELS && status == ENTK_OK; k++) {
		const double *m = matrices + (size_t)k * n * n;
		if (!net->wanted[k])
			continue;
		net->kernels[k] = entk_allocate(net->pairs, sizeof(double), "the kernels", error);
		resolution[k] = entk_allocate(net->pairs, sizeof(double), "the kernels", error);
		if (!net->kernels[k] || !resolution[k])
			status = error->status;
		for (size_t p = 0; status == ENTK_OK && p < net->pairs; p++) {
			entk_check_pair(n, p, &i, &j);
			net->kernels[k][p] = m[i * n + j];
			resolution[k][p] = unit * sqrt(fabs(m[i * n + i] * m[j * n + j]));
		}
	}
	free(matrices);
	return status;
}

static EntkStatus evaluate(CheckCommand *command, EntkCheckNet *net, const EntkCheckEstimates *estimates,
			   double *const resolution[ENTK_CHECK_KERNELS], EntkError *error)
{
	const double *const values[] = {estimates->nngp, estimates->ntk};
	size_t tests = net->pairs * ((size_t)net->wanted[0] + (size_t)net->wanted[1]);
	EntkStatus status = ENTK_OK;
	for (int k = 0; k < ENTK_CHECK_KERNELS && status == ENTK_OK; k++) {
		if (!net->wanted[k])
			continue;
		EntkCheckData data = {
			.width_count = command->check.width_count,
			.nets = command->check.nets,
			.pairs = net->pairs,
			.widths = command->check.widths,
			.estimates = values[k],
			.kernel = net->kernels[k],
			.resolution = resolution[k],
		};
		status = entk_check_evaluate(&data, tests, &net->results[k], error);
	}
	return status;
}

static EntkStatus compare(CheckCommand *command, const FinitePlan *plan, EntkCheckNet *net, EntkError *error)
{
	EntkSamples samples = {0};
	EntkCheckEstimates estimates = {0};
	double *resolution[ENTK_CHECK_KERNELS] = {0};
	EntkStatus status = take_samples(command, net->net, &samples, error);
	net->samples = samples.count;
	net->pairs = entk_check_pairs(samples.count);
	/* First, as it refuses what would take too long. */
	if (status == ENTK_OK)
		status = entk_check_draw(plan, net->net->name, &samples, &command->check, &estimates, error);
	if (status == ENTK_OK)
		status = compute_kernels(command, &samples, net, resolution, error);
	if (status == ENTK_OK)
		status = evaluate(command, net, &estimates, resolution, error);
	for (int k = 0; k < ENTK_CHECK_KERNELS; k++)
		free(resolution[k]);
	entk_check_estimates_destroy(&estimates);
	entk_samples_destroy(&samples);
	return status;
}

static EntkStatus refuse(EntkCheckNet *net, EntkStatus kind, const char *reason, EntkError *error)
{
	net->refused = kind;
	net->refusal = strdup(reason);
	return net->refusal ? ENTK_OK : entk_fail_memory(error, "a message", strlen(reason));
}

/* A net that cannot be checked is said so, and the others are checked all the same. */
static EntkStatus check_net(CheckCommand *command, EntkCheckNet *net, EntkError *error)
{
	char *reason = NULL;
	const Network *network = find_network(command, net->net);
	net->wanted[ENTK_CHECK_NNGP] = command->check.want_nngp;
	net->wanted[ENTK_CHECK_NTK] = command->check.want_ntk;
	if (!network)
		return entk_fail(error, ENTK_INTERNAL, net->net->name, "the program's sources have no such net");
	FinitePlan *plan = finite_plan(command->arena, network, &reason);
	if (!plan)
		return refuse(net, ENTK_USAGE, reason, error);
	EntkStatus status = compare(command, plan, net, error);
	if (status == ENTK_USAGE || (status == ENTK_MEMORY && !net->kernels[0] && !net->kernels[1])) {
		char line[1100];
		snprintf(line, sizeof line, "%s%s%s", error->what, error->fix[0] ? "; " : "", error->fix);
		return refuse(net, status, line, error);
	}
	return status;
}

/* ---- augmentation [KR-15] ---------------------------------------------------------------------------------------- */

/* The group over whose copies a net averages, or to which it lifts; NULL: neither. */
static const Group *augmented_by(const Network *network)
{
	for (uint32_t i = 0; i < network->node_count; i++)
		if (network->nodes[i]->kind == NODE_AUGMENT)
			return network->nodes[i]->as.augment.group;
	return NULL;
}

static const Group *lifted_to(const Network *network)
{
	for (uint32_t i = 0; i < network->node_count; i++)
		if (node_has_relation(network->nodes[i], RELATION_LIFT))
			return network->nodes[i]->type.group;
	return NULL;
}

static double largest_difference(const EntkCheckNet *a, const EntkCheckNet *b, int k)
{
	double difference = 0, scale = 0;
	for (size_t p = 0; p < a->pairs; p++) {
		difference = fmax(difference, fabs(a->kernels[k][p] - b->kernels[k][p]));
		scale = fmax(scale, fabs(b->kernels[k][p]));
	}
	return scale > 0 ? difference / scale : difference;
}

/* Training with augmentation is training an equivariant network: how far are the two kernels of a pair apart? */
static void report_pair(CheckCommand *command, const EntkCheckNet *augmented, const EntkCheckNet *other, bool silent)
{
	static const char *const names[] = {"nngp", "ntk"};
	EntkJson *json = &command->json;
	entk_json_object(json);
	entk_json_put_string(json, "augmented", augmented->net->name);
	entk_json_put_string(json, "equivariant", other->net->name);
	if (!silent)
		printf("kernels of %s against those of %s, largest relative difference:", augmented->net->name,
		       other->net->name);
	for (int k = 0; k < ENTK_CHECK_KERNELS; k++) {
		if (!augmented->wanted[k])
			continue;
		double difference = largest_difference(augmented, other, k);
		entk_json_put_number(json, names[k], difference);
		if (!silent)
			printf(" %s %.2g", names[k], difference);
	}
	if (!silent)
		printf("\n");
	entk_json_close(json, '}');
}

static void report_augmentations(CheckCommand *command, bool silent)
{
	entk_json_key(&command->json, "augmentations");
	entk_json_array(&command->json);
	for (size_t i = 0; i < command->net_count; i++) {
		const EntkCheckNet *a = &command->nets[i];
		const Group *group = augmented_by(find_network(command, a->net));
		for (size_t j = 0; group && !a->refusal && j < command->net_count; j++) {
			const EntkCheckNet *b = &command->nets[j];
			const Group *lifted = lifted_to(find_network(command, b->net));
			if (i != j && !b->refusal && lifted && group_equal(group, lifted) &&
			    entk_same_input(a->net, b->net))
				report_pair(command, a, b, silent);
		}
	}
	entk_json_close(&command->json, ']');
}

/* ---- all nets ---------------------------------------------------------------------------------------------------- */

/* The networks, and everything that can be wrong with the data, before the first is drawn. */
static EntkStatus prepare(CheckCommand *command, EntkError *error)
{
	const EntkProgram *program = command->common.program;
	EntkStatus status = command->path ? open_data(command, error) : ENTK_OK;
	for (; status == ENTK_OK && entk_common_net(&command->common, command->net_count); command->net_count++) {
		size_t count;
		const EntkNet *net = entk_common_net(&command->common, command->net_count);
		if (command->path)
			status = entk_samples_check(command->npz, command->key, net, &count, error);
		if (status != ENTK_OK && command->net_count > 0 && !error->fix[0])
			entk_fix(error, "choose one net with --net");
	}
	if (status == ENTK_OK && command->json_path)
		status = entk_check_output(command->json_path, command->path, error);
	if (status != ENTK_OK)
		return status;
	if (!program->sources) {
		entk_fail(error, ENTK_INPUT, NULL, "the program carries no sources to make finite networks of");
		return entk_fix(error, "compile the .entk file with entkc");
	}
	command->arena = arena_create();
	command->networks = program_recheck(command->arena, program->sources);
	if (!command->networks)
		return entk_fail(error, ENTK_INTERNAL, NULL,
				 "the library refuses the sources that the program carries");
	command->nets = entk_allocate(command->net_count, sizeof *command->nets, "the results", error);
	return command->nets ? ENTK_OK : error->status;
}

/* An inconsistent net goes before one that could not be checked. */
static EntkStatus verdict(const CheckCommand *command, EntkError *error)
{
	char line[256];
	for (size_t i = 0; i < command->net_count; i++)
		if (entk_check_contradiction(&command->nets[i], line, sizeof line)[0])
			return entk_fail(error, ENTK_NUMERICAL, command->nets[i].net->name,
					 "finite networks contradict the kernel: %s", line);
	for (size_t i = 0; i < command->net_count; i++)
		if (command->nets[i].refusal)
			return entk_fail(error, command->nets[i].refused, command->nets[i].net->name, "not checked: %s",
					 command->nets[i].refusal);
	return ENTK_OK;
}

static void begin_json(CheckCommand *command)
{
	EntkJson *json = &command->json;
	entk_json_object(json);
	entk_json_put_string(json, "source", command->common.program->source);
	entk_json_put_string(json, "data", command->path ? command->path : "smooth");
	entk_json_put_integer(json, "networks", (int64_t)command->check.nets);
	entk_json_put_integer(json, "seed", (int64_t)command->check.seed);
	entk_json_key(json, "nets");
	entk_json_array(json);
}

static EntkStatus run(CheckCommand *command, EntkError *error)
{
	bool silent = command->json_path && strcmp(command->json_path, "-") == 0;
	EntkStatus status = prepare(command, error);
	if (status != ENTK_OK)
		return status;
	begin_json(command);
	for (size_t i = 0; i < command->net_count; i++) {
		EntkCheckNet *net = &command->nets[i];
		net->net = entk_common_net(&command->common, i);
		status = check_net(command, net, error);
		if (status != ENTK_OK)
			return status;
		entk_check_json(net, &command->check, &command->json);
		if (!silent)
			entk_check_print(net, &command->check,
					 command->path ? "samples of the data" : "smooth samples");
		fflush(stdout);
	}
	entk_json_close(&command->json, ']');
	report_augmentations(command, silent);
	entk_json_close(&command->json, '}');
	if (command->json_path)
		status = entk_json_write(&command->json, command->json_path, error);
	return status == ENTK_OK ? verdict(command, error) : status;
}

static void destroy(CheckCommand *command)
{
	for (size_t i = 0; command->nets && i < command->net_count; i++)
		entk_check_net_destroy(&command->nets[i]);
	free(command->nets);
	entk_npz_close(command->npz);
	entk_json_destroy(&command->json);
	arena_destroy(command->arena);
	entk_common_destroy(&command->common);
}

int entk_command_check(const EntkProgram *program, int argc, char **argv)
{
	EntkArgs args = entk_args_begin("check [D] [options]", text, options, argc, argv);
	CheckCommand command = {
		.check = {.nets = 64, .seed = 1, .max_seconds = 600, .want_nngp = true, .want_ntk = true},
	};
	EntkError error;
	EntkStatus status = entk_common_create(program, &command.common, &error);
	if (status == ENTK_OK)
		status = parse(&command, &args, &error);
	if (status == ENTK_OK)
		status = entk_common_check(&command.common, &error);
	bool help = command.common.help;
	if (status == ENTK_OK && !help) {
		EntkGramOptions gram = entk_common_gram_options(&command.common);
		command.check.params = gram.params;
		command.check.threads = gram.threads;
		command.check.progress = gram.progress;
		command.check.cancel = gram.cancel;
		command.check.widths = command.widths;
		status = run(&command, &error);
	}
	destroy(&command);
	if (status != ENTK_OK)
		return entk_error_print(argv[0], &error);
	return help ? entk_args_help(&args) : 0;
}
