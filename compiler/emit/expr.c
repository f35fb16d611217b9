/* Expressions: the value of a nest at a position, or at two that are taken together. */
#include "emit/duals/dual.h"
#include "emit/form.h"

/* ---- positions taken together ---- */

/* Two positions' values as one operand. */
static LLVMValueRef join(Emit *e, LLVMValueRef v_first, LLVMValueRef v_second)
{
	return e->together == 1 ? v_first : cg_join(e->cg, v_first, v_second);
}

/* The same for all positions. */
static LLVMValueRef joined(Emit *e, LLVMValueRef v)
{
	return join(e, v, v);
}

static LLVMValueRef coef(Emit *e, int32_t i)
{
	return joined(e, e->v_coef[i]);
}

/* ---- leaves ---- */

static KT load_kt(Emit *e, const RecBuffer *b, LLVMValueRef v_index)
{
	KT value = {cg_load_lane(e->cg, emit_plane(e, b, false, false), v_index), NULL};
	if (b->theta && e->theta)
		value.v_theta = cg_load_lane(e->cg, emit_plane(e, b, true, false), v_index);
	return value;
}

static KT input(Emit *e, const Point *p)
{
	Cg *cg = e->cg;
	if (e->rec->vector_input) {
		bool theta = e->rec->input_theta && e->theta;
		return (KT){cg_load_lane(cg, e->v_k0, cg_i64(cg, 0)),
			    theta ? cg_load_lane(cg, e->v_k0, cg_i64(cg, 1)) : NULL};
	}
	LLVMValueRef v_channels = cg_i64(cg, e->rec->channels);
	LLVMValueRef v_left = cg_imul(cg, emit_row_major(e, p->shape, p->v_t), v_channels);
	LLVMValueRef v_right = cg_imul(cg, emit_right_index(e, p->shape, p->v_u), v_channels);
	LLVMValueRef v_sum = NULL;
	if (e->rec->channels <= 4) {
		for (uint32_t c = 0; c < e->rec->channels; c++) {
			LLVMValueRef v_l = cg_iadd(cg, v_left, cg_i64(cg, c)),
				     v_r = cg_iadd(cg, v_right, cg_i64(cg, c));
			LLVMValueRef v_x = e->pair ? cg_load_splat(cg, e->v_x, v_l) : cg_load_lane(cg, e->v_x, v_l);
			LLVMValueRef v_z = cg_load_lane(cg, e->v_z, v_r);
			v_sum = v_sum ? cg_fma(cg, v_x, v_z, v_sum) : cg_fmul(cg, v_x, v_z);
		}
	} else {
		LLVMValueRef v_acc = cg_var(cg, cg->t_lane, "dot");
		cg_set(cg, v_acc, cg_lane_zero(cg));
		CgLoop loop = cg_loop_begin(cg, cg_i64(cg, 0), v_channels, 1, "channel");
		LLVMValueRef v_l = cg_iadd(cg, v_left, loop.v_i), v_r = cg_iadd(cg, v_right, loop.v_i);
		LLVMValueRef v_x = e->pair ? cg_load_splat(cg, e->v_x, v_l) : cg_load_lane(cg, e->v_x, v_l);
		cg_set(cg, v_acc, cg_fma(cg, v_x, cg_load_lane(cg, e->v_z, v_r), cg_get(cg, v_acc)));
		cg_loop_end(cg, &loop);
		v_sum = cg_get(cg, v_acc);
	}
	return (KT){cg_fmul(cg, v_sum, cg_lane_const(cg, 1.0 / e->rec->channels)), NULL};
}

static KT array_entry(Emit *e, const RecExpr *x, const Point *p)
{
	LLVMValueRef v_index =
		cg_iadd(e->cg, emit_element_offset(e, x->buffer, p->v_r), emit_map_index(e, x->map, p->v_t, p->v_u));
	return load_kt(e, x->buffer, v_index);
}

static KT sum_entry(Emit *e, const RecExpr *x, const Point *p)
{
	Cg *cg = e->cg;
	const RecBuffer *b = x->buffer;
	LLVMValueRef v_index = b->elements > 1 ? p->v_r : cg_i64(cg, 0);
	KT value = {cg_f64_to_lane(cg, cg_load_lane_f64(cg, emit_plane(e, b, false, false), v_index)), NULL};
	if (b->theta && e->theta)
		value.v_theta = cg_f64_to_lane(cg, cg_load_lane_f64(cg, emit_plane(e, b, true, false), v_index));
	return value;
}

/* Position t' along one axis of the right grid, from u: its own axis and direction depend on the frame. Returns the index
 * in the lists of all axes. */
static LLVMValueRef right_axis_index(Emit *e, const uint32_t shape[AXES], const LLVMValueRef v_u[AXES], uint32_t axis)
{
	Cg *cg = e->cg;
	uint32_t n = e->frames->count;
	int64_t *base = ARENA_ARRAY(e->arena, int64_t, n), *sign = ARENA_ARRAY(e->arena, int64_t, n);
	const int64_t start[AXES] = {0, shape[0], (int64_t)shape[0] + shape[1]};
	for (uint32_t k = 0; k < n; k++) {
		GridElement x = rec_element(e->frames->group,
					    e->frames->group ? e->frames->group->inverse[e->frames->q[k]] : 0);
		uint32_t from = x.perm[axis];
		sign[k] = x.sign[axis];
		base[k] = start[from] + (x.sign[axis] < 0 ? (int64_t)shape[from] - 1 : 0);
	}
	return cg_iadd(cg, emit_per_frame(e, base), cg_imul(cg, v_u[axis], emit_per_frame(e, sign)));
}

/* The weight of a pair of positions, a product over the axes, as a splat. */
static LLVMValueRef edge_weight(Emit *e, LLVMValueRef v_table, const Point *p)
{
	Cg *cg = e->cg;
	LLVMValueRef v_weight = cg_f64_const(cg, 1);
	int64_t start = 0;
	for (uint32_t axis = 0; axis < AXES; axis++) {
		LLVMValueRef v_left = cg_load_f64(cg, v_table, cg_iadd(cg, p->v_t[axis], cg_i64(cg, start)));
		LLVMValueRef v_right = cg_load_f64(cg, v_table, right_axis_index(e, p->shape, p->v_u, axis));
		v_weight = cg_fmul(cg, v_weight, cg_fmul(cg, v_left, v_right));
		start += p->shape[axis];
	}
	return cg_splat(cg, cg->f32 ? cg_f64_to_lane(cg, v_weight) : v_weight);
}

static KT edges(Emit *e, const RecExpr *x, const Point *p, KT a)
{
	Cg *cg = e->cg;
	char *name = arena_printf(e->arena, "%s.edges%u", e->prefix, e->table_count++);
	size_t n = (size_t)p->shape[0] + p->shape[1] + p->shape[2];
	LLVMValueRef v_table = cg_global_f64_array(cg, name, x->edge_weights, n);
	LLVMValueRef v_first = edge_weight(e, v_table, &p[0]);
	LLVMValueRef v_weight = join(e, v_first, e->together == 1 ? v_first : edge_weight(e, v_table, &p[1]));
	return (KT){cg_fmul(cg, a.v_k, v_weight), a.v_theta ? cg_fmul(cg, a.v_theta, v_weight) : NULL};
}

/* ---- nonlinearities ---- */

LLVMValueRef emit_var_offset(Emit *e, const RecVar *var)
{
	Cg *cg = e->cg;
	for (uint32_t i = 0; e->form && i < e->form->var_count; i++)
		if (e->form->vars[i] == var)
			return e->v_var[i];
	LLVMValueRef v_offset = cg_i64(cg, (int64_t)var->offset);
	for (uint32_t i = 0; i < var->repeat_count; i++) {
		LLVMValueRef v_index = NULL;
		for (uint32_t j = 0; j < e->iteration_count; j++)
			if (e->iterations[j].repeat == var->repeats[i])
				v_index = e->iterations[j].v_index;
		ENTK_ASSERT(v_index != NULL);
		v_offset = cg_iadd(cg, v_offset, cg_imul(cg, v_index, cg_i64(cg, (int64_t)var->strides[i])));
	}
	return v_offset;
}

/* r' = q r. */
static LLVMValueRef right_element(Emit *e, const RecVar *var, LLVMValueRef v_r)
{
	const Group *group = e->frames->group;
	if (var->elements == 1)
		return cg_i64(e->cg, 0);
	if (!group)
		return v_r;
	uint32_t order = group->order;
	int64_t *table = ARENA_ARRAY(e->arena, int64_t, (size_t)e->frames->count * order);
	for (uint32_t k = 0; k < e->frames->count; k++)
		for (uint32_t r = 0; r < order; r++)
			table[k * order + r] = group->product[e->frames->q[k] * order + r];
	char *name = arena_printf(e->arena, "%s.product%u", e->prefix, e->table_count++);
	LLVMValueRef v_table = cg_global_i64_array(e->cg, name, table, (size_t)e->frames->count * order);
	LLVMValueRef v_row = cg_imul(e->cg, e->v_frame, cg_i64(e->cg, order));
	return cg_load_i64(e->cg, v_table, cg_iadd(e->cg, v_row, v_r));
}

/* Of the left and the right sample; as many as the nonlinearity has. */
typedef struct Factors {
	LLVMValueRef *v_left, *v_right;
} Factors;

static Factors new_factors(Emit *e, const RecVar *var)
{
	return (Factors){ARENA_ARRAY(e->arena, LLVMValueRef, var->planes + 1u),
			 ARENA_ARRAY(e->arena, LLVMValueRef, var->planes + 1u)};
}

/* Do all positions share the factors? */
static bool one_for_all(const RecVar *var, const Point *p)
{
	return var->positions == 1 && p->shape[0] * p->shape[1] * p->shape[2] > 1;
}

static Factors load_factors(Emit *e, const RecVar *var, const Point *p)
{
	Cg *cg = e->cg;
	int64_t plane = (int64_t)(var->elements * var->positions);
	LLVMValueRef v_base = emit_var_offset(e, var);
	LLVMValueRef v_r = var->elements > 1 ? p->v_r : cg_i64(cg, 0);
	LLVMValueRef v_positions = cg_i64(cg, (int64_t)var->positions);
	bool everywhere = one_for_all(var, p);
	LLVMValueRef v_zero = cg_i64(cg, 0);
	LLVMValueRef v_left = cg_iadd(
		cg, v_base,
		cg_iadd(cg, cg_imul(cg, v_r, v_positions), everywhere ? v_zero : emit_row_major(e, p->shape, p->v_t)));
	LLVMValueRef v_right = cg_iadd(cg, v_base,
				       cg_iadd(cg, cg_imul(cg, right_element(e, var, v_r), v_positions),
					       everywhere ? v_zero : emit_right_index(e, p->shape, p->v_u)));
	LLVMValueRef v_left_base = var->in_state ? e->v_left_state : e->v_left_vars;
	LLVMValueRef v_right_base = var->in_state ? e->v_right_state : e->v_right_vars;
	Factors f = new_factors(e, var);
	for (uint32_t i = 0; i < var->planes; i++) {
		LLVMValueRef v_plane = cg_i64(cg, plane * i);
		LLVMValueRef v_l = cg_iadd(cg, v_left, v_plane);
		f.v_left[i] = e->pair ? cg_load_splat(cg, v_left_base, v_l) : cg_load_lane(cg, v_left_base, v_l);
		f.v_right[i] = cg_load_lane(cg, v_right_base, cg_iadd(cg, v_right, v_plane));
	}
	return f;
}

static CgArgs args_of(Emit *e, const RecExpr *x)
{
	LLVMValueRef *v_coef = ARENA_ARRAY(e->arena, LLVMValueRef, x->coef_count + 1u);
	for (uint32_t i = x->coef_count; i-- > 0;)
		v_coef[i] = coef(e, x->coef[i]);
	return (CgArgs){v_coef, x->node->as.pointwise.args, x->node->as.pointwise.arg_count};
}

static Factors make_factors(Emit *e, const RecExpr *x, const Point *p, LLVMValueRef v_variance)
{
	Cg *cg = e->cg;
	const RecVar *var = x->var;
	Factors f = new_factors(e, var);
	if (x->op == REC_OP_NORM) {
		LLVMValueRef v_sum = cg_fadd(cg, v_variance, e->v_coef[x->coef[0]]);
		f.v_left[0] = cg_fdiv(cg, cg_lane_const(cg, 1), cg_sqrt(cg, v_sum));
	} else {
		CgArgs args = args_of(e, x);
		cg_faces[x->node->as.pointwise.f->id]->factors(cg, &args, v_variance, f.v_left);
	}
	int64_t plane = (int64_t)(var->elements * var->positions);
	LLVMValueRef v_r = var->elements > 1 ? p->v_r : cg_i64(cg, 0);
	LLVMValueRef v_index = cg_iadd(cg, cg_imul(cg, v_r, cg_i64(cg, (int64_t)var->positions)),
				       one_for_all(var, p) ? cg_i64(cg, 0) : emit_row_major(e, p->shape, p->v_t));
	v_index = cg_iadd(cg, v_index, emit_var_offset(e, var));
	LLVMValueRef v_base = var->in_state ? e->v_right_state : e->v_right_vars;
	for (uint32_t i = 0; i < var->planes; i++) {
		cg_store_lane(cg, v_base, cg_iadd(cg, v_index, cg_i64(cg, plane * i)), f.v_left[i]);
		f.v_right[i] = f.v_left[i];
	}
	return f;
}

/* The factors of all positions that are taken together. */
static Factors factors(Emit *e, const RecExpr *x, const Point *p, LLVMValueRef v_variance)
{
	if (!x->var)
		return (Factors){NULL, NULL};
	if (x->diagonal)
		return make_factors(e, x, p, v_variance);
	Factors f = load_factors(e, x->var, &p[0]), other = f;
	if (e->together == 2)
		other = load_factors(e, x->var, &p[1]);
	for (uint32_t i = 0; i < x->var->planes; i++) {
		f.v_left[i] = join(e, f.v_left[i], other.v_left[i]);
		f.v_right[i] = join(e, f.v_right[i], other.v_right[i]);
	}
	return f;
}

static KT dual(Emit *e, const RecExpr *x, const Point *p, KT a)
{
	Factors f = factors(e, x, p, a.v_k);
	CgArgs args = args_of(e, x);
	CgDual d = cg_faces[x->node->as.pointwise.f->id]->dual(e->cg, &args, a.v_k, f.v_left, f.v_right);
	return (KT){d.v_k, a.v_theta ? cg_fmul(e->cg, a.v_theta, d.v_tdot) : NULL};
}

/* ---- layers of numbers ---- */

static KT affine(Emit *e, const RecExpr *x, KT a)
{
	Cg *cg = e->cg;
	LLVMValueRef v_scale = coef(e, x->coef[0]);
	LLVMValueRef v_k =
		x->coef[1] >= 0 ? cg_fma(cg, v_scale, a.v_k, coef(e, x->coef[1])) : cg_fmul(cg, v_scale, a.v_k);
	if (!e->theta)
		return (KT){v_k, NULL};
	LLVMValueRef v_own = v_k; /* what the layer's parameters give */
	if (x->coef_count == 4) {
		LLVMValueRef v_fan_in = coef(e, x->coef[2]);
		v_own = x->coef[3] >= 0 ? cg_fma(cg, v_fan_in, a.v_k, coef(e, x->coef[3]))
					: cg_fmul(cg, v_fan_in, a.v_k);
	}
	return (KT){v_k, a.v_theta ? cg_fma(cg, v_scale, a.v_theta, v_own) : v_own};
}

static KT times(Emit *e, KT a, LLVMValueRef v)
{
	return (KT){cg_fmul(e->cg, a.v_k, v), a.v_theta ? cg_fmul(e->cg, a.v_theta, v) : NULL};
}

static KT norm(Emit *e, const RecNest *nest, const RecExpr *x, const Point *p, KT a)
{
	LLVMValueRef v_variance = x->mean ? emit_expr(e, nest, x->mean, p).v_k : a.v_k;
	Factors f = factors(e, x, p, v_variance);
	return times(e, a, cg_fmul(e->cg, f.v_left[0], f.v_right[0]));
}

/* The factor at one position: 1 unless both samples are one, seen from the identity, at one position. */
static LLVMValueRef noise_factor(Emit *e, const RecExpr *x, const Point *p)
{
	Cg *cg = e->cg;
	uint32_t frames = e->frames->count;
	int64_t *identity = ARENA_ARRAY(e->arena, int64_t, frames);
	for (uint32_t k = 0; k < frames; k++)
		identity[k] = e->frames->q[k] == 0;
	LLVMValueRef v_here = cg_ieq(cg, emit_per_frame(e, identity), cg_i64(cg, 1));
	for (int a = 0; a < AXES; a++)
		v_here = cg_and(cg, v_here, cg_ieq(cg, p->v_t[a], p->v_u[a]));
	LLVMValueRef v_one = cg_lane_const(cg, 1), v_factor = e->v_coef[x->coef[0]];
	if (!x->self) {
		LLVMValueRef v_same = cg_load_lane(cg, e->v_same, cg_i64(cg, 0));
		v_factor = cg_select(cg, cg_fgt(cg, v_same, cg_lane_zero(cg)), v_factor, v_one);
	}
	return cg_select(cg, v_here, v_factor, v_one);
}

static KT noise(Emit *e, const RecExpr *x, const Point *p, KT a)
{
	LLVMValueRef v_first = noise_factor(e, x, &p[0]);
	return times(e, a, join(e, v_first, e->together == 1 ? v_first : noise_factor(e, x, &p[1])));
}

/* [KR-62] */
static KT mul(Emit *e, KT a, KT b)
{
	Cg *cg = e->cg;
	LLVMValueRef v_theta = a.v_theta ? cg_fmul(cg, a.v_theta, b.v_k) : NULL;
	if (b.v_theta)
		v_theta = v_theta ? cg_fma(cg, a.v_k, b.v_theta, v_theta) : cg_fmul(cg, a.v_k, b.v_theta);
	return (KT){cg_fmul(cg, a.v_k, b.v_k), v_theta};
}

/* ---- expressions ---- */

static KT leaf(Emit *e, const RecNest *nest, const RecExpr *x, const Point *p)
{
	switch (x->op) {
	case REC_OP_INPUT:
		return input(e, p);
	case REC_OP_LOAD:
		return load_kt(e, x->buffer,
			       nest->array_mode ? emit_pair_index(e, x->buffer, p->v_r, p->v_t, p->v_u)
						: emit_slice_index(e, x->buffer, p->v_r, p->v_t));
	case REC_OP_TAPS:
		return emit_taps(e, nest, x, p);
	case REC_OP_ARRAY:
		return array_entry(e, x, p);
	case REC_OP_SUM:
		return sum_entry(e, x, p);
	default:
		ICE("no leaf");
	}
}

static KT leaves(Emit *e, const RecNest *nest, const RecExpr *x, const Point *p)
{
	KT value = leaf(e, nest, x, &p[0]);
	if (e->together == 1)
		return value;
	KT other = leaf(e, nest, x, &p[1]);
	return (KT){join(e, value.v_k, other.v_k), value.v_theta ? join(e, value.v_theta, other.v_theta) : NULL};
}

KT emit_expr(Emit *e, const RecNest *nest, const RecExpr *x, const Point *p)
{
	Cg *cg = e->cg;
	KT a = {NULL, NULL}, b;
	if (x->a)
		a = emit_expr(e, nest, x->a, p);
	switch (x->op) {
	case REC_OP_INPUT:
	case REC_OP_LOAD:
	case REC_OP_TAPS:
	case REC_OP_ARRAY:
	case REC_OP_SUM:
		return leaves(e, nest, x, p);
	case REC_OP_AFFINE:
		return affine(e, x, a);
	case REC_OP_SCALE: {
		LLVMValueRef v_scale = coef(e, x->coef[0]);
		return (KT){cg_fmul(cg, v_scale, a.v_k), a.v_theta ? cg_fmul(cg, v_scale, a.v_theta) : NULL};
	}
	case REC_OP_EDGES:
		return edges(e, x, p, a);
	case REC_OP_DUAL:
		return dual(e, x, p, a);
	case REC_OP_NORM:
		return norm(e, nest, x, p, a);
	case REC_OP_NOISE:
		return noise(e, x, p, a);
	case REC_OP_MUL:
		return mul(e, a, emit_expr(e, nest, x->b, p));
	case REC_OP_ADD:
		b = emit_expr(e, nest, x->b, p);
		return (KT){cg_fadd(cg, a.v_k, b.v_k), a.v_theta && b.v_theta ? cg_fadd(cg, a.v_theta, b.v_theta)
						       : a.v_theta            ? a.v_theta
									      : b.v_theta};
	case REC_OP_COUNT:
		break;
	}
	ICE("expression without emitter");
}

/* ---- which go in twos ---- */

static bool has_dual(const RecExpr *x)
{
	return x && (x->op == REC_OP_DUAL || has_dual(x->a) || has_dual(x->b));
}

/* Factors of variances are made one by one; lists of taps are loops of their own, or long. */
static bool goes_in_twos(const RecExpr *x)
{
	return !x ||
	       (!x->diagonal && (x->op != REC_OP_TAPS || x->taps->box) && goes_in_twos(x->a) && goes_in_twos(x->b));
}

bool emit_goes_in_twos(const RecExpr *x)
{
	return has_dual(x) && goes_in_twos(x);
}
