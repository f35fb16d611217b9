/* Pieces: statements of a long part as functions of their own.
 *
 * LLVM's time grows faster than the size of a function, and layers that differ in their numbers alone would be compiled again
 * and again. So in a part of many layers that stand one by one, every nest, wave of rows and halo becomes a call of the
 * function that has its form; statements of one form share it. A call gives what the form leaves open: displacements, which
 * copies of carried buffers are current, places in the workspace and in the factors, numbers of coefficients. It costs nothing
 * beside the loop over a slice that it makes. */
#include <string.h>

#include "emit/form.h"

bool emit_in_pieces(const RecPart *part)
{
	return rec_nests(&part->block) > REC_LONG_PART;
}

/* ---- the functions that are there ---- */

struct EmitPieces {
	struct EmitPiece {
		uint64_t hash;
		const char *text;
		LLVMValueRef v_function;
	} * list;
	uint32_t count, capacity;
};

EmitPieces *emit_pieces_create(Arena *arena)
{
	return ARENA_NEW(arena, EmitPieces);
}

static uint64_t hash_of(const char *text)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211u;
	return hash;
}

static LLVMValueRef find(const EmitPieces *pieces, uint64_t hash, const char *text)
{
	for (uint32_t i = 0; i < pieces->count; i++)
		if (pieces->list[i].hash == hash && strcmp(pieces->list[i].text, text) == 0)
			return pieces->list[i].v_function;
	return NULL;
}

static void keep(Arena *arena, EmitPieces *pieces, uint64_t hash, const char *text, LLVMValueRef v_function)
{
	if (pieces->count == pieces->capacity) {
		pieces->capacity = 2 * pieces->capacity + 64;
		struct EmitPiece *grown = ARENA_ARRAY(arena, struct EmitPiece, pieces->capacity);
		if (pieces->count > 0)
			memcpy(grown, pieces->list, pieces->count * sizeof *grown);
		pieces->list = grown;
	}
	pieces->list[pieces->count++] = (struct EmitPiece){hash, text, v_function};
}

/* ---- what a call gives ---- */

/* The numbers that the form leaves open, in its order; `v` has room for all. */
static uint32_t give(Emit *e, const Form *form, LLVMValueRef *v)
{
	Cg *cg = e->cg;
	uint32_t count = 0;
	v[count++] = e->v_frame;
	for (uint32_t i = 0; i < form->base_count; i++)
		for (int a = 0; a < AXES; a++)
			v[count++] = cg_get(cg, e->v_base[form->bases[i]][a]);
	for (uint32_t i = 0; i < form->buffer_count; i++) {
		const RecBuffer *b = form->buffers[i];
		v[count++] = cg_i64(cg, (int64_t)b->offset);
		if (b->carried)
			v[count++] = cg_get(cg, e->v_parity[b->id]);
	}
	for (uint32_t i = 0; i < form->var_count; i++)
		v[count++] = emit_var_offset(e, form->vars[i]);
	for (uint32_t i = 0; i < form->coef_count; i++)
		v[count++] = cg_i64(cg, form->coefs[i]);
	return count;
}

static LLVMValueRef variable(Cg *cg, unsigned param, const char *name)
{
	LLVMValueRef var = cg_var(cg, cg->t_i64, name);
	cg_set(cg, var, cg_param(cg, param));
	return var;
}

/* The other side. */
static void take(Emit *e, const Form *form)
{
	Cg *cg = e->cg;
	const RecProgram *rec = e->rec;
	unsigned param = emit_part_args(e);
	e->v_frame = cg_param(cg, param++);
	e->v_base = arena_alloc(e->arena, rec->base_count, sizeof *e->v_base);
	for (uint32_t i = 0; i < form->base_count; i++)
		for (int a = 0; a < AXES; a++)
			e->v_base[form->bases[i]][a] = variable(cg, param++, "d");
	e->v_parity = ARENA_ARRAY(e->arena, LLVMValueRef, e->part->buffer_count + 1);
	e->v_buffer = ARENA_ARRAY(e->arena, LLVMValueRef, e->part->buffer_count + 1);
	for (uint32_t i = 0; i < form->buffer_count; i++) {
		const RecBuffer *b = form->buffers[i];
		e->v_buffer[b->id] = cg_param(cg, param++);
		if (b->carried)
			e->v_parity[b->id] = variable(cg, param++, "copy");
	}
	e->form = form;
	e->v_var = ARENA_ARRAY(e->arena, LLVMValueRef, form->var_count + 1);
	for (uint32_t i = 0; i < form->var_count; i++)
		e->v_var[i] = cg_param(cg, param++);
	e->v_coef = ARENA_ARRAY(e->arena, LLVMValueRef, rec->coefs.count + 1);
	for (uint32_t i = 0; i < form->coef_count; i++)
		e->v_coef[form->coefs[i]] = emit_coef_load(e, cg_param(cg, param++));
}

static uint32_t most_numbers(const Form *form)
{
	return 1 + AXES * form->base_count + 2 * form->buffer_count + form->var_count + form->coef_count;
}

static LLVMValueRef make(Emit *e, const RecStmt *s, const Form *form, uint32_t count)
{
	Cg *cg = e->cg;
	unsigned pointers = emit_part_args(e);
	LLVMTypeRef *types = ARENA_ARRAY(e->arena, LLVMTypeRef, pointers + count);
	for (unsigned i = 0; i < pointers + count; i++)
		types[i] = i < pointers ? cg->t_ptr : cg->t_i64;
	CgOpen outer = cg_function_set_aside(cg);
	char *name = arena_printf(e->arena, "%s.piece%u", e->prefix, e->table_count++);
	LLVMValueRef v_function = cg_function_begin(cg, name, cg->t_void, types, pointers + count, true);
	cg_function_attribute(cg, v_function, "noinline");
	Emit inner = *e;
	emit_bind(&inner);
	take(&inner, form);
	emit_leaf(&inner, s);
	cg_function_end(cg);
	cg_function_take_up(cg, outer);
	e->table_count = inner.table_count;
	return v_function;
}

bool emit_piece(Emit *e, const RecStmt *s)
{
	Form form;
	if (!emit_form(e->arena, e, s, &form))
		return false;
	emit_enter_carried(e, s);
	unsigned pointers = emit_part_args(e);
	LLVMValueRef *args = ARENA_ARRAY(e->arena, LLVMValueRef, pointers + most_numbers(&form));
	for (unsigned i = 0; i < pointers; i++)
		args[i] = cg_param(e->cg, i);
	uint32_t count = give(e, &form, args + pointers);
	uint64_t hash = hash_of(form.text);
	LLVMValueRef v_function = find(e->made, hash, form.text);
	if (!v_function) {
		v_function = make(e, s, &form, count);
		keep(e->arena, e->made, hash, form.text, v_function);
	}
	cg_call(e->cg, v_function, args, pointers + count);
	return true;
}
