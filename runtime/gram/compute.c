/* Gram assembly: see compute.h. A tile of the queue goes through these steps: input kernels (vectors only), and for sub-tiles no larger
 * than the compiled kernel allows, that kernel into the thread's own memory, the check that everything wanted is finite, and the way
 * from there to its place in the store, mirrored where the matrix is symmetric. */
#include "gram/compute.h"

#include "gram/k0.h"
#include "gram/place.h"
#include "gram/tile_store.h"
#include "gram/tiles.h"
#include "gram/underflow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Tiles for vectors: large enough that packing the operands of k0 costs little (it grows with rows + columns, the product
 * with rows * columns), small enough that what is computed and the packed rows are not far from the second-level cache. */
#define K0_TILE_ROWS    252
#define K0_TILE_COLUMNS 512

#define DIAGONAL_CHUNK 16

/* Everything that the threads share, read-only while they run. */
typedef struct Gram {
	const EntkProgram *program;
	const EntkNet *net;       /* of a trunk: all its members */
	const EntkTrunk *trunk;   /* or NULL */
	uint32_t members;         /* matrices per kernel: 1, or those of the trunk */
	const EntkSamples *x, *z; /* z == x for a set with itself */
	bool symmetric;
	const volatile int *cancel;
	const double *params; /* or NULL */
	double *coefficients;
	/* Per member and sample: has its variance been looked at? Threads may do that twice. Both NULL: nobody asks. */
	unsigned char *seen_x, *seen_z;
	double *state_x, *state_z; /* state_z == state_x where z == x */
	uint32_t *index;           /* 0, 1, 2 ..: lists of consecutive samples are pieces of it */
	uint32_t sub_left, sub_right;
	EntkTiles tiles;
	EntkStore *store;
	uint64_t *missing; /* the tiles to compute; NULL: all of them */
	/* of the jobs that run now */
	const EntkSamples *prepared;
	double *prepared_state;
	double *diagonal_nngp, *diagonal_ntk;
} Gram;

/* What a thread owns. */
typedef struct Scratch {
	void *workspace;
	void *k0, *k0_workspace;
	size_t k0_stride;
	double *nngp, *ntk; /* members x sub_left x own_stride */
} Scratch;

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static size_t round_up(size_t n, size_t multiple)
{
	return (n + multiple - 1) / multiple * multiple;
}

/* ---- scratch --------------------------------------------------------------------------------------------------- */

/* Samples are prepared in lanes: fewer than there are lanes would waste them. */
static uint32_t prepare_step(const Gram *gram)
{
	return larger(gram->sub_left, gram->net->lanes);
}

static size_t k0_stride(const Gram *gram)
{
	size_t columns = larger(gram->tiles.tile_columns, gram->sub_right);
	return round_up(round_up(columns, ENTK_K0_COLUMN_MULTIPLE), gram->net->lanes);
}

/* Norms for `prepare` stand in the same buffer. */
static size_t k0_values(const Gram *gram)
{
	return round_up(larger(gram->tiles.tile_rows, prepare_step(gram)), ENTK_K0_ROW_MULTIPLE) * k0_stride(gram);
}

/* Of a thread's own outputs. Rows a power of two apart would compete for a few lines of the cache. */
static size_t own_stride(const Gram *gram)
{
	return round_up(gram->sub_right, ENTK_LINE) + ENTK_LINE;
}

/* One sub-tile. */
static size_t own_plane(const Gram *gram)
{
	return gram->sub_left * own_stride(gram);
}

static size_t scratch_bytes(const Gram *gram)
{
	size_t bytes = gram->net->workspace_bytes + gram->members * own_plane(gram) * 2 * sizeof(double);
	if (gram->net->dim == 0)
		bytes += k0_values(gram) * (gram->program->precision / 8) +
			 entk_k0_workspace(gram->program->precision, gram->tiles.tile_rows, gram->tiles.tile_columns);
	return bytes;
}

static void scratch_destroy(void *context, void *scratch)
{
	Scratch *s = scratch;
	(void)context;
	if (!s)
		return;
	free(s->workspace);
	free(s->k0);
	free(s->k0_workspace);
	free(s->nngp);
	free(s->ntk);
	free(s);
}

static EntkStatus scratch_create(void *context, void **scratch, EntkError *error)
{
	const Gram *gram = context;
	Scratch *s = entk_allocate(1, sizeof *s, "a thread's workspace", error);
	if (!s)
		return error->status;
	s->workspace = entk_allocate_aligned(gram->net->workspace_bytes, 1, "a thread's workspace", error);
	s->nngp = entk_allocate_aligned(gram->members * own_plane(gram), sizeof(double), "a thread's workspace", error);
	s->ntk = entk_allocate_aligned(gram->members * own_plane(gram), sizeof(double), "a thread's workspace", error);
	bool good = s->workspace && s->nngp && s->ntk;
	if (gram->net->dim == 0) {
		uint32_t precision = gram->program->precision;
		s->k0_stride = k0_stride(gram);
		s->k0 = entk_allocate_aligned(k0_values(gram), precision / 8, "a thread's workspace", error);
		s->k0_workspace = entk_allocate_aligned(
			entk_k0_workspace(precision, gram->tiles.tile_rows, gram->tiles.tile_columns), 1,
			"a thread's workspace", error);
		good = good && s->k0 && s->k0_workspace;
	}
	if (!good) {
		scratch_destroy(context, s);
		return error->status;
	}
	*scratch = s;
	return ENTK_OK;
}

/* ---- per-sample states ----------------------------------------------------------------------------------------- */

static EntkStatus run_prepare(void *context, void *scratch, uint64_t job, uint64_t *done, EntkError *error)
{
	const Gram *gram = context;
	Scratch *s = scratch;
	uint32_t step = prepare_step(gram), first = (uint32_t)job * step;
	uint32_t count = smaller(step, (uint32_t)gram->prepared->count - first);
	EntkTile tile = {
		.coefficients = gram->coefficients,
		.x = gram->prepared->values,
		.z = gram->prepared->values,
		.left = gram->index + first,
		.right = gram->index + first,
		.n_left = count,
		.n_right = count,
		.workspace = s->workspace,
	};
	(void)error;
	if (gram->net->dim == 0) {
		memset(s->k0, 0, s->k0_stride * (gram->program->precision / 8)); /* lanes beyond the last sample */
		entk_k0_norms(gram->program->precision, gram->prepared->values, gram->prepared->size, tile.left, count,
			      s->k0);
		tile.k0 = s->k0;
		tile.k0_stride = s->k0_stride;
	}
	gram->net->prepare(&tile, gram->prepared_state);
	*done = count;
	return ENTK_OK;
}

static EntkStatus prepare(Gram *gram, const EntkSamples *samples, const EntkGramOptions *options, double **state,
			  EntkError *error)
{
	*state = entk_allocate_aligned(samples->count * gram->net->state_size, sizeof(double), "the samples' variances",
				       error);
	if (!*state)
		return error->status;
	gram->prepared = samples;
	gram->prepared_state = *state;
	EntkJobs jobs = {(samples->count - 1) / prepare_step(gram) + 1, gram, run_prepare, scratch_create,
			 scratch_destroy};
	return entk_execute(&jobs, options->threads, NULL, options->cancel, error);
}

/* ---- tiles ----------------------------------------------------------------------------------------------------- */

static EntkStatus not_finite(const Gram *gram, uint32_t member, const char *kernel, double value, size_t i, size_t j,
			     EntkError *error)
{
	const EntkNet *net = gram->trunk ? &gram->program->nets[gram->trunk->members[member]] : gram->net;
	entk_fail(error, ENTK_NUMERICAL, net->name, "the %s of samples %zu and %zu is %s", kernel, i, j,
		  isnan(value) ? "not a number" : "infinite");
	return entk_fix(error, "%s",
			gram->program->precision == 32
				? "scale the data or lower weight_std, or compile with --precision=f64"
				: "scale the data or lower weight_std: the kernel grows beyond what a double holds");
}

static EntkStatus diagonal(const EntkProgram *program, const EntkNet *net, const EntkSamples *x,
			   const EntkGramOptions *options, bool watch, double *nngp, double *ntk, EntkError *error);

/* Are all wanted pairs of a sub-tile finite? */
static EntkStatus check_finite(const Gram *gram, uint32_t member, const char *kernel, const EntkBlock *block,
			       EntkError *error)
{
	const size_t columns = block->range.columns;
	for (size_t i = 0; i < block->range.rows; i++) {
		/* 0 * finite is 0, 0 * NaN and 0 * Inf are NaN: one sum finds them all; four, because each waits for its own last. */
		const double *value = block->values + i * block->stride;
		double zero[4] = {0};
		size_t start = entk_block_start(block, i), at = start;
		for (; at + 4 <= columns; at += 4)
			for (size_t k = 0; k < 4; k++)
				zero[k] += 0 * value[at + k];
		for (; at < columns; at++)
			zero[0] += 0 * value[at];
		if (zero[0] + zero[1] + zero[2] + zero[3] == 0)
			continue;
		for (size_t j = start; j < columns; j++)
			if (!isfinite(value[j]))
				return not_finite(gram, member, kernel, value[j], block->range.row + i,
						  block->range.column + j, error);
	}
	return ENTK_OK;
}

/* The NNGP of one sample with itself; what it may lose is not looked at. */
static EntkStatus variance(const Gram *gram, const EntkNet *net, const EntkSamples *samples, double *nngp,
			   EntkError *error)
{
	const EntkGramOptions options = {.params = gram->params, .threads = 1};
	return diagonal(gram->program, net, samples, &options, false, nngp, NULL, error);
}

static bool has_zero_coefficient(const Gram *gram)
{
	for (uint32_t c = 0; c < gram->net->coefficient_count; c++)
		if (gram->coefficients[c] == 0)
			return true;
	return false;
}

/* Is the variance of a sample so small that its kernels are wrong? */
static EntkStatus check_sample(const Gram *gram, uint32_t member, bool of_z, size_t i, EntkError *error)
{
	const EntkNet *net = gram->trunk ? &gram->program->nets[gram->trunk->members[member]] : gram->net;
	const EntkSamples *all = of_z ? gram->z : gram->x;
	unsigned char *seen = (of_z ? gram->seen_z : gram->seen_x) + member * all->count + i;
	if (__atomic_exchange_n(seen, 1, __ATOMIC_RELAXED) || entk_sample_is_zero(all, i))
		return ENTK_OK;
	EntkVariances variances = {0};
	EntkSamples scaled = {0}, ones = {0}, own = *all;
	own.count = 1;
	own.values = (char *)all->values + i * all->size * (all->precision / 8);
	EntkStatus status = variance(gram, net, &own, &variances.own, error);
	if (status == ENTK_OK && fabs(variances.own) < entk_underflow_bound(gram->program->precision)) {
		status = entk_sample_scaled(all, i, &scaled, error);
		if (status == ENTK_OK)
			status = variance(gram, net, &scaled, &variances.scaled, error);
		if (status == ENTK_OK)
			status = entk_sample_ones(all, &ones, error);
		if (status == ENTK_OK)
			status = variance(gram, net, &ones, &variances.ones, error);
		if (status == ENTK_OK)
			status = entk_underflow_judge(gram->program, net, i, of_z, &variances,
						      has_zero_coefficient(gram), error);
	}
	free(scaled.values);
	free(ones.values);
	return status;
}

/* Pairs of different samples may be as small as they like. But their kernels are at most the geometric mean of the two variances:
 * only where a whole row or column of the sub-tile is small can the variance of its sample be too small. */
static EntkStatus check_pairs(const Gram *gram, uint32_t member, const double *own, EntkTileRange range,
			      EntkError *error)
{
	const double bound = 1e6 * sqrt(entk_underflow_bound(gram->program->precision));
	const size_t stride = own_stride(gram);
	for (uint32_t i = 0; i < range.rows; i++) {
		uint32_t j = 0;
		while (j < range.columns && fabs(own[i * stride + j]) < bound)
			j++;
		if (j == range.columns && check_sample(gram, member, false, range.row + i, error) != ENTK_OK)
			return error->status;
	}
	for (uint32_t j = 0; j < range.columns; j++) {
		uint32_t i = 0;
		while (i < range.rows && fabs(own[i * stride + j]) < bound)
			i++;
		if (i == range.rows && check_sample(gram, member, true, range.column + j, error) != ENTK_OK)
			return error->status;
	}
	return ENTK_OK;
}

static EntkStatus check_underflow(const Gram *gram, const double *own, EntkTileRange range, EntkError *error)
{
	const double bound = entk_underflow_bound(gram->program->precision);
	for (uint32_t m = 0; m < gram->members && gram->seen_x; m++, own += own_plane(gram)) {
		if (!gram->symmetric && check_pairs(gram, m, own, range, error) != ENTK_OK)
			return error->status;
		for (uint32_t i = 0; i < range.rows && gram->symmetric; i++) {
			uint32_t j = range.row + i - range.column; /* wraps around where the diagonal is further left */
			if (j < range.columns && fabs(own[i * own_stride(gram) + j]) < bound &&
			    check_sample(gram, m, false, range.row + i, error) != ENTK_OK)
				return error->status;
		}
	}
	return ENTK_OK;
}

/* One kernel of a sub-tile, of all members: from the thread's own memory to `to`. */
static EntkStatus put(const Gram *gram, const char *kernel, const double *own, EntkTileRange range,
		      const EntkTileOutput *place, double *to, EntkError *error)
{
	for (uint32_t m = 0; m < gram->members; m++, own += own_plane(gram), to += place->plane) {
		const EntkBlock block = {own, own_stride(gram), range, gram->symmetric};
		if (check_finite(gram, m, kernel, &block, error) != ENTK_OK)
			return error->status;
		entk_place(&block, to, place->stride);
		entk_place_mirrored(&block, place->mirrored, to + place->mirror, place->stride);
	}
	return ENTK_OK;
}

/* Of a tile's places, those of its sub-tile. */
static EntkTileOutput sub_output(const EntkTileOutput *output, uint32_t down, uint32_t across, uint32_t columns)
{
	const ptrdiff_t stride = (ptrdiff_t)output->stride, offset = down * stride + across;
	EntkTileOutput sub = *output;
	sub.nngp = output->nngp ? output->nngp + offset : NULL;
	sub.ntk = output->ntk ? output->ntk + offset : NULL;
	sub.mirror += across * stride + down - offset;
	sub.mirrored = output->mirrored > across ? smaller(output->mirrored - across, columns) : 0;
	return sub;
}

/* The compiled kernel on one sub-tile of `whole`, whose input kernels are in s->k0. */
static EntkStatus run_sub_tile(const Gram *gram, Scratch *s, EntkTileRange whole, EntkTileRange range,
			       const EntkTileOutput *output, EntkError *error)
{
	uint32_t down = range.row - whole.row, across = range.column - whole.column;
	EntkTileOutput place = sub_output(output, down, across, range.columns);
	EntkTile tile = {
		.coefficients = gram->coefficients,
		.x = gram->x->values,
		.z = gram->z->values,
		.left = gram->index + range.row,
		.right = gram->index + range.column,
		.n_left = range.rows,
		.n_right = range.columns,
		.state_x = gram->state_x,
		.state_z = gram->state_z,
		.workspace = s->workspace,
		.nngp = s->nngp,
		.ntk = place.ntk ? s->ntk : NULL,
		.out_stride = own_stride(gram),
		.out_plane = own_plane(gram),
	};
	if (gram->net->dim == 0) {
		tile.k0 = (const char *)s->k0 + (down * s->k0_stride + across) * (gram->program->precision / 8);
		tile.k0_stride = s->k0_stride;
	}
	gram->net->kernel(&tile);
	EntkStatus status = ENTK_OK;
	if (place.nngp)
		status = put(gram, "NNGP", s->nngp, range, &place, place.nngp, error);
	if (status == ENTK_OK && place.ntk)
		status = put(gram, "NTK", s->ntk, range, &place, place.ntk, error);
	return status == ENTK_OK ? check_underflow(gram, s->nngp, range, error) : status;
}

/* All wanted pairs of a tile. Near the diagonal in steps of as many rows as there are lanes, each from its own column on:
 * little is computed that is not wanted. */
static EntkStatus run_range(const Gram *gram, Scratch *s, EntkTileRange range, const EntkTileOutput *output,
			    EntkError *error)
{
	bool diagonal = gram->symmetric && range.column < range.row + range.rows - 1;
	uint32_t step = diagonal ? smaller(gram->sub_left, gram->net->lanes) : gram->sub_left;
	if (gram->net->dim == 0) {
		EntkK0 k0 = {
			.precision = gram->program->precision,
			.x = gram->x->values,
			.z = gram->z->values,
			.channels = gram->x->size,
			.left = gram->index + range.row,
			.right = gram->index + range.column,
			.n_left = range.rows,
			.n_right = range.columns,
			.upper = diagonal && range.row == range.column,
			.out = s->k0,
			.stride = s->k0_stride,
			.workspace = s->k0_workspace,
		};
		entk_k0_compute(&k0);
	}
	for (uint32_t i = 0; i < range.rows; i += step) {
		if (gram->cancel && *gram->cancel)
			return entk_fail(error, ENTK_INTERRUPTED, NULL, "interrupted");
		EntkTileRange sub = {.row = range.row + i, .rows = smaller(step, range.rows - i)};
		uint32_t j = 0;
		if (diagonal && sub.row > range.column)
			j = (sub.row - range.column) / gram->net->lanes * gram->net->lanes; /* keeps k0 aligned */
		for (; j < range.columns; j += gram->sub_right) {
			sub.column = range.column + j;
			sub.columns = smaller(gram->sub_right, range.columns - j);
			EntkStatus status = run_sub_tile(gram, s, range, sub, output, error);
			if (status != ENTK_OK)
				return status;
		}
	}
	return ENTK_OK;
}

static EntkStatus run_tile(void *context, void *scratch, uint64_t job, uint64_t *done, EntkError *error)
{
	const Gram *gram = context;
	const EntkStore *store = gram->store;
	uint64_t i = gram->missing ? gram->missing[job] : job;
	EntkTileRange range = entk_tiles_get(&gram->tiles, i);
	EntkTileOutput output = {0};
	*done = entk_tiles_pairs(&gram->tiles, range);
	EntkStatus status = store->open(store->context, i, range, &output, error);
	if (status != ENTK_OK)
		return status;
	status = run_range(gram, scratch, range, &output, error);
	if (status == ENTK_OK)
		return store->close ? store->close(store->context, i, &output, error) : ENTK_OK;
	if (store->abandon)
		store->abandon(store->context, &output);
	return status;
}

/* ---- set-up ---------------------------------------------------------------------------------------------------- */

static void destroy(Gram *gram)
{
	entk_tiles_destroy(&gram->tiles);
	free(gram->missing);
	if (gram->seen_z != gram->seen_x)
		free(gram->seen_z);
	free(gram->seen_x);
	if (gram->state_z != gram->state_x)
		free(gram->state_z);
	free(gram->state_x);
	free(gram->coefficients);
	free(gram->index);
}

/* Sizes of the queue's tiles. Where there would be too few for the threads, bands get narrower. */
static EntkStatus choose_tiles(Gram *gram, const EntkGramOptions *options, EntkError *error)
{
	const EntkNet *net = gram->net;
	uint32_t rows = net->dim == 0 ? larger(K0_TILE_ROWS, net->tile_left) : net->tile_left;
	uint32_t columns = net->dim == 0 ? larger(K0_TILE_COLUMNS, net->tile_right) : net->tile_right;
	uint32_t least = net->dim == 0 ? smaller(2 * ENTK_K0_ROW_MULTIPLE, columns) : 1;
	uint64_t wanted = 4 * (uint64_t)entk_thread_count(options->threads);
	if (options->tile_left)
		rows = smaller(rows, options->tile_left);
	if (options->tile_right)
		columns = smaller(columns, options->tile_right);
	/* A band's first tile covers its whole block on the diagonal: no other tile has pairs that are not wanted. */
	if (gram->symmetric)
		rows = smaller(rows, columns);
	if (gram->store && gram->store->tile_rows) {
		rows = gram->store->tile_rows;
		columns = gram->store->tile_columns;
	}
	bool fixed = options->tile_left || (gram->store && gram->store->tile_rows);
	gram->sub_left = smaller(net->tile_left, rows);
	gram->sub_right = smaller(net->tile_right, columns);
	for (;; rows = larger(least, rows / 2)) {
		EntkStatus status = entk_tiles_create((uint32_t)gram->x->count, (uint32_t)gram->z->count,
						      gram->symmetric, rows, columns, &gram->tiles, error);
		if (status != ENTK_OK || fixed || rows <= least || gram->tiles.count >= wanted)
			return status;
		entk_tiles_destroy(&gram->tiles);
	}
}

/* Everything but states and store. On failure *gram may be destroyed. */
static EntkStatus create(const EntkProgram *program, const EntkNet *net, const EntkSamples *x, const EntkSamples *z,
			 const EntkGramOptions *options, EntkStore *store, Gram *gram, EntkError *error)
{
	*gram = (Gram){.program = program,
		       .net = net,
		       .members = 1,
		       .x = x,
		       .z = z ? z : x,
		       .symmetric = z == NULL,
		       .store = store,
		       .params = options->params,
		       .cancel = options->cancel};
	size_t values = (size_t)net->shape[0] * net->shape[1] * net->shape[2] * net->channels;
	if (x->size != values || gram->z->size != values || x->precision != program->precision ||
	    gram->z->precision != program->precision)
		return entk_fail(error, ENTK_INTERNAL, net->name,
				 "samples of %zu values in %u bits, the net takes %zu in %u", x->size, x->precision,
				 values, program->precision);
	size_t most = x->count > gram->z->count ? x->count : gram->z->count;
	if (x->count == 0 || gram->z->count == 0 || most > UINT32_MAX / 2)
		return entk_fail(error, ENTK_INPUT, net->name, "%zu samples, expected between 1 and 2^31", most);
	gram->index = entk_allocate(most, sizeof *gram->index, "the list of samples", error);
	gram->coefficients =
		entk_allocate((size_t)net->coefficient_count + 1, sizeof(double), "the coefficients", error);
	if (!gram->index || !gram->coefficients)
		return error->status;
	for (size_t i = 0; i < most; i++)
		gram->index[i] = (uint32_t)i;
	double *params = entk_allocate((size_t)program->param_count + 1, sizeof(double), "the parameters", error);
	if (!params)
		return error->status;
	for (uint32_t i = 0; i < program->param_count; i++)
		params[i] = options->params ? options->params[i] : program->params[i].value;
	if (net->coefficients)
		net->coefficients(params, gram->coefficients);
	free(params);
	return choose_tiles(gram, options, error);
}

/* From now on variances are looked at. */
static EntkStatus watch_underflow(Gram *gram, EntkError *error)
{
	gram->seen_x = entk_allocate(gram->x->count, gram->members, "the list of samples", error);
	gram->seen_z = gram->z == gram->x ? gram->seen_x
					  : entk_allocate(gram->z->count, gram->members, "the list of samples", error);
	return gram->seen_x && gram->seen_z ? ENTK_OK : error->status;
}

static EntkStatus prepare_all(Gram *gram, const EntkGramOptions *options, EntkError *error)
{
	const double start = entk_now();
	if (options->prepare_seconds)
		*options->prepare_seconds = 0;
	if (gram->net->state_size == 0)
		return ENTK_OK;
	EntkStatus status = prepare(gram, gram->x, options, &gram->state_x, error);
	if (gram->z == gram->x)
		gram->state_z = gram->state_x;
	else if (status == ENTK_OK)
		status = prepare(gram, gram->z, options, &gram->state_z, error);
	if (options->prepare_seconds)
		*options->prepare_seconds = entk_now() - start;
	return status;
}

/* ---- public ---------------------------------------------------------------------------------------------------- */

/* Which tiles the store misses, as a list; *pairs counts theirs. */
static EntkStatus list_missing(Gram *gram, uint64_t *count, uint64_t *pairs, EntkError *error)
{
	const EntkStore *store = gram->store;
	*count = gram->tiles.count;
	*pairs = gram->tiles.pairs;
	if (!store->missing)
		return ENTK_OK;
	gram->missing = entk_allocate(gram->tiles.count, sizeof *gram->missing, "the list of tiles", error);
	if (!gram->missing)
		return error->status;
	*count = *pairs = 0;
	for (uint64_t i = 0; i < gram->tiles.count; i++)
		if (store->missing(store->context, i)) {
			gram->missing[(*count)++] = i;
			*pairs += entk_tiles_pairs(&gram->tiles, entk_tiles_get(&gram->tiles, i));
		}
	return ENTK_OK;
}

/* Of one net; or of all on a trunk, `net` being the trunk's. */
static EntkStatus fill(const EntkProgram *program, const EntkNet *net, const EntkTrunk *trunk, const EntkSamples *x,
		       const EntkSamples *z, const EntkGramOptions *options, EntkStore *store, EntkError *error)
{
	Gram gram;
	uint64_t count = 0, pairs = 0;
	EntkStatus status = create(program, net, x, z, options, store, &gram, error);
	gram.trunk = trunk;
	gram.members = trunk ? trunk->count : 1;
	if (status == ENTK_OK)
		status = watch_underflow(&gram, error);
	if (status == ENTK_OK)
		status = list_missing(&gram, &count, &pairs, error);
	if (status == ENTK_OK && count > 0)
		status = prepare_all(&gram, options, error);
	if (status == ENTK_OK && count > 0) {
		EntkJobs jobs = {count, &gram, run_tile, scratch_create, scratch_destroy};
		/* The executor stops between tiles. Inside one only where nothing would be kept of it anyway. */
		if (store->durable)
			gram.cancel = NULL;
		if (options->progress)
			entk_progress_begin(options->progress, net->name, "pairs", pairs);
		status = entk_execute(&jobs, options->threads, options->progress, options->cancel, error);
		if (options->progress)
			entk_progress_end(options->progress);
	}
	destroy(&gram);
	return status;
}

EntkStatus entk_gram_into(const EntkProgram *program, const EntkNet *net, const EntkSamples *x, const EntkSamples *z,
			  const EntkGramOptions *options, EntkStore *store, EntkError *error)
{
	return fill(program, net, NULL, x, z, options, store, error);
}

static EntkStatus fill_memory(const EntkProgram *program, const EntkNet *net, const EntkTrunk *trunk,
			      const EntkSamples *x, const EntkSamples *z, const EntkGramOptions *options, double *nngp,
			      double *ntk, EntkError *error)
{
	EntkStore store;
	EntkStoreMatrices matrices = {nngp, ntk, x->count, (z ? z : x)->count, trunk ? trunk->count : 1, z == NULL};
	EntkStatus status = entk_store_memory_create(&matrices, &store, error);
	if (status == ENTK_OK)
		status = fill(program, net, trunk, x, z, options, &store, error);
	entk_store_destroy(&store);
	return status;
}

EntkStatus entk_gram(const EntkProgram *program, const EntkNet *net, const EntkSamples *x, const EntkSamples *z,
		     const EntkGramOptions *options, double *nngp, double *ntk, EntkError *error)
{
	return fill_memory(program, net, NULL, x, z, options, nngp, ntk, error);
}

const EntkTrunk *entk_trunk_of(const EntkProgram *program, const EntkNet *net)
{
	for (uint32_t t = 0; t < program->trunk_count; t++)
		for (uint32_t m = 0; m < program->trunks[t].count; m++)
			if (&program->nets[program->trunks[t].members[m]] == net)
				return &program->trunks[t];
	return NULL;
}

EntkStatus entk_gram_trunk(const EntkProgram *program, const EntkTrunk *trunk, const EntkSamples *x,
			   const EntkSamples *z, const EntkGramOptions *options, double *nngp, double *ntk,
			   EntkError *error)
{
	return fill_memory(program, &trunk->all, trunk, x, z, options, nngp, ntk, error);
}

/* A few single pairs (i, i). */
static EntkStatus run_diagonal(void *context, void *scratch, uint64_t job, uint64_t *done, EntkError *error)
{
	Gram *gram = context;
	Scratch *s = scratch;
	uint32_t first = (uint32_t)job * DIAGONAL_CHUNK;
	uint32_t count = smaller(DIAGONAL_CHUNK, (uint32_t)gram->x->count - first);
	EntkStatus status = ENTK_OK;
	for (uint32_t i = first; i < first + count && status == ENTK_OK; i++) {
		EntkTileRange range = {i, 1, i, 1};
		EntkTileOutput output = {
			.nngp = gram->diagonal_nngp ? gram->diagonal_nngp + i : NULL,
			.ntk = gram->diagonal_ntk ? gram->diagonal_ntk + i : NULL,
			.stride = 1,
		};
		status = run_range(gram, s, range, &output, error);
	}
	*done = count;
	return status;
}

static EntkStatus diagonal(const EntkProgram *program, const EntkNet *net, const EntkSamples *x,
			   const EntkGramOptions *options, bool watch, double *nngp, double *ntk, EntkError *error)
{
	Gram gram;
	EntkStatus status = create(program, net, x, NULL, options, NULL, &gram, error);
	gram.diagonal_nngp = nngp;
	gram.diagonal_ntk = ntk;
	if (status == ENTK_OK && watch)
		status = watch_underflow(&gram, error);
	if (status == ENTK_OK)
		status = prepare_all(&gram, options, error);
	if (status == ENTK_OK) {
		EntkJobs jobs = {(x->count - 1) / DIAGONAL_CHUNK + 1, &gram, run_diagonal, scratch_create,
				 scratch_destroy};
		status = entk_execute(&jobs, options->threads, NULL, options->cancel, error);
	}
	destroy(&gram);
	return status;
}

EntkStatus entk_gram_diagonal(const EntkProgram *program, const EntkNet *net, const EntkSamples *x,
			      const EntkGramOptions *options, double *nngp, double *ntk, EntkError *error)
{
	return diagonal(program, net, x, options, true, nngp, ntk, error);
}

size_t entk_gram_memory(const EntkProgram *program, const EntkNet *net, size_t x_count, size_t z_count,
			const EntkGramOptions *options)
{
	EntkSamples x = {.count = x_count}, z = {.count = z_count};
	Gram gram = {.program = program,
		     .net = net,
		     .members = 1,
		     .x = &x,
		     .z = z_count ? &z : &x,
		     .symmetric = z_count == 0};
	EntkError ignored;
	size_t bytes = 0;
	if (choose_tiles(&gram, options, &ignored) == ENTK_OK)
		bytes = (x_count + z_count) * (net->state_size * sizeof(double) + sizeof(uint32_t)) +
			entk_thread_count(options->threads) * scratch_bytes(&gram);
	entk_tiles_destroy(&gram.tiles);
	return bytes;
}

/* Seconds for `rows` rows of the calibration's tile. */
static EntkStatus time_rows(Gram *gram, Scratch *scratch, uint32_t rows, uint32_t columns, const EntkTileOutput *output,
			    double *seconds, EntkError *error)
{
	double start = entk_now();
	EntkStatus status = run_range(gram, scratch, (EntkTileRange){0, rows, 0, columns}, output, error);
	*seconds = entk_now() - start;
	return status;
}

/* One row of a tile, then, if that was quick, whole tiles until the clock's noise does not matter. */
static EntkStatus calibrate(Gram *gram, bool with_ntk, double *seconds_per_pair, EntkError *error)
{
	void *scratch = NULL;
	uint32_t rows = gram->tiles.tile_rows, columns = gram->tiles.tile_columns;
	EntkTileOutput output = {.stride = columns};
	double seconds = 0, total = 0;
	EntkStatus status = scratch_create(gram, &scratch, error);
	if (status != ENTK_OK)
		return status;
	output.nngp = entk_allocate((size_t)rows * columns, sizeof(double), "the calibration", error);
	output.ntk = entk_allocate((size_t)rows * columns, sizeof(double), "the calibration", error);
	if (!output.nngp || !output.ntk)
		status = error->status;
	double *ntk = output.ntk;
	if (!with_ntk)
		output.ntk = NULL;
	if (status == ENTK_OK)
		status = time_rows(gram, scratch, 1, columns, &output, &seconds, error);
	*seconds_per_pair = seconds / columns;
	uint32_t repeats = 0;
	while (status == ENTK_OK && seconds < 0.1 && total < 0.1) {
		double once;
		status = time_rows(gram, scratch, rows, columns, &output, &once, error);
		total += once;
		*seconds_per_pair = total / ++repeats / rows / columns;
	}
	free(output.nngp);
	free(ntk);
	scratch_destroy(gram, scratch);
	return status;
}

EntkStatus entk_gram_calibrate(const EntkProgram *program, const EntkNet *net, const EntkSamples *x,
			       const EntkGramOptions *options, bool with_ntk, double *seconds_per_pair,
			       EntkError *error)
{
	Gram gram;
	uint32_t most = larger(larger(net->tile_left, net->tile_right), net->dim == 0 ? K0_TILE_COLUMNS : 1);
	EntkSamples few = *x;
	if (few.count > most)
		few.count = most;
	EntkGramOptions single = *options;
	single.threads = 1;
	/* The samples against themselves, but as if they were two sets: every pair of the tile is computed. */
	EntkSamples other = few;
	EntkStatus status = create(program, net, &few, &other, &single, NULL, &gram, error);
	if (status == ENTK_OK)
		status = prepare_all(&gram, &single, error);
	if (status == ENTK_OK)
		status = calibrate(&gram, with_ntk, seconds_per_pair, error);
	destroy(&gram);
	return status;
}
