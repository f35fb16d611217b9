#include "network/recheck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "network/sema/sema.h"

static SourceSet *load(Arena *arena, const EntkSources *from)
{
	SourceSet *sources = ARENA_NEW(arena, SourceSet);
	*sources = (SourceSet){.arena = arena, .include_dir_count = from->include_dir_count};
	sources->include_dirs = ARENA_ARRAY(arena, const char *, (size_t)from->include_dir_count + 1);
	for (uint32_t i = 0; i < from->include_dir_count; i++)
		sources->include_dirs[i] = from->include_dirs[i];
	for (uint32_t i = 0; i < from->file_count; i++) /* knows a file of two spellings by its text */
		source_add(sources, from->files[i].path, (const char *)from->files[i].text, from->files[i].length);
	return sources;
}

static SetOption *parse_sets(Arena *arena, SourceSet *sources, Diag *diag, const EntkSources *from)
{
	SetOption *sets = ARENA_ARRAY(arena, SetOption, (size_t)from->set_count + 1);
	for (uint32_t i = 0; i < from->set_count; i++) {
		AstExpr *value = NULL;
		parse_set_option(arena, sources, diag, from->sets[i], &sets[i].name, &value, &sets[i].span);
		sets[i].value = value;
	}
	return sets;
}

static Program *check(Arena *arena, const EntkSources *from, Diag **diag)
{
	SourceSet *sources = load(arena, from);
	*diag = diag_create(arena, sources);
	const AstFile *file = parse_file(arena, sources, *diag, 0);
	SetOption *sets = parse_sets(arena, sources, *diag, from);
	return diag_error_count(*diag) == 0 ? sema_check(arena, sources, *diag, file, sets, from->set_count) : NULL;
}

Program *program_recheck(Arena *arena, const EntkSources *from)
{
	Diag *diag;
	Program *program = check(arena, from, &diag);
	if (program == NULL)
		diag_print(diag, stderr, DIAG_HUMAN);
	return program;
}

static bool same_name(const char *set, const char *other)
{
	size_t length = strcspn(set, "=");
	return length == strcspn(other, "=") && memcmp(set, other, length) == 0;
}

const char *program_recheck_sets(Arena *arena, const EntkSources *from, const char *const *sets, uint32_t count)
{
	EntkSources changed = *from;
	const char **all = ARENA_ARRAY(arena, const char *, (size_t)from->set_count + count);
	changed.set_count = 0;
	for (uint32_t i = 0; i < from->set_count; i++) {
		bool replaced = false;
		for (uint32_t k = 0; k < count; k++)
			replaced |= same_name(from->sets[i], sets[k]);
		if (!replaced)
			all[changed.set_count++] = from->sets[i];
	}
	for (uint32_t k = 0; k < count; k++)
		all[changed.set_count++] = sets[k];
	changed.sets = all;
	Diag *diag;
	if (check(arena, &changed, &diag) != NULL)
		return NULL;
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	if (to == NULL)
		return "not allowed";
	diag_print(diag, to, DIAG_LINE);
	bool good = fclose(to) == 0 && text != NULL;
	const char *first = good ? arena_copy(arena, text, strcspn(text, "\n")) : "not allowed";
	free(text);
	return first;
}
