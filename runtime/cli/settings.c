/* Values of params against what the layers allow. Kernels take what they get, and sqrt(-1), or a dropout that keeps more than everything,
 * would be numbers too: so the sources that a program carries are checked once more, with the new values. */
#include "cli/common.h"
#include "network/recheck.h"
#include "base/number.h"

#include <stdio.h>
#include <string.h>

/* "file:line:column:error:code:message": the message, with place and code behind it, in `text`. */
static void reword(const char *line, char *text, size_t size)
{
	const char *severity = strstr(line, ":error:"), *code = severity ? severity + 7 : NULL;
	const char *message = code ? strchr(code, ':') : NULL;
	if (!message) {
		snprintf(text, size, "%s", line);
		return;
	}
	snprintf(text, size, "%s (%.*s, %.*s)", message + 1, (int)(severity - line), line, (int)(message - code), code);
}

EntkStatus entk_common_check(const EntkCommon *common, EntkError *error)
{
	const EntkProgram *program = common->program;
	uint32_t count = 0;
	for (uint32_t i = 0; i < program->param_count; i++)
		count += common->set[i];
	if (count == 0 || common->help || !program->sources)
		return ENTK_OK;
	Arena *arena = arena_create();
	const char **sets = ARENA_ARRAY(arena, const char *, count);
	char where[200] = "--set", text[400];
	count = 0;
	for (uint32_t i = 0; i < program->param_count; i++) {
		char number[ENTK_NUMBER_SIZE];
		if (!common->set[i])
			continue;
		sets[count] = arena_printf(arena, "%s=%s", program->params[i].name,
					   entk_number_text(common->params[i], number));
		size_t length = strlen(where);
		snprintf(where + length, sizeof where - length, " %s", sets[count++]);
	}
	const char *line = program_recheck_sets(arena, program->sources, sets, count);
	if (line) {
		reword(line, text, sizeof text);
		entk_fail(error, ENTK_USAGE, where, "%s", text);
	}
	arena_destroy(arena);
	return line ? error->status : ENTK_OK;
}
