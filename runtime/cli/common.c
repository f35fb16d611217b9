/* What the command lines of most commands share: see common.h. */
#include "cli/common.h"

#include "arrays/npz_writer.h"
#include "support/cancel.h"
#include "support/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	free(common->nets);
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

static EntkStatus unknown_net(const EntkProgram *program, const char *name, EntkError *error)
{
	const char **names = entk_allocate((size_t)program->net_count + 1, sizeof *names, "a list of names", error);
	if (!names)
		return error->status;
	for (uint32_t i = 0; i < program->net_count; i++)
		names[i] = program->nets[i].name;
	unknown_name("--net", "net", name, names, program->net_count, error);
	free(names);
	return error->status;
}

static EntkStatus take_net(EntkCommon *common, const char *name, EntkError *error)
{
	const EntkProgram *program = common->program;
	for (uint32_t i = 0; i < program->net_count; i++) {
		const EntkNet *net = &program->nets[i];
		if (strcmp(net->name, name) != 0)
			continue;
		for (size_t k = 0; k < common->net_count; k++)
			if (common->nets[k] == net)
				return entk_fail(error, ENTK_USAGE, "--net", "\"%s\" is named twice", name);
		common->nets[common->net_count++] = net;
		common->net = common->nets[0];
		return ENTK_OK;
	}
	return unknown_net(program, name, error);
}

/* "a,b": names have no commas. */
static EntkStatus take_nets(EntkCommon *common, const char *list, EntkError *error)
{
	size_t size = strlen(list) + 1;
	char *words = entk_allocate(size, 1, "a list of names", error);
	common->nets =
		entk_allocate((size_t)common->program->net_count + 1, sizeof *common->nets, "a list of nets", error);
	EntkStatus status = words && common->nets ? ENTK_OK : error->status;
	if (status == ENTK_OK) {
		memcpy(words, list, size);
		for (char *at = words, *next = at; status == ENTK_OK && next; at = next) {
			char *comma = strchr(at, ',');
			next = comma ? comma + 1 : NULL;
			if (comma)
				*comma = '\0';
			status = take_net(common, at, error);
		}
	}
	free(words);
	return status;
}

EntkStatus entk_common_one_net(const EntkCommon *common, EntkError *error)
{
	if (common->net_count <= 1)
		return ENTK_OK;
	entk_fail(error, ENTK_USAGE, "--net", "this command takes one net, not %zu", common->net_count);
	return entk_fix(error, "give one name");
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
		status = take_nets(common, value, error);
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
		return i < common->net_count ? common->nets[i] : NULL;
	return i < common->program->net_count ? &common->program->nets[i] : NULL;
}

/* ---- outputs ---------------------------------------------------------------------------------------------------- */

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

EntkStatus entk_check_output(const char *path, const char *input, EntkError *error)
{
	EntkNpzWriter *writer;
	if (strcmp(path, "-") == 0)
		return ENTK_OK;
	EntkStatus status = entk_check_distinct(path, input, error);
	if (status != ENTK_OK)
		return status;
	status = entk_npz_writer_create(path, 0, &writer, error);
	entk_npz_writer_destroy(writer);
	return status;
}
