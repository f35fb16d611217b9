#include "network/recheck.h"

#include <stdio.h>

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

Program *program_recheck(Arena *arena, const EntkSources *from)
{
	SourceSet *sources = load(arena, from);
	Diag *diag = diag_create(arena, sources);
	const AstFile *file = parse_file(arena, sources, diag, 0);
	SetOption *sets = parse_sets(arena, sources, diag, from);
	Program *program = NULL;
	if (diag_error_count(diag) == 0)
		program = sema_check(arena, sources, diag, file, sets, from->set_count);
	if (program == NULL)
		diag_print(diag, stderr, DIAG_HUMAN);
	return program;
}
