/* Random orders of samples: see order.h. */
#include "data/order.h"

#include <stdlib.h>

/* SplitMix64 (Steele et al. 2014): small, and equal on every machine. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static double next_uniform(uint64_t *state)
{
	return (double)(next_random(state) >> 11) * 0x1p-53;
}

typedef struct Place {
	double at; /* where the sample stands in the order, as a share of the whole */
	size_t sample;
} Place;

static int compare_places(const void *a, const void *b)
{
	const Place *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->sample < y->sample ? -1 : x->sample > y->sample;
}

/* Every class spreads its samples evenly over the order: the k-th of n_c stands at (k + u_c) / n_c, with an offset u_c of the
 * class's own, so that no class is first in all draws. */
EntkStatus entk_stratified_order(const size_t *classes, size_t count, size_t class_count, uint64_t seed, size_t *order,
				 EntkError *error)
{
	uint64_t state = seed;
	Place *places = entk_allocate(count, sizeof *places, "a draw of samples", error);
	double *offsets = entk_allocate(class_count + 1, sizeof *offsets, "a draw of samples", error);
	size_t *sizes = entk_allocate(class_count + 1, sizeof *sizes, "a draw of samples", error);
	size_t *used = entk_allocate(class_count + 1, sizeof *used, "a draw of samples", error);
	EntkStatus status = places && offsets && sizes && used ? ENTK_OK : error->status;
	if (status == ENTK_OK) {
		next_random(&state); /* neighbouring seeds part ways */
		for (size_t i = 0; i < count; i++)
			order[i] = i;
		for (size_t i = count; i > 1; i--) {
			size_t j = (size_t)(next_uniform(&state) * (double)i), t = order[i - 1];
			order[i - 1] = order[j];
			order[j] = t;
		}
		for (size_t c = 0; c <= class_count; c++)
			offsets[c] = next_uniform(&state);
		for (size_t i = 0; i < count; i++)
			sizes[classes ? classes[i] : 0]++;
		for (size_t i = 0; i < count; i++) {
			size_t c = classes ? classes[order[i]] : 0;
			places[i] = (Place){((double)used[c]++ + offsets[c]) / (double)sizes[c], order[i]};
		}
		qsort(places, count, sizeof *places, compare_places);
		for (size_t i = 0; i < count; i++)
			order[i] = places[i].sample;
	}
	free(places);
	free(offsets);
	free(sizes);
	free(used);
	return status;
}
