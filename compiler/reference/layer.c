/* The maps of the layers, one function each, straight from their definitions.
 *
 * All four matrices take the same steps in the same order. So K12 of a sample with itself has the same bits as K11 and
 * K22, and the nonlinearities see correlation one exactly where it is one [KR-29]. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference/duals/dual.h"
#include "reference/internal.h"

/* ---- memory --------------------------------------------------------------------------------------------------- */

/* The kernel grants more than there is and kills later: what cannot fit is refused here. */
static bool fits(uint64_t count)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	if (count > SIZE_MAX / sizeof(double))
		return false;
	return pages <= 0 || page <= 0 || count * sizeof(double) / (uint64_t)page < (uint64_t)pages;
}

double *reference_vector(uint64_t n)
{
	return fits(n) ? calloc(n > 0 ? (size_t)n : 1, sizeof(double)) : NULL;
}

double *reference_matrix(uint64_t n)
{
	if (n > UINT32_MAX || !fits(n * n) || !fits(MATRIX_COUNT * (n * n))) /* it never comes alone */
		return NULL;
	return reference_vector(n * n);
}

static double *rectangle(uint64_t rows, uint64_t columns)
{
	return rows <= UINT32_MAX && columns <= UINT32_MAX ? reference_vector(rows * columns) : NULL;
}

void state_free(State *state)
{
	for (int k = 0; k < MATRIX_COUNT; k++) {
		free(state->a[k]);
		state->a[k] = NULL;
	}
}

double *state_own(State *in, Matrix k, bool last)
{
	double *m = in->a[k];
	if (last) {
		in->a[k] = NULL;
		return m;
	}
	double *copy = reference_matrix(in->n);
	if (copy != NULL)
		memcpy(copy, m, (size_t)(in->n * in->n) * sizeof *copy);
	return copy;
}

void state_release(State *in, Matrix k, bool last)
{
	if (last) {
		free(in->a[k]);
		in->a[k] = NULL;
	}
}

/* ---- input [KR-1] --------------------------------------------------------------------------------------------- */

static double *covariance(uint64_t n, uint32_t channels, const double *x, const double *z)
{
	double *k = reference_matrix(n);
	if (k == NULL)
		return NULL;
	for (uint64_t g = 0; g < n; g++) {
		for (uint64_t h = 0; h < n; h++) {
			double sum = 0;
			for (uint32_t c = 0; c < channels; c++)
				sum += x[g * channels + c] * z[h * channels + c];
			k[g * n + h] = sum / channels;
		}
	}
	return k;
}

ReferenceStatus layer_input(const Node *node, const double *x, const double *z, State *out)
{
	out->n = type_size(&node->type);
	out->a[K11] = covariance(out->n, node->type.channels, x, x);
	out->a[K12] = covariance(out->n, node->type.channels, x, z);
	out->a[K22] = covariance(out->n, node->type.channels, z, z);
	out->a[THETA] = reference_matrix(out->n);
	for (int k = 0; k < MATRIX_COUNT; k++)
		if (out->a[k] == NULL)
			return REFERENCE_NO_MEMORY;
	return REFERENCE_OK;
}

/* ---- weight layers [KR-2] ------------------------------------------------------------------------------------- */

/* Of a layer with `count` taps, in place: average -> w^2 average + beta^2; for Theta, K12_new + w^2 average. In the standard
 * parameterization [KR-60] Theta -> (c |S| / s0) A[K12] + w^2 average + 1, with the average A[K12] = (K12_new - beta^2)/w^2
 * given, as w may be 0. */
static void weigh(const Node *node, const double *params, Matrix k, const double *k12_average, State *out)
{
	const Affine *affine = &node->as.weights.affine;
	double w = scalar_eval(affine->weight_std, params);
	double beta = affine->bias_std != NULL ? scalar_eval(affine->bias_std, params) : 0;
	double taps = node->as.weights.relation == RELATION_OWN ? 1 : node->as.weights.support.count;
	double fan_in = (double)node->input->type.width * taps / affine->s[0];
	uint64_t count = out->n * out->n;
	for (uint64_t i = 0; i < count; i++) {
		double add = beta * beta;
		if (k == THETA)
			add = affine->standard ? fan_in * k12_average[i] + (affine->bias_std != NULL) : out->a[K12][i];
		out->a[k][i] = w * w * out->a[k][i] + add;
	}
}

/* The tap average of K12, which the new Theta of the standard parameterization takes; NULL where it is not wanted. */
static ReferenceStatus keep_average(const Node *node, Matrix k, const State *out, double **average)
{
	if (k != K12 || !node->as.weights.affine.standard)
		return REFERENCE_OK;
	*average = reference_matrix(out->n);
	if (*average == NULL)
		return REFERENCE_NO_MEMORY;
	memcpy(*average, out->a[k], (size_t)(out->n * out->n) * sizeof **average);
	return REFERENCE_OK;
}

static ReferenceStatus layer_dense(const Node *node, const double *params, State *in, bool last, State *out)
{
	double *average = NULL;
	ReferenceStatus status = REFERENCE_OK;
	out->n = in->n;
	for (Matrix k = K11; k < MATRIX_COUNT && status == REFERENCE_OK;
	     k++) { /* THETA after K12, whose values it takes */
		out->a[k] = state_own(in, k, last);
		status = out->a[k] == NULL ? REFERENCE_NO_MEMORY : keep_average(node, k, out, &average);
		if (status == REFERENCE_OK)
			weigh(node, params, k, average, out);
	}
	free(average);
	return status;
}

/* Taps are taken in blocks whose index maps fit here; the order of the terms of a sum stays that of the taps. */
#define BLOCK_INDICES 1000000

/* sum[g, g'] += sum over the block of m[map[g], map[g']]; a term with an absent index is 0. */
static void add_taps(uint64_t n, uint64_t from_n, uint32_t taps, const int64_t *maps, const double *m, double *sum)
{
	for (uint64_t g = 0; g < n; g++) {
		for (uint32_t s = 0; s < taps; s++) {
			const int64_t *map = maps + s * n;
			if (map[g] == READS_NOTHING)
				continue;
			const double *row = m + (uint64_t)map[g] * from_n;
			for (uint64_t h = 0; h < n; h++)
				if (map[h] != READS_NOTHING)
					sum[g * n + h] += row[map[h]];
		}
	}
}

static ReferenceStatus average_taps(const Node *node, uint32_t block, int64_t *maps, const State *in, Matrix k,
				    State *out)
{
	const Support *support = &node->as.weights.support;
	Reading how = {&node->input->type, &node->type, &node->as.weights.window,
		       node->as.weights.relation != RELATION_CONV};
	out->a[k] = reference_matrix(out->n);
	if (out->a[k] == NULL)
		return REFERENCE_NO_MEMORY;
	for (uint32_t first = 0; first < support->count; first += block) {
		uint32_t taps = support->count - first < block ? support->count - first : block;
		for (uint32_t s = 0; s < taps; s++) {
			const Tap *tap = &support->taps[first + s];
			if (!index_map(&how, tap->cell, tap->element, maps + s * out->n))
				return REFERENCE_UNSUPPORTED;
		}
		add_taps(out->n, in->n, taps, maps, in->a[k], out->a[k]);
	}
	for (uint64_t i = 0; i < out->n * out->n; i++)
		out->a[k][i] /= support->count;
	return REFERENCE_OK;
}

static ReferenceStatus layer_conv(const Node *node, const double *params, State *in, bool last, State *out)
{
	ReferenceStatus status = REFERENCE_OK;
	out->n = type_size(&node->type);
	uint64_t fit = BLOCK_INDICES / out->n, count = node->as.weights.support.count;
	uint32_t block = (uint32_t)(fit == 0 ? 1 : fit < count ? fit : count);
	int64_t *maps = calloc((size_t)out->n * block, sizeof *maps);
	double *average = NULL;
	if (maps == NULL)
		return REFERENCE_NO_MEMORY;
	for (Matrix k = K11; k < MATRIX_COUNT && status == REFERENCE_OK; k++) {
		status = average_taps(node, block, maps, in, k, out);
		if (status == REFERENCE_OK)
			status = keep_average(node, k, out, &average);
		if (status == REFERENCE_OK)
			weigh(node, params, k, average, out);
		state_release(in, k, last);
	}
	free(maps);
	free(average);
	return status;
}

ReferenceStatus layer_weights(const Node *node, const double *params, State *in, bool last, State *out)
{
	bool own = node->as.weights.relation == RELATION_OWN;
	return own ? layer_dense(node, params, in, last, out) : layer_conv(node, params, in, last, out);
}

/* ---- pools and flatten: K -> P K P^T -------------------------------------------------------------------------- */

/* Rows of P for a window pool [KR-7]: one index map per cell, and what a row's sum is multiplied with. */
typedef struct PoolRows {
	const Node *node;
	Reading how;
	uint64_t n; /* of the output */
	uint64_t cells;
	int64_t *map;   /* scratch, n */
	double *weight; /* n */
} PoolRows;

static bool cell_map(PoolRows *rows, uint64_t index)
{
	const Window *w = rows->how.window;
	uint32_t cell[GRID_MAX_DIM] = {0};
	for (uint32_t a = rows->node->type.dim; a-- > 0;) {
		cell[a] = (uint32_t)(index % w->size[a]);
		index /= w->size[a];
	}
	return index_map(&rows->how, cell, 0, rows->map);
}

static bool pool_weights(PoolRows *rows)
{
	const Node *node = rows->node;
	bool inside_only = node->as.map.normalize_edges && rows->how.window->padding == PADDING_SAME;
	for (uint64_t v = 0; v < rows->cells; v++) {
		if (!cell_map(rows, v))
			return false;
		for (uint64_t g = 0; g < rows->n; g++)
			rows->weight[g] += !inside_only || rows->map[g] != READS_NOTHING;
	}
	for (uint64_t g = 0; g < rows->n; g++)
		rows->weight[g] = node->as.map.mean ? 1 / rows->weight[g] : 1;
	return true;
}

/* half = P m (n x from_n), then out = half P^T. */
static bool pool_matrix(PoolRows *rows, uint64_t from_n, const double *m, double *half, double *out)
{
	uint64_t n = rows->n;
	memset(half, 0, (size_t)(n * from_n) * sizeof *half);
	for (uint64_t v = 0; v < rows->cells; v++) {
		if (!cell_map(rows, v))
			return false;
		for (uint64_t g = 0; g < n; g++)
			for (uint64_t h = 0; rows->map[g] != READS_NOTHING && h < from_n; h++)
				half[g * from_n + h] += m[(uint64_t)rows->map[g] * from_n + h];
	}
	for (uint64_t v = 0; v < rows->cells; v++) {
		if (!cell_map(rows, v))
			return false;
		for (uint64_t h = 0; h < n; h++)
			for (uint64_t g = 0; rows->map[h] != READS_NOTHING && g < n; g++)
				out[g * n + h] += half[g * from_n + (uint64_t)rows->map[h]];
	}
	for (uint64_t g = 0; g < n; g++)
		for (uint64_t h = 0; h < n; h++)
			out[g * n + h] *= rows->weight[g] * rows->weight[h];
	return true;
}

static ReferenceStatus pool_all(PoolRows *rows, State *in, bool last, State *out)
{
	double *half = rectangle(rows->n, in->n);
	ReferenceStatus status = half == NULL ? REFERENCE_NO_MEMORY : REFERENCE_OK;
	if (status == REFERENCE_OK && !pool_weights(rows))
		status = REFERENCE_UNSUPPORTED;
	for (Matrix k = K11; k < MATRIX_COUNT && status == REFERENCE_OK; k++) {
		out->a[k] = reference_matrix(out->n);
		if (out->a[k] == NULL)
			status = REFERENCE_NO_MEMORY;
		else if (!pool_matrix(rows, in->n, in->a[k], half, out->a[k]))
			status = REFERENCE_UNSUPPORTED;
		state_release(in, k, last);
	}
	free(half);
	return status;
}

static ReferenceStatus layer_window_pool(const Node *node, State *in, bool last, State *out)
{
	out->n = type_size(&node->type);
	PoolRows rows = {
		.node = node,
		.how = {&node->input->type, &node->type, &node->as.map.window, false},
		.n = out->n,
		.cells = 1,
		.map = calloc((size_t)out->n, sizeof(int64_t)),
		.weight = reference_vector(out->n),
	};
	for (uint32_t a = 0; a < node->type.dim; a++)
		rows.cells *= rows.how.window->size[a];
	bool memory = rows.map != NULL && rows.weight != NULL;
	ReferenceStatus status = memory ? pool_all(&rows, in, last, out) : REFERENCE_NO_MEMORY;
	free(rows.map);
	free(rows.weight);
	return status;
}

/* [KR-8] Index of the output to which index g of the input belongs. */
static uint64_t pool_class(PoolOver over, uint64_t positions, uint64_t g)
{
	switch (over) {
	case POOL_EVERYTHING:
		return 0;
	case POOL_POSITIONS:
		return g / positions;
	case POOL_ELEMENTS:
		return g % positions;
	}
	return 0;
}

static void pool_classes(const Node *node, const State *in, const double *m, uint64_t n, double *row, double *out)
{
	PoolOver over = node->as.map.over;
	uint64_t positions = type_positions(&node->input->type), from_n = in->n;
	for (uint64_t g = 0; g < from_n; g++) {
		memset(row, 0, (size_t)n * sizeof *row);
		for (uint64_t h = 0; h < from_n; h++)
			row[pool_class(over, positions, h)] += m[g * from_n + h];
		double *to = out + pool_class(over, positions, g) * n;
		for (uint64_t h = 0; h < n; h++)
			to[h] += row[h];
	}
	double members = (double)(from_n / n);
	for (uint64_t i = 0; i < n * n && node->as.map.mean; i++)
		out[i] /= members * members;
}

static ReferenceStatus layer_pool(const Node *node, State *in, bool last, State *out)
{
	out->n = type_size(&node->type);
	double *row = reference_vector(out->n);
	ReferenceStatus status = row == NULL ? REFERENCE_NO_MEMORY : REFERENCE_OK;
	for (Matrix k = K11; k < MATRIX_COUNT && status == REFERENCE_OK; k++) {
		out->a[k] = reference_matrix(out->n);
		if (out->a[k] == NULL)
			status = REFERENCE_NO_MEMORY;
		else
			pool_classes(node, in, in->a[k], out->n, row, out->a[k]);
		state_release(in, k, last);
	}
	free(row);
	return status;
}

/* [KR-9] */
static ReferenceStatus layer_flatten(const Node *node, State *in, bool last, State *out)
{
	out->n = type_size(&node->type);
	for (Matrix k = K11; k < MATRIX_COUNT; k++) {
		out->a[k] = reference_matrix(out->n);
		if (out->a[k] == NULL)
			return REFERENCE_NO_MEMORY;
		for (uint64_t g = 0; g < in->n; g++)
			out->a[k][0] += in->a[k][g * in->n + g];
		out->a[k][0] /= (double)in->n;
		state_release(in, k, last);
	}
	return REFERENCE_OK;
}

ReferenceStatus layer_map(const Node *node, State *in, bool last, State *out)
{
	switch (node->as.map.kind) {
	case MAP_WINDOW:
		return layer_window_pool(node, in, last, out);
	case MAP_POOL:
		return layer_pool(node, in, last, out);
	case MAP_FLATTEN:
		return layer_flatten(node, in, last, out);
	}
	return REFERENCE_UNSUPPORTED;
}

/* ---- nonlinearities [KR-10] ----------------------------------------------------------------------------------- */

typedef struct Activation {
	ReferenceDual *dual;
	double *args;
	uint32_t count;
} Activation;

/* m[g, g'] -> E phi phi' with the variances v[g], z[g'] from before the layer; theta, if any, times the slope. */
static void activate(const Activation *f, uint64_t n, const double *v, const double *z, double *m, double *theta)
{
	for (uint64_t g = 0; g < n; g++) {
		for (uint64_t h = 0; h < n; h++) {
			Dual d = f->dual(f->args, f->count, v[g], z[h], m[g * n + h]);
			m[g * n + h] = d.value;
			if (theta != NULL)
				theta[g * n + h] *= d.slope;
		}
	}
}

double *state_diagonal(const State *state, Matrix k)
{
	double *v = reference_vector(state->n);
	for (uint64_t g = 0; v != NULL && g < state->n; g++)
		v[g] = state->a[k][g * state->n + g];
	return v;
}

ReferenceStatus layer_pointwise(const Node *node, const double *params, State *in, bool last, State *out)
{
	Activation f = {.dual = reference_duals[node->as.pointwise.f->id], .count = node->as.pointwise.arg_count};
	f.args = reference_vector(f.count);
	if (f.args == NULL)
		return REFERENCE_NO_MEMORY;
	for (uint32_t i = 0; i < f.count; i++)
		f.args[i] = scalar_eval(node->as.pointwise.args[i], params);
	double *v = state_diagonal(in, K11), *z = state_diagonal(in, K22);
	ReferenceStatus status = v == NULL || z == NULL ? REFERENCE_NO_MEMORY : REFERENCE_OK;
	out->n = in->n;
	for (Matrix k = K11; k < MATRIX_COUNT && status == REFERENCE_OK; k++) {
		out->a[k] = state_own(in, k, last);
		if (out->a[k] == NULL)
			status = REFERENCE_NO_MEMORY;
	}
	if (status == REFERENCE_OK) {
		activate(&f, out->n, v, v, out->a[K11], NULL);
		activate(&f, out->n, v, z, out->a[K12], out->a[THETA]);
		activate(&f, out->n, z, z, out->a[K22], NULL);
	}
	free(f.args);
	free(v);
	free(z);
	return status;
}
