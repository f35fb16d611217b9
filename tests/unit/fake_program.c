/* See fake_program.h. With
 *
 *   k = (1/n) sum_i x_i z_i,  q = (1/n) sum_i x_i^2 (q' for z),
 *   NNGP = w^2 k + x_0 / 64 - z_0 / 32,  NTK = NNGP + w q - 2 w q'  (no states: q = q' = 1)
 *
 * n is the number of values of a sample; k is k0 for vectors. */
#include "fake_program.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LANES = 8, TILE_LEFT = 16, TILE_RIGHT = 24, WORKSPACE = 4096 };

#define PROMISE(condition)                                                                 \
	do {                                                                               \
		if (!(condition)) {                                                        \
			fprintf(stderr, "fake program: broken promise: %s\n", #condition); \
			abort();                                                           \
		}                                                                          \
	} while (0)

static double value(unsigned precision, const void *values, size_t i)
{
	return precision == 32 ? (double)((const float *)values)[i] : ((const double *)values)[i];
}

static void coefficients(const double *params, double *out)
{
	out[0] = params[0] * params[0];
	out[1] = params[0];
	out[2] = params[1];
}

static void check_tile(const EntkTile *tile)
{
	PROMISE(tile->n_left >= 1 && tile->n_left <= TILE_LEFT);
	PROMISE(tile->n_right >= 1 && tile->n_right <= TILE_RIGHT);
	PROMISE((uintptr_t)tile->workspace % 64 == 0);
	PROMISE(tile->coefficients && tile->x && tile->z && tile->left && tile->right);
}

static void pause_for(double seconds)
{
	struct timespec time = {(time_t)seconds, (long)(1e9 * (seconds - floor(seconds)))};
	if (seconds > 0)
		nanosleep(&time, NULL);
}

/* Pairs of a lane group go through a buffer in the workspace, padded to full lanes, as generated kernels do. */
static void kernel(const EntkTile *tile, unsigned precision, size_t size, bool vector)
{
	check_tile(tile);
	PROMISE(tile->nngp && tile->out_stride >= tile->n_right);
	PROMISE(vector == (tile->k0 != NULL) && vector == (tile->state_x != NULL) && vector == (tile->state_z != NULL));
	PROMISE(!vector || (tile->k0_stride >= tile->n_right && tile->k0_stride % LANES == 0));
	PROMISE(!vector || (uintptr_t)tile->k0 % (LANES * precision / 8) == 0);
	memset(tile->workspace, 0xff, WORKSPACE); /* what was there before means nothing */
	pause_for(tile->coefficients[2]);
	double *k = tile->workspace;
	for (uint32_t i = 0; i < tile->n_left; i++)
		for (uint32_t first = 0; first < tile->n_right; first += LANES) {
			size_t x = tile->left[i] * size;
			for (uint32_t lane = 0; lane < LANES; lane++) {
				k[lane] = 0;
				if (vector) /* padded lanes are read as well */
					k[lane] = value(precision, tile->k0, i * tile->k0_stride + first + lane);
				else if (first + lane < tile->n_right)
					for (size_t c = 0; c < size; c++)
						k[lane] +=
							value(precision, tile->x, x + c) *
							value(precision, tile->z, tile->right[first + lane] * size + c);
			}
			for (uint32_t lane = 0; lane < LANES && first + lane < tile->n_right; lane++) {
				size_t z = tile->right[first + lane], out = i * tile->out_stride + first + lane;
				double nngp = tile->coefficients[0] * (vector ? k[lane] : k[lane] / (double)size) +
					      value(precision, tile->x, x) / 64 -
					      value(precision, tile->z, z * size) / 32;
				tile->nngp[out] = nngp;
				if (tile->ntk)
					tile->ntk[out] =
						nngp +
						tile->coefficients[1] * (vector ? tile->state_x[tile->left[i]] : 1) -
						2 * tile->coefficients[1] * (vector ? tile->state_z[z] : 1);
			}
		}
}

static void prepare(const EntkTile *tile, unsigned precision, double *state)
{
	check_tile(tile);
	PROMISE(tile->k0);
	for (uint32_t i = 0; i < tile->n_left; i++)
		state[tile->left[i]] = value(precision, tile->k0, i);
}

void fake_kernel(const EntkNet *net, double w, const double *x, const double *z, double *nngp, double *ntk)
{
	size_t size = (size_t)net->shape[0] * net->shape[1] * net->shape[2] * net->channels;
	double k = 0, q = 0, q_z = 0;
	for (size_t i = 0; i < size; i++) {
		k += x[i] * z[i] / (double)size;
		q += x[i] * x[i] / (double)size;
		q_z += z[i] * z[i] / (double)size;
	}
	*nngp = w * w * k + x[0] / 64 - z[0] / 32;
	*ntk = *nngp + w * (net->dim == 0 ? q : 1) - 2 * w * (net->dim == 0 ? q_z : 1);
}

static void vector_prepare_f32(const EntkTile *tile, double *state)
{
	prepare(tile, 32, state);
}

static void vector_prepare_f64(const EntkTile *tile, double *state)
{
	prepare(tile, 64, state);
}

static void vector_f32(const EntkTile *tile)
{
	kernel(tile, 32, 7, true);
}

static void vector_f64(const EntkTile *tile)
{
	kernel(tile, 64, 7, true);
}

static void image_f32(const EntkTile *tile)
{
	kernel(tile, 32, 40, false);
}

static void image_f64(const EntkTile *tile)
{
	kernel(tile, 64, 40, false);
}

static void gray_f32(const EntkTile *tile)
{
	kernel(tile, 32, 20, false);
}

static void gray_f64(const EntkTile *tile)
{
	kernel(tile, 64, 20, false);
}

/* Not what the hash of `gray` stands for: one value in a call is off by its last bits. */
static void wrong_f64(const EntkTile *tile)
{
	gray_f64(tile);
	tile->nngp[0] *= 1 + 0x1p-50;
}

#define SIZES                                                                                     \
	.lanes = LANES, .coefficient_count = 3, .tile_left = TILE_LEFT, .tile_right = TILE_RIGHT, \
	.workspace_bytes = WORKSPACE, .coefficients = coefficients
#define VECTOR                                                                                                \
	.name = "vector", .explanation = "written by hand\nwithout a compiler", .dim = 0, .shape = {1, 1, 1}, \
	.channels = 7, .operations_per_pair = 14, .state_size = 1, .hash = 1, SIZES
#define IMAGE                                                                                                       \
	.name = "image", .explanation = "", .dim = 2, .shape = {4, 5, 1}, .channels = 2, .operations_per_pair = 80, \
	.steps_per_pair = 20, .hash = 2, SIZES
#define GRAY                                                                                                       \
	.name = "gray", .explanation = "", .dim = 2, .shape = {4, 5, 1}, .channels = 1, .operations_per_pair = 40, \
	.steps_per_pair = 20, .hash = 3, SIZES

static const EntkNet nets_f32[] = {
	{VECTOR, .prepare = vector_prepare_f32, .kernel = vector_f32},
	{IMAGE, .kernel = image_f32},
	{GRAY, .kernel = gray_f32},
};

static const EntkNet nets_f64[] = {
	{VECTOR, .prepare = vector_prepare_f64, .kernel = vector_f64},
	{IMAGE, .kernel = image_f64},
	{GRAY, .kernel = gray_f64},
};

static const EntkNet nets_wrong[] = {{GRAY, .kernel = wrong_f64}};

/* Two nets that take the same arrays. */
static const EntkNet nets_twins[] = {
	{GRAY, .kernel = gray_f64},
	{.name = "twin",
	 .explanation = "",
	 .dim = 2,
	 .shape = {4, 5, 1},
	 .channels = 1,
	 .hash = 3,
	 SIZES,
	 .kernel = gray_f64},
};

static const EntkParam params[] = {{"w", 1}, {"delay", 0}};

#define PROGRAM                                                                                       \
	.abi_version = ENTK_ABI_VERSION, .compiler = "by hand", .cpu = "generic", .vector_bits = 128, \
	.source = "fake.entk", .param_count = 2, .params = params

static const EntkProgram program_f32 = {PROGRAM, .cpu_features = "", .precision = 32, .net_count = 3, .nets = nets_f32};
static const EntkProgram program_f64 = {PROGRAM, .cpu_features = "", .precision = 64, .net_count = 3, .nets = nets_f64};
static const EntkProgram program_other = {PROGRAM, .cpu_features = "no-such-feature,fpu", .precision = 64,
					  .net_count = 3, .nets = nets_f64};
static const EntkProgram program_twins = {PROGRAM, .cpu_features = "", .precision = 64, .net_count = 2,
					  .nets = nets_twins};
static const EntkProgram program_wrong = {PROGRAM, .cpu_features = "", .precision = 64, .net_count = 1,
					  .nets = nets_wrong};

const EntkProgram *fake_program(unsigned precision)
{
	return precision == 32 ? &program_f32 : &program_f64;
}

/* For tests of whole command lines: FAKE_PROGRAM=f32, =twins, =other (kernels for a CPU that does not exist), or
 * =wrong (kernels that are not what their hash says). */
const EntkProgram *entk_program(void)
{
	const char *which = getenv("FAKE_PROGRAM");
	if (which && strcmp(which, "other") == 0)
		return &program_other;
	if (which && strcmp(which, "wrong") == 0)
		return &program_wrong;
	if (which && strcmp(which, "twins") == 0)
		return &program_twins;
	return fake_program(which && strcmp(which, "f32") == 0 ? 32 : 64);
}
