/* A net's kernel over a tile of pairs, and the preparation of its samples (EntkTile in runtime/entk_abi.h).
 *
 *   NET.kernel      factors of the tile's left and right samples, then all pairs
 *   NET.prepare     the state of samples, lanes at a time
 *
 * Views. Behind an augment every sample is seen in all turned copies g x, each with its own factors and state; a pair's
 * kernels are the mean over the views, and NET.outer continues from there. Without augment there is one view.
 *
 * Trunks. Nets that share their layers up to a vector have one inner recursion, the trunk, and behind it a head each. */
#include <stddef.h>
#include <string.h>

#include "emit/internal.h"
#include "entk_abi.h"

/* ---- the workspace of a tile ---- */

/* Layers that take the value of the ones before as their data: behind an augment, or a head on a trunk. */
typedef struct Behind {
	Emit *e;
	uint64_t coefs; /* where its coefficients begin in the net's table */
	uint64_t state; /* where its state begins in a sample's */
} Behind;

typedef struct Net {
	const char *name; /* prefix of its symbols */
	Emit *e;
	Behind *behind;
	uint32_t behind_count; /* 0: e is the whole net; more than one: all nets of a trunk, each with an output */
	const Group *group;
	uint32_t views, left_views;
	uint64_t sample;                      /* reals per sample of the data; 0 for vectors */
	uint64_t tile_numbers, state_numbers; /* per view */
	bool behind_state;                    /* some layers behind have state */
	bool noisy;                           /* some recursion asks whether both samples are one */
	uint64_t sample_state;                /* of a sample: all views, and behind */
	uint32_t tile_left, tile_right;
	/* byte offsets in the workspace */
	uint64_t x, z, left_vars, right_vars, left_state, right_state, k0, out, sum, same, lanes, sums, bytes;
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
		/* Their outputs, all doubles, stay in the second-level cache on the way to their places. */
		net->tile_left = 64;
		net->tile_right = 256;
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
	uint64_t real = cg->f32 ? 4 : 8, lane = real * cg->lanes, wide = 8 * (uint64_t)cg->lanes;
	uint64_t lanes = 0, sums = 0;
	most(rec, &lanes, &sums);
	for (uint32_t m = 0; m < net->behind_count; m++)
		most(net->behind[m].e->rec, &lanes, &sums);
	bool vector = rec->vector_input;
	net->sample =
		vector ? 0 : (uint64_t)rec->input_shape[0] * rec->input_shape[1] * rec->input_shape[2] * rec->channels;
	net->tile_numbers = rec->tile_numbers;
	net->state_numbers = rec->state_numbers;
	net->sample_state = net->views * net->state_numbers;
	uint64_t coefs = rec->coefs.count;
	for (uint32_t m = 0; m < net->behind_count; m++) {
		const RecProgram *behind = net->behind[m].e->rec;
		net->behind[m].state = net->sample_state;
		net->behind[m].coefs = coefs;
		net->sample_state += behind->state_numbers;
		net->behind_state = net->behind_state || behind->state_numbers;
		coefs += behind->coefs.count;
	}
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
	net->same = reserve(net, net->noisy ? lane : 0);
	/* A sliding sum may look a row's length past a slice that is empty. */
	net->lanes = reserve(net, (lanes + 64) * lane);
	net->sums = reserve(net, (sums + 1) * wide);
}

typedef struct Tile {
	LLVMValueRef v_coefs, v_data_x, v_data_z, v_left, v_right, v_n_left, v_n_right, v_state_x, v_state_z, v_data_k0,
		v_k0_stride, v_nngp, v_ntk, v_out_stride, v_out_plane;
	/* the workspace's parts */
	LLVMValueRef v_x, v_z, v_right_vars, v_left_vars, v_left_state, v_right_state, v_k0, v_out, v_sum, v_same,
		v_lanes, v_sums;
} Tile;

static Tile load_tile(const Net *net)
{
	Cg *cg = net->e->cg;
	LLVMValueRef v_tile = cg_param(cg, 0);
#define FIELD(name, type) cg_load_field(cg, v_tile, offsetof(EntkTile, name), (type))
	LLVMValueRef v_ws = FIELD(workspace, cg->t_ptr);
#define PART(name) cg_ptr_bytes(cg, v_ws, cg_i64(cg, (int64_t)net->name))
	Tile t = {
		.v_coefs = FIELD(coefficients, cg->t_ptr),
		.v_data_x = FIELD(x, cg->t_ptr),
		.v_data_z = FIELD(z, cg->t_ptr),
		.v_left = FIELD(left, cg->t_ptr),
		.v_right = FIELD(right, cg->t_ptr),
		.v_n_left = cg_izext_i64(cg, FIELD(n_left, cg->t_i32)),
		.v_n_right = cg_izext_i64(cg, FIELD(n_right, cg->t_i32)),
		.v_state_x = FIELD(state_x, cg->t_ptr),
		.v_state_z = FIELD(state_z, cg->t_ptr),
		.v_data_k0 = FIELD(k0, cg->t_ptr),
		.v_k0_stride = FIELD(k0_stride, cg->t_i64),
		.v_nngp = FIELD(nngp, cg->t_ptr),
		.v_ntk = FIELD(ntk, cg->t_ptr),
		.v_out_stride = FIELD(out_stride, cg->t_i64),
		.v_out_plane = FIELD(out_plane, cg->t_i64),
		.v_x = PART(x),
		.v_z = PART(z),
		.v_right_vars = PART(right_vars),
		.v_left_vars = PART(left_vars),
		.v_left_state = PART(left_state),
		.v_right_state = PART(right_state),
		.v_k0 = PART(k0),
		.v_out = PART(out),
		.v_sum = PART(sum),
		.v_same = net->noisy ? PART(same) : NULL,
		.v_lanes = PART(lanes),
		.v_sums = PART(sums),
	};
#undef FIELD
#undef PART
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
	LLVMValueRef v_table =
		cg_global_i64_array(cg, arena_printf(e->arena, "%s.views%u", e->prefix, e->table_count++), table,
				    (size_t)net->views * (AXES + 1));
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
static void pack_samples(const Net *net, const Tile *t, LLVMValueRef v_data, LLVMValueRef v_indices,
			 LLVMValueRef v_first, LLVMValueRef v_count)
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

/* ---- which samples are one ---- */

/* Fill t->v_same for left sample v_i against the lanes that are packed from v_j on, seen in two views. Samples are one where
 * they are one index of one array: equal values do not make them so. */
static void mark_same(const Net *net, const Tile *t, LLVMValueRef v_i, LLVMValueRef v_j, LLVMValueRef v_left_view,
		      LLVMValueRef v_right_view)
{
	Cg *cg = net->e->cg;
	if (!net->noisy)
		return;
	LLVMValueRef v_one_array = cg_ieq(cg, t->v_data_x, t->v_data_z);
	v_one_array = cg_and(cg, v_one_array, cg_ieq(cg, v_left_view, v_right_view));
	LLVMValueRef v_left = cg_load_u32_as_i64(cg, t->v_left, v_i), v_last = cg_isub(cg, t->v_n_right, cg_i64(cg, 1));
	CgLoop lane = cg_loop_begin(cg, cg_i64(cg, 0), cg_i64(cg, cg->lanes), 1, "same");
	LLVMValueRef v_which = cg_imin(cg, cg_iadd(cg, v_j, lane.v_i), v_last);
	LLVMValueRef v_same = cg_ieq(cg, v_left, cg_load_u32_as_i64(cg, t->v_right, v_which));
	cg_store_real(cg, t->v_same, lane.v_i,
		      cg_select(cg, cg_and(cg, v_one_array, v_same), cg_real_const(cg, 1), cg_real_const(cg, 0)));
	cg_loop_end(cg, &lane);
}

/* The same for samples against themselves. */
static void mark_views(const Net *net, const Tile *t, LLVMValueRef v_left_view, LLVMValueRef v_right_view)
{
	Cg *cg = net->e->cg;
	if (!net->noisy)
		return;
	LLVMValueRef v_same =
		cg_select(cg, cg_ieq(cg, v_left_view, v_right_view), cg_lane_const(cg, 1), cg_lane_zero(cg));
	cg_store_lane(cg, t->v_same, cg_i64(cg, 0), v_same);
}

/* ---- calls ---- */

typedef struct Operands {
	LLVMValueRef v_coefs, v_x, v_z, v_k0, v_left_vars, v_right_vars, v_left_state, v_right_state;
} Operands;

static void call(const Net *net, const Tile *t, const Emit *e, LLVMValueRef v_function, const Operands *o)
{
	Cg *cg = net->e->cg;
	LLVMValueRef v_null = cg_const_null(cg);
#define OR_NULL(v) ((v) ? (v) : v_null)
	LLVMValueRef args[ARG_COUNT] = {
		[ARG_COEFS] = o->v_coefs,
		[ARG_X] = OR_NULL(o->v_x),
		[ARG_Z] = OR_NULL(o->v_z),
		[ARG_K0] = OR_NULL(o->v_k0),
		[ARG_LEFT_VARS] = OR_NULL(o->v_left_vars),
		[ARG_RIGHT_VARS] = OR_NULL(o->v_right_vars),
		[ARG_LEFT_STATE] = OR_NULL(o->v_left_state),
		[ARG_RIGHT_STATE] = OR_NULL(o->v_right_state),
		[ARG_OUT] = t->v_out,
		[ARG_LANES] = t->v_lanes,
		[ARG_SUMS] = t->v_sums,
		[ARG_SAME] = t->v_same,
	};
#undef OR_NULL
	cg_call(cg, v_function, args, emit_part_args(e));
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
	call(net, t, net->e, net->e->functions.v_variances, &o);
	cg_loop_end(cg, &view);
}

/* Sum of t->v_out over the views -> mean in t->v_k0 (lanes: K, Theta), for the layers behind. */
static void add_view(const Net *net, const Tile *t, bool theta)
{
	Cg *cg = net->e->cg;
	for (int plane = 0; plane < (theta ? 2 : 1); plane++) {
		LLVMValueRef v_plane = cg_i64(cg, plane);
		LLVMValueRef v_sum =
			cg_fadd(cg, cg_load_lane_f64(cg, t->v_sum, v_plane), cg_load_lane_f64(cg, t->v_out, v_plane));
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
	LLVMValueRef v_vars =
		cg_iadd(cg, times(cg, v_i, net->left_views * net->tile_numbers), times(cg, v_left, net->tile_numbers));
	LLVMValueRef v_state = cg_iadd(cg, times(cg, v_i, net->sample_state), times(cg, v_left, net->state_numbers));
	o.v_left_vars = cg_ptr_offset(cg, t->v_left_vars, v_vars, cg->t_real);
	o.v_left_state = cg_ptr_offset(cg, t->v_left_state, v_state, cg->t_real);
	return o;
}

/* The layers before those behind, of one left sample and the lanes that are packed: mean over the views in t->v_k0. */
static void pair_before(const Net *net, const Tile *t, LLVMValueRef v_i, LLVMValueRef v_j, bool theta)
{
	Cg *cg = net->e->cg;
	LLVMValueRef v_zero = cg_i64(cg, 0);
	clear_views(net, t);
	CgLoop left = cg_loop_begin(cg, v_zero, cg_i64(cg, net->left_views), 1, "left.view");
	LLVMValueRef v_x = left_view(net, t, v_i, left.v_i);
	CgLoop right = cg_loop_begin(cg, v_zero, cg_i64(cg, net->views), 1, "right.view");
	Operands o = paired(net, t, v_i, left.v_i, right.v_i);
	o.v_x = v_x;
	mark_same(net, t, v_i, v_j, left.v_i, right.v_i);
	call(net, t, net->e, theta ? net->e->functions.v_pair : net->e->functions.v_pair_nngp, &o);
	add_view(net, t, theta);
	cg_loop_end(cg, &right);
	cg_loop_end(cg, &left);
	mean_of_views(net, t);
}

static Operands behind_operands(const Net *net, const Tile *t, const Behind *behind)
{
	Cg *cg = net->e->cg;
	Operands o = {.v_k0 = t->v_k0};
	o.v_coefs = cg_ptr_offset(cg, t->v_coefs, cg_i64(cg, (int64_t)behind->coefs), cg->t_f64);
	o.v_right_state = cg_ptr_offset(cg, t->v_right_state, cg_i64(cg, (int64_t)behind->state), cg->t_lane);
	o.v_left_state = o.v_right_state;
	return o;
}

static void pair_behind(const Net *net, const Tile *t, const Behind *behind, LLVMValueRef v_i, bool theta)
{
	Cg *cg = net->e->cg;
	Operands o = behind_operands(net, t, behind);
	LLVMValueRef v_state = cg_iadd(cg, times(cg, v_i, net->sample_state), cg_i64(cg, (int64_t)behind->state));
	o.v_left_state = cg_ptr_offset(cg, t->v_left_state, v_state, cg->t_real);
	call(net, t, behind->e, theta ? behind->e->functions.v_pair : behind->e->functions.v_pair_nngp, &o);
}

/* One left sample against the lanes that are packed, no layers behind: result in t->v_out. */
static void pair_whole(const Net *net, const Tile *t, LLVMValueRef v_i, LLVMValueRef v_j, bool theta)
{
	Cg *cg = net->e->cg;
	LLVMValueRef v_zero = cg_i64(cg, 0);
	Operands o = paired(net, t, v_i, v_zero, v_zero);
	mark_same(net, t, v_i, v_j, v_zero, v_zero);
	o.v_x = left_view(net, t, v_i, v_zero);
	if (net->e->rec->vector_input) {
		LLVMValueRef v_at = cg_iadd(cg, cg_imul(cg, v_i, t->v_k0_stride), v_j);
		cg_store_lane(cg, t->v_k0, v_zero, cg_load_lane_unaligned(cg, t->v_data_k0, v_at));
	}
	call(net, t, net->e, theta ? net->e->functions.v_pair : net->e->functions.v_pair_nngp, &o);
}

/* Copy out what belongs to real pairs, into matrix `output` of the tile's. */
static void store_row(const Net *net, const Tile *t, LLVMValueRef v_i, LLVMValueRef v_j, uint32_t output, bool theta)
{
	Cg *cg = net->e->cg;
	LLVMValueRef v_here = cg_imin(cg, cg_i64(cg, cg->lanes), cg_isub(cg, t->v_n_right, v_j));
	LLVMValueRef v_row = cg_iadd(cg, cg_imul(cg, v_i, t->v_out_stride), v_j);
	if (output)
		v_row = cg_iadd(cg, v_row, times(cg, t->v_out_plane, output));
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

/* One left sample against the lanes that are packed: all outputs. */
static void pair_row(const Net *net, const Tile *t, LLVMValueRef v_i, LLVMValueRef v_j, bool theta)
{
	if (net->behind_count == 0) {
		pair_whole(net, t, v_i, v_j, theta);
		store_row(net, t, v_i, v_j, 0, theta);
		return;
	}
	pair_before(net, t, v_i, v_j, theta);
	mark_same(net, t, v_i, v_j, cg_i64(net->e->cg, 0), cg_i64(net->e->cg, 0));
	for (uint32_t m = 0; m < net->behind_count; m++) {
		pair_behind(net, t, &net->behind[m], v_i, theta);
		store_row(net, t, v_i, v_j, m, theta);
	}
}

static LLVMValueRef emit_kernel(const Net *net)
{
	Cg *cg = net->e->cg;
	char *name = arena_printf(net->e->arena, "%s.kernel", net->name);
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
		call(net, t, net->e, net->e->functions.v_state, &o);
		cg_loop_end(cg, &view);
	}
	if (!net->behind_state)
		return;
	clear_views(net, t);
	CgLoop left = cg_loop_begin(cg, v_zero, cg_i64(cg, net->left_views), 1, "left.view");
	CgLoop right = cg_loop_begin(cg, v_zero, v_views, 1, "right.view");
	Operands o = packed(net, t, left.v_i, right.v_i);
	mark_views(net, t, left.v_i, right.v_i);
	call(net, t, net->e, net->e->functions.v_self, &o);
	add_view(net, t, false);
	cg_loop_end(cg, &right);
	cg_loop_end(cg, &left);
	mean_of_views(net, t);
	for (uint32_t m = 0; m < net->behind_count; m++) {
		Operands behind = behind_operands(net, t, &net->behind[m]);
		if (net->behind[m].e->rec->state_numbers)
			call(net, t, net->behind[m].e, net->behind[m].e->functions.v_state, &behind);
	}
}

static LLVMValueRef emit_prepare(const Net *net)
{
	Cg *cg = net->e->cg;
	char *name = arena_printf(net->e->arena, "%s.prepare", net->name);
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

EmitTile emit_tile(const EmitNet *from)
{
	Net net = {.name = from->name,
		   .e = from->e,
		   .behind_count = from->behind_count,
		   .group = from->group,
		   .views = 1,
		   .left_views = 1};
	if (from->group) {
		net.views = from->group->order;
		net.left_views = from->left_views;
	}
	net.behind = ARENA_ARRAY(from->e->arena, Behind, from->behind_count + 1);
	bool self = false;
	for (uint32_t m = 0; m < from->behind_count; m++) {
		net.behind[m].e = from->behind[m];
		self = self || from->behind[m]->rec->state_numbers;
		emit_parts(from->behind[m], false);
	}
	emit_parts(from->e, self);
	net.noisy = from->e->rec->noisy;
	for (uint32_t m = 0; m < from->behind_count; m++)
		net.noisy = net.noisy || from->behind[m]->rec->noisy;
	lay_out(&net);
	EmitTile tile = {.v_kernel = emit_kernel(&net), .v_prepare = emit_prepare(&net)};
	tile.state_numbers = net.sample_state;
	tile.left = net.tile_left;
	tile.right = net.tile_right;
	tile.workspace_bytes = net.bytes;
	return tile;
}
