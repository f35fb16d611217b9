/* Samples: input arrays checked against a net's input and stored once, in the precision of the kernels. */
#ifndef ENTK_DATA_SAMPLES_H
#define ENTK_DATA_SAMPLES_H

#include "arrays/npz.h"
#include "entk_abi.h"
#include "support/status.h"

typedef struct EntkSamples {
	size_t count;
	size_t size;        /* values per sample: positions * channels */
	uint32_t precision; /* 32 or 64 */
	bool from_bytes;    /* they were uint8, so their values are divided by 255 */
	void *values;       /* owned; float or double; count * size, channels last */
} EntkSamples;

/* Load `key` of `npz` for `net`: (n, shape.., channels), or without the last axis where channels is 1; (n, length) for a vector. Floats
 * and integers as they are, uint8 divided by 255 (and bool 0/1). NaN and Inf are an error that names the first one's index. */
EntkStatus entk_samples_load(EntkNpz *npz, const char *key, const EntkNet *net, uint32_t precision,
			     EntkSamples *samples, EntkError *error);
/* Are these samples, from `where`, on one scale with those of `other`, of which is known whether they were uint8? Values beyond [0, 1]
 * beside divided bytes are an error: images stored in two ways would be compared 255 times apart, and nothing else would show it. */
EntkStatus entk_samples_check_scale(const EntkSamples *samples, const char *where, const char *other,
				    bool other_from_bytes, EntkError *error);
/* Only the checks that need no data: rank, shape, channels. *count receives the number of samples. */
EntkStatus entk_samples_check(EntkNpz *npz, const char *key, const EntkNet *net, size_t *count, EntkError *error);
/* Copy the samples `indices[0..count)`. */
EntkStatus entk_samples_subset(const EntkSamples *samples, const size_t *indices, size_t count, EntkSamples *subset,
			       EntkError *error);
/* All samples of a, then all of b. Both must have equal size and precision. */
EntkStatus entk_samples_join(const EntkSamples *a, const EntkSamples *b, EntkSamples *joined, EntkError *error);
/* `count` samples of independent values, nearly normal: the same for the same seed on every machine. For measurements. */
EntkStatus entk_samples_random(const EntkNet *net, uint32_t precision, size_t count, uint64_t seed,
			       EntkSamples *samples, EntkError *error);
/* Do two nets take the same arrays? */
bool entk_same_input(const EntkNet *a, const EntkNet *b);
void entk_samples_destroy(EntkSamples *samples); /* zeroed ones are fine */

#endif
