/* Functions and descriptor of a generated program (runtime/entk_abi.h).
 *
 *   NET.variances   (coefs, z lanes, factors, workspace)      all factors of a tile's nonlinearities for lanes of samples
 *   NET.state       (.. , state lanes, k0)                    those that are prepared once per sample
 *   NET.pair[.nngp] (coefs, x, z lanes, factors .., out)      one left sample against lanes of right samples
 *   NET.self        the pair part for lanes of samples against themselves (behind an augment only)
 *   NET.kernel      a tile: factors of its left and right samples, then all pairs
 *   NET.prepare     the state of samples, lanes at a time
 *
 * Views. Behind an augment every sample is seen in all turned copies g x, each with its own factors and state; a pair's
 * kernels are the mean over the views, and NET.outer continues from there. Without augment there is one view. */
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
	e->v_left_vars = cg_param(cg, ARG_LEFT_VARS);
	e->v_right_vars = cg_param(cg, ARG_RIGHT_VARS);
	e->v_left_state = cg_param(cg, ARG_LEFT_STATE);
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

/* ---- a net's functions and the workspace of a tile ---- */

typedef struct Functions {
	LLVMValueRef v_variances, v_state, v_self, v_pair, v_pair_nngp;
} Functions;

typedef struct Net {
	Emit *e, *outer; /* outer: the layers behind an augment, or NULL */
	const Group *group;
	uint32_t views, left_views;
	Functions inner, behind;
	uint64_t sample;      /* reals per sample of the data; 0 for vectors */
	uint64_t tile_numbers, state_numbers; /* per view */
	uint64_t outer_state; /* state numbers of the layers behind */
	uint64_t sample_state; /* of a sample: all views, and behind */
	uint32_t tile_left, tile_right;
	/* byte offsets in the workspace */
	uint64_t x, z, left_vars, right_vars, left_state, right_state, k0, out, sum, lanes, sums, bytes;
} Net;

static uint64_t reserve(Net *net, uint64_t bytes)
{
	uint64_t at = net->bytes;
	net->bytes += (bytes + 63) / 64 * 64;
	return at;
}

static void most(const RecProgram *rec, uint64_t *lanes, uint64_t *sums)
{
	const RecPart *parts[] = {&rec->variances, &rec->state, &rec->pair};
	for (int i = 0; i < 3; i++) {
		*lanes = parts[i]->lanes > *lanes ? parts[i]->lanes : *lanes;
		*sums = parts[i]->sums > *sums ? parts[i]->sums : *sums;
	}
}

/* A tile's size. Making the factors costs little beside the pairs if a tile has many rows and columns; but the left
 * samples' factors should stay in the cache, and one call should last well below a second, so that a run can be stopped and
 * shared among threads. */
static void choose_tile(Net *net, bool vector, uint64_t real)
{
	enum { LEFT_BYTES = 6 << 20, MAX_LEFT = 64, MAX_GROUPS = 8 };
	const double operations_per_second = 3e10, seconds_per_call = 0.3;
	uint32_t lanes = net->e->cg->lanes;
	if (vector) {
		net->tile_left = net->tile_right = 256;
		return;
	}
	double views = (double)net->views * net->left_views;
	double pairs = seconds_per_call * operations_per_second / (net->e->rec->operations * views + 1);
	uint64_t per_left = (net->left_views * net->tile_numbers + net->sample_state) * real;
	uint32_t groups = 1, left = 1;
	while (groups < MAX_GROUPS && 4.0 * groups * groups * lanes * lanes < 4 * pairs)
		groups *= 2;
	while (left < MAX_LEFT && 2 * left * per_left <= LEFT_BYTES && 2.0 * left * groups * lanes <= pairs)
		left *= 2;
	net->tile_left = left;
	net->tile_right = groups * lanes;
}

static void lay_out(Net *net)
{
	const RecProgram *rec = net->e->rec;
	const Cg *cg = net->e->cg;
	uint64_t lane = cg->target.vector_bytes, real = cg->f32 ? 4 : 8, wide = 8 * (uint64_t)cg->lanes;
	uint64_t lanes = 0, sums = 0;
	most(rec, &lanes, &sums);
	if (net->outer)
		most(net->outer->rec, &lanes, &sums);
	bool vector = rec->vector_input;
	net->sample = vector ? 0 : (uint64_t)rec->input_shape[0] * rec->input_shape[1] * rec->input_shape[2] * rec->channels;
	net->tile_numbers = rec->tile_numbers;
	net->state_numbers = rec->state_numbers;
	net->outer_state = net->outer ? net->outer->rec->state_numbers : 0;
	net->sample_state = net->views * net->state_numbers + net->outer_state;
	choose_tile(net, vector, real);
	net->x = reserve(net, net->sample * real);
	net->z = reserve(net, net->views * net->sample * lane);
	net->right_vars = reserve(net, net->views * net->tile_numbers * lane);
	net->left_vars = reserve(net, net->left_views * net->tile_numbers * real * net->tile_left);
	net->left_state = reserve(net, net->sample_state * real * net->tile_left);
	net->right_state = reserve(net, net->sample_state * lane);
	net->k0 = reserve(net, 2 * lane);
	net->out = reserve(net, 2 * wide);
	net->sum = reserve(net, 2 * wide);
	/* A sliding sum may look a row's length past a slice that is empty. */
	net->lanes = reserve(net, (lanes + 64) * lane);
	net->sums = reserve(net, (sums + 1) * wide);
}

typedef struct Tile {
	LLVMValueRef v_coefs, v_outer_coefs, v_data_x, v_data_z, v_left, v_right, v_n_left, v_n_right, v_state_x, v_state_z,
	        v_data_k0, v_k0_stride, v_nngp, v_ntk, v_out_stride;
	/* the workspace's parts */
	LLVMValueRef v_x, v_z, v_right_vars, v_left_vars, v_left_state, v_right_state, v_k0, v_out, v_sum, v_lanes, v_sums;
} Tile;

static Tile load_tile(const Net *net)
{
	Cg *cg = net->e->cg;
	LLVMValueRef v_tile = cg_param(cg, 0);
#define FIELD(name, type) cg_load_field(cg, v_tile, offsetof(EntkTile, name), (type))
	LLVMValueRef v_ws = FIELD(workspace, cg->t_ptr);
#define PART(name) cg_ptr_bytes(cg, v_ws, cg_i64(cg, (int64_t)net->name))
	Tile t = {
	        .v_coefs = FIELD(coefficients, cg->t_ptr), .v_data_x = FIELD(x, cg->t_ptr), .v_data_z = FIELD(z, cg->t_ptr),
	        .v_left = FIELD(left, cg->t_ptr), .v_right = FIELD(right, cg->t_ptr),
	        .v_n_left = cg_izext_i64(cg, FIELD(n_left, cg->t_i32)),
	        .v_n_right = cg_izext_i64(cg, FIELD(n_right, cg->t_i32)),
	        .v_state_x = FIELD(state_x, cg->t_ptr), .v_state_z = FIELD(state_z, cg->t_ptr),
	        .v_data_k0 = FIELD(k0, cg->t_ptr), .v_k0_stride = FIELD(k0_stride, cg->t_i64),
	        .v_nngp = FIELD(nngp, cg->t_ptr), .v_ntk = FIELD(ntk, cg->t_ptr),
	        .v_out_stride = FIELD(out_stride, cg->t_i64),
	        .v_x = PART(x), .v_z = PART(z), .v_right_vars = PART(right_vars), .v_left_vars = PART(left_vars),
	        .v_left_state = PART(left_state), .v_right_state = PART(right_state), .v_k0 = PART(k0), .v_out = PART(out),
	        .v_sum = PART(sum), .v_lanes = PART(lanes), .v_sums = PART(sums),
	};
#undef FIELD
#undef PART
	t.v_outer_coefs = cg_ptr_offset(cg, t.v_coefs, cg_i64(cg, net->e->rec->coefs.count), cg->t_f64);
	return t;
}

static LLVMValueRef times(Cg *cg, LLVMValueRef v, uint64_t factor)
{
	return cg_imul(cg, v, cg_i64(cg, (int64_t)factor));
}

/* View `v_view` of workspace lanes that hold `numbers` lanes per view. */
static LLVMValueRef lanes_of_view(Cg *cg, LLVMValueRef v_lanes, LLVMValueRef v_view, uint64_t numbers)
{
	return cg_ptr_offset(cg, v_lanes, times(cg, v_view, numbers), cg->t_lane);
}

/* ---- packing ---- */

/* Index in a sample of real `v_i` of its view g: (g x)(t) = x(rho(g)^-1 t). */
static LLVMValueRef seen_at(const Net *net, LLVMValueRef v_view, LLVMValueRef v_i)
{
	Cg *cg = net->e->cg;
	if (net->views == 1)
		return v_i;
	Emit *e = net->e;
	const uint32_t *n = e->rec->input_shape;
	uint32_t channels = e->rec->channels;
	/* rho(g)^-1 moves axis `perm` of t, reversed or not, to each axis: one stride per axis of t, and a base, per g. */
	const int64_t row_major[AXES] = {(int64_t)n[1] * n[2], n[2], 1};
	int64_t *table = ARENA_ARRAY(e->arena, int64_t, (size_t)net->views * (AXES + 1));
	for (uint32_t g = 0; g < net->views; g++) {
		GridElement inverse = rec_element(net->group, net->group->inverse[g]);
		int64_t *row = table + (size_t)g * (AXES + 1);
		for (int a = 0; a < AXES; a++) {
			row[inverse.perm[a]] = inverse.sign[a] * row_major[a];
			row[AXES] += inverse.sign[a] < 0 ? row_major[a] * ((int64_t)n[a] - 1) : 0;
		}
	}
	LLVMValueRef v_table = cg_global_i64_array(cg, arena_printf(e->arena, "%s.views%u", e->prefix, e->table_count++),
	                                           table, (size_t)net->views * (AXES + 1));
	LLVMValueRef v_row = times(cg, v_view, AXES + 1);
	LLVMValueRef v_position = cg_isdiv(cg, v_i, cg_i64(cg, channels));
	LLVMValueRef v_channel = cg_isrem(cg, v_i, cg_i64(cg, channels));
	LLVMValueRef v_at = cg_load_i64(cg, v_table, cg_iadd(cg, v_row, cg_i64(cg, AXES)));
	LLVMValueRef v_rest = v_position;
	for (int a = AXES; a-- > 0;) {
		LLVMValueRef v_t = cg_isrem(cg, v_rest, cg_i64(cg, n[a]));
		v_rest = cg_isdiv(cg, v_rest, cg_i64(cg, n[a]));
		v_at = cg_iadd(cg, v_at, cg_imul(cg, v_t, cg_load_i64(cg, v_table, cg_iadd(cg, v_row, cg_i64(cg, a)))));
	}
	return cg_iadd(cg, times(cg, v_at, channels), v_channel);
}

/* Samples indices[first .. first + lanes) as lanes, all views; beyond the last one it is repeated. */
static void pack_samples(const Net *net, const Tile *t, LLVMValueRef v_data, LLVMValueRef v_indices, LLVMValueRef v_first,
                         LLVMValueRef v_count)
{
	Cg *cg = net->e->cg;
	if (net->sample == 0)
		return;
	LLVMValueRef v_zero = cg_i64(cg, 0);
	LLVMValueRef v_last = cg_isub(cg, v_count, cg_i64(cg, 1)), v_size = cg_i64(cg, (int64_t)net->sample);
	CgLoop view = cg_loop_begin(cg, v_zero, cg_i64(cg, net->views), 1, "view");
	LLVMValueRef v_lanes = lanes_of_view(cg, t->v_z, view.v_i, net->sample);
	CgLoop lane = cg_loop_begin(cg, v_zero, cg_i64(cg, cg->lanes), 1, "lane");
	LLVMValueRef v_which = cg_imin(cg, cg_iadd(cg, v_first, lane.v_i), v_last);
	LLVMValueRef v_sample = cg_imul(cg, cg_load_u32_as_i64(cg, v_indices, v_which), v_size);
	CgLoop position = cg_loop_begin(cg, v_zero, v_size, 1, "pack");
	LLVMValueRef v_from = seen_at(net, view.v_i, position.v_i);
	LLVMValueRef v = cg_load_real(cg, v_data, cg_iadd(cg, v_sample, v_from));
	cg_store_real(cg, v_lanes, cg_iadd(cg, times(cg, position.v_i, cg->lanes), lane.v_i), v);
	cg_loop_end(cg, &position);
	cg_loop_end(cg, &lane);
	cg_loop_end(cg, &view);
}

/* The view of one left sample, as reals; the sample itself where there is one view. */
static LLVMValueRef left_view(const Net *net, const Tile *t, LLVMValueRef v_i, LLVMValueRef v_view)
{
	Cg *cg = net->e->cg;
	LLVMValueRef v_index = cg_load_u32_as_i64(cg, t->v_left, v_i);
	LLVMValueRef v_sample = cg_ptr_offset(cg, t->v_data_x, times(cg, v_index, net->sample), cg->t_real);
	if (net->left_views == 1)
		return v_sample;
	CgLoop position = cg_loop_begin(cg, cg_i64(cg, 0), cg_i64(cg, (int64_t)net->sample), 1, "turn");
	LLVMValueRef v_from = seen_at(net, v_view, position.v_i);
	cg_store_real(cg, t->v_x, position.v_i, cg_load_real(cg, v_sample, v_from));
	cg_loop_end(cg, &position);
	return t->v_x;
}

/* State numbers (double, per sample) of lanes of samples, as reals in lanes. */
static void pack_state(const Net *net, const Tile *t, LLVMValueRef v_first)
{
	Cg *cg = net->e->cg;
	LLVMValueRef v_zero = cg_i64(cg, 0);
	LLVMValueRef v_last = cg_isub(cg, t->v_n_right, cg_i64(cg, 1)), v_size = cg_i64(cg, (int64_t)net->sample_state);
	CgLoop lane = cg_loop_begin(cg, v_zero, cg_i64(cg, cg->lanes), 1, "lane");
	LLVMValueRef v_which = cg_imin(cg, cg_iadd(cg, v_first, lane.v_i), v_last);
	LLVMValueRef v_sample = cg_imul(cg, cg_load_u32_as_i64(cg, t->v_right, v_which), v_size);
	CgLoop number = cg_loop_begin(cg, v_zero, v_size, 1, "state");
	LLVMValueRef v = cg_load_f64(cg, t->v_state_z, cg_iadd(cg, v_sample, number.v_i));
	if (cg->f32)
		v = cg_f64_to_lane(cg, v);
	cg_store_real(cg, t->v_right_state, cg_iadd(cg, times(cg, number.v_i, cg->lanes), lane.v_i), v);
	cg_loop_end(cg, &number);
	cg_loop_end(cg, &lane);
}

static void left_states(const Net *net, const Tile *t)
{
	Cg *cg = net->e->cg;
	LLVMValueRef v_size = cg_i64(cg, (int64_t)net->sample_state), v_zero = cg_i64(cg, 0);
	CgLoop sample = cg_loop_begin(cg, v_zero, t->v_n_left, 1, "left");
	LLVMValueRef v_from = cg_imul(cg, cg_load_u32_as_i64(cg, t->v_left, sample.v_i), v_size);
	LLVMValueRef v_to = cg_imul(cg, sample.v_i, v_size);
	CgLoop number = cg_loop_begin(cg, v_zero, v_size, 1, "state");
	LLVMValueRef v = cg_load_f64(cg, t->v_state_x, cg_iadd(cg, v_from, number.v_i));
	if (cg->f32)
		v = cg_f64_to_lane(cg, v);
	cg_store_real(cg, t->v_left_state, cg_iadd(cg, v_to, number.v_i), v);
	cg_loop_end(cg, &number);
	cg_loop_end(cg, &sample);
}

/* ---- calls ---- */

typedef struct Operands {
	LLVMValueRef v_coefs, v_x, v_z, v_k0, v_left_vars, v_right_vars, v_left_state, v_right_state;
} Operands;

static void call(const Net *net, const Tile *t, LLVMValueRef v_function, const Operands *o)
{
	Cg *cg = net->e->cg;
	LLVMValueRef v_null = cg_const_null(cg);
#define OR_NULL(v) ((v) ? (v) : v_null)
	LLVMValueRef args[ARG_COUNT] = {
	        [ARG_COEFS] = o->v_coefs, [ARG_X] = OR_NULL(o->v_x), [ARG_Z] = OR_NULL(o->v_z), [ARG_K0] = OR_NULL(o->v_k0),
	        [ARG_LEFT_VARS] = OR_NULL(o->v_left_vars), [ARG_RIGHT_VARS] = OR_NULL(o->v_right_vars),
	        [ARG_LEFT_STATE] = OR_NULL(o->v_left_state), [ARG_RIGHT_STATE] = OR_NULL(o->v_right_state),
	        [ARG_OUT] = t->v_out, [ARG_LANES] = t->v_lanes, [ARG_SUMS] = t->v_sums,
	};
#undef OR_NULL
	cg_call(cg, v_function, args, ARG_COUNT);
}

/* Operands of the packed samples against themselves, seen in two views. */
static Operands packed(const Net *net, const Tile *t, LLVMValueRef v_left, LLVMValueRef v_right)
{
	Cg *cg = net->e->cg;
	return (Operands){
	        .v_coefs = t->v_coefs,
	        .v_x = lanes_of_view(cg, t->v_z, v_left, net->sample),
	        .v_z = lanes_of_view(cg, t->v_z, v_right, net->sample),
	        .v_k0 = t->v_k0,
	        .v_left_vars = lanes_of_view(cg, t->v_right_vars, v_left, net->tile_numbers),
	        .v_right_vars = lanes_of_view(cg, t->v_right_vars, v_right, net->tile_numbers),
	        .v_left_state = lanes_of_view(cg, t->v_right_state, v_left, net->state_numbers),
	        .v_right_state = lanes_of_view(cg, t->v_right_state, v_right, net->state_numbers),
	};
}

/* Factors of the packed samples, all views. */
static void packed_factors(const Net *net, const Tile *t)
{
	Cg *cg = net->e->cg;
	if (!net->tile_numbers)
		return;
	CgLoop view = cg_loop_begin(cg, cg_i64(cg, 0), cg_i64(cg, net->views), 1, "view");
	Operands o = packed(net, t, view.v_i, view.v_i);
	call(net, t, net->inner.v_variances, &o);
	cg_loop_end(cg, &view);
}

/* Sum of t->v_out over the views -> mean in t->v_k0 (lanes: K, Theta), for the layers behind. */
static void add_view(const Net *net, const Tile *t, bool theta)
{
	Cg *cg = net->e->cg;
	for (int plane = 0; plane < (theta ? 2 : 1); plane++) {
		LLVMValueRef v_plane = cg_i64(cg, plane);
		LLVMValueRef v_sum = cg_fadd(cg, cg_load_lane_f64(cg, t->v_sum, v_plane), cg_load_lane_f64(cg, t->v_out, v_plane));
		cg_store_lane_f64(cg, t->v_sum, v_plane, v_sum);
	}
}

static void clear_views(const Net *net, const Tile *t)
{
	Cg *cg = net->e->cg;
	for (int plane = 0; plane < 2; plane++)
		cg_store_lane_f64(cg, t->v_sum, cg_i64(cg, plane), cg_lane_f64_const(cg, 0));
}

static void mean_of_views(const Net *net, const Tile *t)
{
	Cg *cg = net->e->cg;
	for (int plane = 0; plane < 2; plane++) {
		LLVMValueRef v_plane = cg_i64(cg, plane);
		LLVMValueRef v_mean = cg_fmul(cg, cg_load_lane_f64(cg, t->v_sum, v_plane),
		                              cg_lane_f64_const(cg, 1.0 / net->views / net->left_views));
		cg_store_lane(cg, t->v_k0, v_plane, cg_f64_to_lane(cg, v_mean));
	}
}

/* ---- the tile ---- */

/* Factors of all left samples of the tile, lanes at a time, then spread to one array per sample and view. */
static void left_factors(const Net *net, const Tile *t)
{
	Cg *cg = net->e->cg;
	if (!net->tile_numbers)
		return;
	uint64_t per_sample = net->left_views * net->tile_numbers;
	LLVMValueRef v_zero = cg_i64(cg, 0), v_numbers = cg_i64(cg, (int64_t)per_sample), v_w = cg_i64(cg, cg->lanes);
	CgLoop group = cg_loop_begin(cg, v_zero, t->v_n_left, cg->lanes, "left.group");
	pack_samples(net, t, t->v_data_x, t->v_left, group.v_i, t->v_n_left);
	packed_factors(net, t);
	LLVMValueRef v_here = cg_imin(cg, v_w, cg_isub(cg, t->v_n_left, group.v_i));
	CgLoop lane = cg_loop_begin(cg, v_zero, v_here, 1, "lane");
	LLVMValueRef v_sample = cg_imul(cg, cg_iadd(cg, group.v_i, lane.v_i), v_numbers);
	CgLoop number = cg_loop_begin(cg, v_zero, v_numbers, 1, "spread");
	LLVMValueRef v = cg_load_real(cg, t->v_right_vars, cg_iadd(cg, cg_imul(cg, number.v_i, v_w), lane.v_i));
	cg_store_real(cg, t->v_left_vars, cg_iadd(cg, v_sample, number.v_i), v);
	cg_loop_end(cg, &number);
	cg_loop_end(cg, &lane);
	cg_loop_end(cg, &group);
}

/* Operands of left sample v_i in one view against the packed samples in another. */
static Operands paired(const Net *net, const Tile *t, LLVMValueRef v_i, LLVMValueRef v_left, LLVMValueRef v_right)
{
	Cg *cg = net->e->cg;
	Operands o = packed(net, t, v_right, v_right);
	LLVMValueRef v_vars = cg_iadd(cg, times(cg, v_i, net->left_views * net->tile_numbers),
	                              times(cg, v_left, net->tile_numbers));
	LLVMValueRef v_state = cg_iadd(cg, times(cg, v_i, net->sample_state), times(cg, v_left, net->state_numbers));
	o.v_left_vars = cg_ptr_offset(cg, t->v_left_vars, v_vars, cg->t_real);
	o.v_left_state = cg_ptr_offset(cg, t->v_left_state, v_state, cg->t_real);
	return o;
}

/* One left sample against the lanes that are packed: result in t->v_out. */
static void pair(const Net *net, const Tile *t, LLVMValueRef v_i, LLVMValueRef v_j, bool theta)
{
	Cg *cg = net->e->cg;
	LLVMValueRef v_zero = cg_i64(cg, 0), v_inner = theta ? net->inner.v_pair : net->inner.v_pair_nngp;
	if (!net->outer) {
		Operands o = paired(net, t, v_i, v_zero, v_zero);
		o.v_x = left_view(net, t, v_i, v_zero);
		if (net->e->rec->vector_input) {
			LLVMValueRef v_at = cg_iadd(cg, cg_imul(cg, v_i, t->v_k0_stride), v_j);
			cg_store_lane(cg, t->v_k0, v_zero, cg_load_lane_unaligned(cg, t->v_data_k0, v_at));
		}
		call(net, t, v_inner, &o);
		return;
	}
	clear_views(net, t);
	CgLoop left = cg_loop_begin(cg, v_zero, cg_i64(cg, net->left_views), 1, "left.view");
	LLVMValueRef v_x = left_view(net, t, v_i, left.v_i);
	CgLoop right = cg_loop_begin(cg, v_zero, cg_i64(cg, net->views), 1, "right.view");
	Operands o = paired(net, t, v_i, left.v_i, right.v_i);
	o.v_x = v_x;
	call(net, t, v_inner, &o);
	add_view(net, t, theta);
	cg_loop_end(cg, &right);
	cg_loop_end(cg, &left);
	mean_of_views(net, t);
	uint64_t inner_state = net->views * net->state_numbers;
	LLVMValueRef v_state = cg_iadd(cg, times(cg, v_i, net->sample_state), cg_i64(cg, (int64_t)inner_state));
	Operands behind = {.v_coefs = t->v_outer_coefs, .v_k0 = t->v_k0};
	behind.v_left_state = cg_ptr_offset(cg, t->v_left_state, v_state, cg->t_real);
	behind.v_right_state = cg_ptr_offset(cg, t->v_right_state, cg_i64(cg, (int64_t)inner_state), cg->t_lane);
	call(net, t, theta ? net->behind.v_pair : net->behind.v_pair_nngp, &behind);
}

/* Copy out what belongs to real pairs. */
static void pair_row(const Net *net, const Tile *t, LLVMValueRef v_i, LLVMValueRef v_j, bool theta)
{
	Cg *cg = net->e->cg;
	pair(net, t, v_i, v_j, theta);
	LLVMValueRef v_here = cg_imin(cg, cg_i64(cg, cg->lanes), cg_isub(cg, t->v_n_right, v_j));
	LLVMValueRef v_row = cg_iadd(cg, cg_imul(cg, v_i, t->v_out_stride), v_j);
	LLVMValueRef v_zero = cg_i64(cg, 0), v_one = cg_i64(cg, 1), v_w = cg_i64(cg, cg->lanes);
	CgIf full = cg_if(cg, cg_ieq(cg, v_here, v_w), "full");
	cg_store_lane_f64_unaligned(cg, t->v_nngp, v_row, cg_load_lane_f64(cg, t->v_out, v_zero));
	if (theta)
		cg_store_lane_f64_unaligned(cg, t->v_ntk, v_row, cg_load_lane_f64(cg, t->v_out, v_one));
	cg_else(cg, &full);
	CgLoop lane = cg_loop_begin(cg, v_zero, v_here, 1, "out");
	LLVMValueRef v_at = cg_iadd(cg, v_row, lane.v_i);
	cg_store(cg, t->v_nngp, v_at, cg_load_f64(cg, t->v_out, lane.v_i));
	if (theta)
		cg_store(cg, t->v_ntk, v_at, cg_load_f64(cg, t->v_out, cg_iadd(cg, lane.v_i, v_w)));
	cg_loop_end(cg, &lane);
	cg_endif(cg, &full);
}

static LLVMValueRef emit_kernel(const Net *net)
{
	Cg *cg = net->e->cg;
	char *name = arena_printf(net->e->arena, "%s.kernel", net->e->prefix);
	LLVMValueRef v_function = cg_function_begin(cg, name, cg->t_void, &cg->t_ptr, 1, true);
	Tile t = load_tile(net);
	LLVMValueRef v_zero = cg_i64(cg, 0);
	left_factors(net, &t);
	if (net->sample_state)
		left_states(net, &t);
	LLVMValueRef v_with_theta = cg_ine(cg, t.v_ntk, cg_const_null(cg));
	CgLoop right = cg_loop_begin(cg, v_zero, t.v_n_right, cg->lanes, "right.group");
	pack_samples(net, &t, t.v_data_z, t.v_right, right.v_i, t.v_n_right);
	packed_factors(net, &t);
	if (net->sample_state)
		pack_state(net, &t, right.v_i);
	CgLoop left = cg_loop_begin(cg, v_zero, t.v_n_left, 1, "left");
	CgIf theta = cg_if(cg, v_with_theta, "ntk");
	pair_row(net, &t, left.v_i, right.v_i, true);
	cg_else(cg, &theta);
	pair_row(net, &t, left.v_i, right.v_i, false);
	cg_endif(cg, &theta);
	cg_loop_end(cg, &left);
	cg_loop_end(cg, &right);
	cg_function_end(cg);
	return v_function;
}

/* ---- the state ---- */

/* The state of the packed samples: per view, then of the layers behind an augment, whose variance is the mean of the
 * samples' kernels with themselves over all views. */
static void packed_state(const Net *net, const Tile *t)
{
	Cg *cg = net->e->cg;
	LLVMValueRef v_zero = cg_i64(cg, 0), v_views = cg_i64(cg, net->views);
	packed_factors(net, t);
	if (net->state_numbers) {
		CgLoop view = cg_loop_begin(cg, v_zero, v_views, 1, "view");
		Operands o = packed(net, t, view.v_i, view.v_i);
		call(net, t, net->inner.v_state, &o);
		cg_loop_end(cg, &view);
	}
	if (!net->outer_state)
		return;
	clear_views(net, t);
	CgLoop left = cg_loop_begin(cg, v_zero, cg_i64(cg, net->left_views), 1, "left.view");
	CgLoop right = cg_loop_begin(cg, v_zero, v_views, 1, "right.view");
	Operands o = packed(net, t, left.v_i, right.v_i);
	call(net, t, net->inner.v_self, &o);
	add_view(net, t, false);
	cg_loop_end(cg, &right);
	cg_loop_end(cg, &left);
	mean_of_views(net, t);
	Operands behind = {.v_coefs = t->v_outer_coefs, .v_k0 = t->v_k0};
	LLVMValueRef v_inner = cg_i64(cg, (int64_t)(net->views * net->state_numbers));
	behind.v_left_state = behind.v_right_state = cg_ptr_offset(cg, t->v_right_state, v_inner, cg->t_lane);
	call(net, t, net->behind.v_state, &behind);
}

static LLVMValueRef emit_prepare(const Net *net)
{
	Cg *cg = net->e->cg;
	char *name = arena_printf(net->e->arena, "%s.prepare", net->e->prefix);
	LLVMTypeRef types[] = {cg->t_ptr, cg->t_ptr};
	LLVMValueRef v_function = cg_function_begin(cg, name, cg->t_void, types, 2, true);
	if (net->sample_state) {
		Tile t = load_tile(net);
		LLVMValueRef v_zero = cg_i64(cg, 0), v_w = cg_i64(cg, cg->lanes);
		LLVMValueRef v_size = cg_i64(cg, (int64_t)net->sample_state), v_state = cg_param(cg, 1);
		CgLoop group = cg_loop_begin(cg, v_zero, t.v_n_left, cg->lanes, "group");
		pack_samples(net, &t, t.v_data_x, t.v_left, group.v_i, t.v_n_left);
		LLVMValueRef v_here = cg_imin(cg, v_w, cg_isub(cg, t.v_n_left, group.v_i));
		if (net->e->rec->vector_input) {
			CgLoop norm = cg_loop_begin(cg, v_zero, v_w, 1, "norm");
			LLVMValueRef v_last = cg_isub(cg, v_here, cg_i64(cg, 1));
			LLVMValueRef v_at = cg_iadd(cg, group.v_i, cg_imin(cg, norm.v_i, v_last));
			cg_store_real(cg, t.v_k0, norm.v_i, cg_load_real(cg, t.v_data_k0, v_at));
			cg_loop_end(cg, &norm);
		}
		packed_state(net, &t);
		CgLoop lane = cg_loop_begin(cg, v_zero, v_here, 1, "lane");
		LLVMValueRef v_which = cg_load_u32_as_i64(cg, t.v_left, cg_iadd(cg, group.v_i, lane.v_i));
		LLVMValueRef v_to = cg_imul(cg, v_which, v_size);
		CgLoop number = cg_loop_begin(cg, v_zero, v_size, 1, "state");
		LLVMValueRef v = cg_load_real(cg, t.v_right_state, cg_iadd(cg, cg_imul(cg, number.v_i, v_w), lane.v_i));
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

/* The inner net's table, then that of the layers behind. */
static LLVMValueRef emit_coefficients(Emit *e, Emit *outer)
{
	Cg *cg = e->cg;
	char *name = arena_printf(e->arena, "%s.coefficients", e->prefix);
	LLVMTypeRef types[] = {cg->t_ptr, cg->t_ptr};
	LLVMValueRef v_function = cg_function_begin(cg, name, cg->t_void, types, 2, true);
	uint32_t at = 0;
	for (Emit *from = e; from; from = from == e ? outer : NULL)
		for (uint32_t i = 0; i < from->rec->coefs.count; i++)
			cg_store(cg, cg_param(cg, 1), cg_i64(cg, at++), emit_scalar(e, from->rec->coefs.items[i], cg_param(cg, 0)));
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
	ENTK_ASSERT(memory != NULL);
	rec_print(rec, memory);
	fclose(memory);
	hash = hash_text(hash, text);
	free(text);
	for (uint32_t i = 0; i < rec->coefs.count; i++)
		hash = hash_text(hash, arena_printf(arena, "%a;", rec->coefs.items[i]->value));
	return hash;
}

/* Equal iff the recursions, coefficients, precision and instruction set are. */
static uint64_t hash_net(const Net *net)
{
	const Cg *cg = net->e->cg;
	uint64_t hash = hash_rec(net->e->rec, net->e->arena, 14695981039346656037u);
	if (net->outer)
		hash = hash_rec(net->outer->rec, net->e->arena, hash);
	return hash_text(hash, arena_printf(net->e->arena, "%u %s %u %u", cg->lanes, cg->target.proc_features, net->views,
	                                    net->left_views));
}

static Functions emit_parts(Emit *e, bool self)
{
	const RecProgram *rec = e->rec;
	Functions f = {NULL, NULL, NULL, NULL, NULL};
	if (rec->tile_numbers)
		f.v_variances = emit_part(e, "variances", &rec->variances, false, false);
	if (rec->state_numbers)
		f.v_state = emit_part(e, "state", &rec->state, false, false);
	if (self)
		f.v_self = emit_part(e, "self", &rec->pair, false, false);
	f.v_pair = emit_part(e, "pair", &rec->pair, true, true);
	f.v_pair_nngp = emit_part(e, "pair.nngp", &rec->pair, true, false);
	return f;
}

void emit_net(Emit *e, Emit *outer, const RecAugment *augment, LLVMValueRef *v_descriptor)
{
	Cg *cg = e->cg;
	const RecProgram *rec = e->rec;
	Net net = {.e = e, .outer = outer, .views = 1, .left_views = 1};
	double views = 1;
	if (outer) {
		net.group = augment->group;
		net.views = augment->group->order;
		net.left_views = augment->left_views;
		views = (double)net.views * net.left_views;
	}
	net.inner = emit_parts(e, outer && outer->rec->state_numbers);
	if (outer)
		net.behind = emit_parts(outer, false);
	lay_out(&net);
	LLVMValueRef v_kernel = emit_kernel(&net);
	LLVMValueRef v_prepare = emit_prepare(&net);
	LLVMValueRef v_coefficients = emit_coefficients(e, outer);
	uint32_t coefficients = rec->coefs.count + (outer ? outer->rec->coefs.count : 0);

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
	        cg_i32(cg, (int32_t)(coefficients ? coefficients : 1)),
	        cg_i32(cg, (int32_t)net.sample_state),
	        cg_i32(cg, (int32_t)net.tile_left),
	        cg_i32(cg, (int32_t)net.tile_right),
	        cg_i64(cg, (int64_t)net.bytes),
	        cg_f64_const(cg, rec->steps * views),
	        cg_f64_const(cg, rec->operations * views),
	        cg_i64(cg, (int64_t)hash_net(&net)),
	        v_coefficients,
	        v_prepare,
	        v_kernel,
	};
	*v_descriptor = cg_const_struct(cg, fields, sizeof fields / sizeof *fields);
}

static LLVMValueRef emit_strings(Cg *cg, const char *const *strings, uint32_t count)
{
	LLVMValueRef *items = ARENA_ARRAY(cg->arena, LLVMValueRef, count + 1);
	for (uint32_t i = 0; i < count; i++)
		items[i] = cg_global_string(cg, strings[i]);
	if (count == 0)
		return cg_const_null(cg);
	return cg_global_const(cg, "entk.strings", cg_const_array(cg, cg->t_ptr, items, count), false);
}

/* EntkProgram.sources: the files, each text once, and the options of the command line. */
static LLVMValueRef emit_sources(Cg *cg, const EntkSources *sources)
{
	if (!sources || sources->file_count == 0)
		return cg_const_null(cg);
	uint32_t count = sources->file_count;
	LLVMValueRef *files = ARENA_ARRAY(cg->arena, LLVMValueRef, count);
	LLVMValueRef *texts = ARENA_ARRAY(cg->arena, LLVMValueRef, count);
	for (uint32_t i = 0; i < count; i++) {
		const EntkSource *file = &sources->files[i];
		for (uint32_t k = 0; k < i && !texts[i]; k++)
			if (sources->files[k].text == file->text)
				texts[i] = texts[k];
		if (!texts[i])
			texts[i] = cg_global_bytes(cg, (const char *)file->text, file->length);
		const LLVMValueRef fields[] = {cg_global_string(cg, file->path), texts[i], cg_i64(cg, (int64_t)file->length)};
		files[i] = cg_const_struct(cg, fields, 3);
	}
	LLVMValueRef v_files = cg_const_array(cg, LLVMTypeOf(files[0]), files, count);
	const LLVMValueRef fields[] = {
	        cg_i32(cg, (int32_t)count),
	        cg_global_const(cg, "entk.files", v_files, false),
	        cg_i32(cg, (int32_t)sources->include_dir_count),
	        emit_strings(cg, sources->include_dirs, sources->include_dir_count),
	        cg_i32(cg, (int32_t)sources->set_count),
	        emit_strings(cg, sources->sets, sources->set_count),
	};
	return cg_global_const(cg, "entk.sources", cg_const_struct(cg, fields, sizeof fields / sizeof *fields), false);
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
	        emit_sources(cg, options->sources),
	};
	LLVMValueRef v_program =
	        cg_global_const(cg, "entk.program", cg_const_struct(cg, fields, sizeof fields / sizeof *fields), false);
	cg_function_begin(cg, "entk_program", cg->t_ptr, NULL, 0, false);
	cg_return(cg, v_program);
	cg_function_end(cg);
}
