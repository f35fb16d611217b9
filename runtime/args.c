/* Command lines: options from a table, numbers, and what all commands share. */
#include "commands.h"

#include "file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_OPTIONS 64

EntkArgs entk_args_begin(const char *usage, const char *text, const EntkOption *options, int argc, char **argv)
{
	return (EntkArgs){.usage = usage, .text = text, .options = options, .argc = argc, .argv = argv, .next = 1};
}

static const EntkOption *find_option(const EntkOption *options, const char *name, size_t length, char letter)
{
	for (const EntkOption *o = options; o->name; o++)
		if (letter ? o->letter == letter : strlen(o->name) == length && memcmp(o->name, name, length) == 0)
			return o;
	return NULL;
}

static bool takes_many(const EntkOption *option)
{
	size_t length = strlen(option->argument);
	return length > 3 && strcmp(option->argument + length - 3, " ..") == 0;
}

static int fail_option(EntkError *error, const char *option, const char *what)
{
	entk_fail(error, ENTK_USAGE, option, "%s", what);
	return ENTK_ARG_ERROR;
}

static int unknown_option(const EntkArgs *args, const char *shown, const char *name, EntkError *error)
{
	const char *names[MAX_OPTIONS];
	size_t count = 0;
	for (const EntkOption *o = args->options; o->name && count < MAX_OPTIONS; o++)
		names[count++] = o->name;
	entk_fail(error, ENTK_USAGE, shown, "no such option");
	const char *near = entk_nearest(name, names, count);
	if (near)
		entk_fix(error, "did you mean --%s?", near);
	else
		entk_fix(error, "--help lists the options");
	return ENTK_ARG_ERROR;
}

int entk_args_next(EntkArgs *args, EntkError *error)
{
	if (args->next >= args->argc)
		return ENTK_ARG_END;
	char *word = args->argv[args->next++];
	if (!args->only_positional && strcmp(word, "--") == 0) {
		args->only_positional = true;
		return entk_args_next(args, error);
	}
	if (args->only_positional || word[0] != '-' || word[1] == '\0') {
		args->value = word;
		return ENTK_ARG_POSITIONAL;
	}
	const EntkOption *option;
	const char *value;
	if (word[1] == '-') {
		value = strchr(word, '=');
		size_t length = value ? (size_t)(value - word) - 2 : strlen(word + 2);
		option = find_option(args->options, word + 2, length, '\0');
		if (value)
			value++;
		if (!option) {
			char name[64];
			snprintf(name, sizeof name, "%.*s", (int)(length < 60 ? length : 60), word + 2);
			return unknown_option(args, word, name, error);
		}
	} else {
		option = find_option(args->options, NULL, 0, word[1]);
		value = word[2] ? word + 2 : NULL;
		if (!option)
			return unknown_option(args, word, word + 1, error);
	}
	if (!option->argument && value)
		return fail_option(error, word, "this option takes no value");
	if (option->argument && !value) {
		if (args->next >= args->argc) {
			entk_fail(error, ENTK_USAGE, word, "this option needs a value: --%s=%s", option->name,
				  option->argument);
			return ENTK_ARG_ERROR;
		}
		value = args->argv[args->next++];
	}
	const uint64_t bit = UINT64_C(1) << (option - args->options);
	if (option->argument && !takes_many(option) && (args->given & bit)) {
		entk_fail(error, ENTK_USAGE, word, "given twice: it takes one value");
		return ENTK_ARG_ERROR;
	}
	args->given |= bit;
	args->value = value;
	return option->id;
}

int entk_args_help(const EntkArgs *args)
{
	printf("usage: %s %s\n", args->argv[0], args->usage);
	if (args->text)
		printf("\n%s\n", args->text);
	printf("\nOptions:\n");
	for (const EntkOption *o = args->options; o->name; o++) {
		char left[64], letter[8] = "";
		if (o->letter)
			snprintf(letter, sizeof letter, "-%c, ", o->letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->argument ? "=" : "",
			 o->argument ? o->argument : "");
		printf("  %-24s %s\n", left, o->help);
	}
	return 0;
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

EntkStatus entk_parse_real(const char *option, const char *text, double low, double high, double *value,
			   EntkError *error)
{
	char *end;
	errno = 0;
	double number = strtod(text, &end);
	if (end == text || *end || isnan(number))
		return entk_fail(error, ENTK_USAGE, option, "expected a number, got \"%s\"", text);
	if (errno == ERANGE || number < low || number > high)
		return entk_fail(error, ENTK_USAGE, option, "expected a number between %g and %g, got %s", low, high,
				 text);
	*value = number;
	return ENTK_OK;
}

EntkStatus entk_parse_count(const char *option, const char *text, uint64_t low, uint64_t high, uint64_t *value,
			    EntkError *error)
{
	char *end;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	/* strtoull accepts blanks and a minus sign. */
	if (*text < '0' || *text > '9' || *end)
		return entk_fail(error, ENTK_USAGE, option, "expected a whole number, got \"%s\"", text);
	if (errno == ERANGE || number < low || number > high)
		return entk_fail(error, ENTK_USAGE, option, "expected a whole number between %llu and %llu, got %s",
				 (unsigned long long)low, (unsigned long long)high, text);
	*value = number;
	return ENTK_OK;
}

EntkStatus entk_parse_kernels(const char *text, bool *nngp, bool *ntk, EntkError *error)
{
	*nngp = strcmp(text, "ntk") != 0;
	*ntk = strcmp(text, "nngp") != 0;
	if (*nngp && *ntk && strcmp(text, "both") != 0)
		return entk_fail(error, ENTK_USAGE, "--kernel", "expected nngp, ntk or both, got \"%s\"", text);
	return ENTK_OK;
}

/* ---- common options -------------------------------------------------------------------------------------------- */

EntkStatus entk_common_create(const EntkProgram *program, EntkCommon *common, EntkError *error)
{
	*common = (EntkCommon){.program = program, .show_progress = isatty(STDERR_FILENO) == 1};
	common->params =
		entk_allocate((size_t)program->param_count + 1, sizeof *common->params, "the parameters", error);
	common->set = entk_allocate((size_t)program->param_count + 1, sizeof *common->set, "the parameters", error);
	if (!common->params || !common->set)
		return error->status;
	for (uint32_t i = 0; i < program->param_count; i++)
		common->params[i] = program->params[i].value;
	return ENTK_OK;
}

void entk_common_destroy(EntkCommon *common)
{
	free(common->params);
	free(common->set);
	memset(common, 0, sizeof *common);
}

/* "no net "c4": ..; it has a, b", with the nearest name. */
static EntkStatus unknown_name(const char *option, const char *what, const char *name, const char **names, size_t count,
			       EntkError *error)
{
	char list[300] = "";
	for (size_t i = 0; i < count && strlen(list) < 250; i++)
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s%.40s", i ? ", " : "", names[i]);
	entk_fail(error, ENTK_USAGE, option, "no %s \"%s\"; the program has %s", what, name, count ? list : "none");
	const char *near = entk_nearest(name, names, count);
	return near ? entk_fix(error, "did you mean \"%s\"?", near) : error->status;
}

static EntkStatus take_net(EntkCommon *common, const char *name, EntkError *error)
{
	const EntkProgram *program = common->program;
	for (uint32_t i = 0; i < program->net_count; i++)
		if (strcmp(program->nets[i].name, name) == 0) {
			common->net = &program->nets[i];
			return ENTK_OK;
		}
	const char **names = entk_allocate((size_t)program->net_count + 1, sizeof *names, "a list of names", error);
	if (!names)
		return error->status;
	for (uint32_t i = 0; i < program->net_count; i++)
		names[i] = program->nets[i].name;
	unknown_name("--net", "net", name, names, program->net_count, error);
	free(names);
	return error->status;
}

static EntkStatus take_param(EntkCommon *common, const char *text, EntkError *error)
{
	const EntkProgram *program = common->program;
	const char *equals = strchr(text, '=');
	char name[128];
	if (!equals || equals == text || (size_t)(equals - text) >= sizeof name)
		return entk_fail(error, ENTK_USAGE, "--set", "expected NAME=VALUE, got \"%s\"", text);
	snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
	for (uint32_t i = 0; i < program->param_count; i++)
		if (strcmp(program->params[i].name, name) == 0) {
			char option[160];
			snprintf(option, sizeof option, "--set %s", name);
			common->set[i] = true;
			return entk_parse_real(option, equals + 1, -1e300, 1e300, &common->params[i], error);
		}
	const char **names = entk_allocate((size_t)program->param_count + 1, sizeof *names, "a list of names", error);
	if (!names)
		return error->status;
	for (uint32_t i = 0; i < program->param_count; i++)
		names[i] = program->params[i].name;
	unknown_name("--set", "param", name, names, program->param_count, error);
	if (!error->fix[0] && program->param_count == 0)
		entk_fix(error, "write `param %s = VALUE` in the .entk file, or set it with entkc --set", name);
	free(names);
	return error->status;
}

EntkStatus entk_common_take(EntkCommon *common, int id, const char *value, EntkError *error)
{
	uint64_t count;
	EntkStatus status = ENTK_OK;
	switch (id) {
	case ENTK_OPTION_HELP:
		common->help = true;
		break;
	case ENTK_OPTION_NET:
		status = take_net(common, value, error);
		break;
	case ENTK_OPTION_SET:
		status = take_param(common, value, error);
		break;
	case ENTK_OPTION_THREADS:
		status = entk_parse_count("--threads", value, 1, 1024, &count, error);
		if (status == ENTK_OK)
			common->threads = (unsigned)count;
		break;
	case ENTK_OPTION_PROGRESS:
		common->show_progress = true;
		break;
	case ENTK_OPTION_QUIET:
		common->show_progress = false;
		break;
	default:
		status = entk_fail(error, ENTK_INTERNAL, NULL, "an option without a meaning");
	}
	return status;
}

EntkGramOptions entk_common_gram_options(EntkCommon *common)
{
	return (EntkGramOptions){
		.params = common->params,
		.threads = common->threads,
		.progress = common->show_progress ? &common->progress : NULL,
		.cancel = entk_cancel_flag(),
	};
}

const EntkNet *entk_common_net(const EntkCommon *common, size_t i)
{
	if (common->net)
		return i == 0 ? common->net : NULL;
	return i < common->program->net_count ? &common->program->nets[i] : NULL;
}

/* The file that an input's name means: with or without a key behind it. */
static bool find_input(const char *input, struct stat *found)
{
	char path[4096];
	const char *colon = entk_find_key(input);
	if (stat(input, found) == 0)
		return true;
	if (!colon || (size_t)(colon - input) >= sizeof path)
		return false;
	snprintf(path, sizeof path, "%.*s", (int)(colon - input), input);
	return stat(path, found) == 0;
}

EntkStatus entk_check_distinct(const char *output, const char *input, EntkError *error)
{
	struct stat in, out;
	if (!output || !input || stat(output, &out) != 0 || !find_input(input, &in))
		return ENTK_OK;
	if (in.st_dev != out.st_dev || in.st_ino != out.st_ino)
		return ENTK_OK;
	entk_fail(error, ENTK_USAGE, output, "is an input of this command, which writing would destroy");
	return entk_fix(error, "choose another name for the output");
}
