/* The parts of a recursion as functions.
 *
 *   NET.variances   (coefs, z lanes, factors, workspace)      all factors of a tile's nonlinearities for lanes of samples
 *   NET.state       (.. , state lanes, k0)                    those that are prepared once per sample
 *   NET.pair[.nngp] (coefs, x, z lanes, factors .., out)      one left sample against lanes of right samples
 *   NET.self        the pair part for lanes of samples against themselves (where layers behind have state) */
#include "emit/internal.h"

static LLVMValueRef begin_inner(Emit *e, const char *name)
{
	Cg *cg = e->cg;
	unsigned count = emit_part_args(e);
	LLVMTypeRef types[ARG_COUNT];
	for (unsigned i = 0; i < count; i++)
		types[i] = cg->t_ptr;
	LLVMValueRef v_function = cg_function_begin(cg, name, cg->t_void, types, count, true);
	cg_function_attribute(cg, v_function, "noinline");
	for (unsigned i = 0; i < count; i++)
		cg_param_pointer(cg, i, CG_NOCAPTURE, 0);
	return v_function;
}

/* One part of the recursion as a function. */
static LLVMValueRef emit_part(Emit *e, const char *suffix, const RecPart *part, bool pair, bool theta)
{
	Cg *cg = e->cg;
	char *name = arena_printf(e->arena, "%s.%s", e->prefix, suffix);
	LLVMValueRef v_function = begin_inner(e, name);
	e->part = part;
	e->pair = pair;
	e->theta = theta;
	e->pieces = emit_in_pieces(part);
	emit_bind(e);
	e->form = NULL;
	e->v_buffer = e->v_var = NULL;
	const RecCoefs *coefs = &e->rec->coefs;
	e->v_coef = ARENA_ARRAY(e->arena, LLVMValueRef, coefs->count + 1);
	for (uint32_t i = 0; i < coefs->count; i++)
		e->v_coef[i] = emit_coef_load(e, cg_i64(cg, i));
	e->v_base = arena_alloc(e->arena, e->rec->base_count, sizeof *e->v_base);
	for (uint32_t b = 1; b < e->rec->base_count; b++)
		for (int a = 0; a < AXES; a++)
			e->v_base[b][a] = cg_var(cg, cg->t_i64, "d");
	e->v_parity = ARENA_ARRAY(e->arena, LLVMValueRef, part->buffer_count + 1);
	for (uint32_t i = 0; i < part->buffer_count; i++)
		if (part->buffers[i]->carried) {
			e->v_parity[part->buffers[i]->id] = cg_var(cg, cg->t_i64, "copy");
			cg_set(cg, e->v_parity[part->buffers[i]->id], cg_i64(cg, 0));
		}
	static const uint16_t identity = 0;
	RecFrames *plain = ARENA_NEW(e->arena, RecFrames);
	*plain = (RecFrames){.group = NULL, .count = 1, .q = &identity};
	e->frames = plain;
	e->v_frame = cg_i64(cg, 0);
	e->iteration_count = e->slide_count = 0;
	emit_block(e, &part->block);
	cg_function_end(cg);
	return v_function;
}

void emit_parts(Emit *e, bool self)
{
	const RecProgram *rec = e->rec;
	Functions *f = &e->functions;
	if (rec->tile_numbers && !f->v_variances)
		f->v_variances = emit_part(e, "variances", &rec->variances, false, false);
	if (rec->state_numbers && !f->v_state)
		f->v_state = emit_part(e, "state", &rec->state, false, false);
	if (self && !f->v_self)
		f->v_self = emit_part(e, "self", &rec->pair, false, false);
	if (f->v_pair)
		return;
	f->v_pair = emit_part(e, "pair", &rec->pair, true, true);
	f->v_pair_nngp = emit_part(e, "pair.nngp", &rec->pair, true, false);
}
