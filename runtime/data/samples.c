/* Samples from arrays: see samples.h. */
#include "data/samples.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool entk_same_input(const EntkNet *a, const EntkNet *b)
{
	return a->dim == b->dim && a->channels == b->channels && memcmp(a->shape, b->shape, sizeof a->shape) == 0;
}

void entk_samples_destroy(EntkSamples *samples)
{
	free(samples->values);
	memset(samples, 0, sizeof *samples);
}

static size_t positions(const EntkNet *net)
{
	return (size_t)net->shape[0] * net->shape[1] * net->shape[2];
}

/* "(n, 28, 28, 3)" or, with one channel, "(n, 28, 28) or (n, 28, 28, 1)". */
static const char *expected_shape(const EntkNet *net, char *text, size_t size)
{
	char grid[64] = "";
	for (uint32_t a = 0; a < net->dim; a++)
		snprintf(grid + strlen(grid), sizeof grid - strlen(grid), ", %u", net->shape[a]);
	if (net->channels == 1 && net->dim > 0)
		snprintf(text, size, "(n%s) or (n%s, 1)", grid, grid);
	else
		snprintf(text, size, "(n%s, %u)", grid, net->channels);
	return text;
}

static bool shape_fits(const EntkNet *net, const EntkNpyHeader *header)
{
	unsigned axes = net->dim + 1;
	for (uint32_t a = 0; a < net->dim; a++)
		if (header->rank <= a + 1 || header->shape[a + 1] != net->shape[a])
			return false;
	if (header->rank == axes && net->channels == 1 && net->dim > 0)
		return true;
	return header->rank == axes + 1 && header->shape[axes] == net->channels;
}

/* What is likely to be wrong: the two mistakes that everybody makes. */
static void suggest(const EntkNet *net, const EntkNpyHeader *header, EntkError *error)
{
	unsigned axes = net->dim + 1;
	EntkNpyHeader moved = *header;
	if (header->rank == axes + 1 && net->dim > 0) {
		for (unsigned a = 1; a < axes; a++)
			moved.shape[a] = header->shape[a + 1];
		moved.shape[axes] = header->shape[1];
		if (shape_fits(net, &moved)) {
			entk_fix(error, "channels come last: numpy.moveaxis(x, 1, -1)");
			return;
		}
	}
	if (header->rank == axes || header->rank + 1 == axes) {
		moved = *header;
		for (unsigned a = header->rank; a > 0; a--)
			moved.shape[a] = header->shape[a - 1];
		moved.shape[0] = 1;
		moved.rank = header->rank + 1;
		if (shape_fits(net, &moved)) {
			entk_fix(error, "the first axis counts the samples: x[None] makes an array of one sample");
			return;
		}
	}
	if (header->rank == axes + 1 && header->shape[axes] == net->channels)
		entk_fix(error, "resize the samples, or compile the program for them (entkc --set replaces a size)");
}

static EntkStatus check_header(const char *where, const EntkNpyHeader *header, const EntkNet *net, EntkError *error)
{
	char got[256], wanted[160];
	if (!shape_fits(net, header)) {
		entk_fail(error, ENTK_INPUT, where, "shape %s, but net \"%s\" takes %s",
			  entk_shape_text(header->rank, header->shape, got, sizeof got), net->name,
			  expected_shape(net, wanted, sizeof wanted));
		suggest(net, header, error);
		return error->status;
	}
	if (header->shape[0] == 0)
		return entk_fail(error, ENTK_INPUT, where, "no samples: the shape is %s",
				 entk_shape_text(header->rank, header->shape, got, sizeof got));
	if (header->shape[0] > UINT32_MAX)
		return entk_fail(error, ENTK_INPUT, where, "%zu samples, at most %u are possible", header->shape[0],
				 UINT32_MAX);
	return ENTK_OK;
}

EntkStatus entk_samples_check(EntkNpz *npz, const char *key, const EntkNet *net, size_t *count, EntkError *error)
{
	EntkNpyHeader header;
	EntkStatus status = entk_npz_header(npz, key, &header, error);
	if (status == ENTK_OK)
		status = check_header(entk_npz_where(npz, key), &header, net, error);
	if (status == ENTK_OK && count)
		*count = header.shape[0];
	return status;
}

/* Values may be finite in the file and not in float: 1e300 in a float64 file of a float32 program. */
static EntkStatus check_finite(const char *where, const EntkSamples *samples, const EntkNpyHeader *header,
			       EntkError *error)
{
	size_t total = samples->count * samples->size;
	for (size_t i = 0; i < total; i++) {
		double value = samples->precision == 32 ? (double)((const float *)samples->values)[i]
							: ((const double *)samples->values)[i];
		if (isfinite(value))
			continue;
		size_t index[ENTK_MAX_RANK], rest = i;
		char text[256];
		for (unsigned a = header->rank; a-- > 0; rest /= header->shape[a])
			index[a] = rest % header->shape[a];
		entk_fail(error, ENTK_INPUT, where, "%s at index %s, expected finite numbers%s",
			  isnan(value) ? "NaN" : "infinity", entk_shape_text(header->rank, index, text, sizeof text),
			  samples->precision == 32 && header->type == ENTK_F64 && !isnan(value)
				  ? " within float32's range"
				  : "");
		return entk_fix(error, "remove or replace such samples");
	}
	return ENTK_OK;
}

EntkStatus entk_samples_load(EntkNpz *npz, const char *key, const EntkNet *net, uint32_t precision,
			     EntkSamples *samples, EntkError *error)
{
	EntkNpyHeader header;
	const char *where;
	memset(samples, 0, sizeof *samples);
	EntkStatus status = entk_npz_header(npz, key, &header, error);
	if (status != ENTK_OK)
		return status;
	where = entk_npz_where(npz, key);
	status = check_header(where, &header, net, error);
	if (status != ENTK_OK)
		return status;
	samples->count = header.shape[0];
	samples->size = positions(net) * net->channels;
	samples->precision = precision;
	samples->from_bytes = header.type == ENTK_U8;
	samples->values = entk_allocate_aligned(header.count, precision / 8, "the samples", error);
	if (!samples->values)
		return error->status;
	status = entk_npz_read_values(npz, key, precision == 32 ? ENTK_F32 : ENTK_F64, samples->from_bytes ? 255 : 1,
				      samples->values, error);
	if (status == ENTK_OK)
		status = check_finite(entk_npz_where(npz, key), samples, &header, error);
	if (status != ENTK_OK)
		entk_samples_destroy(samples);
	return status;
}

EntkStatus entk_samples_check_scale(const EntkSamples *samples, const char *where, const char *other,
				    bool other_from_bytes, EntkError *error)
{
	if (samples->from_bytes || !other_from_bytes)
		return ENTK_OK;
	for (size_t i = 0, total = samples->count * samples->size; i < total; i++) {
		double value = samples->precision == 32 ? (double)((const float *)samples->values)[i]
							: ((const double *)samples->values)[i];
		if (value >= 0 && value <= 1)
			continue;
		entk_fail(error, ENTK_INPUT, where,
			  "not on one scale with %s: that is uint8 and divided by 255, into [0, 1]; "
			  "this is not uint8, and has values like %g",
			  other, value);
		return entk_fix(error, "store both as uint8, or both as floats on one scale");
	}
	return ENTK_OK;
}

EntkStatus entk_samples_subset(const EntkSamples *samples, const size_t *indices, size_t count, EntkSamples *subset,
			       EntkError *error)
{
	size_t bytes = samples->size * (samples->precision / 8);
	*subset = (EntkSamples){.count = count,
				.size = samples->size,
				.precision = samples->precision,
				.from_bytes = samples->from_bytes};
	subset->values = entk_allocate_aligned(count, bytes, "the samples", error);
	if (!subset->values)
		return error->status;
	for (size_t i = 0; i < count; i++)
		memcpy((char *)subset->values + i * bytes, (const char *)samples->values + indices[i] * bytes, bytes);
	return ENTK_OK;
}

EntkStatus entk_samples_join(const EntkSamples *a, const EntkSamples *b, EntkSamples *joined, EntkError *error)
{
	size_t bytes = a->size * (a->precision / 8);
	*joined = (EntkSamples){.count = a->count + b->count, .size = a->size, .precision = a->precision};
	if (a->size != b->size || a->precision != b->precision)
		return entk_fail(error, ENTK_INTERNAL, NULL, "samples of %zu and of %zu values cannot be joined",
				 a->size, b->size);
	joined->values = entk_allocate_aligned(joined->count, bytes, "the samples", error);
	if (!joined->values)
		return error->status;
	memcpy(joined->values, a->values, a->count * bytes);
	memcpy((char *)joined->values + a->count * bytes, b->values, b->count * bytes);
	return ENTK_OK;
}

/* SplitMix64: enough for measurements. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* A sum of four uniform numbers, scaled to variance one: no library function whose last bit depends on the machine. */
static double next_normal(uint64_t *state)
{
	double sum = 0;
	for (int i = 0; i < 4; i++)
		sum += (double)(next_random(state) >> 11) * 0x1p-53;
	return (sum - 2) * 1.7320508075688772;
}

EntkStatus entk_samples_random(const EntkNet *net, uint32_t precision, size_t count, uint64_t seed,
			       EntkSamples *samples, EntkError *error)
{
	*samples = (EntkSamples){.count = count, .size = positions(net) * net->channels, .precision = precision};
	samples->values = entk_allocate_aligned(count, samples->size * (precision / 8), "the samples", error);
	if (!samples->values)
		return error->status;
	for (size_t i = 0; i < count * samples->size; i++) {
		double value = next_normal(&seed);
		if (precision == 32)
			((float *)samples->values)[i] = (float)value;
		else
			((double *)samples->values)[i] = value;
	}
	return ENTK_OK;
}
