/* Smooth random samples, for checks. White noise hides errors of kernels of images: there nearly all of a covariance
 * stands on its diagonal, whatever the layers between make of the rest. */
#ifndef ENTK_DATA_SMOOTH_H
#define ENTK_DATA_SMOOTH_H

#include "data/samples.h"

/* `count` samples of variance about one, each channel a constant and four random waves of at most one period per axis;
 * independent numbers for vectors. The same for the same seed (up to the last bits of the machine's cosine). */
EntkStatus entk_samples_smooth(const EntkNet *net, uint32_t precision, size_t count, uint64_t seed,
			       EntkSamples *samples, EntkError *error);

/* `count` different samples of all `samples`, drawn with the seed. */
EntkStatus entk_samples_draw(const EntkSamples *samples, size_t count, uint64_t seed, EntkSamples *drawn,
			     EntkError *error);

#endif
