/* The table of commands, and what happens before and after each of them. */
#include "commands/commands.h"

#include "base/arena.h"
#include "base/path.h"
#include "cli/args.h"
#include "support/cancel.h"
#include "output/text.h"
#include "support/cpu.h"
#include "support/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One row per command: name, summary, function. */
static const EntkCommand commands[] = {
	{"info", "nets, shapes, parameters, what symmetry brings, time per pair", entk_command_info},
	{"gram", "Gram matrices of samples: X with itself, or X with Z", entk_command_gram},
	{"export", "arrays from a store of Gram matrices", entk_command_export},
	{"verify", "check a store's bytes, and some of its values", entk_command_verify},
	{"merge", "put shards of a store together", entk_command_merge},
	{"fit", "train a net on a data set and keep it", entk_command_fit},
	{"predict", "mean, variance and class of new samples from a trained net", entk_command_predict},
	{"eval", "fit on a data set's training part, score on its test part", entk_command_eval},
	{"compare", "learning curves of all nets side by side: table, JSON, figure", entk_command_compare},
	{"check", "kernels against random networks of finite width", entk_command_check},
	{"spectrum", "eigenvalues, effective dimension, alignment, predicted learning", entk_command_spectrum},
	{"bench", "time per pair of samples", entk_command_bench},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static int usage(const EntkProgram *program, const char *name)
{
	EntkText text = {0};
	entk_text_add(&text, "Kernels of infinitely wide networks: ");
	for (uint32_t i = 0; i < program->net_count; i++)
		entk_text_add(&text, "%s%s", i ? ", " : "", program->nets[i].name);
	entk_text_add(&text, " from %s, compiled by entkc %s.", program->source, program->compiler);
	printf("usage: %s COMMAND [arguments]\n\n", name);
	if (!text.failed)
		entk_print_wrapped(text.bytes, text.size, 0, 0);
	entk_text_destroy(&text);
	printf("\nCommands:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	printf("\n`%s help COMMAND` and `%s COMMAND --help` explain a command.\n", name, name);
	return 0;
}

/* Is the object one that this library understands? */
static EntkStatus check_program(const EntkProgram *program, EntkError *error)
{
	if (program->abi_version != ENTK_ABI_VERSION) {
		entk_fail(error, ENTK_SYSTEM, NULL,
			  "the program's kernels have interface version %u, the library has %u", program->abi_version,
			  ENTK_ABI_VERSION);
		return entk_fix(error, "compile the .entk file anew with the entkc that belongs to the library");
	}
	if (program->precision != 32 && program->precision != 64)
		return entk_fail(error, ENTK_INTERNAL, NULL, "the program's precision is %u bits", program->precision);
	for (uint32_t i = 0; i < program->net_count; i++) {
		const EntkNet *net = &program->nets[i];
		if (net->lanes == 0 || net->tile_left == 0 || net->tile_right == 0 ||
		    net->tile_right % net->lanes != 0 || net->dim > 3)
			return entk_fail(error, ENTK_INTERNAL, net->name, "tiles of %u x %u with %u lanes",
					 net->tile_left, net->tile_right, net->lanes);
	}
	return ENTK_OK;
}

static EntkStatus check_cpu(const EntkProgram *program, EntkError *error)
{
	char missing[256];
	if (entk_cpu_has(program->cpu_features, missing, sizeof missing))
		return ENTK_OK;
	entk_fail(error, ENTK_SYSTEM, NULL, "compiled for the CPU %s: this machine lacks %s", program->cpu, missing);
	return entk_fix(error,
			"compile the .entk file on this machine, or with entkc --cpu=x86-64-v3 for most machines");
}

static EntkStatus find_command(const char *name, const EntkCommand **command, EntkError *error)
{
	const char *names[COMMAND_COUNT];
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		names[i] = commands[i].name;
		if (strcmp(name, names[i]) == 0) {
			*command = &commands[i];
			return ENTK_OK;
		}
	}
	entk_fail(error, ENTK_USAGE, name, "no such command");
	const char *near = entk_nearest(name, names, COMMAND_COUNT);
	return near ? entk_fix(error, "did you mean \"%s\"?", near) : entk_fix(error, "--help lists the commands");
}

int entk_main(const EntkProgram *program, int argc, char **argv)
{
	EntkError error;
	const EntkCommand *command = NULL;
	char *path = argc > 0 ? argv[0] : (char[]){"entk"}, *slash = strrchr(path, '/');
	char *name = slash ? slash + 1 : path;
	path_reserve_descriptors();
	arena_set_exhausted_status(entk_exit_status(ENTK_MEMORY));
	entk_cancel_install();
	if (check_program(program, &error) != ENTK_OK)
		return entk_error_print(name, &error);
	if (argc < 2) {
		entk_fail(&error, ENTK_USAGE, NULL, "no command");
		entk_fix(&error, "--help lists the commands");
		return entk_error_print(name, &error);
	}
	int result;
	bool help = strcmp(argv[1], "help") == 0;
	if (help && argc > 3) {
		entk_fail(&error, ENTK_USAGE, argv[3], "one argument too many; help takes the name of a command");
		return entk_error_print(name, &error);
	}
	if (help && argc == 3) {
		char option[] = "--help", *arguments[] = {name, option, NULL};
		if (find_command(argv[2], &command, &error) != ENTK_OK)
			return entk_error_print(name, &error);
		result = command->run(program, 2, arguments);
	} else if (help || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		result = usage(program, name);
	} else if (strcmp(argv[1], "--version") == 0) {
		printf("%s (%s) compiled by entkc %s\n", name, program->source, program->compiler);
		result = 0;
	} else {
		if (find_command(argv[1], &command, &error) != ENTK_OK)
			return entk_error_print(name, &error);
		/* `info` runs no kernel where the CPU is wrong: it is what tells the user. */
		if (command->run != entk_command_info && check_cpu(program, &error) != ENTK_OK)
			return entk_error_print(name, &error);
		argv[1] = name;
		result = command->run(program, argc - 1, argv + 1);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		entk_fail(&error, ENTK_SYSTEM, "stdout", "cannot write: %s", strerror(errno));
		return entk_error_print(name, &error);
	}
	return result;
}
