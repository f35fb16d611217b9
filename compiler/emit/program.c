/* The table of a generated program (runtime/entk_abi.h): per net a descriptor and the coefficients of its parameters. */
#include <stdlib.h>
#include <string.h>

#include "emit/internal.h"
#include "entk_abi.h"

/* ---- coefficients ---- */

static LLVMValueRef emit_scalar(Cg *cg, const Scalar *s, LLVMValueRef v_params)
{
	if (scalar_is_const(s))
		return cg_f64_const(cg, s->value);
	if (s->op == SCALAR_PARAM)
		return cg_load_f64(cg, v_params, cg_i64(cg, s->param));
	LLVMValueRef v[3] = {NULL, NULL, NULL};
	for (int i = 0; i < 3; i++)
		if (s->arg[i])
			v[i] = emit_scalar(cg, s->arg[i], v_params);
	LLVMValueRef v_zero = cg_f64_const(cg, 0), v_one = cg_f64_const(cg, 1);
	switch (s->op) {
	case SCALAR_ADD:
		return cg_fadd(cg, v[0], v[1]);
	case SCALAR_SUB:
		return cg_fsub(cg, v[0], v[1]);
	case SCALAR_MUL:
		return cg_fmul(cg, v[0], v[1]);
	case SCALAR_DIV:
		return cg_fdiv(cg, v[0], v[1]);
	case SCALAR_POW:
		return cg_math(cg, "pow", v, 2);
	case SCALAR_MIN:
		return cg_fmin(cg, v[0], v[1]);
	case SCALAR_MAX:
		return cg_fmax(cg, v[0], v[1]);
	case SCALAR_NEG:
		return cg_fneg(cg, v[0]);
	case SCALAR_SQRT:
		return cg_math(cg, "sqrt", v, 1);
	case SCALAR_EXP:
		return cg_math(cg, "exp", v, 1);
	case SCALAR_LOG:
		return cg_math(cg, "log", v, 1);
	case SCALAR_SIN:
		return cg_math(cg, "sin", v, 1);
	case SCALAR_COS:
		return cg_math(cg, "cos", v, 1);
	case SCALAR_TAN:
		return cg_math(cg, "tan", v, 1);
	case SCALAR_TANH:
		return cg_math(cg, "tanh", v, 1);
	case SCALAR_SINH:
		return cg_math(cg, "sinh", v, 1);
	case SCALAR_COSH:
		return cg_math(cg, "cosh", v, 1);
	case SCALAR_ATAN:
		return cg_math(cg, "atan", v, 1);
	case SCALAR_ERF:
		return cg_math(cg, "erf", v, 1);
	case SCALAR_ABS:
		return cg_fabs(cg, v[0]);
	case SCALAR_SIGN:
		return cg_select(cg, cg_fgt(cg, v[0], v_zero), v_one,
				 cg_select(cg, cg_flt(cg, v[0], v_zero), cg_fneg(cg, v_one), v_zero));
	case SCALAR_WHERE:
		return cg_select(cg, cg_fgt(cg, v[0], v_zero), v[1], v[2]);
	case SCALAR_CONST:
	case SCALAR_PARAM:
		break;
	}
	ICE("number without emitter");
}

/* The inner net's table, then those of the layers behind. */
static LLVMValueRef emit_coefficients(const EmitNet *net, uint32_t *count)
{
	Cg *cg = net->e->cg;
	char *name = arena_printf(net->e->arena, "%s.coefficients", net->name);
	LLVMTypeRef types[] = {cg->t_ptr, cg->t_ptr};
	LLVMValueRef v_function = cg_function_begin(cg, name, cg->t_void, types, 2, true);
	*count = 0;
	for (uint32_t m = 0; m <= net->behind_count; m++) {
		const RecCoefs *coefs = &(m ? net->behind[m - 1] : net->e)->rec->coefs;
		for (uint32_t i = 0; i < coefs->count; i++) {
			LLVMValueRef v = emit_scalar(cg, coefs->items[i], cg_param(cg, 0));
			cg_store(cg, cg_param(cg, 1), cg_i64(cg, (*count)++), v);
		}
	}
	cg_function_end(cg);
	return v_function;
}

/* ---- descriptor ---- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211u; /* FNV-1a */
	return hash;
}

static uint64_t hash_rec(const RecProgram *rec, Arena *arena, uint64_t hash)
{
	char *text = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);
	if (memory == NULL)
		arena_exhausted();
	rec_print(rec, memory);
	bool good = !ferror(memory);
	if (fclose(memory) != 0 || !good || text == NULL)
		arena_exhausted();
	hash = hash_text(hash, text);
	free(text);
	for (uint32_t i = 0; i < rec->coefs.count; i++)
		hash = hash_text(hash, arena_printf(arena, "%a;", rec->coefs.items[i]->value));
	return hash;
}

/* Equal iff the recursions, coefficients, precision and instruction set are. */
static uint64_t hash_net(const EmitNet *net)
{
	const Cg *cg = net->e->cg;
	Arena *arena = net->e->arena;
	uint64_t hash = hash_rec(net->e->rec, arena, 14695981039346656037u);
	for (uint32_t m = 0; m < net->behind_count; m++)
		hash = hash_rec(net->behind[m]->rec, arena, hash);
	uint32_t views = net->group ? net->group->order : 1, left_views = net->group ? net->left_views : 1;
	return hash_text(hash,
			 arena_printf(arena, "%u %s %u %u", cg->lanes, cg->target.proc_features, views, left_views));
}

/* Lanes of a net on vectors fill several registers: its layers are one chain, in which every operation waits for the last. Not where
 * many layers stand one by one: LLVM's time grows with more than the square of their code. */
static unsigned registers(const RecProgram *rec)
{
	enum { SEVERAL = 4 };
	return rec->vector_input && rec_written_out(rec->network) <= REC_MANY_LAYERS ? SEVERAL : 1;
}

LLVMValueRef emit_net(const EmitNet *net)
{
	Cg *cg = net->e->cg;
	const RecProgram *rec = net->e->rec;
	uint32_t coefficients;
	cg_use_registers(cg, registers(rec));
	EmitTile tile = emit_tile(net);
	LLVMValueRef v_coefficients = emit_coefficients(net, &coefficients);

	const Type *input = &rec->network->input->type;
	uint32_t dim = rec->vector_input ? 0 : input->dim;
	LLVMValueRef v_shape[3];
	for (uint32_t a = 0; a < 3; a++)
		v_shape[a] = cg_i32(cg, (int32_t)(a < dim ? input->shape[a] : 1));
	const LLVMValueRef fields[] = {
		cg_global_string(cg, net->name),
		cg_global_string(cg, net->summary),
		cg_global_string(cg, net->explanation),
		cg_i32(cg, (int32_t)dim),
		cg_const_array(cg, cg->t_i32, v_shape, 3),
		cg_i32(cg, (int32_t)rec->channels),
		cg_i32(cg, (int32_t)cg->lanes),
		cg_i32(cg, (int32_t)(coefficients ? coefficients : 1)),
		cg_i32(cg, (int32_t)tile.state_numbers),
		cg_i32(cg, (int32_t)tile.left),
		cg_i32(cg, (int32_t)tile.right),
		cg_i64(cg, (int64_t)tile.workspace_bytes),
		cg_f64_const(cg, net->steps),
		cg_f64_const(cg, net->operations),
		cg_i64(cg, (int64_t)hash_net(net)),
		v_coefficients,
		tile.v_prepare,
		tile.v_kernel,
	};
	return cg_const_struct(cg, fields, sizeof fields / sizeof *fields);
}

LLVMValueRef emit_trunk(Cg *cg, const RecTrunk *trunk, LLVMValueRef v_all)
{
	LLVMValueRef *v_members = ARENA_ARRAY(cg->arena, LLVMValueRef, trunk->count);
	for (uint32_t m = 0; m < trunk->count; m++)
		v_members[m] = cg_i32(cg, (int32_t)trunk->members[m]);
	const LLVMValueRef fields[] = {
		cg_i32(cg, (int32_t)trunk->count),
		cg_global_const(cg, "entk.members", cg_const_array(cg, cg->t_i32, v_members, trunk->count), false),
		v_all,
	};
	return cg_const_struct(cg, fields, 3);
}

/* A global array of equal rows; NULL where there are none. */
static LLVMValueRef table_of(Cg *cg, const char *name, LLVMValueRef *v_rows, uint32_t count)
{
	if (!count)
		return cg_const_null(cg);
	return cg_global_const(cg, name, cg_const_array(cg, LLVMTypeOf(v_rows[0]), v_rows, count), false);
}

void emit_table(Cg *cg, const Program *program, const EmitOptions *options, LLVMValueRef *v_nets,
		LLVMValueRef *v_trunks, uint32_t trunk_count)
{
	LLVMValueRef *v_params = ARENA_ARRAY(cg->arena, LLVMValueRef, program->param_count + 1);
	for (uint32_t i = 0; i < program->param_count; i++) {
		const LLVMValueRef fields[] = {cg_global_string(cg, program->params[i].name),
					       cg_f64_const(cg, program->params[i].value)};
		v_params[i] = cg_const_struct(cg, fields, 2);
	}
	const LLVMValueRef fields[] = {
		cg_i32(cg, ENTK_ABI_VERSION),
		cg_i32(cg, options->f32 ? 32 : 64),
		cg_global_string(cg, options->compiler_version),
		cg_global_string(cg, cg->target.cpu),
		cg_global_string(cg, cg->target.proc_features),
		cg_i32(cg, (int32_t)cg->target.vector_bytes * 8),
		cg_global_string(cg, options->source_name),
		cg_i32(cg, (int32_t)program->network_count),
		table_of(cg, "entk.nets", v_nets, program->network_count),
		cg_i32(cg, (int32_t)program->param_count),
		table_of(cg, "entk.params", v_params, program->param_count),
		cg_i32(cg, (int32_t)trunk_count),
		table_of(cg, "entk.trunks", v_trunks, trunk_count),
		emit_sources(cg, options->sources),
	};
	LLVMValueRef v_program =
		cg_global_const(cg, "entk.program", cg_const_struct(cg, fields, sizeof fields / sizeof *fields), false);
	cg_function_begin(cg, "entk_program", cg->t_ptr, NULL, 0, false);
	cg_return(cg, v_program);
	cg_function_end(cg);
}
