/* `info`: what is in the program. */
#include "commands/commands.h"

#include "base/number.h"
#include "cli/common.h"
#include "output/target.h"
#include "output/text.h"
#include "support/cpu.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JSON = 1, NO_TIME, FULL };

static const EntkOption options[] = {
	{JSON, "json", 0, NULL, "everything as one JSON object"},
	{FULL, "full", 0, NULL, "operations, tiles, what the optimizer did"},
	{NO_TIME, "no-time", 0, NULL, "do not measure the time per pair"},
	ENTK_COMMON_OPTIONS,
	{0},
};

typedef struct InfoCommand {
	EntkCommon common;
	bool json, no_time, full;
	char missing[256]; /* CPU features that the kernels need and this machine lacks */
} InfoCommand;

static const char *kind_of_input(const EntkNet *net)
{
	static const char *const kinds[] = {"vector", "signal", "image", "volume"};
	return kinds[net->dim];
}

/* "32x32" for a grid, the length for a vector. */
static const char *size_text(const EntkNet *net, char *text, size_t size)
{
	text[0] = '\0';
	for (uint32_t a = 0; a < net->dim; a++)
		snprintf(text + strlen(text), size - strlen(text), a ? "x%u" : "%u", net->shape[a]);
	if (net->dim == 0)
		snprintf(text, size, "%u", net->channels);
	return text;
}

/* Seconds per pair of one lane group of random samples; NaN where kernels cannot run here. */
static EntkStatus measure(InfoCommand *command, const EntkNet *net, double *seconds, EntkError *error)
{
	*seconds = NAN;
	if (command->no_time || command->missing[0])
		return ENTK_OK;
	EntkSamples samples;
	EntkStatus status =
		entk_samples_random(net, command->common.program->precision, net->lanes, 1, &samples, error);
	if (status != ENTK_OK)
		return status;
	EntkGramOptions gram = entk_common_gram_options(&command->common);
	gram.progress = NULL;
	status = entk_gram_calibrate(command->common.program, net, &samples, &gram, true, seconds, error);
	entk_samples_destroy(&samples);
	return status;
}

static double thread_megabytes(const InfoCommand *command, const EntkNet *net)
{
	EntkGramOptions gram = {.threads = 1};
	return 1e-6 * (double)entk_gram_memory(command->common.program, net, net->tile_right, 0, &gram);
}

/* The explanation's lines, indented. */
static void print_lines(const char *lines)
{
	while (*lines) {
		size_t length = strcspn(lines, "\n");
		printf("    %.*s\n", (int)length, lines);
		lines += length + (lines[length] == '\n');
	}
}

/* What a Gram of `SAMPLES` samples takes, for which most users want to know it. */
static void print_gram(const InfoCommand *command, const EntkNet *net, double seconds)
{
	enum { SAMPLES = 300 };
	char text[64];
	unsigned threads = entk_thread_count(command->common.threads);
	EntkGramOptions gram = {.threads = command->common.threads};
	double pairs = SAMPLES * (SAMPLES + 1) / 2.0;
	size_t sample = net->channels;
	for (uint32_t a = 0; a < net->dim; a++)
		sample *= net->shape[a];
	double bytes = (double)entk_gram_memory(command->common.program, net, SAMPLES, 0, &gram) +
		       SAMPLES * (double)sample * command->common.program->precision / 8 +
		       2.0 * SAMPLES * SAMPLES * sizeof(double);
	printf("  a Gram      of %d samples: ", SAMPLES);
	if (isfinite(seconds))
		printf("%s with %u thread%s, ", entk_duration_text(seconds * pairs / threads, text, sizeof text),
		       threads, threads == 1 ? "" : "s");
	printf("%.2g MB\n", 1e-6 * bytes);
}

static void print_details(const InfoCommand *command, const EntkNet *net)
{
	printf("  kernels     %u pairs at once (%u x f%u), tiles of up to %u x %u samples\n", net->lanes, net->lanes,
	       command->common.program->precision, net->tile_left, net->tile_right);
	printf("  operations  %.4g per pair, NNGP and NTK", net->operations_per_pair);
	if (net->steps_per_pair > 0)
		printf(" (%.4g steps: a position pair through a convolution and its nonlinearity)",
		       net->steps_per_pair);
	printf("\n  memory      %.2f MB per thread, %zu bytes per sample beside the data\n",
	       thread_megabytes(command, net), net->state_size * sizeof(double));
	if (net->explanation && *net->explanation) {
		printf("  optimizer\n");
		print_lines(net->explanation);
	}
}

static EntkStatus print_net(InfoCommand *command, const EntkNet *net, EntkError *error)
{
	char text[64];
	double seconds;
	EntkStatus status = measure(command, net, &seconds, error);
	if (status != ENTK_OK)
		return status;
	printf("\nnet %s\n", net->name);
	if (net->dim == 0)
		printf("  input       vector of %u: arrays (n, %u)\n", net->channels, net->channels);
	else
		printf("  input       %s %s, %u channel%s, last axis of the arrays\n", kind_of_input(net),
		       size_text(net, text, sizeof text), net->channels, net->channels == 1 ? "" : "s");
	if (net->summary && *net->summary)
		printf("  symmetry    %s\n", net->summary);
	if (isfinite(seconds))
		printf("  time        %s per pair and thread, measured here\n",
		       entk_duration_text(seconds, text, sizeof text));
	print_gram(command, net, seconds);
	if (command->full)
		print_details(command, net);
	return ENTK_OK;
}

static EntkStatus print_text(InfoCommand *command, EntkError *error)
{
	const EntkProgram *program = command->common.program;
	const EntkNet *net;
	char cpu[128], number[ENTK_NUMBER_SIZE];
	printf("program       %s, compiled by entkc %s, float%u\n", program->source, program->compiler,
	       program->precision);
	printf("compiled for  %s%s%s%s\n", program->cpu, *program->cpu_features ? " (" : "", program->cpu_features,
	       *program->cpu_features ? ")" : "");
	printf("this machine  %s, %u threads%s%s\n", entk_cpu_name(cpu, sizeof cpu),
	       entk_thread_count(command->common.threads),
	       command->missing[0] ? "; cannot run the kernels, it lacks " : "", command->missing);
	for (uint32_t i = 0; i < program->param_count; i++)
		printf("param         %s = %s (--set %s=VALUE)\n", program->params[i].name,
		       entk_number_text(command->common.params[i], number), program->params[i].name);
	for (size_t i = 0; (net = entk_common_net(&command->common, i)) != NULL; i++) {
		EntkStatus status = print_net(command, net, error);
		if (status != ENTK_OK)
			return status;
	}
	return ENTK_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

static void add_string(EntkText *text, const char *key, const char *value)
{
	entk_text_add(text, "\"%s\": ", key);
	entk_text_add_json_string(text, value);
	entk_text_add(text, ", ");
}

static void add_number(EntkText *text, const char *key, double value)
{
	entk_text_add(text, "\"%s\": ", key);
	entk_text_add_json_number(text, value);
	entk_text_add(text, ", ");
}

static EntkStatus add_net(InfoCommand *command, EntkText *text, const EntkNet *net, EntkError *error)
{
	double seconds;
	EntkStatus status = measure(command, net, &seconds, error);
	if (status != ENTK_OK)
		return status;
	entk_text_add(text, "{");
	add_string(text, "name", net->name);
	add_string(text, "input", kind_of_input(net));
	entk_text_add(text, "\"shape\": [");
	for (uint32_t a = 0; a < net->dim; a++)
		entk_text_add(text, a ? ", %u" : "%u", net->shape[a]);
	entk_text_add(text, "], ");
	add_number(text, "channels", net->channels);
	add_number(text, "lanes", net->lanes);
	entk_text_add(text, "\"tile\": [%u, %u], ", net->tile_left, net->tile_right);
	add_number(text, "operations_per_pair", net->operations_per_pair);
	add_number(text, "steps_per_pair", net->steps_per_pair);
	add_number(text, "workspace_bytes", (double)net->workspace_bytes);
	add_number(text, "state_bytes", (double)net->state_size * sizeof(double));
	add_number(text, "seconds_per_pair", seconds);
	add_string(text, "summary", net->summary ? net->summary : "");
	add_string(text, "explanation", net->explanation ? net->explanation : "");
	entk_text_add(text, "\"hash\": \"%016llx\"}", (unsigned long long)net->hash);
	return ENTK_OK;
}

static EntkStatus print_json(InfoCommand *command, EntkError *error)
{
	const EntkProgram *program = command->common.program;
	const EntkNet *net;
	EntkText text = {0};
	EntkStatus status = ENTK_OK;
	entk_text_add(&text, "{");
	add_string(&text, "source", program->source);
	add_string(&text, "compiler", program->compiler);
	add_number(&text, "precision", program->precision);
	add_string(&text, "cpu", program->cpu);
	add_string(&text, "cpu_features", program->cpu_features);
	add_string(&text, "missing_features", command->missing);
	add_number(&text, "threads", entk_thread_count(command->common.threads));
	entk_text_add(&text, "\"params\": [");
	for (uint32_t i = 0; i < program->param_count; i++) {
		entk_text_add(&text, i ? ", {" : "{");
		add_string(&text, "name", program->params[i].name);
		add_number(&text, "default", program->params[i].value);
		entk_text_add(&text, "\"value\": ");
		entk_text_add_json_number(&text, command->common.params[i]);
		entk_text_add(&text, "}");
	}
	entk_text_add(&text, "], \"nets\": [");
	for (size_t i = 0; status == ENTK_OK && (net = entk_common_net(&command->common, i)) != NULL; i++) {
		entk_text_add(&text, i ? ", " : "");
		status = add_net(command, &text, net, error);
	}
	entk_text_add(&text, "]}\n");
	if (text.failed)
		status = entk_fail_memory(error, "the JSON text", text.size);
	if (status == ENTK_OK)
		status = entk_write_text("-", text.bytes, text.size, error);
	entk_text_destroy(&text);
	return status;
}

/* ---- command --------------------------------------------------------------------------------------------------- */

static EntkStatus parse(InfoCommand *command, EntkArgs *args, EntkError *error)
{
	EntkStatus status = ENTK_OK;
	for (int id; status == ENTK_OK && (id = entk_args_next(args, error)) != ENTK_ARG_END;) {
		if (id == ENTK_ARG_ERROR)
			return error->status;
		if (id == ENTK_ARG_POSITIONAL)
			return entk_fail(error, ENTK_USAGE, args->value, "info takes no arguments");
		if (id == JSON)
			command->json = true;
		else if (id == FULL)
			command->full = true;
		else if (id == NO_TIME)
			command->no_time = true;
		else
			status = entk_common_take(&command->common, id, args->value, error);
	}
	return status;
}

int entk_command_info(const EntkProgram *program, int argc, char **argv)
{
	EntkArgs args = entk_args_begin("info [options]", NULL, options, argc, argv);
	InfoCommand command = {0};
	EntkError error;
	EntkStatus status = entk_common_create(program, &command.common, &error);
	if (status == ENTK_OK)
		status = parse(&command, &args, &error);
	if (status == ENTK_OK)
		status = entk_common_check(&command.common, &error);
	if (status == ENTK_OK && !command.common.help) {
		entk_cpu_has(program->cpu_features, command.missing, sizeof command.missing);
		status = command.json ? print_json(&command, &error) : print_text(&command, &error);
	}
	bool help = command.common.help;
	entk_common_destroy(&command.common);
	if (status != ENTK_OK)
		return entk_error_print(argv[0], &error);
	return help ? entk_args_help(&args) : 0;
}
