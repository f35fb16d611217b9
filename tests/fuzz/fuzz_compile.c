/* libFuzzer: any bytes through parser, formatter, checker and symmetry proof. What may go wrong must be said, and
 * layout that has been made canonical must stay as it is. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/symmetry.h"
#include "base/diag.h"
#include "network/sema/sema.h"
#include "syntax/ast.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static SourceSet *new_sources(Arena *arena, const char *text, size_t length)
{
	SourceSet *sources = ARENA_NEW(arena, SourceSet);
	sources->arena = arena;
	source_add(sources, "fuzz.entk", text, length);
	return sources;
}

/* Canonical layout of a text, or NULL after a syntax error. The caller frees it. */
static char *format(const char *text, size_t length, size_t *out_length)
{
	Arena *arena = arena_create();
	SourceSet *sources = new_sources(arena, text, length);
	Diag *diag = diag_create(arena, sources);
	char *out = NULL;
	FILE *to = open_memstream(&out, out_length);
	bool good = to && ast_format(sources, 0, diag, arena, to);
	if (to)
		fclose(to);
	arena_destroy(arena);
	if (good)
		return out;
	free(out);
	return NULL;
}

static void check_format(const char *text, size_t length)
{
	size_t once_length, twice_length;
	char *once = format(text, length, &once_length);
	if (!once)
		return;
	char *twice = format(once, once_length, &twice_length);
	if (!twice || once_length != twice_length || memcmp(once, twice, once_length) != 0)
		abort();
	free(once);
	free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 1 << 20)
		return -1;
	const char *text = (const char *)data;
	Arena *arena = arena_create();
	SourceSet *sources = new_sources(arena, text, size);
	Diag *diag = diag_create(arena, sources);
	const AstFile *file = parse_file(arena, sources, diag, 0);
	bool parsed = diag_error_count(diag) == 0;
	const Program *program = sema_check(arena, sources, diag, file, NULL, 0);
	if (!program && diag_error_count(diag) == 0)
		abort();
	FILE *nowhere = fopen("/dev/null", "w");
	if (program && diag_error_count(diag) == 0) {
		for (uint32_t i = 0; i < program->network_count; i++)
			symmetry_warn(diag, arena, program->networks[i]);
		if (nowhere)
			network_print(program, nowhere);
	}
	if (nowhere) {
		ast_print(file, sources, nowhere);
		diag_print(diag, nowhere, DIAG_HUMAN);
		fclose(nowhere);
	}
	arena_destroy(arena);
	if (parsed)
		check_format(text, size);
	return 0;
}
