/* Sums over the taps of a support.
 *
 * A full box is summed separably: one column sum per position of the row, kept in registers while the window slides along
 * it. Any other support is a list of taps, written out if short, a loop over a table of offsets otherwise. In array
 * mode both sides of a tap are checked against their grids. */
#include "emit/internal.h"

#include <string.h>

enum { LIST_MAX = 48 }; /* taps that are written out */

/* Index of input position stride * t + offset. */
static LLVMValueRef input_index(Emit *e, const RecExpr *x, const Point *p, const int32_t offset[AXES])
{
	Cg *cg = e->cg;
	LLVMValueRef v_in[AXES];
	for (int a = 0; a < AXES; a++)
		v_in[a] = cg_iadd(cg, cg_imul(cg, p->v_t[a], cg_i64(cg, x->taps->stride[a])), cg_i64(cg, offset[a]));
	return emit_slice_index(e, x->buffer, cg_i64(cg, 0), v_in);
}

static int64_t linear_offset(const RecBuffer *b, const int32_t offset[AXES])
{
	int64_t size1 = (int64_t)b->shape[1] + b->halo_low[1] + b->halo_high[1];
	int64_t size2 = (int64_t)b->shape[2] + b->halo_low[2] + b->halo_high[2];
	return (offset[0] * size1 + offset[1]) * size2 + offset[2];
}

/* ---- boxes ---- */

/* Sum of the column of cells (y0, y1) at row offset `cell` of the window. */
static LLVMValueRef column(Emit *e, const RecExpr *x, const Point *p, LLVMValueRef v_plane, int32_t cell)
{
	Cg *cg = e->cg;
	const RecTaps *t = x->taps;
	LLVMValueRef v_sum = NULL;
	for (uint32_t y0 = 0; y0 < t->box_size[0]; y0++)
		for (uint32_t y1 = 0; y1 < t->box_size[1]; y1++) {
			const int32_t at[AXES] = {t->box_low[0] + (int32_t)y0, t->box_low[1] + (int32_t)y1,
						  t->box_low[2] + cell};
			LLVMValueRef v = cg_load_lane(cg, v_plane, input_index(e, x, p, at));
			v_sum = v_sum ? cg_fadd(cg, v_sum, v) : v;
		}
	return v_sum;
}

static LLVMValueRef box_plane(Emit *e, const RecExpr *x, const Point *p, LLVMValueRef v_plane, LLVMValueRef *v_carry)
{
	Cg *cg = e->cg;
	int32_t size = (int32_t)x->taps->box_size[2];
	LLVMValueRef v_sum = NULL, v_last = column(e, x, p, v_plane, size - 1);
	for (int32_t i = 0; i < size - 1; i++) {
		LLVMValueRef v = v_carry ? cg_get(cg, v_carry[i]) : column(e, x, p, v_plane, i);
		v_sum = v_sum ? cg_fadd(cg, v_sum, v) : v;
	}
	v_sum = v_sum ? cg_fadd(cg, v_sum, v_last) : v_last;
	for (int32_t i = 0; v_carry && i < size - 1; i++)
		cg_set(cg, v_carry[i], i + 1 < size - 1 ? cg_get(cg, v_carry[i + 1]) : v_last);
	return v_sum;
}

static Slide *new_slide(Emit *e)
{
	if (e->slide_count == e->slide_capacity) {
		uint32_t capacity = 2 * e->slide_capacity + 8;
		Slide *grown = ARENA_ARRAY(e->arena, Slide, capacity);
		if (e->slide_count > 0)
			memcpy(grown, e->slides, e->slide_count * sizeof *grown);
		e->slides = grown;
		e->slide_capacity = capacity;
	}
	return &e->slides[e->slide_count++];
}

void emit_taps_begin_row(Emit *e, const RecNest *nest, const RecExpr *x, const Point *row)
{
	Cg *cg = e->cg;
	const RecTaps *t = x->taps;
	if (nest->array_mode || !t->box || t->stride[2] != 1 || t->box_size[2] == 1)
		return;
	uint32_t carried = t->box_size[2] - 1;
	Slide *s = new_slide(e);
	s->expr = x;
	s->v_k = ARENA_ARRAY(e->arena, LLVMValueRef, carried);
	s->v_theta = x->buffer->theta && e->theta ? ARENA_ARRAY(e->arena, LLVMValueRef, carried) : NULL;
	for (uint32_t i = 0; i < carried; i++) {
		s->v_k[i] = cg_var(cg, cg->t_lane, "column.k");
		cg_set(cg, s->v_k[i], column(e, x, row, emit_plane(e, x->buffer, false, false), (int32_t)i));
		if (!s->v_theta)
			continue;
		s->v_theta[i] = cg_var(cg, cg->t_lane, "column.theta");
		cg_set(cg, s->v_theta[i], column(e, x, row, emit_plane(e, x->buffer, true, false), (int32_t)i));
	}
}

static KT box(Emit *e, const RecExpr *x, const Point *p)
{
	const Slide *slide = NULL;
	for (uint32_t i = 0; i < e->slide_count; i++)
		if (e->slides[i].expr == x)
			slide = &e->slides[i];
	KT sum = {box_plane(e, x, p, emit_plane(e, x->buffer, false, false), slide ? slide->v_k : NULL), NULL};
	if (x->buffer->theta && e->theta)
		sum.v_theta = box_plane(e, x, p, emit_plane(e, x->buffer, true, false), slide ? slide->v_theta : NULL);
	return sum;
}

/* ---- lists ---- */

static LLVMValueRef weigh(Emit *e, LLVMValueRef v_sum, LLVMValueRef v, int32_t weight)
{
	Cg *cg = e->cg;
	if (weight == 1)
		return v_sum ? cg_fadd(cg, v_sum, v) : v;
	LLVMValueRef v_weight = cg_lane_const(cg, weight);
	return v_sum ? cg_fma(cg, v_weight, v, v_sum) : cg_fmul(cg, v_weight, v);
}

static KT short_list(Emit *e, const RecExpr *x, const Point *p)
{
	Cg *cg = e->cg;
	const RecTaps *t = x->taps;
	const int32_t origin[AXES] = {0, 0, 0};
	LLVMValueRef v_index = input_index(e, x, p, origin);
	KT sum = {NULL, NULL};
	for (uint32_t i = 0; i < t->count; i++) {
		const RecTap *tap = &t->taps[i];
		int64_t offset = linear_offset(x->buffer, tap->offset) + (int64_t)tap->r * (int64_t)x->buffer->entries;
		LLVMValueRef v_cell = cg_iadd(cg, v_index, cg_i64(cg, offset));
		sum.v_k = weigh(e, sum.v_k, cg_load_lane(cg, emit_plane(e, x->buffer, false, false), v_cell),
				tap->weight);
		if (x->buffer->theta && e->theta)
			sum.v_theta =
				weigh(e, sum.v_theta, cg_load_lane(cg, emit_plane(e, x->buffer, true, false), v_cell),
				      tap->weight);
	}
	return sum;
}

/* acc += weight * lane, for a weight that is known at run time only */
static void accumulate(Emit *e, LLVMValueRef v_acc, LLVMValueRef v_plane, LLVMValueRef v_index, LLVMValueRef v_weight)
{
	Cg *cg = e->cg;
	cg_set(cg, v_acc, cg_fma(cg, v_weight, cg_load_lane(cg, v_plane, v_index), cg_get(cg, v_acc)));
}

static LLVMValueRef table_weight(Emit *e, LLVMValueRef v_integer)
{
	Cg *cg = e->cg;
	LLVMValueRef v_weight = cg_i64_to_f64(cg, v_integer);
	return cg_splat(cg, cg->f32 ? cg_f64_to_lane(cg, v_weight) : v_weight);
}

static KT long_list(Emit *e, const RecExpr *x, const Point *p)
{
	Cg *cg = e->cg;
	const RecTaps *t = x->taps;
	const int32_t origin[AXES] = {0, 0, 0};
	LLVMValueRef v_index = input_index(e, x, p, origin);
	size_t rows = (size_t)t->elements_out * t->count;
	int64_t *table = ARENA_ARRAY(e->arena, int64_t, 2 * rows);
	for (size_t i = 0; i < rows; i++) {
		table[2 * i] = linear_offset(x->buffer, t->taps[i].offset) +
			       (int64_t)t->taps[i].r * (int64_t)x->buffer->entries;
		table[2 * i + 1] = t->taps[i].weight;
	}
	LLVMValueRef v_table = cg_global_i64_array(cg, arena_printf(e->arena, "%s.taps%u", e->prefix, e->table_count++),
						   table, 2 * rows);
	bool theta = x->buffer->theta && e->theta;
	LLVMValueRef v_k = cg_var(cg, cg->t_lane, "taps.k"), v_theta = cg_var(cg, cg->t_lane, "taps.theta");
	cg_set(cg, v_k, cg_lane_zero(cg));
	cg_set(cg, v_theta, cg_lane_zero(cg));
	LLVMValueRef v_first = t->elements_out > 1 ? cg_imul(cg, p->v_r, cg_i64(cg, t->count)) : cg_i64(cg, 0);
	CgLoop loop = cg_loop_begin(cg, v_first, cg_iadd(cg, v_first, cg_i64(cg, t->count)), 1, "tap");
	LLVMValueRef v_row = cg_imul(cg, loop.v_i, cg_i64(cg, 2));
	LLVMValueRef v_cell = cg_iadd(cg, v_index, cg_load_i64(cg, v_table, v_row));
	LLVMValueRef v_weight = table_weight(e, cg_load_i64(cg, v_table, cg_iadd(cg, v_row, cg_i64(cg, 1))));
	accumulate(e, v_k, emit_plane(e, x->buffer, false, false), v_cell, v_weight);
	if (theta)
		accumulate(e, v_theta, emit_plane(e, x->buffer, true, false), v_cell, v_weight);
	cg_loop_end(cg, &loop);
	return (KT){cg_get(cg, v_k), theta ? cg_get(cg, v_theta) : NULL};
}

/* ---- whole arrays ---- */

/* Is the position on the grid? On a circle it is wrapped around instead. */
static LLVMValueRef check(Emit *e, bool circular, LLVMValueRef *v_position, LLVMValueRef v_size)
{
	Cg *cg = e->cg;
	if (circular) {
		*v_position = cg_ifloormod(cg, *v_position, v_size);
		return cg_i1(cg, true);
	}
	return cg_and(cg, cg_ige(cg, *v_position, cg_i64(cg, 0)), cg_ilt(cg, *v_position, v_size));
}

static LLVMValueRef per_frame_axis(Emit *e, const int32_t (*values)[AXES], int axis)
{
	int64_t *wide = ARENA_ARRAY(e->arena, int64_t, e->frames->count);
	for (uint32_t k = 0; k < e->frames->count; k++)
		wide[k] = values[k][axis];
	return emit_per_frame(e, wide);
}

static KT array_list(Emit *e, const RecExpr *x, const Point *p)
{
	Cg *cg = e->cg;
	const RecTaps *t = x->taps;
	const RecBuffer *b = x->buffer;
	size_t rows = (size_t)t->elements_out * t->count;
	int64_t *table = ARENA_ARRAY(e->arena, int64_t, 5 * rows);
	for (size_t i = 0; i < rows; i++) {
		table[5 * i] = t->taps[i].r;
		for (int a = 0; a < AXES; a++)
			table[5 * i + 1 + (size_t)a] = t->taps[i].offset[a];
		table[5 * i + 4] = t->taps[i].weight;
	}
	LLVMValueRef v_table = cg_global_i64_array(cg, arena_printf(e->arena, "%s.taps%u", e->prefix, e->table_count++),
						   table, 5 * rows);
	bool theta = b->theta && e->theta;
	LLVMValueRef v_k = cg_var(cg, cg->t_lane, "taps.k"), v_theta = cg_var(cg, cg->t_lane, "taps.theta");
	cg_set(cg, v_k, cg_lane_zero(cg));
	cg_set(cg, v_theta, cg_lane_zero(cg));
	LLVMValueRef v_first = t->elements_out > 1 ? cg_imul(cg, p->v_r, cg_i64(cg, t->count)) : cg_i64(cg, 0);
	CgLoop loop = cg_loop_begin(cg, v_first, cg_iadd(cg, v_first, cg_i64(cg, t->count)), 1, "tap");
	LLVMValueRef v_row = cg_imul(cg, loop.v_i, cg_i64(cg, 5));
	LLVMValueRef v_r = cg_load_i64(cg, v_table, v_row), v_in_t[AXES], v_in_u[AXES], v_inside = cg_i1(cg, true);
	for (int a = 0; a < AXES; a++) {
		LLVMValueRef v_offset = cg_load_i64(cg, v_table, cg_iadd(cg, v_row, cg_i64(cg, a + 1)));
		v_in_t[a] = cg_iadd(cg, cg_imul(cg, p->v_t[a], cg_i64(cg, t->stride[a])), v_offset);
		v_in_u[a] = cg_iadd(cg, cg_imul(cg, p->v_u[a], per_frame_axis(e, t->right_strides, a)),
				    cg_iadd(cg, v_offset, per_frame_axis(e, t->right_shift, a)));
		v_inside = cg_and(cg, v_inside, check(e, t->circular, &v_in_t[a], cg_i64(cg, b->shape[a])));
		v_inside = cg_and(cg, v_inside,
				  check(e, t->circular, &v_in_u[a], emit_right_size(e, b->shape, (uint32_t)a)));
	}
	LLVMValueRef v_weight = table_weight(e, cg_load_i64(cg, v_table, cg_iadd(cg, v_row, cg_i64(cg, 4))));
	CgIf inside = cg_if(cg, v_inside, "tap.in");
	LLVMValueRef v_cell = emit_pair_index(e, b, v_r, v_in_t, v_in_u);
	accumulate(e, v_k, emit_plane(e, b, false, false), v_cell, v_weight);
	if (theta)
		accumulate(e, v_theta, emit_plane(e, b, true, false), v_cell, v_weight);
	cg_endif(cg, &inside);
	cg_loop_end(cg, &loop);
	return (KT){cg_get(cg, v_k), theta ? cg_get(cg, v_theta) : NULL};
}

/* A window pool on a whole array: cells of the left and of the right window run independently. */
static KT array_pool(Emit *e, const RecExpr *x, const Point *p)
{
	Cg *cg = e->cg;
	const RecTaps *t = x->taps;
	const RecBuffer *b = x->buffer;
	bool theta = b->theta && e->theta;
	LLVMValueRef v_k = cg_var(cg, cg->t_lane, "pool.k"), v_theta = cg_var(cg, cg->t_lane, "pool.theta");
	cg_set(cg, v_k, cg_lane_zero(cg));
	cg_set(cg, v_theta, cg_lane_zero(cg));
	LLVMValueRef v_in_t[AXES], v_in_u[AXES], v_inside = cg_i1(cg, true), v_zero = cg_i64(cg, 0);
	CgLoop left[AXES], right[AXES];
	int64_t *sizes = ARENA_ARRAY(e->arena, int64_t, e->frames->count);
	for (int a = 0; a < AXES; a++) {
		left[a] = cg_loop_begin(cg, v_zero, cg_i64(cg, t->box_size[a]), 1, "cell");
		v_in_t[a] = cg_iadd(cg, cg_imul(cg, p->v_t[a], cg_i64(cg, t->stride[a])),
				    cg_iadd(cg, left[a].v_i, cg_i64(cg, t->box_low[a])));
		v_inside = cg_and(cg, v_inside, check(e, t->circular, &v_in_t[a], cg_i64(cg, b->shape[a])));
	}
	for (int a = 0; a < AXES; a++) {
		for (uint32_t k = 0; k < e->frames->count; k++)
			sizes[k] = t->right_size[k][a];
		right[a] = cg_loop_begin(cg, v_zero, emit_per_frame(e, sizes), 1, "cell");
		v_in_u[a] = cg_iadd(cg, cg_imul(cg, p->v_u[a], per_frame_axis(e, t->right_strides, a)),
				    cg_iadd(cg, right[a].v_i, per_frame_axis(e, t->right_low, a)));
		v_inside = cg_and(cg, v_inside,
				  check(e, t->circular, &v_in_u[a], emit_right_size(e, b->shape, (uint32_t)a)));
	}
	CgIf inside = cg_if(cg, v_inside, "cell.in");
	LLVMValueRef v_cell = emit_pair_index(e, b, p->v_r, v_in_t, v_in_u);
	cg_set(cg, v_k, cg_fadd(cg, cg_get(cg, v_k), cg_load_lane(cg, emit_plane(e, b, false, false), v_cell)));
	if (theta)
		cg_set(cg, v_theta,
		       cg_fadd(cg, cg_get(cg, v_theta), cg_load_lane(cg, emit_plane(e, b, true, false), v_cell)));
	cg_endif(cg, &inside);
	for (int a = AXES; a-- > 0;)
		cg_loop_end(cg, &right[a]);
	for (int a = AXES; a-- > 0;)
		cg_loop_end(cg, &left[a]);
	return (KT){cg_get(cg, v_k), theta ? cg_get(cg, v_theta) : NULL};
}

KT emit_taps(Emit *e, const RecNest *nest, const RecExpr *x, const Point *p)
{
	if (nest->array_mode)
		return x->taps->pool ? array_pool(e, x, p) : array_list(e, x, p);
	if (x->taps->box)
		return box(e, x, p);
	return x->taps->elements_out == 1 && x->taps->count <= LIST_MAX ? short_list(e, x, p) : long_list(e, x, p);
}
