/* The forms of --emit that need the recursion or LLVM. */
#include "emit/emit.h"

#include <errno.h>
#include <string.h>

#include "analysis/symmetry.h"
#include "emit/internal.h"

const char *const emit_optimizations[] = {"slices",       "relative-index", "separable", "fuse",
					  "repeat-loops", "rows",           "trunks",    NULL};

static RecOptions rec_options(const EmitOptions *options)
{
	RecOptions rec = {0};
	bool *const flags[] = {&rec.no_slices, &rec.no_relative_index, &rec.no_separable, &rec.no_fuse,
			       &rec.no_loops,  &rec.no_rows,           &rec.no_trunks};
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

/* ---- from networks to recursions ---- */

/* All recursions of a program. */
typedef struct Recursions {
	const Program *program;
	RecOptions options;
	RecAugment *augments; /* per net */
	RecProgram **whole;   /* per net: the layers within its augment, or all */
	RecProgram **outer;   /* per net: those behind its augment, or NULL */
	RecTrunk *trunks;
	uint32_t trunk_count;
	RecProgram **trunk;  /* per trunk */
	RecProgram ***heads; /* per trunk and member */
	EmitPieces *pieces;  /* functions that the nets share */
} Recursions;

static bool check_depth(Arena *arena, const Network *network, char **error)
{
	uint64_t layers = rec_written_out(network);
	if (layers <= REC_MAX_LAYERS)
		return true;
	*error = arena_printf(
		arena,
		"net \"%s\" has %llu layers that stand one by one, kernels are compiled for at most %d; a repeat stays "
		"a loop where shape and domain do not change and no layer in it pools, lifts or leaves a group",
		network->name, (unsigned long long)layers, REC_MAX_LAYERS);
	return false;
}

static RecProgram *lower(Arena *arena, const Recursions *r, const Network *network)
{
	RecProgram *rec = rec_lower(arena, network, &r->options);
	rec_check(rec);
	return rec;
}

/* Says in the explanation of each member what it shares with which nets. */
static void explain_trunk(Arena *arena, Recursions *r, const RecTrunk *trunk)
{
	for (uint32_t m = 0; m < trunk->count; m++) {
		const char *others = "";
		for (uint32_t k = 0; k < trunk->count; k++) {
			const char *name = r->program->networks[trunk->members[k]]->name;
			if (k != m)
				others = arena_printf(arena, "%s%s%s", others, *others ? ", " : "", name);
		}
		RecProgram *rec = r->whole[trunk->members[m]];
		rec->explanation = arena_printf(
			arena, "%s%s: trunk: the layers up to \"%s\" are also those of %s: evaluated once for all\n",
			rec->explanation, rec->network->name, trunk->end->label, others);
	}
}

static void lower_trunks(Arena *arena, Recursions *r)
{
	r->trunk_count = r->options.no_trunks ? 0 : rec_trunks(arena, r->program, &r->trunks);
	r->trunk = ARENA_ARRAY(arena, RecProgram *, r->trunk_count + 1);
	r->heads = ARENA_ARRAY(arena, RecProgram **, r->trunk_count + 1);
	for (uint32_t t = 0; t < r->trunk_count; t++) {
		const RecTrunk *trunk = &r->trunks[t];
		r->trunk[t] = lower(arena, r, trunk->network);
		r->heads[t] = ARENA_ARRAY(arena, RecProgram *, trunk->count);
		for (uint32_t m = 0; m < trunk->count; m++)
			r->heads[t][m] = lower(arena, r, trunk->heads[m]);
		explain_trunk(arena, r, trunk);
	}
}

static bool lower_all(Arena *arena, Recursions *r, char **error)
{
	uint32_t count = r->program->network_count;
	r->augments = ARENA_ARRAY(arena, RecAugment, count + 1);
	r->whole = ARENA_ARRAY(arena, RecProgram *, count + 1);
	r->outer = ARENA_ARRAY(arena, RecProgram *, count + 1);
	for (uint32_t i = 0; i < count; i++) {
		if (!check_depth(arena, r->program->networks[i], error))
			return false;
		r->augments[i] = rec_augment(arena, r->program->networks[i]);
		r->whole[i] = lower(arena, r, r->augments[i].inner);
		if (r->augments[i].outer)
			r->outer[i] = lower(arena, r, r->augments[i].outer);
	}
	lower_trunks(arena, r);
	return true;
}

/* ---- forms ---- */

/* ---- for the user ---- */

/* "invariant under C4: yes; 4 recursions instead of 16" */
static const char *summary(Arena *arena, const Recursions *r, uint32_t i)
{
	const char *text = symmetry_summary(arena, r->program->networks[i]);
	const RecAugment *augment = &r->augments[i];
	uint32_t of = 0, count = rec_recursions(r->whole[i], &of);
	if (augment->outer) {
		of = augment->group->order * augment->group->order;
		count = augment->group->order * augment->left_views;
	}
	if (of <= 1)
		return text;
	return count < of
		       ? arena_printf(arena, "%s; %u recursion%s instead of %u", text, count, count == 1 ? "" : "s", of)
		       : arena_printf(arena, "%s; %u recursions", text, count);
}

static const char *duration(Arena *arena, double seconds)
{
	static const struct {
		double unit;
		const char *name;
	} units[] = {{86400, "days"}, {3600, "h"}, {60, "min"}, {1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}};
	size_t i = 0;
	while (i + 1 < sizeof units / sizeof *units && seconds < units[i].unit)
		i++;
	double value = seconds / units[i].unit;
	return arena_printf(arena, "%.*f %s", value < 9.95 ? 1 : 0, value, units[i].name);
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* From the counts of operations alone: what info measures is within a factor of two of it on the machines that were at hand. */
static void explain_cost(Arena *arena, const Recursions *r, uint32_t i, const CgTarget *target, bool f32, FILE *to)
{
	enum { SAMPLES = 300 };
	const double seconds_per_operation = 0.33e-9; /* in each lane of a register */
	const RecProgram *rec = r->whole[i];
	const RecAugment *augment = &r->augments[i];
	double real = f32 ? 4 : 8, lanes = target->vector_bytes / real, pairs = SAMPLES * (SAMPLES + 1) / 2.0;
	double views = augment->outer ? (double)augment->group->order * augment->left_views : 1;
	double seconds = rec->operations * views * seconds_per_operation / lanes;
	double samples =
		SAMPLES * (double)rec->channels * rec->input_shape[0] * rec->input_shape[1] * rec->input_shape[2];
	double workspace = (double)most(rec->pair.lanes, rec->variances.lanes) * target->vector_bytes +
			   (double)most(rec->pair.sums, rec->variances.sums) * 8 * lanes;
	double bytes = 2.0 * SAMPLES * SAMPLES * sizeof(double) + samples * real + workspace;
	fprintf(to,
		"%s: predicted for %s, float%u: %s per pair and thread; Gram of %d samples: %s on one thread, %.2g "
		"MB\n",
		r->program->networks[i]->name, target->cpu, f32 ? 32 : 64, duration(arena, seconds), SAMPLES,
		duration(arena, seconds * pairs), 1e-6 * bytes);
}

static bool emit_summaries(Arena *arena, const Recursions *r, const EmitOptions *options, const char *path,
			   char **error)
{
	CgTarget target;
	FILE *to = open_text(arena, path, error);
	if (!to)
		return false;
	bool known = cg_target_find(arena, options->cpu, &target);
	for (uint32_t i = 0; i < r->program->network_count; i++) {
		fprintf(to, "%s: %s\n", r->program->networks[i]->name, summary(arena, r, i));
		if (known)
			explain_cost(arena, r, i, &target, options->f32, to);
	}
	return close_text(arena, path, to, error);
}

static bool emit_text(Arena *arena, const Recursions *r, EmitForm form, const char *path, char **error)
{
	FILE *to = open_text(arena, path, error);
	if (!to)
		return false;
	for (uint32_t i = 0; i < 2 * r->program->network_count; i++) {
		const RecProgram *rec = (i % 2 ? r->outer : r->whole)[i / 2];
		if (!rec)
			continue;
		if (form == EMIT_RECURSION)
			rec_print(rec, to);
		else
			fputs(rec->explanation, to);
	}
	return close_text(arena, path, to, error);
}

static Emit *begin_emit(Cg *cg, Arena *arena, const Recursions *r, const RecProgram *rec, const char *prefix)
{
	Emit *e = ARENA_NEW(arena, Emit);
	*e = (Emit){.cg = cg, .arena = arena, .rec = rec, .prefix = prefix, .together = 1, .made = r->pieces};
	return e;
}

/* A net of its own; one with an augment has its other layers behind it. */
static LLVMValueRef emit_single(Cg *cg, Arena *arena, const Recursions *r, uint32_t i)
{
	const RecAugment *augment = &r->augments[i];
	EmitNet net = {.name = r->program->networks[i]->name,
		       .summary = summary(arena, r, i),
		       .explanation = r->whole[i]->explanation};
	double views = 1;
	net.e = begin_emit(cg, arena, r, r->whole[i], net.name);
	Emit *outer =
		r->outer[i] ? begin_emit(cg, arena, r, r->outer[i], arena_printf(arena, "%s.outer", net.name)) : NULL;
	if (outer) {
		net.behind = &outer;
		net.behind_count = 1;
		net.group = augment->group;
		net.left_views = augment->left_views;
		views = (double)augment->group->order * augment->left_views;
	}
	net.steps = r->whole[i]->steps * views;
	net.operations = r->whole[i]->operations * views;
	return emit_net(&net);
}

/* The members of a trunk, each with its head, then all together. */
static LLVMValueRef emit_members(Cg *cg, Arena *arena, const Recursions *r, uint32_t t, LLVMValueRef *v_nets)
{
	const RecTrunk *trunk = &r->trunks[t];
	const char *first = r->program->networks[trunk->members[0]]->name;
	EmitNet all = {.summary = "", .explanation = "", .behind_count = trunk->count, .steps = r->trunk[t]->steps};
	all.name = arena_printf(arena, "%s.trunk", first);
	all.e = begin_emit(cg, arena, r, r->trunk[t], all.name);
	all.operations = r->trunk[t]->operations;
	all.behind = ARENA_ARRAY(arena, Emit *, trunk->count);
	for (uint32_t m = 0; m < trunk->count; m++) {
		uint32_t i = trunk->members[m];
		const RecProgram *head = r->heads[t][m];
		EmitNet net = {.name = r->program->networks[i]->name,
			       .summary = summary(arena, r, i),
			       .explanation = r->whole[i]->explanation,
			       .e = all.e};
		all.behind[m] = begin_emit(cg, arena, r, head, arena_printf(arena, "%s.head", net.name));
		net.behind = &all.behind[m];
		net.behind_count = 1;
		net.steps = r->whole[i]->steps;
		net.operations = r->whole[i]->operations;
		v_nets[i] = emit_net(&net);
		all.operations += head->operations;
	}
	return emit_trunk(cg, trunk, emit_net(&all));
}

static void emit_nets(Cg *cg, Arena *arena, const Recursions *r, const EmitOptions *options)
{
	LLVMValueRef *v_nets = ARENA_ARRAY(arena, LLVMValueRef, r->program->network_count + 1);
	LLVMValueRef *v_trunks = ARENA_ARRAY(arena, LLVMValueRef, r->trunk_count + 1);
	for (uint32_t t = 0; t < r->trunk_count; t++)
		v_trunks[t] = emit_members(cg, arena, r, t, v_nets);
	for (uint32_t i = 0; i < r->program->network_count; i++)
		if (!v_nets[i])
			v_nets[i] = emit_single(cg, arena, r, i);
	emit_table(cg, r->program, options, v_nets, v_trunks, r->trunk_count);
}

bool emit_program(Arena *arena, const Program *program, const EmitOptions *options, EmitForm form, const char *path,
		  char **error)
{
	Recursions r = {.program = program, .options = rec_options(options)};
	if (!lower_all(arena, &r, error))
		return false;
	if (form == EMIT_SUMMARY)
		return emit_summaries(arena, &r, options, path, error);
	if (form == EMIT_RECURSION || form == EMIT_EXPLAIN)
		return emit_text(arena, &r, form, path, error);

	r.pieces = emit_pieces_create(arena);
	Cg *cg = cg_create(arena, &(CgOptions){options->cpu, options->f32, options->source_name}, error);
	if (!cg)
		return false;
	emit_nets(cg, arena, &r, options);
	if (form != EMIT_LLVM_IR)
		cg_optimize(cg);
	CgForm cg_form = form == EMIT_LLVM_IR ? CG_FORM_IR : form == EMIT_ASM ? CG_FORM_ASM : CG_FORM_OBJECT;
	bool written = cg_write(cg, cg_form, path, error);
	cg_destroy(cg);
	return written;
}
