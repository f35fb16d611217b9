/* Nests: loops over the positions of a slice (or over all pairs of positions), and where the value of the expression goes. Rows run
 * along the last axis. */
#include <string.h>

#include "emit/internal.h"

/* ---- sinks ---- */

static void add_at(Emit *e, const RecBuffer *b, LLVMValueRef v_index, KT value)
{
	Cg *cg = e->cg;
	LLVMValueRef v_plane = emit_plane(e, b, false, false);
	cg_store_lane(cg, v_plane, v_index, cg_fadd(cg, cg_load_lane(cg, v_plane, v_index), value.v_k));
	if (!value.v_theta)
		return;
	v_plane = emit_plane(e, b, true, false);
	cg_store_lane(cg, v_plane, v_index, cg_fadd(cg, cg_load_lane(cg, v_plane, v_index), value.v_theta));
}

static void store_at(Emit *e, const RecBuffer *b, LLVMValueRef v_index, KT value, bool next)
{
	Cg *cg = e->cg;
	cg_store_lane(cg, emit_plane(e, b, false, next), v_index, value.v_k);
	if (b->theta && e->theta)
		cg_store_lane(cg, emit_plane(e, b, true, next), v_index,
			      value.v_theta ? value.v_theta : cg_lane_zero(cg));
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* Open loops over the coarse T of one axis whose window holds position v_t (and its images on a circle). */
static LLVMValueRef open_windows(Emit *e, LLVMValueRef v_t, uint32_t n, int64_t stride, LLVMValueRef v_size,
				 int64_t max_size, LLVMValueRef v_low, int64_t min_low, int64_t max_low,
				 LLVMValueRef v_out, int64_t max_out, bool circular, LLVMValueRef v_min,
				 LLVMValueRef v_max, CgLoop loops[2], int *opened)
{
	Cg *cg = e->cg;
	*opened = 0;
	if (circular) {
		int64_t first = floor_div(min_low - ((int64_t)n - 1), n);
		int64_t last = floor_div(stride * (max_out - 1) + max_low + max_size - 1, n);
		loops[0] = cg_loop_begin(cg, cg_i64(cg, first), cg_i64(cg, last + 1), 1, "image");
		v_t = cg_iadd(cg, v_t, cg_imul(cg, loops[0].v_i, cg_i64(cg, n)));
		*opened = 1;
	}
	LLVMValueRef v_stride = cg_i64(cg, stride);
	LLVMValueRef v_offset = cg_isub(cg, v_t, v_low);
	/* T = ceil((offset - size + 1) / stride) .. floor(offset / stride) */
	LLVMValueRef v_from = cg_ifloordiv(cg, cg_iadd(cg, cg_isub(cg, v_offset, v_size), v_stride), v_stride);
	LLVMValueRef v_to = cg_iadd(cg, cg_ifloordiv(cg, v_offset, v_stride), cg_i64(cg, 1));
	v_from = cg_imax(cg, v_from, cg_i64(cg, 0));
	v_to = cg_imin(cg, v_to, v_out);
	if (v_min) {
		v_from = cg_imax(cg, v_from, v_min);
		v_to = cg_imin(cg, v_to, cg_iadd(cg, v_max, cg_i64(cg, 1)));
	}
	loops[*opened] = cg_loop_begin(cg, v_from, v_to, 1, "window");
	*opened += 1;
	return loops[*opened - 1].v_i;
}

/* Axes that the grid does not have are one long and have windows of one cell. A real axis may be as short: then every cell of a
 * longer window reads its one position. */
static bool wraps(const RecPool *pool, uint32_t size, int64_t window)
{
	return pool->circular && (size > 1 || window > 1);
}

static void push_window(Emit *e, const RecNest *nest, const Point *p, KT value)
{
	Cg *cg = e->cg;
	const RecPool *pool = nest->pool;
	uint32_t frames = e->frames->count;
	CgLoop loops[4 * AXES];
	int count = 0, opened;
	LLVMValueRef v_coarse_t[AXES], v_coarse_u[AXES];
	int64_t *values = ARENA_ARRAY(e->arena, int64_t, frames);
	for (uint32_t a = 0; a < AXES; a++) {
		v_coarse_t[a] = open_windows(
			e, p->v_t[a], p->shape[a], pool->stride[a], cg_i64(cg, pool->size[a]), pool->size[a],
			cg_i64(cg, pool->low[a]), pool->low[a], pool->low[a], cg_i64(cg, pool->out[a]), pool->out[a],
			wraps(pool, p->shape[a], pool->size[a]), NULL, NULL, &loops[count], &opened);
		count += opened;
	}
	for (uint32_t a = 0; a < AXES; a++) {
		int64_t max_size = 0, min_low = INT32_MAX, max_low = INT32_MIN, max_out = 0;
		for (uint32_t k = 0; k < frames; k++) {
			max_size = pool->right_size[k][a] > max_size ? pool->right_size[k][a] : max_size;
			max_out = pool->right_out[k][a] > max_out ? pool->right_out[k][a] : max_out;
			min_low = pool->right_low[k][a] < min_low ? pool->right_low[k][a] : min_low;
			max_low = pool->right_low[k][a] > max_low ? pool->right_low[k][a] : max_low;
		}
		for (uint32_t k = 0; k < frames; k++)
			values[k] = pool->right_size[k][a];
		LLVMValueRef v_size = emit_per_frame(e, values);
		for (uint32_t k = 0; k < frames; k++)
			values[k] = pool->right_low[k][a];
		LLVMValueRef v_low = emit_per_frame(e, values);
		for (uint32_t k = 0; k < frames; k++)
			values[k] = pool->right_out[k][a];
		LLVMValueRef v_out = emit_per_frame(e, values);
		v_coarse_u[a] =
			open_windows(e, p->v_u[a], p->shape[a], pool->stride[a], v_size, max_size, v_low, min_low,
				     max_low, v_out, max_out, wraps(pool, p->shape[a], max_size),
				     cg_iadd(cg, v_coarse_t[a], cg_i64(cg, pool->box_low[a])),
				     cg_iadd(cg, v_coarse_t[a], cg_i64(cg, pool->box_high[a])), &loops[count], &opened);
		count += opened;
	}
	LLVMValueRef v_index = cg_iadd(cg, emit_element_offset(e, nest->target, p->v_r),
				       emit_map_index(e, nest->map, v_coarse_t, v_coarse_u));
	add_at(e, nest->target, v_index, value);
	while (count-- > 0)
		cg_loop_end(cg, &loops[count]);
}

static void store_entry(Emit *e, const RecNest *nest, const Point *p, KT value)
{
	Cg *cg = e->cg;
	LLVMValueRef v_t[AXES], v_u[AXES];
	for (uint32_t a = 0; a < AXES; a++) {
		v_t[a] = p->v_t[a];
		v_u[a] = p->v_u[a];
		if (!nest->left_offset)
			continue;
		int64_t *right = ARENA_ARRAY(e->arena, int64_t, e->frames->count);
		for (uint32_t k = 0; k < e->frames->count; k++)
			right[k] = nest->right_offset[k][a];
		v_t[a] = cg_iadd(cg, v_t[a], cg_i64(cg, nest->left_offset[a]));
		v_u[a] = cg_iadd(cg, v_u[a], emit_per_frame(e, right));
	}
	store_at(e, nest->target,
		 nest->array_mode ? emit_pair_index(e, nest->target, p->v_r, v_t, v_u)
				  : emit_slice_index(e, nest->target, p->v_r, v_t),
		 value, nest->next);
}

static void sink(Emit *e, const RecNest *nest, const Point *p, KT value)
{
	Cg *cg = e->cg;
	switch (nest->sink) {
	case REC_SINK_NONE:
		break;
	case REC_SINK_STORE:
		store_entry(e, nest, p, value);
		break;
	case REC_SINK_ARRAY:
		store_at(e, nest->target,
			 cg_iadd(cg, emit_element_offset(e, nest->target, p->v_r),
				 emit_map_index(e, nest->map, p->v_t, p->v_u)),
			 value, false);
		break;
	case REC_SINK_ELEMENTS:
		add_at(e, nest->target, emit_map_index(e, nest->map, p->v_t, p->v_u), value);
		break;
	case REC_SINK_WINDOW:
		push_window(e, nest, p, value);
		break;
	case REC_SINK_SUM:
		cg_set(cg, e->v_row_k, cg_fadd(cg, cg_get(cg, e->v_row_k), value.v_k));
		if (value.v_theta)
			cg_set(cg, e->v_row_theta, cg_fadd(cg, cg_get(cg, e->v_row_theta), value.v_theta));
		break;
	case REC_SINK_OUTPUT:
		cg_store_lane_f64(cg, e->v_out, cg_i64(cg, 0), cg_lane_to_f64(cg, value.v_k));
		if (e->theta)
			cg_store_lane_f64(cg, e->v_out, cg_i64(cg, 1),
					  cg_lane_to_f64(cg, value.v_theta ? value.v_theta : cg_lane_zero(cg)));
		break;
	}
}

/* Sums of a row are kept in the lanes' precision and added to the total in double, row by row in a fixed order. */
static void begin_row_sum(Emit *e)
{
	cg_set(e->cg, e->v_row_k, cg_lane_zero(e->cg));
	if (e->theta)
		cg_set(e->cg, e->v_row_theta, cg_lane_zero(e->cg));
}

static void end_row_sum(Emit *e, const RecNest *nest, LLVMValueRef v_r)
{
	Cg *cg = e->cg;
	const RecBuffer *b = nest->target;
	LLVMValueRef v_index = b->elements > 1 ? v_r : cg_i64(cg, 0);
	for (int plane = 0; plane < 2; plane++) {
		if (plane && !(b->theta && e->theta))
			continue;
		LLVMValueRef v_plane = emit_plane(e, b, plane != 0, false);
		LLVMValueRef v_row = cg_lane_to_f64(cg, cg_get(cg, plane ? e->v_row_theta : e->v_row_k));
		cg_store_lane_f64(cg, v_plane, v_index, cg_fadd(cg, cg_load_lane_f64(cg, v_plane, v_index), v_row));
	}
}

/* ---- nests ---- */

static void begin_row(Emit *e, const RecNest *nest, const RecExpr *x, const Point *row, LLVMValueRef v_first)
{
	for (; x; x = x->a) {
		if (x->op == REC_OP_TAPS)
			emit_taps_begin_row(e, nest, x, row);
		if (x->b)
			begin_row(e, nest, x->b, row, v_first);
		if (x->mean)
			begin_row(e, nest, x->mean, row, v_first);
	}
}

/* Where a slice nest runs: displacement and domain per axis. */
typedef struct Domain {
	LLVMValueRef v_d[AXES], v_low[AXES], v_high[AXES];
	bool point; /* one position, no loops */
} Domain;

static Domain domain_of(Emit *e, const RecNest *nest)
{
	Cg *cg = e->cg;
	Domain d = {.point = nest->disp.base == 0 && nest->shape[0] * nest->shape[1] * nest->shape[2] == 1};
	for (uint32_t a = 0; a < AXES; a++) {
		d.v_d[a] = emit_disp(e, &nest->disp, a, nest->torus, nest->shape[a]);
		if (d.point || nest->torus) {
			d.v_low[a] = cg_i64(cg, 0);
			d.v_high[a] = cg_i64(cg, d.point ? 1 : nest->shape[a]);
		} else {
			emit_domain(e, nest->shape, a, d.v_d[a], &d.v_low[a], &d.v_high[a]);
		}
	}
	return d;
}

/* The position along one axis, on both sides. */
static void place(Emit *e, const RecNest *nest, const Domain *d, uint32_t a, LLVMValueRef v_t, Point *p)
{
	Cg *cg = e->cg;
	p->v_t[a] = v_t;
	p->v_u[a] = d->point ? v_t : cg_iadd(cg, v_t, d->v_d[a]);
	if (nest->torus) {
		LLVMValueRef v_n = cg_i64(cg, nest->shape[a]);
		LLVMValueRef v_over = cg_ige(cg, p->v_u[a], v_n);
		p->v_u[a] = cg_select(cg, v_over, cg_isub(cg, p->v_u[a], v_n), p->v_u[a]);
	}
}

/* The value at position v_t of the row and those behind it, `together` in all. */
static void row_step(Emit *e, const RecNest *nest, const Domain *d, const Point *row, LLVMValueRef v_t,
		     unsigned together)
{
	Cg *cg = e->cg;
	Point p[2] = {*row, *row};
	for (unsigned i = 0; i < together; i++)
		place(e, nest, d, AXES - 1, i ? cg_iadd(cg, v_t, cg_i64(cg, 1)) : v_t, &p[i]);
	e->together = together;
	KT value = emit_expr(e, nest, nest->value, p);
	e->together = 1;
	for (unsigned i = 0; i < together; i++)
		sink(e, nest, &p[i],
		     together == 1
			     ? value
			     : (KT){cg_half(cg, value.v_k, i), value.v_theta ? cg_half(cg, value.v_theta, i) : NULL});
}

/* All positions of a row, two at a time, and the last one alone where their number is odd. */
static void row_in_twos(Emit *e, const RecNest *nest, const Domain *d, const Point *row)
{
	Cg *cg = e->cg;
	LLVMValueRef v_low = d->v_low[AXES - 1], v_high = d->v_high[AXES - 1], v_one = cg_i64(cg, 1);
	CgLoop loop = cg_loop_begin(cg, v_low, cg_isub(cg, v_high, v_one), 2, "t");
	row_step(e, nest, d, row, loop.v_i, 2);
	cg_loop_end(cg, &loop);
	LLVMValueRef v_odd = cg_ieq(cg, cg_and(cg, cg_isub(cg, v_high, v_low), v_one), v_one);
	CgIf last = cg_if(cg, cg_and(cg, cg_ilt(cg, v_low, v_high), v_odd), "last");
	row_step(e, nest, d, row, cg_isub(cg, v_high, v_one), 1);
	cg_endif(cg, &last);
}

/* One row of a slice: p holds the element and the positions along the first axes. */
static void slice_row(Emit *e, const RecNest *nest, const Domain *d, Point *p)
{
	Cg *cg = e->cg;
	const uint32_t a = AXES - 1;
	e->slide_count = 0;
	if (nest->sink == REC_SINK_SUM)
		begin_row_sum(e);
	if (d->point) {
		row_step(e, nest, d, p, cg_i64(cg, 0), 1);
	} else {
		place(e, nest, d, a, d->v_low[a], p);
		begin_row(e, nest, nest->value, p, d->v_low[a]);
		/* A dual is a long chain of operations: two of them side by side hide each other's latency. */
		if (nest->shape[a] > 1 && emit_goes_in_twos(nest->value)) {
			row_in_twos(e, nest, d, p);
		} else {
			CgLoop loop = cg_loop_begin(cg, d->v_low[a], d->v_high[a], 1, "t");
			row_step(e, nest, d, p, loop.v_i, 1);
			cg_loop_end(cg, &loop);
		}
	}
	if (nest->sink == REC_SINK_SUM)
		end_row_sum(e, nest, p->v_r);
	e->slide_count = 0;
}

static void begin_point(Emit *e, const RecNest *nest, Point *p)
{
	memcpy(p->shape, nest->shape, sizeof p->shape);
	p->v_r = cg_i64(e->cg, 0);
	for (uint32_t a = 0; a < AXES; a++)
		p->v_right_shape[a] = emit_right_size(e, nest->shape, a);
}

static void slice_nest(Emit *e, const RecNest *nest)
{
	Cg *cg = e->cg;
	Point p;
	begin_point(e, nest, &p);
	Domain d = domain_of(e, nest);
	CgLoop elements = {0}, loops[AXES - 1];
	if (nest->elements > 1) {
		elements = cg_loop_begin(cg, cg_i64(cg, 0), cg_i64(cg, nest->elements), 1, "r");
		p.v_r = elements.v_i;
	}
	for (uint32_t a = 0; a < AXES - 1; a++) {
		if (!d.point)
			loops[a] = cg_loop_begin(cg, d.v_low[a], d.v_high[a], 1, "row");
		place(e, nest, &d, a, d.point ? cg_i64(cg, 0) : loops[a].v_i, &p);
	}
	slice_row(e, nest, &d, &p);
	for (uint32_t a = AXES - 1; !d.point && a-- > 0;)
		cg_loop_end(cg, &loops[a]);
	if (nest->elements > 1)
		cg_loop_end(cg, &elements);
}

/* ---- rows ---- */

static void zero_row(Emit *e, const RecBuffer *b, LLVMValueRef v_row, LLVMValueRef v_from, LLVMValueRef v_to)
{
	Cg *cg = e->cg;
	CgLoop loop = cg_loop_begin(cg, v_from, v_to, 1, "zero");
	const LLVMValueRef v_t[AXES] = {cg_i64(cg, 0), v_row, loop.v_i};
	store_at(e, b, emit_slice_index(e, b, cg_i64(cg, 0), v_t), (KT){cg_lane_zero(cg), cg_lane_zero(cg)}, false);
	cg_loop_end(cg, &loop);
}

/* Nest k computes row tau + lead[k], or clears it where it lies in the halo. Columns beyond the domain are cleared once:
 * they are the same for all rows of a slice. */
void emit_rows(Emit *e, const RecNest *nests, const int32_t *lead, uint32_t count)
{
	Cg *cg = e->cg;
	Domain *d = ARENA_ARRAY(e->arena, Domain, count);
	LLVMValueRef *v_first = ARENA_ARRAY(e->arena, LLVMValueRef, count),
		     *v_end = ARENA_ARRAY(e->arena, LLVMValueRef, count);
	LLVMValueRef v_from = NULL, v_to = NULL;
	for (uint32_t k = 0; k < count; k++) {
		const RecBuffer *b = k + 1 < count ? nests[k].target : NULL;
		if (nests[k].sink == REC_SINK_STORE && nests[k].target->carried && !nests[k].next)
			cg_set(cg, e->v_parity[nests[k].target->id], cg_i64(cg, 0));
		d[k] = domain_of(e, &nests[k]);
		v_first[k] = cg_isub(cg, d[k].v_low[1], cg_i64(cg, b ? b->halo_low[1] : 0));
		v_end[k] = cg_iadd(cg, d[k].v_high[1], cg_i64(cg, b ? b->halo_high[1] : 0));
		LLVMValueRef v_k_from = cg_isub(cg, v_first[k], cg_i64(cg, lead[k]));
		LLVMValueRef v_k_to = cg_isub(cg, v_end[k], cg_i64(cg, lead[k]));
		v_from = v_from ? cg_imin(cg, v_from, v_k_from) : v_k_from;
		v_to = v_to ? cg_imax(cg, v_to, v_k_to) : v_k_to;
		if (!b || (!b->halo_low[2] && !b->halo_high[2]))
			continue;
		CgLoop ring = cg_loop_begin(cg, cg_i64(cg, 0), cg_i64(cg, b->ring), 1, "ring");
		zero_row(e, b, ring.v_i, cg_isub(cg, d[k].v_low[2], cg_i64(cg, b->halo_low[2])), d[k].v_low[2]);
		zero_row(e, b, ring.v_i, d[k].v_high[2], cg_iadd(cg, d[k].v_high[2], cg_i64(cg, b->halo_high[2])));
		cg_loop_end(cg, &ring);
	}
	CgLoop wave = cg_loop_begin(cg, v_from, v_to, 1, "wave");
	for (uint32_t k = 0; k < count; k++) {
		const RecBuffer *b = k + 1 < count ? nests[k].target : NULL;
		LLVMValueRef v_row = cg_iadd(cg, wave.v_i, cg_i64(cg, lead[k]));
		CgIf inside = cg_if(cg, cg_and(cg, cg_ige(cg, v_row, d[k].v_low[1]), cg_ilt(cg, v_row, d[k].v_high[1])),
				    "inside");
		Point p;
		begin_point(e, &nests[k], &p);
		place(e, &nests[k], &d[k], 0, cg_i64(cg, 0), &p);
		place(e, &nests[k], &d[k], 1, v_row, &p);
		slice_row(e, &nests[k], &d[k], &p);
		if (b && (b->halo_low[1] || b->halo_high[1])) {
			cg_else(cg, &inside);
			CgIf halo = cg_if(cg, cg_and(cg, cg_ige(cg, v_row, v_first[k]), cg_ilt(cg, v_row, v_end[k])),
					  "halo");
			zero_row(e, b, v_row, cg_isub(cg, d[k].v_low[2], cg_i64(cg, b->halo_low[2])),
				 cg_iadd(cg, d[k].v_high[2], cg_i64(cg, b->halo_high[2])));
			cg_endif(cg, &halo);
		}
		cg_endif(cg, &inside);
	}
	cg_loop_end(cg, &wave);
}

static void array_nest(Emit *e, const RecNest *nest)
{
	Cg *cg = e->cg;
	Point p;
	memcpy(p.shape, nest->shape, sizeof p.shape);
	CgLoop elements = cg_loop_begin(cg, cg_i64(cg, 0), cg_i64(cg, nest->elements), 1, "r");
	CgLoop left[AXES], right[AXES];
	p.v_r = elements.v_i;
	for (uint32_t a = 0; a < AXES; a++) {
		left[a] = cg_loop_begin(cg, cg_i64(cg, 0), cg_i64(cg, nest->shape[a]), 1, "t");
		p.v_t[a] = left[a].v_i;
		p.v_right_shape[a] = emit_right_size(e, nest->shape, a);
	}
	if (nest->sink == REC_SINK_SUM)
		begin_row_sum(e);
	for (uint32_t a = 0; a < AXES; a++) {
		right[a] = cg_loop_begin(cg, cg_i64(cg, 0), p.v_right_shape[a], 1, "u");
		p.v_u[a] = right[a].v_i;
	}
	sink(e, nest, &p, emit_expr(e, nest, nest->value, &p));
	for (uint32_t a = AXES; a-- > 0;)
		cg_loop_end(cg, &right[a]);
	if (nest->sink == REC_SINK_SUM)
		end_row_sum(e, nest, p.v_r);
	for (uint32_t a = AXES; a-- > 0;)
		cg_loop_end(cg, &left[a]);
	cg_loop_end(cg, &elements);
}

void emit_nest(Emit *e, const RecNest *nest)
{
	/* Entering a repeat: the copy just written is the current one. */
	if (nest->sink == REC_SINK_STORE && nest->target->carried && !nest->next)
		cg_set(e->cg, e->v_parity[nest->target->id], cg_i64(e->cg, 0));
	if (nest->array_mode)
		array_nest(e, nest);
	else
		slice_nest(e, nest);
}
