/* Functions and descriptor of a generated program (runtime/entk_abi.h).
 *
 *   NET.variances   (coefs, z lanes, factors, workspace)      all factors of a tile's nonlinearities for lanes of samples
 *   NET.state       (.. , state lanes, k0)                    those that are prepared once per sample
 *   NET.pair[.nngp] (coefs, x, z lanes, factors .., out)      one left sample against lanes of right samples
 *   NET.kernel      a tile: factors of its left and right samples, then all pairs
 *   NET.prepare     the state of samples, lanes at a time */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "emit/emit_internal.h"
#include "entk_abi.h"

/* ---- inner functions ---- */

enum { ARG_COEFS, ARG_X, ARG_Z, ARG_K0, ARG_LEFT_VARS, ARG_RIGHT_VARS, ARG_LEFT_STATE, ARG_RIGHT_STATE, ARG_OUT,
       ARG_LANES, ARG_SUMS, ARG_COUNT };

static LLVMValueRef begin_inner(Emit *e, const char *name)
{
	Cg *cg = e->cg;
	LLVMTypeRef types[ARG_COUNT];
	for (int i = 0; i < ARG_COUNT; i++)
		types[i] = cg->t_ptr;
	LLVMValueRef v_function = cg_function_begin(cg, name, cg->t_void, types, ARG_COUNT, true);
	cg_function_attribute(cg, v_function, "noinline");
	for (unsigned i = 0; i < ARG_COUNT; i++)
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
	LLVMValueRef v_coefs = cg_param(cg, ARG_COEFS);
	e->v_x = cg_param(cg, ARG_X);
	e->v_z = cg_param(cg, ARG_Z);
	e->v_k0 = cg_param(cg, ARG_K0);
	e->v_left_vars = cg_param(cg, pair ? ARG_LEFT_VARS : ARG_RIGHT_VARS);
	e->v_right_vars = cg_param(cg, ARG_RIGHT_VARS);
	e->v_left_state = cg_param(cg, pair ? ARG_LEFT_STATE : ARG_RIGHT_STATE);
	e->v_right_state = cg_param(cg, ARG_RIGHT_STATE);
	e->v_out = cg_param(cg, ARG_OUT);
	e->v_lanes = cg_param(cg, ARG_LANES);
	e->v_sums = cg_param(cg, ARG_SUMS);

	const RecCoefs *coefs = &e->rec->coefs;
	e->v_coef = ARENA_ARRAY(e->arena, LLVMValueRef, coefs->count + 1);
	for (uint32_t i = 0; i < coefs->count; i++) {
		LLVMValueRef v = cg_load_f64(cg, v_coefs, cg_i64(cg, i));
		e->v_coef[i] = cg_splat(cg, cg->f32 ? cg_f64_to_lane(cg, v) : v);
	}
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
	e->v_row_k = cg_var(cg, cg->t_lane, "row.k");
	e->v_row_theta = cg_var(cg, cg->t_lane, "row.theta");
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

/* ---- workspace of a tile ---- */

typedef struct Layout {
	uint64_t z, right_vars, left_vars, left_state, right_state, k0, out, lanes, sums, bytes; /* byte offsets */
	uint64_t sample;   /* reals per sample of the data */
	uint32_t tile_left, tile_right;
} Layout;

static uint64_t reserve(Layout *layout, uint64_t bytes)
{
	uint64_t at = layout->bytes;
	layout->bytes += (bytes + 63) / 64 * 64;
	return at;
}

static Layout layout_of(const Emit *e)
{
	const RecProgram *rec = e->rec;
	const Cg *cg = e->cg;
	uint64_t lane = cg->target.vector_bytes, real = cg->f32 ? 4 : 8, wide = 8 * (uint64_t)cg->lanes;
	uint64_t lanes = rec->pair.lanes, sums = rec->pair.sums;
	const RecPart *others[] = {&rec->variances, &rec->state};
	for (int i = 0; i < 2; i++) {
		lanes = others[i]->lanes > lanes ? others[i]->lanes : lanes;
		sums = others[i]->sums > sums ? others[i]->sums : sums;
	}
	Layout l = {0};
	l.sample = rec->vector_input ? 0 : (uint64_t)rec->input_shape[0] * rec->input_shape[1] * rec->input_shape[2] *
	                                           rec->channels;
	/* Factors of a tile's left samples stay below 4 MB, if a lane group of them does. */
	uint64_t per_left = (rec->tile_numbers + rec->state_numbers) * real;
	uint32_t left = 64;
	while (left > cg->lanes && left * per_left > ((uint64_t)4 << 20))
		left /= 2;
	l.tile_left = rec->vector_input ? 256 : left < cg->lanes ? cg->lanes : left;
	l.tile_right = rec->vector_input ? 256 : 4 * cg->lanes;
	l.z = reserve(&l, l.sample * lane);
	l.right_vars = reserve(&l, rec->tile_numbers * lane);
	l.left_vars = reserve(&l, rec->tile_numbers * real * l.tile_left);
	l.left_state = reserve(&l, rec->state_numbers * real * l.tile_left);
	l.right_state = reserve(&l, rec->state_numbers * lane);
	l.k0 = reserve(&l, lane);
	l.out = reserve(&l, 2 * wide);
	/* A sliding sum may look a row's length past a slice that is empty. */
	l.lanes = reserve(&l, (lanes + 64) * lane);
	l.sums = reserve(&l, (sums + 1) * wide);
	return l;
}

typedef struct Tile {
	LLVMValueRef v_coefs, v_x, v_z, v_left, v_right, v_n_left, v_n_right, v_state_x, v_state_z, v_k0, v_k0_stride, v_nngp,
	        v_ntk, v_out_stride;
	LLVMValueRef v_ws_z, v_ws_right_vars, v_ws_left_vars, v_ws_left_state, v_ws_right_state, v_ws_k0, v_ws_out, v_ws_lanes,
	        v_ws_sums;
} Tile;

static Tile load_tile(Emit *e, const Layout *l)
{
	Cg *cg = e->cg;
	LLVMValueRef v_tile = cg_param(cg, 0);
#define FIELD(name, type) cg_load_field(cg, v_tile, offsetof(EntkTile, name), (type))
	LLVMValueRef v_ws = FIELD(workspace, cg->t_ptr);
#define PART(name) cg_ptr_bytes(cg, v_ws, cg_i64(cg, (int64_t)l->name))
	return (Tile){
	        .v_coefs = FIELD(coefficients, cg->t_ptr), .v_x = FIELD(x, cg->t_ptr), .v_z = FIELD(z, cg->t_ptr),
	        .v_left = FIELD(left, cg->t_ptr), .v_right = FIELD(right, cg->t_ptr),
	        .v_n_left = cg_izext_i64(cg, FIELD(n_left, cg->t_i32)),
	        .v_n_right = cg_izext_i64(cg, FIELD(n_right, cg->t_i32)),
	        .v_state_x = FIELD(state_x, cg->t_ptr), .v_state_z = FIELD(state_z, cg->t_ptr),
	        .v_k0 = FIELD(k0, cg->t_ptr), .v_k0_stride = FIELD(k0_stride, cg->t_i64),
	        .v_nngp = FIELD(nngp, cg->t_ptr), .v_ntk = FIELD(ntk, cg->t_ptr),
	        .v_out_stride = FIELD(out_stride, cg->t_i64),
	        .v_ws_z = PART(z), .v_ws_right_vars = PART(right_vars), .v_ws_left_vars = PART(left_vars),
	        .v_ws_left_state = PART(left_state), .v_ws_right_state = PART(right_state), .v_ws_k0 = PART(k0),
	        .v_ws_out = PART(out), .v_ws_lanes = PART(lanes), .v_ws_sums = PART(sums),
	};
#undef FIELD
#undef PART
}

/* Copy samples indices[first .. first + lanes) of `v_data` into lanes; beyond the last one it is repeated. */
static void pack_samples(Emit *e, const Layout *l, LLVMValueRef v_data, LLVMValueRef v_indices, LLVMValueRef v_first,
                         LLVMValueRef v_count, LLVMValueRef v_lanes)
{
	Cg *cg = e->cg;
	if (l->sample == 0)
		return;
	LLVMValueRef v_last = cg_isub(cg, v_count, cg_i64(cg, 1)), v_size = cg_i64(cg, (int64_t)l->sample);
	CgLoop lane = cg_loop_begin(cg, cg_i64(cg, 0), cg_i64(cg, cg->lanes), 1, "lane");
	LLVMValueRef v_which = cg_imin(cg, cg_iadd(cg, v_first, lane.v_i), v_last);
	LLVMValueRef v_sample = cg_imul(cg, cg_load_u32_as_i64(cg, v_indices, v_which), v_size);
	CgLoop position = cg_loop_begin(cg, cg_i64(cg, 0), v_size, 1, "pack");
	LLVMValueRef v = cg_load_real(cg, v_data, cg_iadd(cg, v_sample, position.v_i));
	LLVMValueRef v_at = cg_iadd(cg, cg_imul(cg, position.v_i, cg_i64(cg, cg->lanes)), lane.v_i);
	cg_store_real(cg, v_lanes, v_at, v);
	cg_loop_end(cg, &position);
	cg_loop_end(cg, &lane);
}

/* State numbers (double, per sample) of lanes of samples, as reals in lanes. */
static void pack_state(Emit *e, LLVMValueRef v_state, LLVMValueRef v_indices, LLVMValueRef v_first, LLVMValueRef v_count,
                       LLVMValueRef v_lanes)
{
	Cg *cg = e->cg;
	LLVMValueRef v_last = cg_isub(cg, v_count, cg_i64(cg, 1)), v_size = cg_i64(cg, (int64_t)e->rec->state_numbers);
	CgLoop lane = cg_loop_begin(cg, cg_i64(cg, 0), cg_i64(cg, cg->lanes), 1, "lane");
	LLVMValueRef v_which = cg_imin(cg, cg_iadd(cg, v_first, lane.v_i), v_last);
	LLVMValueRef v_sample = cg_imul(cg, cg_load_u32_as_i64(cg, v_indices, v_which), v_size);
	CgLoop number = cg_loop_begin(cg, cg_i64(cg, 0), v_size, 1, "state");
	LLVMValueRef v = cg_load_f64(cg, v_state, cg_iadd(cg, v_sample, number.v_i));
	if (cg->f32)
		v = cg_f64_to_lane(cg, v);
	LLVMValueRef v_at = cg_iadd(cg, cg_imul(cg, number.v_i, cg_i64(cg, cg->lanes)), lane.v_i);
	cg_store_real(cg, v_lanes, v_at, v);
	cg_loop_end(cg, &number);
	cg_loop_end(cg, &lane);
}

static void call_inner(Emit *e, LLVMValueRef v_function, const Tile *t, LLVMValueRef v_x, LLVMValueRef v_k0,
                       LLVMValueRef v_left_vars, LLVMValueRef v_left_state)
{
	Cg *cg = e->cg;
	LLVMValueRef args[ARG_COUNT] = {
	        [ARG_COEFS] = t->v_coefs, [ARG_X] = v_x, [ARG_Z] = t->v_ws_z, [ARG_K0] = v_k0,
	        [ARG_LEFT_VARS] = v_left_vars, [ARG_RIGHT_VARS] = t->v_ws_right_vars, [ARG_LEFT_STATE] = v_left_state,
	        [ARG_RIGHT_STATE] = t->v_ws_right_state, [ARG_OUT] = t->v_ws_out, [ARG_LANES] = t->v_ws_lanes,
	        [ARG_SUMS] = t->v_ws_sums,
	};
	cg_call(cg, v_function, args, ARG_COUNT);
}

/* ---- outer functions ---- */

typedef struct Inner {
	LLVMValueRef v_variances, v_state, v_pair, v_pair_nngp;
} Inner;

/* Factors of all left samples of the tile, lanes at a time, then spread to one array per sample. */
static void left_factors(Emit *e, const Layout *l, const Tile *t, const Inner *inner)
{
	Cg *cg = e->cg;
	uint64_t numbers = e->rec->tile_numbers;
	LLVMValueRef v_zero = cg_i64(cg, 0), v_numbers = cg_i64(cg, (int64_t)numbers), v_w = cg_i64(cg, cg->lanes);
	CgLoop group = cg_loop_begin(cg, v_zero, t->v_n_left, cg->lanes, "left.group");
	pack_samples(e, l, t->v_x, t->v_left, group.v_i, t->v_n_left, t->v_ws_z);
	call_inner(e, inner->v_variances, t, cg_const_null(cg), cg_const_null(cg), cg_const_null(cg), cg_const_null(cg));
	LLVMValueRef v_here = cg_imin(cg, v_w, cg_isub(cg, t->v_n_left, group.v_i));
	CgLoop lane = cg_loop_begin(cg, v_zero, v_here, 1, "lane");
	LLVMValueRef v_sample = cg_imul(cg, cg_iadd(cg, group.v_i, lane.v_i), v_numbers);
	CgLoop number = cg_loop_begin(cg, v_zero, v_numbers, 1, "spread");
	LLVMValueRef v = cg_load_real(cg, t->v_ws_right_vars, cg_iadd(cg, cg_imul(cg, number.v_i, v_w), lane.v_i));
	cg_store_real(cg, t->v_ws_left_vars, cg_iadd(cg, v_sample, number.v_i), v);
	cg_loop_end(cg, &number);
	cg_loop_end(cg, &lane);
	cg_loop_end(cg, &group);
}

static void left_state(Emit *e, const Tile *t)
{
	Cg *cg = e->cg;
	LLVMValueRef v_size = cg_i64(cg, (int64_t)e->rec->state_numbers), v_zero = cg_i64(cg, 0);
	CgLoop sample = cg_loop_begin(cg, v_zero, t->v_n_left, 1, "left");
	LLVMValueRef v_from = cg_imul(cg, cg_load_u32_as_i64(cg, t->v_left, sample.v_i), v_size);
	LLVMValueRef v_to = cg_imul(cg, sample.v_i, v_size);
	CgLoop number = cg_loop_begin(cg, v_zero, v_size, 1, "state");
	LLVMValueRef v = cg_load_f64(cg, t->v_state_x, cg_iadd(cg, v_from, number.v_i));
	if (cg->f32)
		v = cg_f64_to_lane(cg, v);
	cg_store_real(cg, t->v_ws_left_state, cg_iadd(cg, v_to, number.v_i), v);
	cg_loop_end(cg, &number);
	cg_loop_end(cg, &sample);
}

/* One left sample against the lanes that are packed: call, and copy out what belongs to real pairs. */
static void pair_row(Emit *e, const Layout *l, const Tile *t, const Inner *inner, LLVMValueRef v_i, LLVMValueRef v_j,
                     bool theta)
{
	Cg *cg = e->cg;
	LLVMValueRef v_zero = cg_i64(cg, 0);
	LLVMValueRef v_index = cg_load_u32_as_i64(cg, t->v_left, v_i);
	LLVMValueRef v_x = cg_ptr_offset(cg, t->v_x, cg_imul(cg, v_index, cg_i64(cg, (int64_t)l->sample)), cg->t_real);
	LLVMValueRef v_k0 = cg_const_null(cg);
	if (e->rec->vector_input) {
		LLVMValueRef v_at = cg_iadd(cg, cg_imul(cg, v_i, t->v_k0_stride), v_j);
		cg_store_lane(cg, t->v_ws_k0, v_zero, cg_load_lane_unaligned(cg, t->v_k0, v_at));
		v_k0 = t->v_ws_k0;
	}
	LLVMValueRef v_vars = cg_ptr_offset(cg, t->v_ws_left_vars,
	                                    cg_imul(cg, v_i, cg_i64(cg, (int64_t)e->rec->tile_numbers)), cg->t_real);
	LLVMValueRef v_state = cg_ptr_offset(cg, t->v_ws_left_state,
	                                     cg_imul(cg, v_i, cg_i64(cg, (int64_t)e->rec->state_numbers)), cg->t_real);
	call_inner(e, theta ? inner->v_pair : inner->v_pair_nngp, t, v_x, v_k0, v_vars, v_state);
	LLVMValueRef v_here = cg_imin(cg, cg_i64(cg, cg->lanes), cg_isub(cg, t->v_n_right, v_j));
	LLVMValueRef v_row = cg_iadd(cg, cg_imul(cg, v_i, t->v_out_stride), v_j);
	CgLoop lane = cg_loop_begin(cg, v_zero, v_here, 1, "out");
	LLVMValueRef v_at = cg_iadd(cg, v_row, lane.v_i);
	cg_store(cg, t->v_nngp, v_at, cg_load_f64(cg, t->v_ws_out, lane.v_i));
	if (theta)
		cg_store(cg, t->v_ntk, v_at,
		         cg_load_f64(cg, t->v_ws_out, cg_iadd(cg, lane.v_i, cg_i64(cg, cg->lanes))));
	cg_loop_end(cg, &lane);
}

static LLVMValueRef emit_kernel(Emit *e, const Layout *l, const Inner *inner)
{
	Cg *cg = e->cg;
	char *name = arena_printf(e->arena, "%s.kernel", e->prefix);
	LLVMValueRef v_function = cg_function_begin(cg, name, cg->t_void, &cg->t_ptr, 1, true);
	Tile t = load_tile(e, l);
	LLVMValueRef v_zero = cg_i64(cg, 0);
	if (e->rec->tile_numbers)
		left_factors(e, l, &t, inner);
	if (e->rec->state_numbers)
		left_state(e, &t);
	LLVMValueRef v_with_theta = cg_ine(cg, t.v_ntk, cg_const_null(cg));
	CgLoop right = cg_loop_begin(cg, v_zero, t.v_n_right, cg->lanes, "right.group");
	pack_samples(e, l, t.v_z, t.v_right, right.v_i, t.v_n_right, t.v_ws_z);
	if (e->rec->tile_numbers)
		call_inner(e, inner->v_variances, &t, cg_const_null(cg), cg_const_null(cg), cg_const_null(cg),
		           cg_const_null(cg));
	if (e->rec->state_numbers)
		pack_state(e, t.v_state_z, t.v_right, right.v_i, t.v_n_right, t.v_ws_right_state);
	CgLoop left = cg_loop_begin(cg, v_zero, t.v_n_left, 1, "left");
	CgIf theta = cg_if(cg, v_with_theta, "ntk");
	pair_row(e, l, &t, inner, left.v_i, right.v_i, true);
	cg_else(cg, &theta);
	pair_row(e, l, &t, inner, left.v_i, right.v_i, false);
	cg_endif(cg, &theta);
	cg_loop_end(cg, &left);
	cg_loop_end(cg, &right);
	cg_function_end(cg);
	return v_function;
}

static LLVMValueRef emit_prepare(Emit *e, const Layout *l, const Inner *inner)
{
	Cg *cg = e->cg;
	char *name = arena_printf(e->arena, "%s.prepare", e->prefix);
	LLVMTypeRef types[] = {cg->t_ptr, cg->t_ptr};
	LLVMValueRef v_function = cg_function_begin(cg, name, cg->t_void, types, 2, true);
	if (e->rec->state_numbers) {
		Tile t = load_tile(e, l);
		LLVMValueRef v_zero = cg_i64(cg, 0), v_w = cg_i64(cg, cg->lanes);
		LLVMValueRef v_size = cg_i64(cg, (int64_t)e->rec->state_numbers), v_state = cg_param(cg, 1);
		CgLoop group = cg_loop_begin(cg, v_zero, t.v_n_left, cg->lanes, "group");
		pack_samples(e, l, t.v_x, t.v_left, group.v_i, t.v_n_left, t.v_ws_z);
		LLVMValueRef v_here = cg_imin(cg, v_w, cg_isub(cg, t.v_n_left, group.v_i));
		LLVMValueRef v_k0 = cg_const_null(cg);
		if (e->rec->vector_input) {
			CgLoop norm = cg_loop_begin(cg, v_zero, v_w, 1, "norm");
			LLVMValueRef v_last = cg_isub(cg, v_here, cg_i64(cg, 1));
			LLVMValueRef v_at = cg_iadd(cg, group.v_i, cg_imin(cg, norm.v_i, v_last));
			cg_store_real(cg, t.v_ws_k0, norm.v_i, cg_load_real(cg, t.v_k0, v_at));
			cg_loop_end(cg, &norm);
			v_k0 = t.v_ws_k0;
		}
		if (e->rec->tile_numbers)
			call_inner(e, inner->v_variances, &t, cg_const_null(cg), v_k0, cg_const_null(cg), cg_const_null(cg));
		call_inner(e, inner->v_state, &t, cg_const_null(cg), v_k0, cg_const_null(cg), cg_const_null(cg));
		CgLoop lane = cg_loop_begin(cg, v_zero, v_here, 1, "lane");
		LLVMValueRef v_which = cg_load_u32_as_i64(cg, t.v_left, cg_iadd(cg, group.v_i, lane.v_i));
		LLVMValueRef v_to = cg_imul(cg, v_which, v_size);
		CgLoop number = cg_loop_begin(cg, v_zero, v_size, 1, "state");
		LLVMValueRef v_from = cg_iadd(cg, cg_imul(cg, number.v_i, v_w), lane.v_i);
		LLVMValueRef v = cg_load_real(cg, t.v_ws_right_state, v_from);
		cg_store(cg, v_state, cg_iadd(cg, v_to, number.v_i), cg->f32 ? cg_lane_to_f64(cg, v) : v);
		cg_loop_end(cg, &number);
		cg_loop_end(cg, &lane);
		cg_loop_end(cg, &group);
	}
	cg_function_end(cg);
	return v_function;
}

/* ---- coefficients ---- */

static LLVMValueRef emit_scalar(Emit *e, const Scalar *s, LLVMValueRef v_params)
{
	Cg *cg = e->cg;
	if (scalar_is_const(s))
		return cg_f64_const(cg, s->value);
	if (s->op == SCALAR_PARAM)
		return cg_load_f64(cg, v_params, cg_i64(cg, s->param));
	LLVMValueRef v[3] = {NULL, NULL, NULL};
	for (int i = 0; i < 3; i++)
		if (s->arg[i])
			v[i] = emit_scalar(e, s->arg[i], v_params);
	LLVMValueRef v_zero = cg_f64_const(cg, 0), v_one = cg_f64_const(cg, 1);
	switch (s->op) {
	case SCALAR_ADD: return cg_fadd(cg, v[0], v[1]);
	case SCALAR_SUB: return cg_fsub(cg, v[0], v[1]);
	case SCALAR_MUL: return cg_fmul(cg, v[0], v[1]);
	case SCALAR_DIV: return cg_fdiv(cg, v[0], v[1]);
	case SCALAR_POW: return cg_math(cg, "pow", v, 2);
	case SCALAR_MIN: return cg_fmin(cg, v[0], v[1]);
	case SCALAR_MAX: return cg_fmax(cg, v[0], v[1]);
	case SCALAR_NEG: return cg_fneg(cg, v[0]);
	case SCALAR_SQRT: return cg_math(cg, "sqrt", v, 1);
	case SCALAR_EXP: return cg_math(cg, "exp", v, 1);
	case SCALAR_LOG: return cg_math(cg, "log", v, 1);
	case SCALAR_SIN: return cg_math(cg, "sin", v, 1);
	case SCALAR_COS: return cg_math(cg, "cos", v, 1);
	case SCALAR_TAN: return cg_math(cg, "tan", v, 1);
	case SCALAR_TANH: return cg_math(cg, "tanh", v, 1);
	case SCALAR_SINH: return cg_math(cg, "sinh", v, 1);
	case SCALAR_COSH: return cg_math(cg, "cosh", v, 1);
	case SCALAR_ATAN: return cg_math(cg, "atan", v, 1);
	case SCALAR_ERF: return cg_math(cg, "erf", v, 1);
	case SCALAR_ABS: return cg_fabs(cg, v[0]);
	case SCALAR_SIGN:
		return cg_select(cg, cg_fgt(cg, v[0], v_zero), v_one,
		                 cg_select(cg, cg_flt(cg, v[0], v_zero), cg_fneg(cg, v_one), v_zero));
	case SCALAR_WHERE: return cg_select(cg, cg_fgt(cg, v[0], v_zero), v[1], v[2]);
	case SCALAR_CONST:
	case SCALAR_PARAM:
		break;
	}
	ICE("number without emitter");
}

static LLVMValueRef emit_coefficients(Emit *e)
{
	Cg *cg = e->cg;
	char *name = arena_printf(e->arena, "%s.coefficients", e->prefix);
	LLVMTypeRef types[] = {cg->t_ptr, cg->t_ptr};
	LLVMValueRef v_function = cg_function_begin(cg, name, cg->t_void, types, 2, true);
	for (uint32_t i = 0; i < e->rec->coefs.count; i++)
		cg_store(cg, cg_param(cg, 1), cg_i64(cg, i), emit_scalar(e, e->rec->coefs.items[i], cg_param(cg, 0)));
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

/* Equal iff the recursions, coefficients, precision and instruction set are. */
static uint64_t hash_net(const Emit *e)
{
	char *text = NULL;
	size_t size = 0;
	uint64_t hash = 14695981039346656037u;
	FILE *memory = open_memstream(&text, &size);
	if (memory) {
		rec_print(e->rec, memory);
		fclose(memory);
		hash = hash_text(hash, text);
		free(text);
	}
	for (uint32_t i = 0; i < e->rec->coefs.count; i++)
		hash = hash_text(hash, arena_printf(e->arena, "%a;", e->rec->coefs.items[i]->value));
	return hash_text(hash, arena_printf(e->arena, "%u %s %s", e->cg->lanes, e->cg->f32 ? "f32" : "f64",
	                                    e->cg->target.features));
}

void emit_net(Emit *e, LLVMValueRef *v_descriptor)
{
	Cg *cg = e->cg;
	const RecProgram *rec = e->rec;
	Inner inner = {0};
	if (rec->tile_numbers)
		inner.v_variances = emit_part(e, "variances", &rec->variances, false, false);
	if (rec->state_numbers)
		inner.v_state = emit_part(e, "state", &rec->state, false, false);
	inner.v_pair = emit_part(e, "pair", &rec->pair, true, true);
	inner.v_pair_nngp = emit_part(e, "pair.nngp", &rec->pair, true, false);
	Layout layout = layout_of(e);
	LLVMValueRef v_kernel = emit_kernel(e, &layout, &inner);
	LLVMValueRef v_prepare = emit_prepare(e, &layout, &inner);
	LLVMValueRef v_coefficients = emit_coefficients(e);

	const Type *input = &rec->network->input->type;
	uint32_t dim = rec->vector_input ? 0 : input->dim;
	LLVMValueRef v_shape[3];
	for (uint32_t a = 0; a < 3; a++)
		v_shape[a] = cg_i32(cg, (int32_t)(a < dim ? input->shape[a] : 1));
	const LLVMValueRef fields[] = {
	        cg_global_string(cg, rec->network->name),
	        cg_global_string(cg, rec->explanation ? rec->explanation : ""),
	        cg_i32(cg, (int32_t)dim),
	        cg_const_array(cg, cg->t_i32, v_shape, 3),
	        cg_i32(cg, (int32_t)rec->channels),
	        cg_i32(cg, (int32_t)cg->lanes),
	        cg_i32(cg, (int32_t)(rec->coefs.count ? rec->coefs.count : 1)),
	        cg_i32(cg, (int32_t)rec->state_numbers),
	        cg_i32(cg, (int32_t)layout.tile_left),
	        cg_i32(cg, (int32_t)layout.tile_right),
	        cg_i64(cg, (int64_t)layout.bytes),
	        cg_f64_const(cg, rec->steps),
	        cg_f64_const(cg, rec->operations),
	        cg_i64(cg, (int64_t)hash_net(e)),
	        v_coefficients,
	        v_prepare,
	        v_kernel,
	};
	*v_descriptor = cg_const_struct(cg, fields, sizeof fields / sizeof *fields);
}

void emit_table(Cg *cg, const Program *program, const EmitOptions *options, LLVMValueRef *v_nets)
{
	LLVMValueRef v_params = cg_const_null(cg);
	if (program->param_count) {
		LLVMValueRef *items = ARENA_ARRAY(cg->arena, LLVMValueRef, program->param_count);
		for (uint32_t i = 0; i < program->param_count; i++) {
			const LLVMValueRef fields[] = {cg_global_string(cg, program->params[i].name),
			                               cg_f64_const(cg, program->params[i].value)};
			items[i] = cg_const_struct(cg, fields, 2);
		}
		v_params = cg_global_const(cg, "entk.params",
		                           cg_const_array(cg, LLVMTypeOf(items[0]), items, program->param_count), false);
	}
	LLVMValueRef v_table = cg_global_const(
	        cg, "entk.nets", cg_const_array(cg, LLVMTypeOf(v_nets[0]), v_nets, program->network_count), false);
	const LLVMValueRef fields[] = {
	        cg_i32(cg, ENTK_ABI_VERSION),
	        cg_i32(cg, options->f32 ? 32 : 64),
	        cg_global_string(cg, options->compiler_version),
	        cg_global_string(cg, cg->target.cpu),
	        cg_global_string(cg, cg->target.proc_features),
	        cg_global_string(cg, options->source_name),
	        cg_i32(cg, (int32_t)program->network_count),
	        v_table,
	        cg_i32(cg, (int32_t)program->param_count),
	        v_params,
	};
	LLVMValueRef v_program = cg_global_const(cg, "entk.program", cg_const_struct(cg, fields, 10), false);
	cg_function_begin(cg, "entk_program", cg->t_ptr, NULL, 0, false);
	cg_return(cg, v_program);
	cg_function_end(cg);
}
