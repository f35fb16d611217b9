#include "data/smooth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WAVES     4
#define CONSTANT  0.6 /* standard deviation; with the waves the variance is 1 */
#define AMPLITUDE 0.5656854249492381

static uint64_t next_random(uint64_t *state)
{ /* SplitMix64 */
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static double uniform(uint64_t *state)
{
	return (double)(next_random(state) >> 11) * 0x1p-53;
}

/* A sum of four uniform numbers: nearly normal, of variance one. */
static double normal(uint64_t *state)
{
	double sum = 0;
	for (int i = 0; i < 4; i++)
		sum += uniform(state);
	return (sum - 2) * 1.7320508075688772;
}

typedef struct Wave {
	double amplitude, phase, frequency[3]; /* periods over the axis */
} Wave;

static void draw_waves(uint64_t *state, Wave *waves)
{
	for (int k = 0; k < WAVES; k++) {
		waves[k].amplitude = AMPLITUDE * normal(state);
		waves[k].phase = uniform(state);
		for (int a = 0; a < 3; a++)
			waves[k].frequency[a] = 2 * uniform(state) - 1;
	}
}

static double sum_waves(const Wave *waves, double constant, const double *at)
{
	double value = constant;
	for (int k = 0; k < WAVES; k++) {
		double periods = waves[k].phase;
		for (int a = 0; a < 3; a++)
			periods += waves[k].frequency[a] * at[a];
		value += waves[k].amplitude * cos(6.283185307179586 * periods);
	}
	return value;
}

static void put(EntkSamples *samples, size_t i, double value)
{
	if (samples->precision == 32)
		((float *)samples->values)[i] = (float)value;
	else
		((double *)samples->values)[i] = value;
}

static void fill_channel(const EntkNet *net, uint32_t channel, size_t first, uint64_t *state, EntkSamples *samples)
{
	Wave waves[WAVES];
	double constant = CONSTANT * normal(state);
	draw_waves(state, waves);
	size_t position = 0;
	for (uint32_t i = 0; i < net->shape[0]; i++)
		for (uint32_t j = 0; j < net->shape[1]; j++)
			for (uint32_t k = 0; k < net->shape[2]; k++, position++) {
				double at[3] = {(i + 0.5) / net->shape[0], (j + 0.5) / net->shape[1],
						(k + 0.5) / net->shape[2]};
				put(samples, first + position * net->channels + channel,
				    sum_waves(waves, constant, at));
			}
}

EntkStatus entk_samples_smooth(const EntkNet *net, uint32_t precision, size_t count, uint64_t seed,
			       EntkSamples *samples, EntkError *error)
{
	size_t positions = (size_t)net->shape[0] * net->shape[1] * net->shape[2];
	*samples = (EntkSamples){.count = count, .size = positions * net->channels, .precision = precision};
	samples->values = entk_allocate_aligned(count, samples->size * (precision / 8), "the samples", error);
	if (!samples->values)
		return error->status;
	for (size_t i = 0; i < count; i++)
		for (uint32_t c = 0; c < net->channels; c++)
			fill_channel(net, c, i * samples->size, &seed, samples);
	return ENTK_OK;
}

EntkStatus entk_samples_draw(const EntkSamples *samples, size_t count, uint64_t seed, EntkSamples *drawn,
			     EntkError *error)
{
	size_t *order = entk_allocate(samples->count, sizeof *order, "an order of the samples", error);
	if (!order)
		return error->status;
	for (size_t i = 0; i < samples->count; i++)
		order[i] = i;
	for (size_t i = 0; i < count; i++) { /* the beginning of a shuffle */
		size_t j = i + (size_t)(next_random(&seed) % (samples->count - i)), kept = order[i];
		order[i] = order[j];
		order[j] = kept;
	}
	EntkStatus status = entk_samples_subset(samples, order, count, drawn, error);
	free(order);
	return status;
}
