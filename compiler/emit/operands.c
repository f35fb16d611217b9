/* The operands of a part's function, and of its pieces: arguments as fields of Emit. */
#include "emit/internal.h"

unsigned emit_part_args(const Emit *e)
{
	return e->rec->noisy ? ARG_COUNT : ARG_SAME;
}

LLVMValueRef emit_coef_load(Emit *e, LLVMValueRef v_index)
{
	Cg *cg = e->cg;
	LLVMValueRef v = cg_load_f64(cg, cg_param(cg, ARG_COEFS), v_index);
	return cg_splat(cg, cg->f32 ? cg_f64_to_lane(cg, v) : v);
}

void emit_bind(Emit *e)
{
	Cg *cg = e->cg;
	e->v_x = cg_param(cg, ARG_X);
	e->v_z = cg_param(cg, ARG_Z);
	e->v_k0 = cg_param(cg, ARG_K0);
	e->v_left_vars = cg_param(cg, ARG_LEFT_VARS);
	e->v_right_vars = cg_param(cg, ARG_RIGHT_VARS);
	e->v_left_state = cg_param(cg, ARG_LEFT_STATE);
	e->v_right_state = cg_param(cg, ARG_RIGHT_STATE);
	e->v_out = cg_param(cg, ARG_OUT);
	e->v_lanes = cg_param(cg, ARG_LANES);
	e->v_sums = cg_param(cg, ARG_SUMS);
	e->v_same = e->rec->noisy ? cg_param(cg, ARG_SAME) : NULL;
	e->v_row_k = cg_var(cg, cg->t_lane, "row.k");
	e->v_row_theta = cg_var(cg, cg->t_lane, "row.theta");
	e->slide_count = 0;
}
