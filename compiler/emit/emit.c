/* The forms of --emit that need the recursion or LLVM. */
#include "emit/emit.h"

#include <errno.h>
#include <string.h>

#include "emit/emit_internal.h"

const char *const emit_optimizations[] = {"slices", "relative-index", "separable", "fuse", "repeat-loops", "rows", NULL};

static RecOptions rec_options(const EmitOptions *options)
{
	RecOptions rec = {0};
	bool *const flags[] = {&rec.no_slices, &rec.no_relative_index, &rec.no_separable, &rec.no_fuse, &rec.no_loops,
	                       &rec.no_rows};
	for (size_t i = 0; i < options->disabled_count; i++)
		for (size_t j = 0; emit_optimizations[j]; j++)
			if (strcmp(options->disabled[i], emit_optimizations[j]) == 0)
				*flags[j] = true;
	return rec;
}

static FILE *open_text(Arena *arena, const char *path, char **error)
{
	if (strcmp(path, "-") == 0)
		return stdout;
	FILE *to = fopen(path, "w");
	if (!to)
		*error = arena_printf(arena, "cannot write %s: %s", path, strerror(errno));
	return to;
}

static bool close_text(Arena *arena, const char *path, FILE *to, char **error)
{
	bool failed = ferror(to) != 0;
	failed = (to == stdout ? fflush(to) : fclose(to)) != 0 || failed;
	if (failed)
		*error = arena_printf(arena, "cannot write %s: %s", path, strerror(errno));
	return !failed;
}

static bool emit_text(Arena *arena, RecProgram **recs, uint32_t count, EmitForm form, const char *path, char **error)
{
	FILE *to = open_text(arena, path, error);
	if (!to)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!recs[i])
			continue;
		if (form == EMIT_RECURSION)
			rec_print(recs[i], to);
		else
			fputs(recs[i]->explanation, to);
	}
	return close_text(arena, path, to, error);
}

bool emit_program(Arena *arena, const Program *program, const EmitOptions *options, EmitForm form, const char *path,
                  char **error)
{
	RecOptions rec = rec_options(options);
	uint32_t count = program->network_count;
	/* Per net its recursion, and that of the layers behind an augment. */
	RecProgram **recs = ARENA_ARRAY(arena, RecProgram *, 2 * (size_t)count + 1);
	RecAugment *augments = ARENA_ARRAY(arena, RecAugment, count + 1);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t layers = rec_written_out(program->networks[i]);
		if (layers > REC_MAX_LAYERS) {
			*error = arena_printf(arena,
			                      "net \"%s\" has %llu layers that stand one by one, kernels are compiled for at most %d; a "
			                      "repeat stays a loop where shape and domain do not change and no layer in it pools, lifts "
			                      "or leaves a group",
			                      program->networks[i]->name, (unsigned long long)layers, REC_MAX_LAYERS);
			return false;
		}
		augments[i] = rec_augment(arena, program->networks[i]);
		recs[2 * i] = rec_lower(arena, augments[i].inner, &rec);
		rec_check(recs[2 * i]);
		if (!augments[i].outer)
			continue;
		recs[2 * i + 1] = rec_lower(arena, augments[i].outer, &rec);
		rec_check(recs[2 * i + 1]);
	}
	if (form == EMIT_RECURSION || form == EMIT_EXPLAIN)
		return emit_text(arena, recs, 2 * count, form, path, error);

	Cg *cg = cg_create(arena, &(CgOptions){options->cpu, options->f32, options->source_name}, error);
	if (!cg)
		return false;
	LLVMValueRef *v_nets = ARENA_ARRAY(arena, LLVMValueRef, count + 1);
	for (uint32_t i = 0; i < count; i++) {
		const char *name = program->networks[i]->name;
		Emit e = {.cg = cg, .arena = arena, .rec = recs[2 * i], .prefix = name};
		Emit outer = {.cg = cg, .arena = arena, .rec = recs[2 * i + 1]};
		outer.prefix = arena_printf(arena, "%s.outer", name);
		emit_net(&e, augments[i].outer ? &outer : NULL, &augments[i], &v_nets[i]);
	}
	emit_table(cg, program, options, v_nets);
	if (form != EMIT_LLVM_IR)
		cg_optimize(cg);
	CgForm cg_form = form == EMIT_LLVM_IR ? CG_FORM_IR : form == EMIT_ASM ? CG_FORM_ASM : CG_FORM_OBJECT;
	bool written = cg_write(cg, cg_form, path, error);
	cg_destroy(cg);
	return written;
}
